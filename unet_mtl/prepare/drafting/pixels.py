"""Counts of the values and colours in a sample of masks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.prepare.drafting.content import pack, pick_evenly, read_picture
from unet_mtl.wording import count_of

_SAMPLE = 40
_MOST = 400
"""Maximum number of masks that are read if the first ones differ in their values."""

_MOST_HEADERS = 10_000
"""Maximum number of masks with a header that is read."""

_OF_EACH_TYPE = 5
"""Minimum number of masks of each type in the sample, if there are so many."""

_ROUNDED = 1e-3

COLOUR = 1 << 24
"""Offset of colours, which tells blue from the grey value 255."""


@dataclass
class Census:
    """The values in a sample of masks of one kind.

    Attributes:
        pixels: Number of pixels by value; a colour is COLOUR + 0xRRGGBB.
        files: Number of files by value.
        inner: Number of pixels with four neighbours of the same value, by value; thin lines have none.
        coloured: Number of files with colours.
        lossy: Number of JPEG files.
        numbered: Number of files with more than two values that are 0, 1, 2, ... without a gap.
        ones: Number of files with no other values than 0 and 1.
        whites: Number of files with no other values than 0 and 255.
        highest: Number of files by their highest value.
        read: Number of files that were read.
        broken: Files that are unreadable or hold fractions.
        total: Number of files that exist.
    """

    pixels: Counter[int] = field(default_factory=Counter)
    files: Counter[int] = field(default_factory=Counter)
    inner: Counter[int] = field(default_factory=Counter)
    coloured: int = 0
    lossy: int = 0
    numbered: int = 0
    ones: int = 0
    whites: int = 0
    highest: Counter[int] = field(default_factory=Counter)
    read: int = 0
    broken: list[Path] = field(default_factory=list)
    total: int = 0

    def share(self, value: int) -> float:
        """Return the share of pixels with this value."""
        return self.pixels[value] / max(self.pixels.total(), 1)

    def is_thin(self, value: int) -> bool:
        """Return whether the value occurs in lines only, which are nowhere three pixels wide."""
        return self.inner[value] < 0.05 * self.pixels[value]

    def as_colours(self) -> "Census":
        """Return the same counts with all values, grey ones too, as colours 0xRRGGBB."""
        same = {value: value & 0xFFFFFF if value >= COLOUR else value * 0x010101 for value in self.files}
        pixels: Counter[int] = Counter()
        files: Counter[int] = Counter()
        inner: Counter[int] = Counter()
        for value, colour in same.items():
            pixels[colour] += self.pixels[value]
            files[colour] += self.files[value]
            inner[colour] += self.inner[value]
        return replace(self, pixels=pixels, files=files, inner=inner)

    @property
    def sample(self) -> str:
        """Return the number of files in the sample as text."""
        files = count_of(self.total, "file")
        return f"{'all ' * (self.total > 1)}{files}" if self.read == self.total else f"{self.read} of {files}"


def count_values(paths: Sequence[Path]) -> Census:
    """Count the values in a sample of the masks, and in further ones as long as these have new values."""
    census = Census(total=len(paths))
    ordered = _pick_each_type(paths)
    chosen = set(ordered)
    ordered += pick_evenly([path for path in paths if path not in chosen], _SAMPLE - len(ordered))
    chosen = set(ordered)
    ordered += pick_evenly([path for path in paths if path not in chosen], _MOST - len(ordered))
    known: set[int] = set()
    for start in range(0, len(ordered), _SAMPLE):
        for path in ordered[start : start + _SAMPLE]:
            _count_file(path, census)
        if set(census.files) == known or (start == 0 and _agree(census)):
            break
        known = set(census.files)
    return census


def _pick_each_type(paths: Sequence[Path]) -> list[Path]:
    """Return a few files of each type if there are several, such as two masks of 8 bits among masks of 1 bit."""
    by_type: dict[tuple[str, bytes], list[Path]] = {}
    for path in pick_evenly(paths, _MOST_HEADERS):
        by_type.setdefault((path.suffix.lower(), _pixel_type(path)), []).append(path)
    if len(by_type) == 1:
        return []
    return [path for several in by_type.values() for path in pick_evenly(several, _OF_EACH_TYPE)][:_SAMPLE]


def _pixel_type(path: Path) -> bytes:
    """Return the bit depth and the colour type of a PNG file, and nothing for other files."""
    try:
        with path.open("rb") as stream:
            head = stream.read(26)
    except OSError:
        return b""
    return head[24:26] if head.startswith(b"\x89PNG") else b""


def _agree(census: Census) -> bool:
    """Return whether each value occurs in more than one file."""
    return all(n > 1 for n in census.files.values())


def _count_file(path: Path, census: Census) -> None:
    picture = read_picture(path)
    if picture is None:
        census.broken.append(path)
        return
    stored, coloured = pack(picture.pixels)
    numbers = _whole(stored)
    if numbers is None:
        census.broken.append(path)
        return
    census.read += 1
    census.coloured += coloured
    census.lossy += path.suffix.lower() in (".jpg", ".jpeg")
    numbers = numbers + COLOUR * coloured
    values, counts = np.unique(numbers, return_counts=True)
    census.inner.update(dict(zip(*(part.tolist() for part in _inner(numbers)), strict=True)))
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        census.pixels[value] += count
        census.files[value] += 1
    census.highest[int(values[-1])] += 1
    census.ones += values.tolist() in ([0, 1], [1])
    census.whites += values.tolist() in ([0, 255], [255])
    in_order = values.tolist() in (list(range(len(values))), list(range(1, len(values) + 1)))
    census.numbered += in_order and len(values) > 2


def _inner(numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the values of the pixels that equal their four neighbours, and the number of these pixels."""
    middle = numbers[1:-1, 1:-1]
    neighbours = (numbers[:-2, 1:-1], numbers[2:, 1:-1], numbers[1:-1, :-2], numbers[1:-1, 2:])
    same = np.logical_and.reduce([middle == other for other in neighbours])
    return np.unique(middle[same], return_counts=True)


def _whole(numbers: NDArray[Any]) -> NDArray[Any] | None:
    if numbers.dtype.kind == "f":
        rounded = np.rint(numbers)
        if not np.isfinite(numbers).all() or np.abs(numbers - rounded).max() > _ROUNDED:
            return None
        numbers = rounded
    return numbers.astype(np.int64)
