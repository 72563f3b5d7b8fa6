"""Numbers in mask files of any program -> class indices, without guessing in silence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import IGNORE
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.scoring.numbers import Numbers, collect_numbers, list_numbers, read_numbers
from unet_mtl.scoring.pairs import Missing, Pairs

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
        warnings: What looks wrong, though it may be right.
    """

    classes: tuple[str, ...]
    truth: dict[int, int]
    prediction: dict[int, int]
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_values(given: Mapping[Any, Any] | None) -> dict[int, int] | None:
    """Number -> class index of a mapping whose keys may be words, as JSON writes them.

    Raises:
        ConfigError: It is no mapping of whole numbers.

    >>> read_values({"0": 0, 255: 1})
    {0: 0, 255: 1}
    """
    if given is None:
        return None
    try:
        return {int(number): int(index) for number, index in given.items()}
    except (AttributeError, TypeError, ValueError):
        raise ConfigError(
            f"values is {given!r}; expected a class for each number, as {{0: 0, 255: 1}}"
        ) from None


def read_indices(path: Path, values: Mapping[int, int]) -> NDArray[np.uint8]:
    """Reads one mask as class indices.

    Raises:
        DataError: Unreadable.
    """
    stored = read_numbers(path)
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
    missing: Missing = "empty",
    on_case: Callable[[], None] = lambda: None,
) -> Coding:
    """Opens every mask that is to be measured, and finds out what its numbers mean.

    Args:
        pairs: Whose truths, and predictions of these.
        classes: Names by class index, the background first; none: they are made of the numbers found.
        values: Number in the files of both folders -> class index, or 255 for pixels that nobody labelled. None:
            the numbers are the indices; but a folder of 0 and 255 alone is black and white, 255 its foreground.
        missing: What becomes of a truth without a prediction: left out, its file is not looked at.
        on_case: Called after each case, for a progress bar.

    Raises:
        ConfigError: The classes and values contradict each other.
        DataError: With every problem: a file is unreadable, masks of one case differ in size, a number is no class,
            or means something else in either folder.
    """
    _check_settings(classes, values)
    truth, prediction, problems = collect_numbers(pairs, pairs.measured(missing), on_case)
    coding = None
    try:
        if values is not None:
            coding = _given(classes, values)
        elif classes:
            coding = _named(truth, prediction, classes)
        else:
            coding = _guessed(truth, prediction)
    except DataError as error:
        problems += error.problems
    if coding is not None:
        problems += _unknown(truth, coding.truth, coding, classes, values)
        problems += _unknown(prediction, coding.prediction, coding, classes, values)
    if problems or coding is None:
        raise DataError(problems)
    remarks = [*coding.remarks, *_not_labelled(truth, coding), _describe_classes(coding, classes, values)]
    return replace(coding, remarks=tuple(remarks), warnings=tuple(_doubts(truth, prediction, coding)))


def _check_settings(classes: Sequence[str], values: Mapping[int, int] | None) -> None:
    if isinstance(classes, str):
        names = [name.strip() for name in classes.split(",")]
        raise ConfigError(f"classes is one text, {classes!r}; expected a list of names: classes={names}")
    if not all(isinstance(name, str) and name.strip() for name in classes):
        raise ConfigError(f"--classes {','.join(map(str, classes))}: expected a name for each class")
    if classes and not 2 <= len(classes) <= MOST_CLASSES:
        example = "" if classes[0] == BACKGROUND else f", as in --classes {BACKGROUND},{classes[0]}"
        raise ConfigError(
            f"--classes {','.join(classes)}: expected 2 to {MOST_CLASSES} names, the background first{example}"
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


def _given(classes: Sequence[str], values: Mapping[int, int]) -> Coding:
    if not classes:  # of the class numbers that are named alone: no class has a score that nobody asked for
        numbers = sorted(set(values.values()) - {0, IGNORE}) or [1]
        indices = {0: 0, IGNORE: IGNORE} | {number: i for i, number in enumerate(numbers, start=1)}
        values = {value: indices[number] for value, number in values.items()}
        classes = _names_of(numbers)
    predicted = {value: index for value, index in values.items() if index != IGNORE}
    return Coding(tuple(classes), {IGNORE: IGNORE} | dict(values), predicted)


def _names_of(numbers: Sequence[int]) -> tuple[str, ...]:
    return (BACKGROUND, *(f"class {number}" for number in numbers))


def _named(truth: Numbers, prediction: Numbers, classes: Sequence[str]) -> Coding:
    _require_two_classes(truth, prediction, classes)
    return _code(truth, prediction, classes, {i: i for i in range(len(classes))})


def _guessed(truth: Numbers, prediction: Numbers) -> Coding:
    _require_classes(truth, prediction)
    _require_two_classes(truth, prediction, ())
    _require_shared(truth, prediction)
    numbers = sorted(truth.foreground | prediction.foreground) or [1]
    indices = {0: 0} | {number: index for index, number in enumerate(numbers, start=1)}
    return _code(truth, prediction, _names_of(numbers), indices)


def _code(truth: Numbers, prediction: Numbers, classes: Sequence[str], indices: Mapping[int, int]) -> Coding:
    black_and_white = {0: 0, IGNORE: 1}
    remarks = tuple(
        f"{numbers.path}: 0 and {IGNORE} are its only numbers, so {IGNORE} was read as the foreground"
        for numbers in (truth, prediction)
        if numbers.is_black_and_white
    )
    return Coding(
        tuple(classes),
        black_and_white if truth.is_black_and_white else {IGNORE: IGNORE} | dict(indices),
        black_and_white if prediction.is_black_and_white else dict(indices),
        remarks,
    )


def _require_classes(truth: Numbers, prediction: Numbers) -> None:
    """Makes sure that the numbers may be those of classes: not too many, and no greys of a smeared mask."""
    for numbers in (truth, prediction):
        why = numbers.smeared
        if why or len(numbers.foreground) > MOST_UNNAMED:
            raise DataError(
                f"{numbers.path}: {len(numbers.all)} different numbers in its files; are they masks? "
                + (f"{why[0].upper()}{why[1:]}" if why else _NO_MASKS)
            )


_NO_MASKS = "Images, probabilities and numbered objects are none: 1 pixel, 1 class. Many classes need names: --classes"


def _require_two_classes(truth: Numbers, prediction: Numbers, classes: Sequence[str]) -> None:
    """Makes sure that a folder of 0 and 255 stands against one class."""
    sides = (truth, prediction)
    black_and_white = next((numbers for numbers in sides if numbers.is_black_and_white), None)
    if black_and_white is None:
        return
    other = next((numbers for numbers in sides if numbers.foreground - {1}), None)
    if len(classes) > 2:
        what = f"there are {len(classes)} classes"
    elif other is not None:
        what = f"{other.path} has {list_numbers(other.foreground)}"
    else:
        return
    numbers = sorted({1, 2} if other is None else other.foreground)
    raise DataError(
        f"{black_and_white.path} has 0 and {IGNORE} alone, but {what}; say what each number means, for both folders, "
        f"as in --values {_as_option({n: i for i, n in enumerate(numbers, start=1)} | {IGNORE: 1})}"
    )


def _require_shared(truth: Numbers, prediction: Numbers) -> None:
    """Makes sure that the folders speak of the same classes: either may lack some, but not both."""
    true, predicted = truth.foreground, prediction.foreground
    if not (true - predicted and predicted - true):
        return
    numbers = sorted(true | predicted)
    names = ",".join([BACKGROUND, *(f"NAME{i}" for i in range(1, len(numbers) + 1))])
    if numbers != list(range(1, len(numbers) + 1)):
        names += f" --values {_as_option({n: i for i, n in enumerate(numbers, start=1)})}"
    same = _ranks(true, predicted)
    cure = f"if they mean the same, say so with --values {_as_option(same)}; " if same else ""
    raise DataError(
        f"the folders have other numbers: {truth.path} has {list_numbers(true)}, {prediction.path} has "
        f"{list_numbers(predicted)} (beside 0); {cure}if each is a class of its own, with --classes {names}"
    )


def _ranks(true: frozenset[int], predicted: frozenset[int]) -> dict[int, int]:
    """Class by number, if the first number of either folder is the first class, and so on; else empty."""
    first, second = ({n: i for i, n in enumerate(sorted(side), start=1)} for side in (true, predicted))
    alike = len(first) == len(second) and all(first[n] == second[n] for n in first.keys() & second.keys())
    return first | second if alike else {}


def _as_option(values: Mapping[int, int]) -> str:
    return ",".join(f"{number}={index}" for number, index in sorted(({0: 0} | dict(values)).items()))


def _unknown(
    numbers: Numbers,
    codes: Mapping[int, int],
    coding: Coding,
    classes: Sequence[str],
    values: Mapping[int, int] | None,
) -> list[str]:
    """What is wrong with the numbers of one folder, in one line; empty if nothing is."""
    unknown = numbers.all - codes.keys()
    if not unknown:
        return []
    said = f"{numbers.path}: {list_numbers(unknown)} in {numbers.where(unknown)}"
    if numbers.smeared:
        return [f"{said}, no class; {numbers.smeared}"]
    if all(coding.truth.get(number) == IGNORE for number in unknown):
        return [
            f"{said} of a prediction: in a truth it means that nobody labelled the pixel, but a prediction says "
            f"something of every pixel; if it is a class, say which, as in --values 0=0,{min(unknown)}=1"
        ]
    if values is not None:
        return [f"{said}: no number of --values ({list_numbers(values)}); add what it means"]
    if classes:
        return [_too_few_names(numbers, unknown, classes, codes)]
    return [f"{said}: no class; say what it means, as in --values 0=0,{max(unknown)}=1, or correct the files"]


def _too_few_names(
    numbers: Numbers, unknown: frozenset[int], classes: Sequence[str], codes: Mapping[int, int]
) -> str:
    found = {number for number in numbers.all if codes.get(number) != IGNORE}
    said = f"{numbers.path}: {len(classes)} names but the files have {len(found)} numbers ({list_numbers(found)})"
    if found == set(range(len(classes) + 1)) and classes[0].lower() not in (BACKGROUND, "bg"):
        return f"{said}: names start with the background: --classes {','.join((BACKGROUND, *classes))}"
    if found == set(range(len(found))):
        names = [*classes, *(f"NAME{number}" for number in range(len(classes), len(found)))]
        return f"{said}: give each a name, as in --classes {','.join(names)}"
    example = _as_option({number: codes.get(number, 1) for number in found})
    return (
        f"{said}; {list_numbers(unknown)} in {numbers.where(unknown)}: correct the files, or say what each number "
        f"means, as in --values {example}"
    )


def _not_labelled(truth: Numbers, coding: Coding) -> list[str]:
    left_out = {value for value, index in coding.truth.items() if index == IGNORE} & truth.all
    n = sum(bool(left_out & numbers) for numbers in truth.by_file.values())
    files = "file" if n == 1 else "files"
    value = list_numbers(left_out)
    return [f"{truth.path}: {value} was read as not labelled and left out, in {n} {files}"] if n else []


def _describe_classes(coding: Coding, classes: Sequence[str], values: Mapping[int, int] | None) -> str:
    if values is None and not classes:
        return f"classes: {', '.join(coding.classes)} (from the numbers found; --classes names them)"
    numbers: dict[int, list[str]] = {}
    for value, index in sorted(
        (coding.prediction if values else dict(enumerate(range(len(classes))))).items()
    ):
        numbers.setdefault(index, []).append(str(value))
    said = [f"{' and '.join(numbers.get(i, ['no number']))} {name}" for i, name in enumerate(coding.classes)]
    return f"classes: {', '.join(said)}{'' if classes else ' (--classes names them)'}"


def _doubts(truth: Numbers, prediction: Numbers, coding: Coding) -> list[str]:
    """Warnings: a folder without background, a class that one of them lacks."""
    sides = ((truth, coding.truth), (prediction, coding.prediction))
    doubts = [
        f"{numbers.path}: no pixel is background; if one of {list_numbers(numbers.all)} means it, say so: --values"
        for numbers, codes in sides
        if numbers.all and 0 not in _classes_in(numbers, codes)
    ]
    true, predicted = (_classes_in(numbers, codes) - {0, IGNORE} for numbers, codes in sides)
    for numbers, lacking, words in (
        (prediction, true - predicted, "in the truth, but never predicted"),
        (truth, predicted - true, "predicted, but never true"),
    ):
        if lacking:
            names = ", ".join(coding.classes[index] for index in sorted(lacking))
            doubts.append(f"{numbers.path} has no {names}: {words}")
    return doubts


def _classes_in(numbers: Numbers, codes: Mapping[int, int]) -> set[int]:
    return {codes[number] for number in numbers.all}
