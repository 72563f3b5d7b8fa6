"""A look at the pixels of a few files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.readers import reader_of
from unet_mtl.data.readers.picture import Picture
from unet_mtl.errors import DataError

_LOOKS = 5
_FEW = 12
"""Values that a mask may have, in files that are not obviously drawn."""

_FLAT = 0.93
"""Share of neighbouring pixels that are equal in what was drawn, and never is in what a sensor saw."""

Any_ = TypeVar("Any_")


def spread(items: Sequence[Any_], most: int, start: int = 0) -> list[Any_]:
    """At most so many of a sequence, evenly spread over it.

    >>> spread("abcdefghij", 3)
    ['a', 'd', 'g']
    """
    if len(items) <= most:
        return list(items)
    return [items[(start + i * len(items) // most) % len(items)] for i in range(most)]


def read_picture(path: Path) -> Picture | None:
    """Reads a file as it is stored; None where it cannot be read, which `unet-mtl check` will tell."""
    try:
        return reader_of(path).read(path, None)
    except DataError:
        return None


def looks_drawn(paths: Sequence[Path]) -> bool:
    """Whether pixels look like those of masks, in every file of a sample that can be read."""
    pictures = [picture for path in spread(paths, _LOOKS) if (picture := read_picture(path)) is not None]
    return bool(pictures) and all(_is_drawn(picture.pixels) for picture in pictures)


def _is_drawn(pixels: NDArray[Any]) -> bool:
    numbers, _ = pack(pixels)
    equal = float((numbers[:, 1:] == numbers[:, :-1]).mean()) if numbers.shape[1] > 1 else 1.0
    if equal < _FLAT / 1.3:  # also of drawings in a thumbnail
        return False
    n = len(np.unique(numbers))
    return n <= _FEW or (equal > _FLAT and n < numbers.size / 20)


def pack(pixels: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    """One number a pixel of (height, width, channels), and whether they are colours.

    Returns:
        As stored where all channels are equal; else 0xRRGGBB.
    """
    first = pixels[..., 0]
    if pixels.shape[-1] < 3 or (pixels[..., 1:] == pixels[..., :1]).all():
        return first, False
    red, green, blue = (pixels[..., i].astype(np.int64) for i in range(3))
    return np.asarray((red << 16) + (green << 8) + blue), True
