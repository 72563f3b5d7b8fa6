"""Small grey versions of images, for comparisons between images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import resize_image, with_channels


def grey_of(image: NDArray[Any]) -> NDArray[Any]:
    """Return the luminance `(height, width)` of an image, as uint8 if the image is uint8, and else as float32."""
    if image.shape[-1] in (1, 3):
        return with_channels(image if image.dtype == np.uint8 else image.astype(np.float32), 1)[..., 0]
    # Luminance is not defined for other numbers of channels.
    return np.asarray(image.mean(axis=-1), np.float32)


def grey_thumbnail(image: NDArray[Any], side: int) -> NDArray[np.float32]:
    """Return the luminance of an image resized to `(side, side)`, in the value range of the image."""
    return resize_image(grey_of(image).astype(np.float32)[..., None], (side, side))[..., 0]


def coarse_thumbnail(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the brightness of an image on a grid `(8, 8)`, uint8, scaled to the full range."""
    scale = 1 if image.dtype == np.uint8 else 255
    return np.rint(np.clip(grey_thumbnail(image, 8) * scale, 0, 255)).astype(np.uint8)
