"""Outlines and run lengths -> pixels.

The pixel-centre rule: the pixel of row r and column c covers x from c to c + 1 and y from r to r + 1, and belongs
to an outline if its centre (c + 0.5, r + 0.5) lies inside it or on its edge. So the square (0, 0) to (4, 4) is 4 by 4
pixels.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon

from unet_mtl.errors import DataError
from unet_mtl.prepare.exchange.sources import numbers

Nested = Literal["hole", "part"]
Size = tuple[int, int]
Pixels = NDArray[np.bool_]


def as_ring(values: Any) -> NDArray[np.float64]:
    """Makes `(points, 2)` of x, y, x, y, ...

    Raises:
        DataError: Not numbers, an odd count, or fewer than three points.
    """
    flat = numbers(values, "outline")
    if len(flat) % 2 or len(flat) < 6:
        raise DataError(f"an outline of {len(flat)} numbers; expected x, y of three points or more")
    return flat.reshape(-1, 2)


def draw_ring(ring: NDArray[np.float64], size: Size) -> Pixels:
    """Fills one outline by the pixel-centre rule; what lies outside the image is cut off."""
    drawn = np.zeros(size, np.bool_)
    # Far away is as good as outside, and stays within whole numbers.
    x, y = np.clip(ring, -1e6, 1e6).T
    drawn[polygon(y - 0.5, x - 0.5, size)] = True
    return drawn


def draw_outlines(
    rings: Sequence[NDArray[np.float64]], size: Size, *, nested: Nested = "hole"
) -> tuple[Pixels, int]:
    """Draws one object that has several outlines.

    Args:
        rings: In any order.
        size: `(height, width)`.
        nested: What an outline inside another one is: a hole (and one inside a hole an island), or a part, which
            changes nothing there (pycocotools).

    Returns:
        The pixels, and how many outlines lie inside others.
    """
    drawn = np.zeros(size, np.bool_)
    layers = sorted((draw_ring(ring, size) for ring in rings), key=lambda layer: -int(layer.sum()))
    seen: set[bytes] = set()
    n_nested = 0
    for layer in layers:
        # The same outline given twice is one part, and no hole that takes it away.
        if layer.tobytes() in seen or not layer.any():
            continue
        seen.add(layer.tobytes())
        inside = bool(drawn[layer].all())
        n_nested += inside
        drawn[layer] = not (inside and nested == "hole")
    return drawn, n_nested


def decode_coco_rle(content: Any, size: Size) -> Pixels:
    """Decodes `{"size": [height, width], "counts": ...}`: runs of 0 and 1 in turn, column after column.

    Raises:
        DataError: Another size than the image's, or runs that do not fill it.
    """
    stated, counts = content.get("size"), content.get("counts")
    if stated != list(size):
        raise DataError(f"run lengths for size {stated}, the image is {list(size)} (height, width)")
    runs = unpack_counts(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise DataError("run lengths: expected whole numbers of 0 and above")
    if sum(runs) != size[0] * size[1]:
        raise DataError(f"run lengths: they sum to {sum(runs)}, the image has {size[0] * size[1]} pixels")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(size[::-1]).T


def unpack_counts(packed: str) -> list[int]:
    """Unpacks COCO's compressed counts.

    Each number is written in groups of 5 bits, lowest first, one character a group (48 + bits, + 32 where another
    group follows); bit 16 of the last group is the sign. From the fourth on, a number is the difference to the one
    two before it.

    Raises:
        DataError: A character that cannot occur, or a number that does not end.

    >>> unpack_counts("061M")  # an example of another implementation
    [0, 6, 1, 3]
    """
    runs: list[int] = []
    number = shift = 0
    for character in packed:
        group = ord(character) - 48
        if not 0 <= group < 64 or shift > 35:
            raise DataError(f"compressed run lengths: unexpected {character!r}")
        number |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            number -= 1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = shift = 0
    if shift:
        raise DataError("compressed run lengths: cut off in the middle of a number")
    return runs


def decode_brush(values: Any, size: Size) -> Pixels:
    """Decodes the run lengths of Label Studio's brush: a bit stream of all RGBA values, row after row.

    A head of 32 bits says how many values, 5 bits their width, 4 times 4 bits the widths of run lengths. Then
    come runs: one bit (1: one value repeated, 0: each value of its own), 2 bits that pick a width, the length. A
    pixel is drawn where its alpha is above 0.

    Raises:
        DataError: Not bytes, another size than the image's, or cut off.
    """
    received = numbers(values, "brush")
    if ((received < 0) | (received > 255) | (received % 1 != 0)).any():
        raise DataError("brush: expected whole numbers 0 to 255")
    stream = _Bits(received.astype(np.uint8))
    n_values = stream.take(32)
    if n_values != size[0] * size[1] * 4:
        raise DataError(
            f"brush of {n_values} values; {size[1]}x{size[0]} RGBA pixels are {size[0] * size[1] * 4}"
        )
    width = stream.take(5) + 1
    lengths = [stream.take(4) + 1 for _ in range(4)]
    decoded = np.zeros(n_values, np.bool_)
    at = 0
    while at < n_values:
        repeated = stream.take(1)
        end = min(at + stream.take(lengths[stream.take(2)]) + 1, n_values)
        decoded[at:end] = stream.take(width) > 0 if repeated else stream.take_many(end - at, width)
        at = end
    return decoded.reshape(*size, 4)[..., 3]


class _Bits:
    """Reads numbers of any width from bytes, the highest bit first."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self.bits = np.unpackbits(data)
        self.at = 0

    def _next(self, n_bits: int) -> NDArray[np.uint8]:
        taken = self.bits[self.at : self.at + n_bits]
        if len(taken) < n_bits:
            raise DataError("brush: cut off before the last pixel")
        self.at += n_bits
        return taken

    def take(self, width: int) -> int:
        return int.from_bytes(np.packbits(np.pad(self._next(width), (-width % 8, 0))).tobytes(), "big")

    def take_many(self, n: int, width: int) -> Pixels:
        """Which of `n` numbers are above 0."""
        return np.asarray(self._next(n * width).reshape(n, width).any(axis=1))
