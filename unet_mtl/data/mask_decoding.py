"""Convert the numbers or colours in a mask file to class indices."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.colours import rgb
from unet_mtl.data.description import UNLABELLED, MaskDescription
from unet_mtl.data.images import IGNORE
from unet_mtl.data.nearest_values import (
    count_close,
    count_present,
    fill_from_neighbours,
    find_nearest_known,
    keep_areas,
    lie_between,
)
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of, name_some

MIN_SOFT_VALUES = 3
"""The smallest number of different values between known ones that indicates smoothed edges or JPEG."""

_FEW, _FEW_SHARE = 50, 0.001
"""Fewer unknown pixels than both limits are stray pixels, not a class missing from the description."""

_MAX_OFF_SHARE = 0.05
"""The largest share of pixels of unknown colours that may be off the lines between known colours."""

_MAX_IN_AREAS = 0.5
"""The largest share of the pixels of noise that fill blocks of 2 x 2 pixels."""

_SOFT = "the mask is anti-aliased, or was saved as JPEG"
_SAVE_AGAIN = "save it as PNG without smoothing"


def decode_numbers(
    stored: NDArray[np.int32], path: Path, target: str, description: MaskDescription
) -> NDArray[np.uint8]:
    """Convert the numbers of a mask to class indices.

    Args:
        stored: The stored numbers, `(height, width)` int32.
        path: The file, named in errors.
        target: The name of the mask.
        description: The description of the mask, of which `classes`, `values`, `ignore` and `repair` are used.

    Returns:
        Class indices `(height, width)` uint8, with 255 for unlabelled pixels.

    Raises:
        DataError: A number is not in the description; kind "mask-values", "mask-coding" (a file of two numbers),
            "mask-stray" or "mask-antialiased".
    """
    described = description.values or {index: index for index in range(len(description.classes))}
    # Repair uses only described numbers as targets, so that 200 does not become 255, which is unlabelled.
    known = np.array([[value] for value in sorted(described)], np.float32)
    values = described if description.ignore is None else {description.ignore: description.ignore} | described
    codes = {value: IGNORE if index == description.ignore else index for value, index in values.items()}
    if not description.repair and (indices := _look_up(stored, codes)) is not None:
        return indices
    present, counts = np.unique(stored, return_counts=True)
    unknown = present[~np.isin(present, list(values))]
    between = lie_between(unknown[:, None], known)
    few = _is_few(int(counts[np.isin(present, unknown)].sum()), stored.size)
    if len(unknown) == 1 and len(present) <= 2 and not few:
        nearest = known[np.abs(known[:, 0] - unknown[0]).argmin(), 0]
        # A repair must not erase the only class of the file.
        if not description.repair or codes[int(nearest)] == 0:
            raise _other_coding(path, target, description, present, int(unknown[0]))
    if len(unknown) and not (description.repair and (few or between.all())):
        if description.repair and not between.all():  # report only what prevents the repair
            unknown, between = unknown[~between], between[~between]
        soft = bool(between.all()) and count_present(present[:, None], known) > 1
        soft = soft and (len(unknown) >= MIN_SOFT_VALUES or _is_noise(stored, unknown, known))
        if few and not description.repair:
            n_pixels = int(counts[np.isin(present, unknown)].sum())
            raise _stray_numbers(path, target, description, unknown, n_pixels)
        raise _wrong_numbers(path, target, description, (present, counts), unknown, soft)
    if description.repair:
        if not between.all():
            stored = fill_from_neighbours(stored, np.isin(stored, unknown[~between]))
        classes = np.array([codes[int(value)] for value in known[:, 0]], np.uint8)
        indices = np.asarray(classes[find_nearest_known(stored[..., None], known)])
        if description.ignore is not None and description.ignore not in described:
            indices[stored == description.ignore] = IGNORE
        return indices
    indices = np.zeros(stored.shape, np.uint8)
    for value in present:
        indices[stored == value] = codes[int(value)]
    return indices


def _look_up(stored: NDArray[np.int32], codes: dict[int, int]) -> NDArray[np.uint8] | None:
    """Decode known numbers in 0..255 with a table, the common and fastest case; return None in any other case."""
    if stored.min() < 0 or stored.max() > 255:
        return None
    table = np.full(256, -1, np.int16)
    for value, index in codes.items():
        if 0 <= value <= 255:
            table[value] = index
    indices = table[stored]
    return None if indices.min() < 0 else indices.astype(np.uint8)


def _is_few(n_unknown: int, n_pixels: int) -> bool:
    return n_unknown < _FEW and n_unknown < _FEW_SHARE * n_pixels


def _is_noise(stored: NDArray[np.int32], unknown: NDArray[np.int32], known: NDArray[np.float32]) -> bool:
    """Return whether a few values are the noise of JPEG: close to known ones, and not in areas."""
    close = count_close(unknown[:, None], known) == len(unknown)
    is_unknown = np.isin(stored, unknown)
    in_areas = keep_areas(np.where(is_unknown, stored, -1)) >= 0
    return close and bool(in_areas.sum() < _MAX_IN_AREAS * is_unknown.sum())


def _stray_numbers(
    path: Path, target: str, description: MaskDescription, unknown: NDArray[np.int32], n_pixels: int
) -> DataError:
    return DataError(
        f"{path}: mask value {_list_some(unknown)} in {count_of(n_pixels, 'pixel')} is outside the classes of "
        f"{target!r} ({_list_known(description)}); correct the pixels, or replace them by the nearest value with "
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
    known = _list_known(description)
    if soft:
        return DataError(
            f"{path}: {_SOFT}: {len(unknown)} values lie between those of {target!r} ({known}): "
            f"{_list_some(unknown)}; {_SAVE_AGAIN}, or use the nearest one with `masks.{target}.repair: nearest`",
            kind="mask-antialiased",
        )
    ends = _soft_ends(*histogram)
    if ends is not None:
        low, high = ends
        return DataError(
            f"{path}: {_SOFT}: it has {low}, {high} and {len(histogram[0]) - 2} values between them, but the classes "
            f"of {target!r} are {known}; {_SAVE_AGAIN}, or set `masks.{target}.values: {{{low}: 0, {high}: 1}}` and "
            f"`masks.{target}.repair: nearest`",
            kind="mask-antialiased",
        )
    return DataError(
        f"{path}: mask value {_list_some(unknown)} is outside the classes of {target!r} ({known}); describe it in "
        f"dataset.yaml with `masks.{target}.values` or with more `classes`",
        kind="mask-values",
    )


def _other_coding(
    path: Path, target: str, description: MaskDescription, present: NDArray[np.int32], unknown: int
) -> DataError:
    """Return the error for a file of two values, which is a mask of one class in numbers of its own."""
    text = f"{path}: mask value {unknown} is outside the classes of {target!r} ({_list_known(description)})"
    if len(description.classes) != 2 or 0 not in present:
        cure = f"describe it in dataset.yaml with `masks.{target}.values` or with more `classes`"
        return DataError(f"{text}; {cure}", kind="mask-values")
    values = (description.values or {0: 0, 1: 1}) | {unknown: 1}
    return DataError(
        f"{text}; if it is {description.classes[1]!r}, set `masks.{target}.values: {values}` in dataset.yaml",
        kind="mask-coding",
    )


def _soft_ends(present: NDArray[np.int32], counts: NDArray[np.intp]) -> tuple[int, int] | None:
    """Return the lowest and the highest number if each is more frequent than all numbers between them.

    Numbers that identify objects are never distributed like this.
    """
    low, high = int(present[0]), int(present[-1])
    near = (high - low) // 16
    is_low, is_high = present <= low + near, present >= high - near
    steps = ~is_low & ~is_high
    soft = min(counts[is_low].sum(), counts[is_high].sum()) > counts[steps].sum()
    return (low, high) if soft and steps.sum() >= MIN_SOFT_VALUES and high - low >= 64 else None


def _list_some(values: NDArray[np.int32]) -> str:
    return name_some(values.tolist(), 5)


def _list_known(description: MaskDescription) -> str:
    values = description.values or {index: index for index in range(len(description.classes))}
    named = {value: index for value, index in values.items() if index != description.ignore}
    return ", ".join(f"{value} {description.classes[index]}" for value, index in sorted(named.items()))


def decode_colours(
    stored: NDArray[np.uint8], path: Path, target: str, description: MaskDescription
) -> NDArray[np.uint8]:
    """Convert the colours of a mask to class indices.

    Args:
        stored: The stored colours, `(height, width, 3)` uint8: red, green, blue.
        path: The file, named in errors.
        target: The name of the mask.
        description: The description of the mask, of which `classes`, `colours` and `repair` are used.

    Returns:
        Class indices `(height, width)` uint8, with 255 for unlabelled pixels.

    Raises:
        DataError: A colour is not in the description; kind "mask-colours", "mask-stray" or "mask-antialiased".
    """
    names = _names_by_colour(description)
    known = np.array([rgb(colour) for colour in names], np.float32)
    classes = np.array([_index(name, description) for name in names.values()], np.uint8)
    packed = _pack(stored)
    present, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    codes = _pack(known.astype(np.uint8))
    is_known = np.isin(present, codes)
    unknown = (present[~is_known], counts[~is_known])
    if not is_known.all():
        between = lie_between(_unpack(unknown[0]), known)
        soft = _is_soft(packed, *unknown, between)
        few = _is_few(int(unknown[1].sum()), packed.size)
        if description.repair and not (soft or few):  # report only what prevents the repair
            unknown = (unknown[0][~between], unknown[1][~between])
        if not (description.repair and (soft or few)):
            raise _wrong_colours(path, target, names, *unknown, soft, few)
    if description.repair:
        return np.asarray(classes[find_nearest_known(stored, known)])
    index_of = {int(code): index for code, index in zip(codes, classes, strict=True)}
    table = np.array([index_of[int(code)] for code in present], np.uint8)
    return np.asarray(table[inverse.reshape(packed.shape)])


def _names_by_colour(description: MaskDescription) -> dict[str, str]:
    """Return the class name of each colour, in the order of the classes."""
    colours = description.colours or {}
    order = [*description.classes, *[UNLABELLED] * (UNLABELLED not in description.classes)]
    names = {colour: name for name in order for colour in colours.get(name, ())}
    if description.classes[0] not in colours and "#000000" not in names:
        return {"#000000": description.classes[0]} | names
    return names


def _index(name: str, description: MaskDescription) -> int:
    return description.classes.index(name) if name in description.classes else IGNORE


def _pack(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return one number for each colour, so that NumPy can sort them."""
    red, green, blue = np.moveaxis(colours.astype(np.int32), -1, 0)
    return np.asarray(red << 16 | green << 8 | blue)


def _unpack(packed: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], -1)


def _is_soft(
    packed: NDArray[np.int32],
    unknown: NDArray[np.int32],
    counts: NDArray[np.intp],
    between: NDArray[np.bool_],
) -> bool:
    """Return whether the unknown colours are steps between known ones, apart from a few outliers of JPEG.

    JPEG stores colours at half the resolution, which leaves other colours in a few percent of the pixels of a soft
    edge. Unlike the colours of a drawing, these do not fill areas.
    """
    off = counts[~between].sum()
    areas = keep_areas(np.where(np.isin(packed, unknown[~between]), packed, -1))
    return bool(off <= _MAX_OFF_SHARE * counts.sum() and (areas < 0).all())


def _wrong_colours(
    path: Path,
    target: str,
    names: dict[str, str],
    unknown: NDArray[np.int32],
    counts: NDArray[np.intp],
    soft: bool,
    few: bool,
) -> DataError:
    order = np.argsort(-counts, kind="stable")[:5]
    listed = ", ".join(f"#{unknown[i]:06x} ({count_of(counts[i], 'pixel')})" for i in order)
    listed += " ..." if len(unknown) > len(order) else ""
    known = ", ".join(f"{colour} {name}" for colour, name in names.items())
    if few:
        return DataError(
            f"{path}: colour {listed} is not among those of {target!r} ({known}); correct the pixels, or use the "
            f"nearest one with `masks.{target}.repair: nearest`",
            kind="mask-stray",
        )
    if soft and len(unknown) >= MIN_SOFT_VALUES:
        return DataError(
            f"{path}: {_SOFT}: {len(unknown)} colours lie between those of {target!r} ({known}): {listed}; "
            f"{_SAVE_AGAIN}, or use the nearest one with `masks.{target}.repair: nearest`",
            kind="mask-antialiased",
        )
    return DataError(
        f"{path}: colour {listed} is not among those of {target!r} ({known}); describe it under "
        f"`masks.{target}.colours` in dataset.yaml",
        kind="mask-colours",
    )
