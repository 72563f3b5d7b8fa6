"""From what a mask file holds, numbers or colours, to class indices."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.colours import rgb
from unet_mtl.data.description import UNLABELLED, MaskDescription
from unet_mtl.data.images import IGNORE
from unet_mtl.data.nearest_values import (
    areas_of,
    count_reached,
    lie_between,
    nearest_known,
    take_from_neighbours,
)
from unet_mtl.errors import DataError

MANY = 3
"""So many different values between the known ones are soft edges or JPEG; fewer are strays."""

_FEW, _FEW_OF_ALL = 50, 0.001
"""Fewer unknown pixels than both are a slip of the pen, not a class that was forgotten."""

_STRANGE = 0.05
"""Of the pixels of unknown colours, how many may be off the line between two known ones."""

_SOFT = "the mask is anti-aliased, or was saved as JPEG"
_SAVE_AGAIN = "save it as PNG without smoothing"


def from_numbers(
    stored: NDArray[np.int32], path: Path, target: str, description: MaskDescription
) -> NDArray[np.uint8]:
    """Gives the classes of numbers.

    Args:
        stored: `(height, width)`.
        path: Named in errors.
        target: Name of the mask.
        description: Its `values`, `ignore` and `repair` count.

    Returns:
        `(height, width)`, 255 where nobody labelled.

    Raises:
        DataError: Of kind "mask-values", "mask-stray" or "mask-antialiased".
    """
    meant = description.values or {index: index for index in range(len(description.classes))}
    # Only what the description names is a place to go to: 200 is no "not labelled" because 255 is.
    known = np.array([[value] for value in sorted(meant)], np.float32)
    values = meant if description.ignore is None else {description.ignore: description.ignore} | meant
    codes = {value: IGNORE if index == description.ignore else index for value, index in values.items()}
    if not description.repair and (indices := _looked_up(stored, codes)) is not None:
        return indices
    found, counts = np.unique(stored, return_counts=True)
    unknown = found[~np.isin(found, list(values))]
    between = lie_between(unknown[:, None], known)
    few = _is_few(int(counts[np.isin(found, unknown)].sum()), stored.size)
    if len(unknown) and not (description.repair and (few or between.all())):
        if description.repair and not between.all():  # what is in its way
            unknown, between = unknown[~between], between[~between]
        soft = len(unknown) >= MANY and bool(between.all()) and count_reached(found[:, None], known) > 1
        if few and not description.repair:
            raise _stray_numbers(
                path, target, description, unknown, int(counts[np.isin(found, unknown)].sum())
            )
        raise _wrong_numbers(path, target, description, (found, counts), unknown, soft)
    if description.repair:
        if not between.all():
            stored = take_from_neighbours(stored, np.isin(stored, unknown[~between]))
        classes = np.array([codes[int(value)] for value in known[:, 0]], np.uint8)
        indices = np.asarray(classes[nearest_known(stored[..., None], known)])
        if description.ignore is not None and description.ignore not in meant:
            indices[stored == description.ignore] = IGNORE
        return indices
    indices = np.zeros(stored.shape, np.uint8)
    for value in found:
        indices[stored == value] = codes[int(value)]
    return indices


def _looked_up(stored: NDArray[np.int32], codes: dict[int, int]) -> NDArray[np.uint8] | None:
    """The usual case, and the fastest: known numbers of one byte; else None."""
    if stored.min() < 0 or stored.max() > 255:
        return None
    table = np.full(256, -1, np.int16)
    for value, index in codes.items():
        if 0 <= value <= 255:
            table[value] = index
    indices = table[stored]
    return None if indices.min() < 0 else indices.astype(np.uint8)


def _is_few(pixels: int, of_all: int) -> bool:
    return pixels < _FEW and pixels < _FEW_OF_ALL * of_all


def _stray_numbers(
    path: Path, target: str, description: MaskDescription, unknown: NDArray[np.int32], pixels: int
) -> DataError:
    return DataError(
        f"{path}: mask value {_some(unknown)} in {pixels} pixel{'s' * (pixels > 1)} is outside the classes of "
        f"{target!r} ({_known_numbers(description)}); correct them, or let what is nearest count: "
        f"`masks.{target}.repair: nearest`",
        kind="mask-stray",
    )


def _wrong_numbers(
    path: Path,
    target: str,
    description: MaskDescription,
    histogram: tuple[NDArray[np.int32], NDArray[np.intp]],
    unknown: NDArray[np.int32],
    soft: bool,
) -> DataError:
    known = _known_numbers(description)
    if soft:
        return DataError(
            f"{path}: {_SOFT}: {len(unknown)} values lie between those of {target!r} ({known}): "
            f"{_some(unknown)}; {_SAVE_AGAIN}, or let the nearest one count: `masks.{target}.repair: nearest`",
            kind="mask-antialiased",
        )
    ends = _soft_ends(*histogram)
    if ends is not None:
        low, high = ends
        return DataError(
            f"{path}: {_SOFT}: it is {low} and {high} with {len(histogram[0]) - 2} values between them, where "
            f"{target!r} has {known}; {_SAVE_AGAIN}, or say `masks.{target}.values: {{{low}: 0, {high}: 1}}` and "
            f"`masks.{target}.repair: nearest`",
            kind="mask-antialiased",
        )
    return DataError(
        f"{path}: mask value {_some(unknown)} is outside "
        f"the classes of {target!r} ({known}); say what it means in dataset.yaml, "
        f"for 0/255 masks `masks.{target}.values: {{0: 0, 255: 1}}`",
        kind="mask-values",
    )


def _soft_ends(found: NDArray[np.int32], counts: NDArray[np.intp]) -> tuple[int, int] | None:
    """The lowest and highest number, where more pixels have each than all between, as objects' numbers never do."""
    low, high = int(found[0]), int(found[-1])
    near = (high - low) // 16
    is_low, is_high = found <= low + near, found >= high - near
    steps = ~is_low & ~is_high
    soft = min(counts[is_low].sum(), counts[is_high].sum()) > counts[steps].sum()
    return (low, high) if soft and steps.sum() >= MANY and high - low >= 64 else None


def _some(values: NDArray[np.int32]) -> str:
    return ", ".join(map(str, values[:5].tolist())) + (" ..." if len(values) > 5 else "")


def _known_numbers(description: MaskDescription) -> str:
    values = description.values or {index: index for index in range(len(description.classes))}
    named = {value: index for value, index in values.items() if index != description.ignore}
    return ", ".join(f"{value} {description.classes[index]}" for value, index in sorted(named.items()))


def from_colours(
    stored: NDArray[np.uint8], path: Path, target: str, description: MaskDescription
) -> NDArray[np.uint8]:
    """Gives the classes of colours.

    Args:
        stored: `(height, width, 3)`, red, green, blue.
        path: Named in errors.
        target: Name of the mask.
        description: Its `colours` and `repair` count.

    Returns:
        `(height, width)`, 255 where nobody labelled.

    Raises:
        DataError: Of kind "mask-colours", "mask-stray" or "mask-antialiased".
    """
    meanings = _meanings(description)
    known = np.array([rgb(colour) for colour in meanings], np.float32)
    classes = np.array([_index(name, description) for name in meanings.values()], np.uint8)
    numbers = _numbers(stored)
    found, where, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    codes = _numbers(known.astype(np.uint8))
    is_known = np.isin(found, codes)
    unknown = (found[~is_known], counts[~is_known])
    if not is_known.all():
        between = lie_between(_bytes(unknown[0]), known)
        soft = _is_soft(numbers, *unknown, between)
        few = _is_few(int(unknown[1].sum()), numbers.size)
        if description.repair and not (soft or few):  # what is in its way
            unknown = (unknown[0][~between], unknown[1][~between])
        if not (description.repair and (soft or few)):
            raise _wrong_colours(path, target, meanings, *unknown, soft, few)
    if description.repair:
        return np.asarray(classes[nearest_known(stored, known)])
    place = {int(code): index for code, index in zip(codes, classes, strict=True)}
    table = np.array([place[int(number)] for number in found], np.uint8)
    return np.asarray(table[where.reshape(numbers.shape)])


def _meanings(description: MaskDescription) -> dict[str, str]:
    """Colour -> name, in the order of the classes."""
    colours = description.colours or {}
    order = [*description.classes, *[UNLABELLED] * (UNLABELLED not in description.classes)]
    meanings = {colour: name for name in order for colour in colours.get(name, ())}
    if description.classes[0] not in colours and "#000000" not in meanings:
        return {"#000000": description.classes[0]} | meanings
    return meanings


def _index(name: str, description: MaskDescription) -> int:
    return description.classes.index(name) if name in description.classes else IGNORE


def _numbers(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """One number a colour, so that NumPy can sort them."""
    red, green, blue = np.moveaxis(colours.astype(np.int32), -1, 0)
    return np.asarray(red << 16 | green << 8 | blue)


def _bytes(numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], -1)


def _is_soft(
    numbers: NDArray[np.int32],
    unknown: NDArray[np.int32],
    counts: NDArray[np.intp],
    between: NDArray[np.bool_],
) -> bool:
    """Whether the unknown colours are steps between known ones, but for a few that JPEG throws off the line.

    JPEG keeps colours at half the size, which leaves strange ones where two meet, a few of a hundred pixels of a
    soft edge; but these fill no area, as a colour would that somebody has drawn.
    """
    off = counts[~between].sum()
    areas = areas_of(np.where(np.isin(numbers, unknown[~between]), numbers, -1))
    return bool(off <= _STRANGE * counts.sum() and (areas < 0).all())


def _wrong_colours(
    path: Path,
    target: str,
    meanings: dict[str, str],
    unknown: NDArray[np.int32],
    counts: NDArray[np.intp],
    soft: bool,
    few: bool,
) -> DataError:
    order = np.argsort(-counts, kind="stable")[:5]
    listed = ", ".join(f"#{unknown[i]:06x} ({counts[i]} pixels)" for i in order)
    listed += " ..." if len(unknown) > len(order) else ""
    known = ", ".join(f"{colour} {name}" for colour, name in meanings.items())
    if few:
        return DataError(
            f"{path}: colour {listed} is not among those of {target!r} ({known}); correct them, or let the "
            f"nearest one count: `masks.{target}.repair: nearest`",
            kind="mask-stray",
        )
    if soft and len(unknown) >= MANY:
        return DataError(
            f"{path}: {_SOFT}: {len(unknown)} colours lie between those of {target!r} ({known}): {listed}; "
            f"{_SAVE_AGAIN}, or let the nearest one count: `masks.{target}.repair: nearest`",
            kind="mask-antialiased",
        )
    return DataError(
        f"{path}: colour {listed} is not among those of {target!r} ({known}); say what it means under "
        f"`masks.{target}.colours` in dataset.yaml",
        kind="mask-colours",
    )
