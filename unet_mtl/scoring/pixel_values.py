"""The pixel values in the mask files of two folders, and the reasons why some files cannot be masks of classes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.data.images import IGNORE, read_header, read_mask
from unet_mtl.errors import DataError
from unet_mtl.scoring.pairs import Folder, Pairs
from unet_mtl.wording import count_of, name_some

_COLOURS = (
    "write the class index of each pixel (0, 1, ...) into a grey or palette PNG, or write a folder of black-and-white "
    "masks for each class and score them one after the other"
)
_FRACTIONS = (
    'save whole numbers, as mask.astype("uint8") gives; threshold probabilities first, for example p >= 0.5'
)
_CURES = dict.fromkeys(("RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV"), _COLOURS) | {"F": _FRACTIONS}

_NEAR, _MOSTLY, _FEWEST = 32, 0.9, 4
"""A smoothed black-and-white mask has at least 4 greys, and 90 % of its pixels within 32 of black or white."""


@dataclass
class PixelValues:
    """The pixel values in the files of one folder.

    Attributes:
        path: The folder.
        by_file: The set of values in each file that is measured.
    """

    path: Path
    by_file: dict[Path, frozenset[int]] = field(default_factory=dict)

    @property
    def all(self) -> frozenset[int]:
        """The values in all files."""
        return frozenset().union(*self.by_file.values())

    @property
    def is_black_and_white(self) -> bool:
        """Whether 255 is the only value besides 0."""
        return IGNORE in self.all and self.all <= {0, IGNORE}

    @property
    def foreground(self) -> frozenset[int]:
        """The classes of the foreground if values are class indices; in a black-and-white folder, white is class 1."""
        return frozenset({1} if self.is_black_and_white else {n for n in self.all if n > 0} - {IGNORE})

    @property
    def smoothing(self) -> str:
        """The reason for many different values if most pixels are nearly black or nearly white; otherwise empty."""
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
            f"most pixels of {path.name} are nearly black or nearly white, which JPEG compression or a smooth resize "
            "(anti-aliasing) makes of a mask of 0 and 255, or which probabilities look like: export it again as PNG, "
            "resized by nearest neighbour"
        )

    def files_with(self, values: frozenset[int] | set[int]) -> str:
        """Return the number and some names of the files that contain any of these values."""
        files = [file.name for file, in_file in self.by_file.items() if in_file & values]
        return f"{count_of(len(files), 'file')} ({name_some(files, 3)})"


def collect_values(
    pairs: Pairs, cases: Sequence[str], on_case: Callable[[], None]
) -> tuple[PixelValues, PixelValues, list[str]]:
    """Open every mask of the cases.

    Args:
        pairs: The two folders.
        cases: The names of the cases that are measured.
        on_case: A function to call after each case.

    Returns:
        The values in the true masks, the values in the predicted masks, and the problems: files that are unreadable
        or are not masks, and pairs of different sizes.
    """
    truth, prediction = PixelValues(pairs.truth.path), PixelValues(pairs.prediction.path)
    problems: list[str] = []
    for case in cases:
        sides = ((truth, pairs.truth), (prediction, pairs.prediction))
        true_size, predicted_size = [_collect(case, values, folder, problems) for values, folder in sides]
        if true_size is not None and predicted_size is not None and true_size != predicted_size:
            cure = (
                "rotate it back"
                if true_size == predicted_size[::-1]
                else "export it at the size of the original image"
            )
            problems.append(
                f"{pairs.prediction.files[case]}: {predicted_size[0]}x{predicted_size[1]} pixels (rows x columns), but "
                f"the true mask {pairs.truth.files[case]} has {true_size[0]}x{true_size[1]}; {cure}"
            )
        on_case()
    return truth, prediction, problems


def _collect(case: str, values: PixelValues, folder: Folder, problems: list[str]) -> tuple[int, int] | None:
    path = folder.files.get(case)
    if path is None:
        return None
    try:
        frames = read_header(path).frames
        if frames > 1:
            raise DataError(
                f"{path}: the file holds {count_of(frames, 'picture')}; write a file for each mask"
            )
        stored = read_values(path)
    except DataError as error:
        problems += error.problems
        return None
    values.by_file[path] = _distinct(stored)
    return stored.shape[0], stored.shape[1]


def read_values(path: Path) -> NDArray[np.int32]:
    """Read the pixel values of one mask as they are stored.

    Args:
        path: An image file.

    Returns:
        An array of shape `(rows, columns)`.

    Raises:
        DataError: The file is unreadable, or is not a mask of whole numbers; the message says how to make one.
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


def _distinct(stored: NDArray[np.int32]) -> frozenset[int]:
    if stored.size == 0:
        return frozenset()
    if stored.min() >= 0 and stored.max() < 2**16:  # counting is faster than sorting
        return frozenset(np.flatnonzero(np.bincount(stored.ravel())).tolist())
    return frozenset(np.unique(stored).tolist())


def list_values(values: Iterable[int]) -> str:
    """List the smallest values in order.

    >>> list_values({3, 1})
    '1, 3'
    """
    return name_some([str(value) for value in sorted(values)], 5)
