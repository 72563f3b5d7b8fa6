"""Pieces of a large image for training, weighted to what is to be found in it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.preprocess.preprocess import Size
from unet_mtl.data.images import IGNORE
from unet_mtl.data.masks import count_pixels, region_of

# A stream of its own: the augmentation of the same sample starts from the same seed.
_STREAM = 1


def choose_corner(
    masks: Mapping[str, NDArray[np.uint8]], canvas: Size, size: Size, foreground: float, seed: int
) -> tuple[int, int]:
    """Chooses where a piece lies.

    Args:
        masks: (height, width) of `canvas`, by task name, 0 background, 255 unlabelled; or (height, width,
            classes) of 0, 1 and 255, where classes overlap.
        canvas: (height, width) of the whole, at least `size`.
        size: (height, width) of the piece.
        foreground: Chance that it lies around a pixel of a class other than the background, where there is one.
        seed: Decides alone.

    Returns:
        Its first row and column.
    """
    rng = np.random.default_rng([seed, _STREAM])
    anywhere = [(0, canvas[axis] - size[axis]) for axis in (0, 1)]
    # Drawn whether there is a foreground or not, so that a mask more or less changes as little as it can.
    if rng.random() >= foreground:
        return _draw(rng, anywhere)
    classes = [
        (mask, index)
        for _, mask in sorted(masks.items())
        for index in count_pixels(mask)
        if index not in (0, IGNORE)
    ]
    if not classes:
        return _draw(rng, anywhere)
    mask, index = classes[rng.integers(len(classes))]
    pixels = np.flatnonzero(region_of(mask, index))
    pixel = np.unravel_index(pixels[rng.integers(len(pixels))], canvas)
    around = [
        (max(low, int(pixel[axis]) - size[axis] + 1), min(high, int(pixel[axis])))
        for axis, (low, high) in enumerate(anywhere)
    ]
    return _draw(rng, around)


def _draw(rng: np.random.Generator, ranges: list[tuple[int, int]]) -> tuple[int, int]:
    row, column = (int(rng.integers(low, high, endpoint=True)) for low, high in ranges)
    return row, column


def crop_sample(
    image: NDArray[Any], masks: Mapping[str, NDArray[np.uint8]], size: Size, foreground: float, seed: int
) -> tuple[NDArray[Any], dict[str, NDArray[np.uint8]]]:
    """Cuts one piece out of an image and its masks.

    Args:
        image: (height, width, channels), at least `size`.
        masks: As of `choose_corner`.
        size: (height, width) of the piece.
        foreground: As of `choose_corner`.
        seed: As of `choose_corner`.
    """
    canvas = (image.shape[0], image.shape[1])
    row, column = choose_corner(masks, canvas, size, foreground, seed)
    window = (slice(row, row + size[0]), slice(column, column + size[1]))
    return image[window], {name: mask[window] for name, mask in masks.items()}
