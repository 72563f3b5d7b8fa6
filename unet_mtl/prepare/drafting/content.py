"""Inspection of the pixels of a sample of files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.readers import reader_of
from unet_mtl.data.readers.picture import Picture
from unet_mtl.errors import DataError

_SAMPLE = 5
_FEW = 12
"""Maximum number of different values in a file that counts as a mask without further evidence."""

_FLAT = 0.93
"""Minimum share of equal neighbouring pixels in a mask; images from a sensor never reach it."""

Any_ = TypeVar("Any_")


def pick_evenly(items: Sequence[Any_], most: int, start: int = 0) -> list[Any_]:
    """Return at most `most` items, evenly spaced over the sequence.

    >>> pick_evenly("abcdefghij", 3)
    ['a', 'd', 'g']
    """
    if len(items) <= most:
        return list(items)
    return [items[(start + i * len(items) // most) % len(items)] for i in range(most)]


def read_picture(path: Path) -> Picture | None:
    """Return the pixels of a file as stored, or None if it is unreadable, which `unet-mtl check` reports."""
    try:
        return reader_of(path).read(path, None)
    except DataError:
        return None


def looks_drawn(paths: Sequence[Path]) -> bool:
    """Return whether all readable files of a sample have pixels like those of a mask."""
    pictures = [
        picture for path in pick_evenly(paths, _SAMPLE) if (picture := read_picture(path)) is not None
    ]
    return bool(pictures) and all(_is_drawn(picture.pixels) for picture in pictures)


def _is_drawn(pixels: NDArray[Any]) -> bool:
    numbers, _ = pack(pixels)
    equal = float((numbers[:, 1:] == numbers[:, :-1]).mean()) if numbers.shape[1] > 1 else 1.0
    if equal < _FLAT / 1.3:  # small masks have fewer equal neighbours
        return False
    n = len(np.unique(numbers))
    return n <= _FEW or (equal > _FLAT and n < numbers.size / 20)


_SAME_AREA = 0.93
"""Minimum overlap of all masks of a sample that outline the field of view rather than a structure."""


def show_same_area(paths: Sequence[Path]) -> bool:
    """Return whether the masks of a sample have nearly the same foreground, as the field of view of a camera has."""
    pictures = [
        picture for path in pick_evenly(paths, _SAMPLE) if (picture := read_picture(path)) is not None
    ]
    masks = [pack(picture.pixels)[0] != 0 for picture in pictures]
    if len(masks) < _SAMPLE or len({mask.shape for mask in masks}) > 1:
        return False
    union = int(np.logical_or.reduce(masks).sum())
    return union > 0 and int(np.logical_and.reduce(masks).sum()) >= _SAME_AREA * union


def pack(pixels: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    """Return a single number per pixel of an image of shape `(height, width, channels)`.

    Returns:
        The numbers of shape `(height, width)`, as stored if all channels are equal and 0xRRGGBB otherwise; and whether
        they are colours.
    """
    first = pixels[..., 0]
    if pixels.shape[-1] < 3 or (pixels[..., 1:] == pixels[..., :1]).all():
        return first, False
    red, green, blue = (pixels[..., i].astype(np.int64) for i in range(3))
    return np.asarray((red << 16) + (green << 8) + blue), True
