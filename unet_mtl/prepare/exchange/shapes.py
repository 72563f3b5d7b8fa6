"""Conversion of outlines and run lengths to pixels.

The pixel-centre rule: the pixel of row r and column c covers x from c to c + 1 and y from r to r + 1, and belongs
to an outline if its centre (c + 0.5, r + 0.5) lies inside it or on its edge. The square from (0, 0) to (4, 4), for
example, has 4 by 4 pixels.
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
    """Convert a list x, y, x, y, ... to an array of shape `(points, 2)`.

    Raises:
        DataError: The list does not hold numbers, has an odd length, or has fewer than three points.
    """
    flat = numbers(values, "outline")
    if len(flat) % 2 or len(flat) < 6:
        raise DataError(f"outline: has {len(flat)} numbers; expected x, y of three or more points")
    return flat.reshape(-1, 2)


def draw_ring(ring: NDArray[np.float64], size: Size) -> Pixels:
    """Fill one outline by the pixel-centre rule; parts outside the image are cut off."""
    drawn = np.zeros(size, np.bool_)
    # Distant points are clipped, so that coordinates stay within the range of integers.
    x, y = np.clip(ring, -1e6, 1e6).T
    drawn[polygon(y - 0.5, x - 0.5, size)] = True
    return drawn


def draw_ellipse(
    centre: Sequence[float] | NDArray[np.float64],
    radii: tuple[float, float],
    size: Size,
    *,
    angle: float = 0.0,
) -> Pixels:
    """Fill an ellipse by the pixel-centre rule.

    Args:
        centre: The centre, x and y.
        radii: The radii along x and y, before the rotation.
        size: `(height, width)`.
        angle: The rotation in radians, clockwise on the screen.

    Raises:
        DataError: A radius is not above 0.
    """
    if min(radii) <= 0:
        raise DataError(f"radii {radii[0]:g} and {radii[1]:g}; expected numbers above 0")
    rows, columns = np.ogrid[: size[0], : size[1]]
    x, y = columns + 0.5 - centre[0], rows + 0.5 - centre[1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray((along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= 1)


def draw_outlines(
    rings: Sequence[NDArray[np.float64]], size: Size, *, nested: Nested = "hole"
) -> tuple[Pixels, int]:
    """Draw one object that has several outlines.

    Args:
        rings: The outlines in any order.
        size: `(height, width)`.
        nested: The meaning of an outline inside another one: "hole" (and an island inside a hole), or "part", which
            leaves the region filled as in pycocotools.

    Returns:
        The pixels of shape `size`, and the number of outlines that lie inside others.
    """
    drawn = np.zeros(size, np.bool_)
    layers = sorted((draw_ring(ring, size) for ring in rings), key=lambda layer: -int(layer.sum()))
    seen: set[bytes] = set()
    n_nested = 0
    for layer in layers:
        # An outline that is listed twice is drawn once: the second one is not a hole in the first.
        if layer.tobytes() in seen or not layer.any():
            continue
        seen.add(layer.tobytes())
        inside = bool(drawn[layer].all())
        n_nested += inside
        drawn[layer] = not (inside and nested == "hole")
    return drawn, n_nested


def decode_coco_rle(content: Any, size: Size) -> Pixels:
    """Decode `{"size": [height, width], "counts": ...}`: alternating runs of 0 and 1, column by column.

    Raises:
        DataError: The size is not that of the image, or the runs do not fill it.
    """
    stated, counts = content.get("size"), content.get("counts")
    if stated != list(size):
        raise DataError(f"run lengths: the size is {stated}, but the image has {list(size)} (height, width)")
    runs = unpack_counts(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise DataError("run lengths: expected whole numbers, 0 or above")
    if sum(runs) != size[0] * size[1]:
        raise DataError(
            f"run lengths: their sum is {sum(runs)}, but the image has {size[0] * size[1]} pixels"
        )
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(size[::-1]).T


def unpack_counts(packed: str) -> list[int]:
    """Unpack the compressed counts of COCO.

    Each number is written in groups of 5 bits, the lowest first. A group is one character: 48 plus the bits, plus 32 if
    another group follows. Bit 16 of the last group is the sign. From the fourth number on, the difference to the number
    two places before is stored.

    Raises:
        DataError: A character is not valid, or the last number is incomplete.

    >>> unpack_counts("061M")  # the example comes from another implementation
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
        raise DataError("compressed run lengths: the last number is incomplete")
    return runs


def decode_brush(values: Any, size: Size) -> Pixels:
    """Decode the run lengths of Label Studio's brush, a bit stream of all RGBA values, row by row.

    The header has 32 bits for the number of values, 5 bits for their width, and 4 times 4 bits for the widths of run
    lengths. Runs follow: one bit (1 for one repeated value, 0 for separate values), 2 bits that select a width, the
    length, and the values. A pixel is drawn if its alpha is above 0.

    Raises:
        DataError: The values are not bytes, the size is not that of the image, or the stream is incomplete.
    """
    received = numbers(values, "brush")
    if ((received < 0) | (received > 255) | (received % 1 != 0)).any():
        raise DataError("brush: expected whole numbers from 0 to 255")
    stream = _Bits(received.astype(np.uint8))
    n_values = stream.take(32)
    if n_values != size[0] * size[1] * 4:
        raise DataError(
            f"brush: has {n_values} values; {size[1]}x{size[0]} RGBA pixels have {size[0] * size[1] * 4}"
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
            raise DataError("brush: ends before the last pixel")
        self.at += n_bits
        return taken

    def take(self, width: int) -> int:
        return int.from_bytes(np.packbits(np.pad(self._next(width), (-width % 8, 0))).tobytes(), "big")

    def take_many(self, n: int, width: int) -> Pixels:
        """Return for each of `n` numbers whether it is above 0."""
        return np.asarray(self._next(n * width).reshape(n, width).any(axis=1))
