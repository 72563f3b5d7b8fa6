"""The class of each pixel value in the mask files of any program, without silent guesses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import IGNORE
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.scoring.pairs import Missing, Pairs
from unet_mtl.scoring.pixel_values import PixelValues, collect_values, list_values, read_values
from unet_mtl.wording import count_of, name_some

BACKGROUND = "background"
MOST_CLASSES = IGNORE - 1
MOST_UNNAMED = 50
"""More different values are rarely classes: they are a photograph, probabilities or numbered objects."""


@dataclass(frozen=True)
class ClassMapping:
    """The classes, and the class index of each pixel value.

    Attributes:
        classes: Names by class index, the background first.
        truth: Pixel value of a true mask -> class index, or 255 for unlabelled pixels.
        prediction: Pixel value of a predicted mask -> class index.
        remarks: How the mapping was determined, for the reader of the scores.
        warnings: What may be wrong.
    """

    classes: tuple[str, ...]
    truth: dict[int, int]
    prediction: dict[int, int]
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def check_values(values: Mapping[Any, Any] | None) -> dict[int, int] | None:
    """Convert a mapping to whole numbers; its keys may be text, as in JSON.

    Args:
        values: Pixel value -> class index, or None.

    Raises:
        ConfigError: `values` is not a mapping of whole numbers.

    >>> check_values({"0": 0, 255: 1})
    {0: 0, 255: 1}
    """
    if values is None:
        return None
    try:
        return {int(value): int(index) for value, index in values.items()}
    except (AttributeError, TypeError, ValueError):
        raise ConfigError(
            f"`values` is {values!r}; expected a class index for each pixel value, such as {{0: 0, 255: 1}}"
        ) from None


def read_indices(path: Path, values: Mapping[int, int]) -> NDArray[np.uint8]:
    """Read one mask as class indices.

    Args:
        path: The mask file.
        values: Pixel value -> class index; other values become 0.

    Returns:
        An array of shape `(rows, columns)`.

    Raises:
        DataError: The file is unreadable.
    """
    stored = read_values(path)
    indices = np.zeros(stored.shape, np.uint8)
    for value, index in values.items():
        if index:
            indices[stored == value] = index
    return indices


def map_classes(
    pairs: Pairs,
    *,
    classes: Sequence[str] = (),
    values: Mapping[int, int] | None = None,
    missing: Missing = "empty",
    on_case: Callable[[], None] = lambda: None,
) -> ClassMapping:
    """Open every mask that is measured and determines the class of each pixel value.

    Args:
        pairs: The two folders.
        classes: Names by class index, the background first; empty to name them after the values found.
        values: Pixel value in the files of both folders -> class index, or 255 for unlabelled pixels. None: values
            are class indices, except that 255 is the foreground of a folder that has no values but 0 and 255.
        missing: The treatment of a true mask without a prediction; with "leave-out" its file is not opened.
        on_case: A function to call after each case.

    Raises:
        ConfigError: The classes and the values contradict each other.
        DataError: A file is unreadable, the masks of a case differ in size, or a value belongs to no class or to
            different classes in the two folders; every problem is listed.
    """
    _check_settings(classes, values)
    truth, prediction, problems = collect_values(pairs, pairs.measured(missing), on_case)
    mapping = None
    try:
        if values is not None:
            mapping = _map_as_given(classes, values)
        elif classes:
            mapping = _map_named(truth, prediction, classes)
        else:
            mapping = _map_unnamed(truth, prediction)
    except DataError as error:
        problems += error.problems
    if mapping is not None:
        problems += _find_unknown(truth, mapping.truth, mapping, classes, values)
        problems += _find_unknown(prediction, mapping.prediction, mapping, classes, values)
    if problems or mapping is None:
        raise DataError(problems)
    remarks = [
        *mapping.remarks,
        *_describe_unlabelled(truth, mapping),
        _describe_classes(mapping, classes, values),
    ]
    warnings = _find_doubts(truth, prediction, mapping)
    if values is None:
        warnings += _find_white_files(truth, mapping)
    return replace(mapping, remarks=tuple(remarks), warnings=tuple(warnings))


def _check_settings(classes: Sequence[str], values: Mapping[int, int] | None) -> None:
    received = f"`classes` is {', '.join(map(repr, classes))}"
    if not all(isinstance(name, str) and name.strip() for name in classes):
        raise ConfigError(f"{received}; expected a name for each class")
    if classes and not 2 <= len(classes) <= MOST_CLASSES:
        example = "" if classes[0] == BACKGROUND else f", as in `classes={[BACKGROUND, classes[0]]}`"
        raise ConfigError(f"{received}; expected 2 to {MOST_CLASSES} names, the background first{example}")
    if len(set(classes)) < len(classes):
        raise ConfigError(f"{received}; two classes have the same name")
    most = len(classes) or MOST_CLASSES
    outside = [index for index in (values or {}).values() if not 0 <= index < most and index != IGNORE]
    if outside:
        raise ConfigError(
            f"`values` maps to class {outside[0]}, but there are {most} classes (0 to {most - 1}, and {IGNORE} for "
            "unlabelled pixels)"
        )


def _map_as_given(classes: Sequence[str], values: Mapping[int, int]) -> ClassMapping:
    if (
        not classes
    ):  # only the class indices that are given become classes: the others would have empty scores
        given = sorted(set(values.values()) - {0, IGNORE}) or [1]
        indices = {0: 0, IGNORE: IGNORE} | {number: i for i, number in enumerate(given, start=1)}
        values = {value: indices[number] for value, number in values.items()}
        classes = _names_of(given)
    predicted = {value: index for value, index in values.items() if index != IGNORE}
    return ClassMapping(tuple(classes), {IGNORE: IGNORE} | dict(values), predicted)


def _names_of(values: Sequence[int]) -> tuple[str, ...]:
    return (BACKGROUND, *(f"class {value}" for value in values))


def _map_named(truth: PixelValues, prediction: PixelValues, classes: Sequence[str]) -> ClassMapping:
    _require_two_classes(truth, prediction, classes)
    return _map_indices(truth, prediction, classes, {i: i for i in range(len(classes))})


def _map_unnamed(truth: PixelValues, prediction: PixelValues) -> ClassMapping:
    _require_classes(truth, prediction)
    _require_two_classes(truth, prediction, ())
    _require_shared(truth, prediction)
    values = sorted(truth.foreground | prediction.foreground) or [1]
    indices = {0: 0} | {value: index for index, value in enumerate(values, start=1)}
    return _map_indices(truth, prediction, _names_of(values), indices)


def _map_indices(
    truth: PixelValues, prediction: PixelValues, classes: Sequence[str], indices: Mapping[int, int]
) -> ClassMapping:
    black_and_white = {0: 0, IGNORE: 1}
    remarks = tuple(
        f"{folder.path}: 0 and {IGNORE} are the only pixel values, so {IGNORE} was read as the foreground"
        for folder in (truth, prediction)
        if folder.is_black_and_white
    )
    return ClassMapping(
        tuple(classes),
        black_and_white if truth.is_black_and_white else {IGNORE: IGNORE} | dict(indices),
        black_and_white if prediction.is_black_and_white else dict(indices),
        remarks,
    )


def _require_classes(truth: PixelValues, prediction: PixelValues) -> None:
    """Make sure that the values can be classes: not too many, and not the greys of a smoothed mask."""
    for folder in (truth, prediction):
        reason = folder.smoothing
        if reason or len(folder.foreground) > MOST_UNNAMED:
            raise DataError(
                f"{folder.path}: {len(folder.all)} different pixel values in its files; are they masks? "
                + (f"{reason[0].upper()}{reason[1:]}" if reason else _NOT_MASKS)
            )


_NOT_MASKS = (
    "Images, probabilities and numbered objects are not: each pixel must hold its class. Many classes need names: give "
    "`classes`"
)


def _require_two_classes(truth: PixelValues, prediction: PixelValues, classes: Sequence[str]) -> None:
    """Make sure that a folder of 0 and 255 is compared with one class."""
    sides = (truth, prediction)
    black_and_white = next((folder for folder in sides if folder.is_black_and_white), None)
    if black_and_white is None:
        return
    other = next((folder for folder in sides if folder.foreground - {1}), None)
    if len(classes) > 2:
        contrast = f"there are {len(classes)} classes"
    elif other is not None:
        contrast = f"{other.path} has {list_values(other.foreground)}"
    else:
        return
    values = sorted({1, 2} if other is None else other.foreground)
    example = _as_argument({n: i for i, n in enumerate(values, start=1)} | {IGNORE: 1})
    raise DataError(
        f"{black_and_white.path} has only 0 and {IGNORE}, but {contrast}; give the class of each pixel value, for both "
        f"folders, as in {example}"
    )


def _require_shared(truth: PixelValues, prediction: PixelValues) -> None:
    """Make sure that the folders have the same classes: one folder may lack some, but not both."""
    true, predicted = truth.foreground, prediction.foreground
    if not (true - predicted and predicted - true):
        return
    values = sorted(true | predicted)
    apart = f"`classes={[BACKGROUND, *(f'NAME{i}' for i in range(1, len(values) + 1))]}`"
    if values != list(range(1, len(values) + 1)):
        apart += f" and {_as_argument({n: i for i, n in enumerate(values, start=1)})}"
    same = _match_by_rank(true, predicted)
    cure = f"if they mean the same, give {_as_argument(same)}; " if same else ""
    raise DataError(
        f"the folders have different pixel values: {truth.path} has {list_values(true)}, {prediction.path} has "
        f"{list_values(predicted)} (besides 0); {cure}if each is a class of its own, give {apart}"
    )


def _match_by_rank(true: frozenset[int], predicted: frozenset[int]) -> dict[int, int]:
    """Return the class of each value if the smallest value of either folder is class 1, and so on; else empty."""
    first, second = ({n: i for i, n in enumerate(sorted(side), start=1)} for side in (true, predicted))
    alike = len(first) == len(second) and all(first[n] == second[n] for n in first.keys() & second.keys())
    return first | second if alike else {}


def _as_argument(values: Mapping[int, int]) -> str:
    return f"`values={dict(sorted(({0: 0} | dict(values)).items()))}`"


def _find_unknown(
    folder: PixelValues,
    indices: Mapping[int, int],
    mapping: ClassMapping,
    classes: Sequence[str],
    values: Mapping[int, int] | None,
) -> list[str]:
    """Describe the pixel values of a folder that have no class, in one line; empty if there are none."""
    unknown = folder.all - indices.keys()
    if not unknown:
        return []
    plural = "s" * (len(unknown) > 1)
    where = f"{folder.path}: pixel value{plural} {list_values(unknown)} in {folder.files_with(unknown)}"
    if folder.smoothing:
        return [f"{where}: no class; {folder.smoothing}"]
    if all(mapping.truth.get(value) == IGNORE for value in unknown):
        return [
            f"{where} of a prediction: unlabelled pixels, which only true masks may have; if this is a class, give its "
            f"index, as in {_as_argument(dict.fromkeys(folder.foreground & {1}, 1) | {min(unknown): 1})}"
        ]
    if values is not None:
        return [f"{where}: not among `values` ({list_values(values)}); add the class"]
    if classes:
        return [_too_few_names(folder, unknown, classes, indices)]
    return [
        f"{where}: no class; give the class, as in {_as_argument({max(unknown): 1})}, or correct the files"
    ]


def _too_few_names(
    folder: PixelValues, unknown: frozenset[int], classes: Sequence[str], indices: Mapping[int, int]
) -> str:
    values = {value for value in folder.all if indices.get(value) != IGNORE}
    problem = f"{folder.path}: {len(classes)} names but {len(values)} pixel values ({list_values(values)})"
    if values == set(range(len(classes) + 1)) and classes[0].lower() not in (BACKGROUND, "bg"):
        return f"{problem}; the background is named first, as in `classes={[BACKGROUND, *classes]}`"
    if values == set(range(len(values))):
        names = [*classes, *(f"NAME{value}" for value in range(len(classes), len(values)))]
        return f"{problem}; give each a name, as in `classes={names}`"
    example = _as_argument({value: indices.get(value, 1) for value in values})
    return (
        f"{problem}; {list_values(unknown)} in {folder.files_with(unknown)}: correct the files, or give the class of "
        f"each pixel value, as in {example}"
    )


def _describe_unlabelled(truth: PixelValues, mapping: ClassMapping) -> list[str]:
    unlabelled = {value for value, index in mapping.truth.items() if index == IGNORE} & truth.all
    n = sum(bool(unlabelled & values) for values in truth.by_file.values())
    value = list_values(unlabelled)
    return (
        [f"{truth.path}: {value} was read as unlabelled and left out, in {count_of(n, 'file')}"] if n else []
    )


def _find_white_files(truth: PixelValues, mapping: ClassMapping) -> list[str]:
    """Describe true masks of 0 and 255 beside masks of 0 and 1, in which white is more likely the class."""
    if mapping.truth.get(IGNORE) != IGNORE or truth.foreground != {1}:
        return []
    if any({1, IGNORE} <= found for found in truth.by_file.values()):  # 255 does mean unlabelled there
        return []
    white = [file.name for file, found in truth.by_file.items() if IGNORE in found]
    if not white:
        return []
    have = "file has" if len(white) == 1 else "files have"
    return [
        f"{truth.path}: {len(white):,} of {len(truth.by_file):,} {have} no values but 0 and {IGNORE} "
        f"({name_some(white, 3)}), while others have 0 and 1; {IGNORE} was left out as unlabelled. If white is the "
        f"class in them, give {_as_argument({1: 1, IGNORE: 1})}"
    ]


def _describe_classes(mapping: ClassMapping, classes: Sequence[str], values: Mapping[int, int] | None) -> str:
    if values is None and not classes:
        return (
            f"classes: {', '.join(mapping.classes)} (after the pixel values found; name them with `classes`)"
        )
    values_of: dict[int, list[str]] = {}
    for value, index in sorted(
        (mapping.prediction if values else dict(enumerate(range(len(classes))))).items()
    ):
        values_of.setdefault(index, []).append(str(value))
    named = [
        f"{' and '.join(values_of.get(i, ['no value']))} {name}" for i, name in enumerate(mapping.classes)
    ]
    return f"classes: {', '.join(named)}{'' if classes else ' (name them with `classes`)'}"


def _find_doubts(truth: PixelValues, prediction: PixelValues, mapping: ClassMapping) -> list[str]:
    """Describe folders without background, and classes that one of the folders lacks."""
    sides = ((truth, mapping.truth), (prediction, mapping.prediction))
    doubts = [
        f"{folder.path}: no pixel is background; if one of {list_values(folder.all)} is the background, map it to 0 "
        "with `values`"
        for folder, indices in sides
        if folder.all and 0 not in _classes_in(folder, indices)
    ]
    true, predicted = (_classes_in(folder, indices) - {0, IGNORE} for folder, indices in sides)
    for folder, lacking, contrast in (
        (prediction, true - predicted, "in the true masks, but never predicted"),
        (truth, predicted - true, "predicted, but in no true mask"),
    ):
        if lacking:
            names = ", ".join(mapping.classes[index] for index in sorted(lacking))
            doubts.append(f"{folder.path} has no {names}: {contrast}")
    return doubts


def _classes_in(folder: PixelValues, indices: Mapping[int, int]) -> set[int]:
    return {indices[value] for value in folder.all}
