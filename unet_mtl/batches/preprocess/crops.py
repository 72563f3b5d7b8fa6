"""Random crops of a large image for training, placed more often where there is something to segment."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import IGNORE
from unet_mtl.data.masks import count_pixels, region_of

Size = tuple[int, int]
"""(height, width) in pixels."""

# A random stream of its own: the augmentation of the same sample starts from the same seed.
_STREAM = 1


def choose_corner(
    masks: Mapping[str, NDArray[np.uint8]], canvas: Size, size: Size, foreground: float, seed: int
) -> tuple[int, int]:
    """Choose the position of a crop.

    Args:
        masks: Masks by task name: (height, width) of `canvas`, with 0 for background and 255 for unlabelled pixels;
            or (height, width, classes) of 0, 1 and 255 if classes overlap. May be empty.
        canvas: (height, width) of the whole image, at least `size`.
        size: (height, width) of the crop.
        foreground: Probability, in 0..1, that the crop contains a pixel drawn from a class other than the background,
            if there is any.
        seed: Seed that alone determines the position.

    Returns:
        First row and first column of the crop.
    """
    rng = np.random.default_rng([seed, _STREAM])
    anywhere = [(0, canvas[axis] - size[axis]) for axis in (0, 1)]
    # Drawn even if there is no foreground, so that adding or removing a mask changes as little as possible.
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
    """Cut one crop out of an image and its masks.

    Args:
        image: Image (height, width, channels), at least `size`.
        masks: Masks of the image's size by task name, in the form that `choose_corner` takes.
        size: (height, width) of the crop.
        foreground: Probability of a crop with foreground; see `choose_corner`.
        seed: Seed that alone determines the position.

    Returns:
        The crop of the image, (*size, channels), and those of the masks, as views.
    """
    canvas = (image.shape[0], image.shape[1])
    row, column = choose_corner(masks, canvas, size, foreground, seed)
    window = (slice(row, row + size[0]), slice(column, column + size[1]))
    return image[window], {name: mask[window] for name, mask in masks.items()}
