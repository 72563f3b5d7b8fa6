"""Read, write and resize 2-D images and masks. Masks are always resized by nearest neighbour."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.data.readers import find_format, reader_of
from unet_mtl.data.readers.intensity import Intensity, to_image
from unet_mtl.data.readers.picture import Header, Picture
from unet_mtl.errors import DataError
from unet_mtl.files import writing
from unet_mtl.wording import count_of

IGNORE = 255
"""The mask value of unlabelled pixels. They are dropped before anything is counted or summed."""

_ROUNDING = 1e-3
"""The largest distance of a mask value from a whole number, as left by resampling and 32-bit scaling."""

MAX_CHANNELS = 512
"""The largest number of channels of an image that a network reads."""

CHANNELS_AT_ONCE, _AT_ONCE_BY_AREA = 64, 4
"""Channels that OpenCV resizes together; by area it accepts four at most."""

# The colours of Okabe and Ito, which colour-blind readers can distinguish. Index 0 is the background.
PALETTE = (
    (0, 0, 0),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
)


def picture_colour(index: int) -> tuple[int, int, int]:
    """Return the colour (red, green, blue) of a class, from 1 on, in a picture. Lighter shades follow the palette."""
    turn, place = divmod(index - 1, len(PALETTE) - 1)
    red, green, blue = (255 - (255 - part) // 2**turn for part in PALETTE[1 + place])
    return red, green, blue


def read_image(path: Path, frame: int | None = None, intensity: Intensity = "auto") -> NDArray[Any]:
    """Read one image.

    Args:
        path: A file in one of `readers.FORMATS`: grey, colour, palette or many channels. EXIF rotation is
            applied, and an alpha channel is dropped. DICOM, NIfTI and NRRD need an extra.
        frame: The index of the picture in a file that has several. None is the first page of a TIFF file, the
            first frame of a DICOM file or an animation, and the middle slice along the third axis of a volume.
            Pages that ImageJ or OME describe as channels are one picture.
        intensity: The mapping of stored values to black and white: "window", "percentile", "range", "zscore", a
            window (low, high), or "auto", which depends on the type (see `readers.intensity.Intensity`).

    Returns:
        An array `(height, width, channels)`. It is uint8 for 8-bit files under "auto" and "range", else float32 in
        0..1. 16-bit files are scaled by the range of the type, so that no grey level is lost. Floating-point files
        must be in 0..1 already unless `intensity` rescales them.

    Raises:
        DataError: The file is absent, truncated, not an image or larger than 2^28 pixels (kind
            "image-unreadable" or a more specific one), the range of its values is unknown (kind "image-range"), or a
            value is not finite (kind "image-not-finite").
    """
    try:
        return to_image(reader_of(path).read(path, frame), intensity, path)
    except DataError as error:
        raise error.of_kind("image-unreadable") from error.__cause__


def convertible_to(channels: int) -> tuple[int, ...]:
    """Return the numbers of channels of the images that `with_channels` converts to `channels`."""
    return (1, 3) if channels in (1, 3) else (channels,)


def with_channels(image: NDArray[Any], channels: int) -> NDArray[Any]:
    """Convert an image to a number of channels: grey is repeated, and colour is reduced to its luminance.

    Args:
        image: An array `(height, width, any number)`.
        channels: The number of channels. An image that already has as many is returned unchanged.

    Returns:
        An array `(height, width, channels)` of the same dtype.

    Raises:
        DataError: The number of channels differs, and one of the two numbers is neither 1 nor 3 (kind
            "image-channels").
    """
    if image.shape[-1] == channels:
        return image
    if image.shape[-1] not in convertible_to(channels):
        raise DataError(
            f"the image has {count_of(image.shape[-1], 'channel')} and the network reads {channels}; store {channels} "
            f"channels, or train with `preprocess.channels` set to {image.shape[-1]}",
            kind="image-channels",
        )
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[..., None]


def read_mask(path: Path, frame: int | None = None) -> NDArray[np.int32]:
    """Read one mask of whole numbers.

    Args:
        path: A file that `read_image` can read. A palette image gives its indices, and equal colour channels give
            their common value; floating-point values within 1e-3 of whole numbers are rounded.
        frame: The index of the picture in the file, as for `read_image`.

    Returns:
        An array `(height, width)` int32 of the stored values.

    Raises:
        DataError: The file cannot be read, or it has colours (kind "mask-colours"), its shape only in the alpha
            channel ("mask-alpha"), fractions ("mask-fractions"), values that are not finite ("mask-not-finite") or
            values beyond int32 ("mask-values").
    """
    picture = reader_of(path).read(path, frame)
    pixels = picture.pixels
    if (pixels[..., 1:] != pixels[..., :1]).any():
        raise DataError(
            f"{path}: the mask has colours; expected one number per pixel, the index of its class",
            kind="mask-colours",
        )
    _check_alpha(picture, path)
    return _to_integers(pixels[..., 0], path)


def count_soft_alpha(path: Path, frame: int | None = None) -> int:
    """Count the pixels that are neither opaque nor fully transparent; 0 without an alpha channel.

    Raises:
        DataError: The file cannot be read.
    """
    reader = reader_of(path)
    alpha = reader.read(path, frame).alpha if reader.may_have_alpha(path) else None
    if alpha is None:
        return 0
    return int(((alpha != 0) & (alpha != np.iinfo(alpha.dtype).max)).sum())


def read_coloured_mask(path: Path, frame: int | None = None) -> NDArray[np.uint8]:
    """Read one mask drawn in colour.

    Args:
        path: A file that `read_image` can read. A palette image gives its colours, and a grey image three equal
            channels.
        frame: The index of the picture in the file, as for `read_image`.

    Returns:
        An array `(height, width, 3)` uint8: red, green, blue.

    Raises:
        DataError: The file cannot be read, has its shape only in the alpha channel (kind "mask-alpha"), or does not
            have 8 bits per colour ("mask-colours").
    """
    picture = reader_of(path).read(path, frame)
    _check_alpha(picture, path)
    pixels = to_image(picture, "range", path) if picture.colours is not None else picture.pixels
    if pixels.dtype == np.bool_:
        pixels = pixels * np.uint8(255)
    if pixels.dtype != np.uint8 or pixels.shape[-1] not in (1, 3):
        raise DataError(
            f"{path}: {pixels.shape[-1]} channels of type {pixels.dtype}; expected 8-bit colours: save the mask as an "
            "8-bit PNG",
            kind="mask-colours",
        )
    return np.asarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _check_alpha(picture: Picture, path: Path) -> None:
    """Refuse a mask of one colour with its shape in the alpha channel, which would be read as one class."""
    alpha = picture.alpha
    if alpha is None or (alpha == alpha.flat[0]).all():
        return
    if (picture.pixels == picture.pixels[0, 0]).all():
        raise DataError(
            f"{path}: the mask is {', '.join(map(str, np.unique(picture.pixels[0, 0])))} everywhere and only its alpha "
            f"channel varies ({alpha.min()}..{alpha.max()}); expected one number per pixel: save it without alpha",
            kind="mask-alpha",
        )


def _to_integers(pixels: NDArray[Any], path: Path) -> NDArray[np.int32]:
    if pixels.dtype.kind not in "buif":
        raise DataError(
            f"{path}: the mask is of type {pixels.dtype}; expected whole numbers, each the index of a class"
        )
    if pixels.dtype.kind == "f":
        n_bad = int((~np.isfinite(pixels)).sum())
        if n_bad:
            raise DataError(
                f"{path}: {n_bad:,} of {pixels.size:,} values of the mask are not finite; replace them, by 0 if "
                "they are background",
                kind="mask-not-finite",
            )
        wrong = ~np.isclose(pixels, np.rint(pixels), rtol=0, atol=_ROUNDING)
        if wrong.any():
            where = count_of(int(wrong.sum()), "pixel")
            raise DataError(
                f"{path}: the mask has fractions such as {pixels[wrong][0]:g} in {where}; "
                "expected whole numbers, each the index of a class: save it again without interpolation",
                kind="mask-fractions",
            )
        pixels = np.rint(pixels)
    limits = np.iinfo(np.int32)
    if pixels.min() < limits.min or pixels.max() > limits.max:
        raise DataError(
            f"{path}: the mask has values {pixels.min()}..{pixels.max()}; expected indices of classes",
            kind="mask-values",
        )
    return pixels.astype(np.int32)


def image_size(path: Path, frame: int | None = None) -> tuple[int, int]:
    """Read the size of an image from its header.

    Returns:
        The size (height, width) after EXIF rotation.

    Raises:
        DataError: The file is absent, not an image, or larger than 2^28 pixels (kind "image-unreadable").
    """
    header = read_header(path, frame)
    return header.height, header.width


def describe_file(path: Path, frame: int | None = None) -> tuple[str, Header]:
    """Identify the format of a file from its content, and read its header.

    Returns:
        The usual suffix of the format, and the header.

    Raises:
        DataError: The file is absent or of no known format.
    """
    known, suffix = find_format(path)
    return suffix, known.reader.measure(path, frame)


def read_header(path: Path, frame: int | None = None) -> Header:
    """Read the size, the spacing and the number of frames of a file without decoding pixels.

    Raises:
        DataError: The file is absent, not an image, or larger than 2^28 pixels (kind "image-unreadable").
    """
    try:
        return reader_of(path).measure(path, frame)
    except DataError as error:
        raise error.of_kind("image-unreadable") from error.__cause__


def read_spacing(path: Path, frame: int | None = None) -> tuple[float, float] | None:
    """Read the pixel spacing from the header of a DICOM, NIfTI or NRRD file.

    Returns:
        Millimetres between neighbouring (rows, columns). None if the file has no spacing, which is always so in
        other formats.

    Raises:
        DataError: The file is absent, not an image, or larger than 2^28 pixels (kind "image-unreadable").
    """
    return read_header(path, frame).spacing_mm


def resize_image(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize an image `(height, width, channels)` to `size`, by area if it shrinks and else linearly."""
    if image.shape[:2] == tuple(size):
        return image
    shrinking = size[0] < image.shape[0] and size[1] < image.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return resize_channels(image, size, method)


def resize_mask(mask: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize a mask `(height, width)` or `(height, width, any number)` by nearest neighbour at pixel centres.

    No new value appears, and all channels are sampled at the same places.
    """
    if mask.shape[:2] == tuple(size):
        return mask
    return resize_channels(mask, size, cv2.INTER_NEAREST_EXACT)


def resize_channels(array: NDArray[Any], size: tuple[int, int], method: int) -> NDArray[Any]:
    """Resize an array `(height, width)` or `(height, width, any number)` by a method of OpenCV.

    Channels are resized in groups, since OpenCV 5 accepts 128 channels at most, and earlier versions 512.
    """
    planes = array.reshape(*array.shape[:2], -1)
    at_once = _AT_ONCE_BY_AREA if method == cv2.INTER_AREA else CHANNELS_AT_ONCE
    if planes.shape[-1] <= at_once:
        return np.asarray(cv2.resize(planes, size[::-1], interpolation=method)).reshape(
            *size, *array.shape[2:]
        )
    starts = range(0, planes.shape[-1], at_once)
    groups = [planes[..., start : start + at_once] for start in starts]
    resized = [cv2.resize(np.ascontiguousarray(group), size[::-1], interpolation=method) for group in groups]
    parts = [part.reshape(*size, -1) for part in resized]
    joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
    return joined.reshape(*size, *array.shape[2:])


def write_mask(
    path: Path, mask: NDArray[np.uint8], colours: Sequence[tuple[int, int, int]] = PALETTE
) -> None:
    """Write class indices as a palette PNG, so that the values stay exact and viewers show colours.

    Args:
        path: The file to write.
        mask: The class indices, `(height, width)` uint8.
        colours: The colours (red, green, blue) of class 0, 1, and so on. Further classes repeat them from class 1.

    Raises:
        WriteError: The operating system refused to write.
    """
    image = Image.fromarray(mask)
    foreground = [colours[1 + index % (len(colours) - 1)] for index in range(254)]
    image.putpalette([value for colour in (colours[0], *foreground, (128, 128, 128)) for value in colour])
    with writing(path) as temporary:
        image.save(temporary, optimize=True)
