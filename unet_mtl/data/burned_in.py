"""Find annotations burned into images: lines of text, coloured marks, and strokes at one place in all images.

A network learns from them like from any other feature, and a caliper beside each lesion reveals the label.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from unet_mtl.data.images import resize_image
from unet_mtl.data.thumbnails import grey_of

Strokes = NDArray[np.bool_]

_THIN = 7  # px; the width that strokes stay below
_CONTRAST = 70  # of 255, above the brightest structure that is at least `_THIN` wide
_LETTER_HEIGHT, _LETTER_WIDTH, _LETTER_AREA = (6, 24), (2, 24), 10  # px
_MAX_LETTERS = 400  # more specks than this are texture, in which lines appear by chance
_MAX_SIZES = 64  # the largest number of image sizes to count strokes for
_GRID = 128  # cells along the longer side
_SKIN = 2  # cells at the top, where the skin is a bright line in every ultrasound image
_LARGEST_PART = 0.2  # of the places; marks that cover more of the image are texture
_CHANCE = 0.01  # probability that texture alone has a stroke at one place in as many images
_COLOURED, _GREY = 80, 16  # difference of a pixel's highest and lowest channel


@dataclass(frozen=True, slots=True)
class BurnedIn:
    """The annotations burned into one image.

    Attributes:
        letters: The length of the longest row of specks of equal height on one line; 4 and more are text.
        coloured: The number of coloured pixels if almost all pixels of the image are grey, else 0.
    """

    letters: int = 0
    coloured: int = 0


class SharedStrokes:
    """Counts of thin bright strokes at each place, over all images of one size."""

    def __init__(self) -> None:
        self._images: Counter[tuple[int, int]] = Counter()
        self._strokes: dict[tuple[int, int], NDArray[np.int32]] = {}

    def add(self, size: tuple[int, int], strokes: Strokes | None) -> None:
        """Add the strokes of an image of size (height, width), as `find_burned_in` returns them."""
        if strokes is None or (size not in self._strokes and len(self._strokes) == _MAX_SIZES):
            return
        self._images[size] += 1
        self._strokes[size] = self._strokes.get(size, np.zeros(strokes.shape, np.int32)) + strokes

    def find_shared(
        self, share: float = 0.6, min_images: int = 10
    ) -> list[tuple[tuple[int, int], int, list[int]]]:
        """Find the sizes of images that have strokes at a common place.

        In images full of texture, such as noise, strokes coincide by chance; places at which no more images have a
        stroke than chance explains do not count.

        Args:
            share: The share of images of one size that have a stroke at the same place.
            min_images: The smallest number of images of one size.

        Returns:
            For each such size: the size (height, width), the number of images, and the box
            [top, left, bottom, right] of the shared strokes in pixels.
        """
        shared = []
        for size, n in self._images.items():
            often = self._strokes[size] >= max(share * n, _fewest_by_chance(self._strokes[size], n))
            often[:_SKIN] = False
            rows, columns = np.nonzero(often)
            if n >= min_images and 4 <= len(rows) <= _LARGEST_PART * often.size:
                cells = self._strokes[size].shape
                scale = (size[0] / cells[0], size[1] / cells[1])
                ends = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
                box = [round(float(end) * scale[i % 2]) for i, end in enumerate(ends)]
                shared.append((size, n, box))
        return shared


def _fewest_by_chance(strokes: NDArray[np.int32], n: int) -> int:
    """Return the smallest number of images that chance does not give a stroke at the same place, of `n` images."""
    rate = float(strokes.mean()) / n
    counts = np.arange(n + 1)
    # The probability that any place has more strokes than each count, if the strokes of an image lie anywhere.
    chance = strokes.size * bdtrc(counts, n, rate)
    return int(np.argmax(chance < _CHANCE)) + 1


def find_burned_in(image: NDArray[Any]) -> tuple[BurnedIn, Strokes]:
    """Find burned-in annotations in an image.

    Args:
        image: An array `(height, width, channels)`, uint8 or floating point in 0..1.

    Returns:
        The annotations, and the places of thin bright strokes on a coarse grid, for `SharedStrokes.add`.
    """
    grey = grey_of(image)
    if grey.dtype != np.uint8:
        grey = np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)
    thin = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, np.ones((_THIN, _THIN), np.uint8)) >= _CONTRAST
    return BurnedIn(_longest_line(thin), _count_coloured(image)), _to_grid(thin)


def _to_grid(thin: NDArray[np.bool_]) -> Strokes:
    scale = min(1.0, _GRID / max(thin.shape))
    height, width = (max(1, round(side * scale)) for side in thin.shape)
    coarse = resize_image(thin.astype(np.float32)[..., None], (height, width))[..., 0]
    return np.asarray(coarse > 0.1)


def _longest_line(thin: NDArray[np.bool_]) -> int:
    """Return the largest number of specks in sequence from left to right with tops and bottoms on one line."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats(thin.astype(np.uint8), connectivity=8)
    left, top, width, height, area = boxes[1:].T  # the first is the background
    letter = (height >= _LETTER_HEIGHT[0]) & (height <= _LETTER_HEIGHT[1]) & (area >= _LETTER_AREA)
    letter &= (width >= _LETTER_WIDTH[0]) & (width <= _LETTER_WIDTH[1])
    n = int(letter.sum())
    if not 2 <= n <= _MAX_LETTERS:
        return min(n, 1)
    order = np.argsort(left[letter], kind="stable")
    left, top, width, height = (side[letter][order] for side in (left, top, width, height))
    gap = left[None] - (left + width)[:, None]  # from each speck (row) to each other one (column)
    follows = (gap >= 0) & (gap <= 1.2 * height[:, None])
    follows &= np.abs(top[None] - top[:, None]) <= 1
    follows &= np.abs((top + height)[None] - (top + height)[:, None]) <= 1
    lines = np.ones(n, np.int64)
    for index in range(1, n):
        before = lines[:index][follows[:index, index]]
        lines[index] = 1 + (before.max() if before.size else 0)
    return int(lines.max())


def _count_coloured(image: NDArray[Any]) -> int:
    if image.shape[-1] != 3:
        return 0
    scale = 1 if image.dtype == np.uint8 else 255
    # Ten times as fast as np.min and np.max along the last axis.
    red, green, blue = (image[..., channel] for channel in range(3))
    lowest = np.minimum(np.minimum(red, green), blue)
    spread = (np.maximum(np.maximum(red, green), blue) - lowest) * scale
    grey = float((spread <= _GREY).mean())
    return int((spread >= _COLOURED).sum()) if grey >= 0.95 else 0
