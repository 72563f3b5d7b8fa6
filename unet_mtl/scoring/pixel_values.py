"""The numbers that stand in the mask files of two folders, and why some files hold none that mean classes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.data.images import IGNORE, read_mask
from unet_mtl.errors import DataError
from unet_mtl.scoring.names import count_files
from unet_mtl.scoring.pairs import Folder, Pairs
from unet_mtl.wording import name_some

_COLOURS = (
    "write the number of each pixel's class (0, 1, ...) into a grey or palette PNG, or a folder of black-and-white "
    "masks for each class and measure one after the other"
)
_FRACTIONS = 'save whole numbers, as mask.astype("uint8") gives; of probabilities, what reaches the threshold: p >= 0.5'
_CURES = dict.fromkeys(("RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV"), _COLOURS) | {"F": _FRACTIONS}

_NEAR, _MOSTLY, _FEWEST = 32, 0.9, 4
"""A black-and-white mask that was smeared has 4 greys or more, and 90 % of its pixels within 32 of black or white."""


@dataclass
class Numbers:
    """Of one folder.

    Attributes:
        path: The folder.
        by_file: What numbers each of its measured files has.
    """

    path: Path
    by_file: dict[Path, frozenset[int]] = field(default_factory=dict)

    @property
    def all(self) -> frozenset[int]:
        """Those of all files."""
        return frozenset().union(*self.by_file.values())

    @property
    def is_black_and_white(self) -> bool:
        """Whether 255 is the only number beside 0."""
        return IGNORE in self.all and self.all <= {0, IGNORE}

    @property
    def foreground(self) -> frozenset[int]:
        """Those of classes, if they are class numbers; the white of black and white is class 1."""
        return frozenset({1} if self.is_black_and_white else {n for n in self.all if n > 0} - {IGNORE})

    @property
    def smeared(self) -> str:
        """Why there are so many numbers, where most pixels are nearly black or nearly white; else empty."""
        if not self.by_file:
            return ""
        path = max(self.by_file, key=lambda file: len(self.by_file[file]))
        greys = self.by_file[path] - {0, IGNORE}
        ends = any(n <= _NEAR for n in greys), any(IGNORE - _NEAR <= n < IGNORE for n in greys)
        if len(greys) < _FEWEST or not all(ends) or min(greys) < 0 or max(greys) > IGNORE:
            return ""
        stored = read_mask(path)
        if np.mean((stored <= _NEAR) | (stored >= IGNORE - _NEAR)) < _MOSTLY:
            return ""
        return (
            f"most pixels of {path.name} are nearly black or nearly white, as JPEG or a smooth resize (anti-aliasing) "
            "leaves a mask of 0 and 255, or as probabilities are: export it again as PNG, resized by nearest neighbour"
        )

    def where(self, numbers: frozenset[int] | set[int]) -> str:
        """In how many and in which files any of these numbers is."""
        files = [file.name for file, found in self.by_file.items() if found & numbers]
        return f"{count_files({'': len(files)}).strip()} ({name_some(files, 3)})"


def collect_numbers(
    pairs: Pairs, cases: Sequence[str], on_case: Callable[[], None]
) -> tuple[Numbers, Numbers, list[str]]:
    """Opens every mask of the cases.

    Returns:
        The numbers of the truths and of the predictions, and problems: files that are unreadable or no masks, and
        pairs that differ in size.
    """
    truth, prediction = Numbers(pairs.truth.path), Numbers(pairs.prediction.path)
    problems: list[str] = []
    for case in cases:
        sides = ((truth, pairs.truth), (prediction, pairs.prediction))
        sizes = [_collect(case, numbers, folder, problems) for numbers, folder in sides]
        true, predicted = sizes
        if true is not None and predicted is not None and true != predicted:
            cure = (
                "turn it back" if true == predicted[::-1] else "export it at the size of the original image"
            )
            problems.append(
                f"{pairs.prediction.files[case]}: {predicted[0]}x{predicted[1]} pixels (rows x columns), but the truth "
                f"{pairs.truth.files[case]} has {true[0]}x{true[1]}; {cure}"
            )
        on_case()
    return truth, prediction, problems


def _collect(case: str, numbers: Numbers, folder: Folder, problems: list[str]) -> tuple[int, int] | None:
    path = folder.files.get(case)
    if path is None:
        return None
    try:
        stored = read_numbers(path)
    except DataError as error:
        problems += error.problems
        return None
    numbers.by_file[path] = _numbers_in(stored)
    return stored.shape[0], stored.shape[1]


def read_numbers(path: Path) -> NDArray[np.int32]:
    """Reads one mask, the numbers as stored.

    Raises:
        DataError: Unreadable, or no mask of whole numbers; says what would be one.
    """
    try:
        return read_mask(path)
    except DataError as error:
        cure = _CURES.get(_mode(path))
        raise DataError(f"{error}; {cure}" if cure else error.problems) from error


def _mode(path: Path) -> str:
    try:
        with Image.open(path) as image:
            return image.mode
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return ""


def _numbers_in(stored: NDArray[np.int32]) -> frozenset[int]:
    if stored.size == 0:
        return frozenset()
    if stored.min() >= 0 and stored.max() < 2**16:  # counting beats sorting
        return frozenset(np.flatnonzero(np.bincount(stored.ravel())).tolist())
    return frozenset(np.unique(stored).tolist())


def list_numbers(numbers: Iterable[int]) -> str:
    """The first of them, in order.

    >>> list_numbers({3, 1})
    '1, 3'
    """
    return name_some([str(number) for number in sorted(numbers)], 5)
