"""Read, write and resize one 2-D image or mask (`readers`, OpenCV). Masks are always nearest neighbour."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.data.readers import READERS, format_of, reader_of
from unet_mtl.data.readers.intensity import Intensity, to_image
from unet_mtl.data.readers.picture import Header, Picture
from unet_mtl.data.readers.raster import may_have_alpha
from unet_mtl.errors import DataError
from unet_mtl.files import writing

IGNORE = 255
"""Mask value of a pixel that nobody labelled; dropped before anything is counted or summed."""

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
"""What a folder is searched for; `readers.READERS` names all that can be read."""

_ROUNDED = 1e-3
"""How far from a whole number a mask may be: what resampling and 32-bit scaling leave of a label."""

_MOST_CHANNELS = 64

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


def read_image(path: Path, frame: int | None = None, intensity: Intensity = "auto") -> NDArray[Any]:
    """Reads one image.

    Args:
        path: A file of any suffix in `readers.READERS`: grey, colour, palette or many channels. EXIF rotation
            is applied, an alpha channel is dropped. DICOM, NIfTI and NRRD need an extra.
        frame: Which picture of a file that has several. None is the first page of a TIFF, the first frame
            of a DICOM, the middle slice along the third axis of a volume.
        intensity: Which number becomes black and which white: "window", "percentile", "range", "zscore", a
            window (low, high), or "auto", what fits the type (see `readers.intensity.Intensity`).

    Returns:
        `(height, width, channels)`: uint8 for 8-bit files under "auto" and "range"; else float32 in 0..1: for 16-bit
        ones (the type's range, so that no grey level is lost), for scanners' numbers, and for floating-point ones,
        which must be in 0..1 already unless `intensity` says otherwise.

    Raises:
        DataError: The file is absent, truncated, not an image or of more than 2^28 pixels (of kind
            "image-unreadable"), or its numbers have no known range ("image-range").
    """
    try:
        return to_image(reader_of(path).read(path, frame), intensity, path)
    except DataError as error:
        raise error.of_kind("image-unreadable") from error.__cause__


def with_channels(image: NDArray[Any], channels: int) -> NDArray[Any]:
    """Gives an image the channel count of the network: grey is repeated, colour becomes its luminance.

    Args:
        image: `(height, width, any number)`.
        channels: 1 or 3; or as many as the image has, which is then handed back as it is.

    Returns:
        `(height, width, channels)`, same dtype.

    Raises:
        DataError: The image has neither 1 nor 3 channels nor those asked for, or others are asked for.
    """
    if image.shape[-1] == channels:
        return image
    if image.shape[-1] not in (1, 3) or channels not in (1, 3):
        raise DataError(
            f"an image of {image.shape[-1]} channels cannot become one of {channels}; only 1 and 3 turn into "
            "each other: keep the channels that you need in the files, the same number in all"
        )
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[..., None]


def read_mask(path: Path, frame: int | None = None) -> NDArray[np.int32]:
    """Reads one mask of whole numbers.

    Args:
        path: As for `read_image`. A palette gives its indices; equal colour channels give their one number,
            alpha aside; floating point within 1e-3 of whole numbers is rounded.
        frame: As for `read_image`.

    Returns:
        `(height, width)` int32, the numbers as stored.

    Raises:
        DataError: The file cannot be read, or has colours (kind "mask-colours"), its shape in the alpha alone
            ("mask-alpha"), fractions ("mask-fractions") or huge numbers ("mask-values").
    """
    picture = reader_of(path).read(path, frame)
    pixels = picture.pixels
    if (pixels[..., 1:] != pixels[..., :1]).any():
        raise DataError(
            f"{path}: the mask has colours; expected one number a pixel, the index of its class",
            kind="mask-colours",
        )
    _check_alpha(picture, path)
    return _whole(pixels[..., 0], path)


def count_soft_alpha(path: Path, frame: int | None = None) -> int:
    """Counts the pixels that are neither opaque nor wholly transparent; 0 without an alpha channel.

    Raises:
        DataError: The file cannot be read.
    """
    alpha = reader_of(path).read(path, frame).alpha if may_have_alpha(path) else None
    if alpha is None:
        return 0
    return int(((alpha != 0) & (alpha != np.iinfo(alpha.dtype).max)).sum())


def read_coloured_mask(path: Path, frame: int | None = None) -> NDArray[np.uint8]:
    """Reads one mask drawn in colour.

    Args:
        path: As for `read_image`. A palette gives its colours, grey three equal channels.
        frame: As for `read_image`.

    Returns:
        `(height, width, 3)` uint8, red, green, blue.

    Raises:
        DataError: The file cannot be read, has its shape in the alpha alone (kind "mask-alpha"), or is not of 8
            bits a colour ("mask-colours").
    """
    picture = reader_of(path).read(path, frame)
    _check_alpha(picture, path)
    pixels = to_image(picture, "range", path) if picture.colours is not None else picture.pixels
    if pixels.dtype == np.bool_:
        pixels = pixels * np.uint8(255)
    if pixels.dtype != np.uint8 or pixels.shape[-1] not in (1, 3):
        raise DataError(
            f"{path}: {pixels.shape[-1]} channels of type {pixels.dtype}; expected colours of 8 bits: save the mask "
            "as an 8-bit PNG",
            kind="mask-colours",
        )
    return np.asarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _check_alpha(picture: Picture, path: Path) -> None:
    """Refuses a stencil: one colour everywhere, its shape in the alpha, would be read as one class."""
    alpha = picture.alpha
    if alpha is None or (alpha == alpha.flat[0]).all():
        return
    if (picture.pixels == picture.pixels[0, 0]).all():
        raise DataError(
            f"{path}: the mask is {', '.join(map(str, np.unique(picture.pixels[0, 0])))} everywhere and only its alpha "
            f"varies ({alpha.min()}..{alpha.max()}); expected one number a pixel: save the mask without alpha",
            kind="mask-alpha",
        )


def _whole(pixels: NDArray[Any], path: Path) -> NDArray[np.int32]:
    if pixels.dtype.kind not in "buif":
        raise DataError(
            f"{path}: mask of type {pixels.dtype}; expected whole numbers, each the index of a class"
        )
    if pixels.dtype.kind == "f":
        wrong = ~np.isclose(pixels, np.rint(pixels), rtol=0, atol=_ROUNDED) | ~np.isfinite(pixels)
        if wrong.any():
            raise DataError(
                f"{path}: {int(wrong.sum())} pixels of the mask are fractions, {pixels[wrong][0]:g} say; expected "
                "whole numbers, each the index of a class: save it again without interpolation",
                kind="mask-fractions",
            )
        pixels = np.rint(pixels)
    limits = np.iinfo(np.int32)
    if pixels.min() < limits.min or pixels.max() > limits.max:
        raise DataError(
            f"{path}: mask values {pixels.min()}..{pixels.max()}; expected indices of classes",
            kind="mask-values",
        )
    return pixels.astype(np.int32)


def image_size(path: Path, frame: int | None = None) -> tuple[int, int]:
    """Reads `(height, width)` from the header alone, as it will be after EXIF rotation.

    Raises:
        DataError: The file is absent, not an image, or of more than 2^28 pixels (of kind "image-unreadable").
    """
    header = read_header(path, frame)
    return header.height, header.width


def describe_file(path: Path) -> tuple[str, int]:
    """What a file is, whatever its name says.

    Returns:
        The usual suffix of the format that its first bytes tell, and its EXIF orientation 1..8 (1 is upright).

    Raises:
        DataError: The file is absent, or of no known format.
    """
    suffix = format_of(path)
    return suffix, READERS[suffix].measure(path, None).orientation


def read_header(path: Path, frame: int | None = None) -> Header:
    """Reads what a file says of one of its pictures without its pixels: size, spacing, how many there are.

    Raises:
        DataError: As of `image_size`.
    """
    try:
        return reader_of(path).measure(path, frame)
    except DataError as error:
        raise error.of_kind("image-unreadable") from error.__cause__


def read_spacing(path: Path, frame: int | None = None) -> tuple[float, float] | None:
    """Reads the mm between neighbouring (rows, columns) from the header of a DICOM, NIfTI or NRRD file.

    Returns:
        The spacing, or None where the file knows none; other formats never do.

    Raises:
        DataError: As of `image_size`.
    """
    return read_header(path, frame).spacing_mm


def resize_image(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resizes `(height, width, channels)` to `size`: by area when shrinking, else linearly."""
    if image.shape[:2] == tuple(size):
        return image
    shrinking = size[0] < image.shape[0] and size[1] < image.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size[::-1], interpolation=method)).reshape(*size, image.shape[-1])


def resize_mask(mask: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resizes `(height, width)` or `(height, width, any number)` by nearest neighbour at pixel centres.

    So no new value appears, and all channels move alike.
    """
    if mask.shape[:2] == tuple(size):
        return mask
    return resize_channels(mask, size, cv2.INTER_NEAREST_EXACT)


def resize_channels(array: NDArray[Any], size: tuple[int, int], method: int) -> NDArray[Any]:
    """Resizes `(height, width)` or `(height, width, any number)` by a method of OpenCV.

    OpenCV takes 128 channels at a time from version 5 on, 512 before.
    """
    planes = array.reshape(*array.shape[:2], -1)
    groups = [
        planes[..., start : start + _MOST_CHANNELS] for start in range(0, planes.shape[-1], _MOST_CHANNELS)
    ]
    resized = [cv2.resize(np.ascontiguousarray(group), size[::-1], interpolation=method) for group in groups]
    joined = np.concatenate([part.reshape(*size, -1) for part in resized], axis=-1)
    return joined.reshape(*size, *array.shape[2:])


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
