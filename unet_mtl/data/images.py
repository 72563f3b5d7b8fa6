"""Read, write and resize one 2-D image or mask (Pillow and OpenCV). Masks are always nearest neighbour."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

from unet_mtl.errors import DataError
from unet_mtl.files import writing

IGNORE = 255
"""Mask value of a pixel that nobody labelled; dropped before anything is counted or summed."""

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")

# Okabe and Ito's colours: told apart by colour-blind readers too. Index 0 is the background.
PALETTE = (
    (0, 0, 0),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
)


# What Pillow raises at a damaged or hostile file.
_UNREADABLE = (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def _open(path: Path) -> Image.Image:
    try:
        # As a stream, not by its name: Pillow 13 scrambles a rotated TIFF that it maps into memory.
        with path.open("rb") as stream, Image.open(stream) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except _UNREADABLE as error:
        raise DataError(
            f"{path}: not a readable image ({_reason(error)}); export it again from its source"
        ) from error


def _reason(error: Exception) -> str:
    # Pillow's own words name the file again, as a Python object
    return "of no known format" if isinstance(error, UnidentifiedImageError) else str(error)


def read_image(path: Path) -> NDArray[Any]:
    """Reads one image.

    Args:
        path: PNG, JPEG, TIFF, BMP or WebP file, grey, colour or palette. EXIF rotation is applied, an
            alpha channel is dropped.

    Returns:
        `(height, width, 1 or 3)`: uint8 for 8-bit files; float32 in 0..1 for 16-bit ones (the type's range,
        so that no grey level is lost) and for floating-point ones, which must be in 0..1 already.

    Raises:
        DataError: The file is absent, truncated or not an image, or its numbers have no known range.
    """
    image = _open(path)
    if image.mode in ("1", "L", "LA", "La"):
        return np.asarray(image.convert("L"))[..., None]
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        pixels = np.asarray(image).astype(np.float32) / 65535
    elif image.mode == "F":
        pixels = np.asarray(image, dtype=np.float32)
    else:
        return np.asarray(image.convert("RGB"))
    if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        raise DataError(
            f"{path}: image of mode {image.mode} with values {pixels.min():g}..{pixels.max():g} after scaling; "
            "expected 8-bit, 16-bit, or floating point in 0..1"
        )
    return pixels[..., None]


def with_channels(image: NDArray[Any], channels: int) -> NDArray[Any]:
    """Gives an image the channel count of the network: grey is repeated, colour becomes its luminance.

    Args:
        image: `(height, width, 1 or 3)`.
        channels: 1 or 3.

    Returns:
        `(height, width, channels)`, same dtype.
    """
    if image.shape[-1] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[..., None]


def read_mask(path: Path) -> NDArray[np.int32]:
    """Reads one mask of whole numbers.

    Args:
        path: A 1-bit, 8-bit, 16-bit or palette image (a palette gives its indices).

    Returns:
        `(height, width)` int32, the numbers as stored.

    Raises:
        DataError: The file is absent or truncated, or has colours instead of numbers.
    """
    image = _open(path)
    if image.mode in ("RGB", "RGBA", "LA"):
        pixels = np.asarray(image)[..., : 1 if image.mode == "LA" else 3]
        if (pixels == pixels[..., :1]).all():
            return pixels[..., 0].astype(np.int32)
        raise DataError(f"{path}: the mask has colours; expected one number a pixel, the index of its class")
    if image.mode not in ("1", "L", "P", "I;16", "I;16B", "I"):
        raise DataError(
            f"{path}: mask of mode {image.mode}; expected whole numbers, each the index of a class"
        )
    return np.asarray(image).astype(np.int32)


def image_size(path: Path) -> tuple[int, int]:
    """Reads `(height, width)` from the header alone, as it will be after EXIF rotation.

    Raises:
        DataError: The file is absent or not an image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            if isinstance(image, TiffImageFile):  # Pillow has turned the size of a TIFF, and only of a TIFF
                width, height = image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH]
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except _UNREADABLE as error:
        raise DataError(
            f"{path}: not a readable image ({_reason(error)}); export it again from its source"
        ) from error
    return (width, height) if turned else (height, width)


def resize_image(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resizes `(height, width, channels)` to `size`: by area when shrinking, else linearly."""
    if image.shape[:2] == tuple(size):
        return image
    shrinking = size[0] < image.shape[0] and size[1] < image.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size[::-1], interpolation=method)).reshape(*size, image.shape[-1])


def resize_mask(mask: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resizes `(height, width)` to `size` by nearest neighbour at pixel centres, so no new value appears."""
    if mask.shape == tuple(size):
        return mask
    return np.asarray(cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT))


def write_mask(
    path: Path, mask: NDArray[np.uint8], colours: Sequence[tuple[int, int, int]] = PALETTE
) -> None:
    """Writes class indices as a palette PNG: the numbers stay exact, and a viewer shows colours.

    Args:
        path: The file to be.
        mask: `(height, width)` uint8.
        colours: RGB of class 0, 1, ...; later classes repeat them, the background's excepted.

    Raises:
        WriteError: The disk refused.
    """
    image = Image.fromarray(mask)
    foreground = [colours[1 + index % (len(colours) - 1)] for index in range(254)]
    image.putpalette([value for colour in (colours[0], *foreground, (128, 128, 128)) for value in colour])
    with writing(path) as temporary:
        image.save(temporary, optimize=True)
