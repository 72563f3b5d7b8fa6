"""One image as a small grey one, to compare it with others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import resize_image, with_channels


def grey_of(image: NDArray[Any]) -> NDArray[Any]:
    """Luminance `(height, width)` of an image `(height, width, channels)`: uint8 as it is, else float32."""
    if image.shape[-1] in (1, 3):
        return with_channels(image if image.dtype == np.uint8 else image.astype(np.float32), 1)[..., 0]
    # many channels have no luminance
    return np.asarray(image.mean(axis=-1), np.float32)


def grey_thumbnail(image: NDArray[Any], side: int) -> NDArray[np.float32]:
    """The luminance of an image at `(side, side)`, in the image's own scale."""
    return resize_image(grey_of(image).astype(np.float32)[..., None], (side, side))[..., 0]


def coarse_thumbnail(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Where an image is dark and where it is bright: `(8, 8)` uint8, of the type's whole range."""
    scale = 1 if image.dtype == np.uint8 else 255
    return np.rint(np.clip(grey_thumbnail(image, 8) * scale, 0, 255)).astype(np.uint8)
