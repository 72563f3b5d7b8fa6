"""What people and scanners draw into an image: lines of text, coloured marks, strokes at one place in all images.

A network learns from them as from anything else, and a caliper beside each lesion is the answer to the question.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import resize_image
from unet_mtl.data.thumbnails import grey_of

Strokes = NDArray[np.bool_]

_THIN = 7  # px; strokes are thinner
_CONTRAST = 70  # of 255, over the brightest that is as wide as `_THIN` all around
_LETTER_HEIGHT, _LETTER_WIDTH, _LETTER_AREA = (6, 24), (2, 24), 10  # px
_MOST_LETTERS = 400  # more specks than that are texture, in which any line can be found
_MOST_SIZES = 64  # different sizes of images whose strokes are added up
_GRID = 128  # cells along the longer side
_SKIN = 2  # cells at the top, where the skin is a bright line in every ultrasound image
_COLOURED, _GREY = 80, 16  # difference of a pixel's highest and lowest channel


@dataclass(frozen=True, slots=True)
class Marks:
    """What is drawn into one image.

    Attributes:
        letters: Longest row of specks of one height on one line, as letters stand; 4 and more are text.
        coloured: Coloured pixels of an image that is grey but for a few of them; else 0.
    """

    letters: int = 0
    coloured: int = 0


class FixedMarks:
    """Thin bright strokes of all images of one size, added up."""

    def __init__(self) -> None:
        self._images: Counter[tuple[int, int]] = Counter()
        self._strokes: dict[tuple[int, int], NDArray[np.int32]] = {}

    def add(self, size: tuple[int, int], strokes: Strokes | None) -> None:
        """Adds the strokes of an image of (height, width), as `find_marks` gives them."""
        if strokes is None or (size not in self._strokes and len(self._strokes) == _MOST_SIZES):
            return
        self._images[size] += 1
        self._strokes[size] = self._strokes.get(size, np.zeros(strokes.shape, np.int32)) + strokes

    def shared(self, share: float = 0.6, fewest: int = 10) -> list[tuple[tuple[int, int], int, list[int]]]:
        """Sizes of which at least `fewest` images have strokes at one place, in `share` of them.

        Returns:
            The size, its images, and the box [top, left, bottom, right] of the shared strokes in pixels.
        """
        found = []
        for size, n in self._images.items():
            often = self._strokes[size] >= share * n
            often[:_SKIN] = False
            rows, columns = np.nonzero(often)
            if n >= fewest and len(rows) >= 4:
                cells = self._strokes[size].shape
                scale = (size[0] / cells[0], size[1] / cells[1])
                ends = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
                box = [round(float(end) * scale[i % 2]) for i, end in enumerate(ends)]
                found.append((size, n, box))
        return found


def find_marks(image: NDArray[Any]) -> tuple[Marks, Strokes]:
    """Looks for what nature does not draw.

    Args:
        image: `(height, width, channels)`, uint8 or floating point in 0..1.

    Returns:
        The marks, and the places of thin bright strokes on a coarse grid, for `FixedMarks`.
    """
    grey = grey_of(image)
    if grey.dtype != np.uint8:
        grey = np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)
    thin = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, np.ones((_THIN, _THIN), np.uint8)) >= _CONTRAST
    return Marks(_longest_line(thin), _coloured(image)), _on_grid(thin)


def _on_grid(thin: NDArray[np.bool_]) -> Strokes:
    scale = min(1.0, _GRID / max(thin.shape))
    height, width = (max(1, round(side * scale)) for side in thin.shape)
    coarse = resize_image(thin.astype(np.float32)[..., None], (height, width))[..., 0]
    return np.asarray(coarse > 0.1)


def _longest_line(thin: NDArray[np.bool_]) -> int:
    """Most specks that follow each other from left to right, their tops and feet on one line."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats(thin.astype(np.uint8), connectivity=8)
    left, top, width, height, area = boxes[1:].T  # the first is the background
    letter = (height >= _LETTER_HEIGHT[0]) & (height <= _LETTER_HEIGHT[1]) & (area >= _LETTER_AREA)
    letter &= (width >= _LETTER_WIDTH[0]) & (width <= _LETTER_WIDTH[1])
    n = int(letter.sum())
    if not 2 <= n <= _MOST_LETTERS:
        return min(n, 1)
    order = np.argsort(left[letter], kind="stable")
    left, top, width, height = (side[letter][order] for side in (left, top, width, height))
    gap = left[None] - (left + width)[:, None]  # from one, down, to another, across
    follows = (gap >= 0) & (gap <= 1.2 * height[:, None])
    follows &= np.abs(top[None] - top[:, None]) <= 1
    follows &= np.abs((top + height)[None] - (top + height)[:, None]) <= 1
    lines = np.ones(n, np.int64)
    for at in range(1, n):
        before = lines[:at][follows[:at, at]]
        lines[at] = 1 + (before.max() if before.size else 0)
    return int(lines.max())


def _coloured(image: NDArray[Any]) -> int:
    if image.shape[-1] != 3:
        return 0
    scale = 1 if image.dtype == np.uint8 else 255
    red, green, blue = (
        image[..., channel] for channel in range(3)
    )  # ten times as fast as along the last axis
    lowest = np.minimum(np.minimum(red, green), blue)
    spread = (np.maximum(np.maximum(red, green), blue) - lowest) * scale
    grey = float((spread <= _GREY).mean())
    return int((spread >= _COLOURED).sum()) if grey >= 0.95 else 0
