"""Numbers in mask files of any program -> class indices, without guessing in silence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import IGNORE, read_mask
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation.names import name_some
from unet_mtl.evaluation.pairs import Pairs

BACKGROUND = "background"
MOST_CLASSES = IGNORE - 1
MOST_UNNAMED = 50
"""More different numbers than that are rarely classes: a photograph, probabilities, or numbered objects."""


@dataclass(frozen=True)
class Coding:
    """What the numbers mean.

    Attributes:
        classes: Names by class index, the background first.
        truth: Number in a file -> class index, or 255 for "nobody labelled this".
        prediction: The same for the predictions.
        remarks: How it was found out, for the reader of the scores.
    """

    classes: tuple[str, ...]
    truth: dict[int, int]
    prediction: dict[int, int]
    remarks: tuple[str, ...] = ()


@dataclass
class _Found:
    """Numbers in the files of one folder, by file."""

    by_file: dict[Path, frozenset[int]] = field(default_factory=dict)

    @property
    def values(self) -> frozenset[int]:
        return frozenset().union(*self.by_file.values())

    @property
    def is_black_and_white(self) -> bool:
        return IGNORE in self.values and self.values <= {0, IGNORE}


def read_indices(path: Path, values: Mapping[int, int]) -> NDArray[np.uint8]:
    """Reads one mask as class indices.

    Raises:
        DataError: Unreadable.
    """
    stored = read_mask(path)
    indices = np.zeros(stored.shape, np.uint8)
    for value, index in values.items():
        if index:
            indices[stored == value] = index
    return indices


def find_coding(
    pairs: Pairs,
    *,
    classes: Sequence[str] = (),
    values: Mapping[int, int] | None = None,
    on_case: Callable[[], None] = lambda: None,
) -> Coding:
    """Opens every mask that is to be measured, and finds out what its numbers mean.

    Args:
        pairs: Whose truths, and predictions of these.
        classes: Names by class index, the background first; none: they are made of the numbers found.
        values: Number in the files of both folders -> class index, or 255 for pixels that nobody labelled. None:
            the numbers are the indices; but a folder of 0 and 255 alone is black and white, 255 its foreground.
        on_case: Called after each case, for a progress bar.

    Raises:
        ConfigError: The classes and values contradict each other.
        DataError: With every problem: a file is unreadable, masks of one case differ in size, a number is no class.
    """
    _check_settings(classes, values)
    truth, prediction, problems = _open_all(pairs, on_case)
    coding = None
    try:
        coding = _guessed(pairs, truth, prediction, classes) if values is None else _given(classes, values)
    except DataError as error:
        problems += error.problems
    if coding is not None:
        problems += _unknown(truth, coding.truth, coding, given=values is not None)
        problems += _unknown(prediction, coding.prediction, coding, given=values is not None)
    if problems or coding is None:
        raise DataError(problems)
    remarks = [*coding.remarks, *_ignored(pairs, truth, coding)]
    if not classes:
        remarks.append(f"classes: {', '.join(coding.classes)} (from the numbers found; --classes names them)")
    return replace(coding, remarks=tuple(remarks))


def _check_settings(classes: Sequence[str], values: Mapping[int, int] | None) -> None:
    if classes and not 2 <= len(classes) <= MOST_CLASSES:
        raise ConfigError(
            f"--classes {','.join(classes)}: expected 2 to {MOST_CLASSES} names, the background first"
        )
    if len(set(classes)) < len(classes):
        raise ConfigError(f"--classes {','.join(classes)}: two classes have one name")
    most = len(classes) or MOST_CLASSES
    outside = [index for index in (values or {}).values() if not 0 <= index < most and index != IGNORE]
    if outside:
        raise ConfigError(
            f"--values leads to class {outside[0]}, but there are {most} classes (0 to {most - 1}; {IGNORE}: nobody "
            "labelled it)"
        )


def _open_all(pairs: Pairs, on_case: Callable[[], None]) -> tuple[_Found, _Found, list[str]]:
    truth, prediction = _Found(), _Found()
    problems: list[str] = []
    for case in pairs.cases:
        sizes: list[tuple[int, ...]] = []
        for found, folder in ((truth, pairs.truth), (prediction, pairs.prediction)):
            path = folder.files.get(case)
            if path is None:
                continue
            try:
                stored = read_mask(path)
            except DataError as error:
                problems += error.problems
                continue
            sizes.append(stored.shape)
            found.by_file[path] = _values_in(stored)
        if len(set(sizes)) > 1:
            (height, width), (rows, columns) = sizes
            problems.append(
                f"case {case!r}: the truth is {height}x{width} pixels, the prediction {rows}x{columns} (rows x "
                "columns); export predictions at the size of the original image"
            )
        on_case()
    return truth, prediction, problems


def _values_in(stored: NDArray[np.int32]) -> frozenset[int]:
    if stored.size == 0:
        return frozenset()
    if stored.min() >= 0 and stored.max() < 2**16:  # counting beats sorting
        return frozenset(np.flatnonzero(np.bincount(stored.ravel())).tolist())
    return frozenset(np.unique(stored).tolist())


def _given(classes: Sequence[str], values: Mapping[int, int]) -> Coding:
    indices = {index for index in values.values() if index != IGNORE}
    named = tuple(classes) or (BACKGROUND, *(f"class {i}" for i in range(1, max(indices | {1}) + 1)))
    predicted = {value: index for value, index in values.items() if index != IGNORE}
    return Coding(named, {IGNORE: IGNORE} | dict(values), predicted)


def _guessed(pairs: Pairs, truth: _Found, prediction: _Found, classes: Sequence[str]) -> Coding:
    folders = ((pairs.truth.path, truth), (pairs.prediction.path, prediction))
    numbers = {v for _, found in folders if not found.is_black_and_white for v in found.values}
    numbers = {number for number in numbers if number > 0} - {IGNORE}
    remarks = tuple(
        f"{path}: 0 and {IGNORE} are its only numbers, so {IGNORE} was read as the foreground"
        for path, found in folders
        if found.is_black_and_white
    )
    if remarks:
        _require_two_classes(folders, numbers, classes)
        numbers = {1}
    if classes:
        named, indices = tuple(classes), {i: i for i in range(len(classes))}
    else:
        named, indices = _name_numbers(folders, numbers)
    black_and_white = {0: 0, IGNORE: 1}
    return Coding(
        named,
        black_and_white if truth.is_black_and_white else {IGNORE: IGNORE} | indices,
        black_and_white if prediction.is_black_and_white else indices,
        remarks,
    )


def _require_two_classes(
    folders: Sequence[tuple[Path, _Found]], numbers: set[int], classes: Sequence[str]
) -> None:
    black_and_white = next(path for path, found in folders if found.is_black_and_white)
    if len(classes) > 2:
        other = f"there are {len(classes)} classes"
    elif numbers - {1}:
        path = next(path for path, found in folders if not found.is_black_and_white)
        other = f"{path} has {_some_numbers(numbers)}"
    else:
        return
    raise DataError(
        f"{black_and_white} has 0 and {IGNORE} alone, but {other}; say what each number means, for both folders, as in "
        f"--values 0=0,1=1,2=2,{IGNORE}=1"
    )


def _name_numbers(
    folders: Sequence[tuple[Path, _Found]], numbers: set[int]
) -> tuple[tuple[str, ...], dict[int, int]]:
    if len(numbers) > MOST_UNNAMED:
        path, found = max(folders, key=lambda pair: len(pair[1].values))
        raise DataError(
            f"{path}: {len(found.values)} different numbers in its files; are they masks? Images, probabilities and "
            "numbered objects are none: 1 pixel, 1 class. Many classes need names: --classes"
        )
    ordered = sorted(numbers or {1})
    return (
        (BACKGROUND, *(f"class {number}" for number in ordered)),
        {0: 0} | {number: index for index, number in enumerate(ordered, start=1)},
    )


def _unknown(found: _Found, codes: Mapping[int, int], coding: Coding, *, given: bool) -> list[str]:
    known = ", ".join(map(str, sorted(coding.prediction)))
    cure = (
        "add what it means" if given else "say what it means, as in --values 0=0,{}=1, or correct the files"
    )
    problems = []
    for path, numbers in found.by_file.items():
        unknown = sorted(numbers - codes.keys())
        if not unknown:
            continue
        said = f"{path}: value {_some_numbers(unknown)}"
        if all(coding.truth.get(number) == IGNORE for number in unknown):
            problems.append(
                f"{said} in a prediction: in a truth it means that nobody labelled the pixel, but a prediction says "
                f"something of every pixel; if it is a class, say which, as in --values 0=0,{unknown[0]}=1"
            )
        else:
            problems.append(
                f"{said} is no class ({known}{' of --values' if given else ''}); {cure.format(unknown[-1])}"
            )
    return problems


def _some_numbers(numbers: Sequence[int] | set[int]) -> str:
    return name_some([str(number) for number in sorted(numbers)], 5)


def _ignored(pairs: Pairs, truth: _Found, coding: Coding) -> list[str]:
    left_out = {value for value, index in coding.truth.items() if index == IGNORE}
    n = sum(bool(left_out & numbers) for numbers in truth.by_file.values())
    files = "file" if n == 1 else "files"
    value = _some_numbers(left_out & truth.values)
    return [f"{pairs.truth.path}: {value} was read as not labelled and left out, in {n} {files}"] if n else []
