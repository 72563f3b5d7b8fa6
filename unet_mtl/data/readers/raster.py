"""Read raster images with Pillow, and with OpenCV the 16-bit colours that Pillow would reduce to 8 bits.

The first frame of an animation is the default.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from unet_mtl.data.readers.picture import (
    MAX_RATIO,
    Header,
    Picture,
    Reader,
    check_bytes,
    check_size,
    choose_frame,
    has_no_alpha,
    reading,
    unreadable,
)

Number = TypeVar("Number", bound=np.generic)
ORIENTATION = 0x0112
_MOST_EXIF = 2**20
_HEAD_BYTES = 34
_STRIP = 2**18  # pixels
_GIF_RATIO = 2 * MAX_RATIO  # encoders of GIF need not start a new table of LZW codes when it is full
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def pillow_reader(decoder: type[ImageFile], may_have_alpha: Callable[[Path], bool] = has_no_alpha) -> Reader:
    """Return the reader for the files of one Pillow class.

    The class is named instead of calling `Image.open`, so that no other parser of Pillow can be reached, and so
    that Pillow's warning about decompression bombs, which comes at a third of our limit, is not raised.
    """
    return Reader(partial(_measure, decoder), partial(_read, decoder), may_have_alpha)


def png_has_alpha(path: Path) -> bool:
    """Return whether the header of a PNG file declares an alpha channel."""
    with reading(path), path.open("rb") as stream:
        return stream.read(_HEAD_BYTES)[25:26] in (b"\4", b"\6")


def _open(decoder: type[ImageFile], path: Path, stream: BinaryIO, frame: int | None) -> tuple[ImageFile, int]:
    """Open a file, and return it with the index of the chosen frame; the file stays at its first frame."""
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if (
        decoder is WebPImageFile and head[12:16] == b"VP8X"
    ):  # Pillow allocates the canvas as it opens the file
        check_size(path, 1 + int.from_bytes(head[27:30], "little"), 1 + int.from_bytes(head[24:27], "little"))
    image = decoder(stream)
    check_size(path, image.height, image.width)
    _check_bytes(path, image, head)
    return image, choose_frame(path, frame, _count_frames(image))


def _count_frames(image: ImageFile) -> int:
    return int(getattr(image, "n_frames", 1))


def _check_bytes(path: Path, image: ImageFile, head: bytes) -> None:
    if isinstance(image, PngImageFile):
        bits = head[24] * _PNG_CHANNELS.get(head[25], 1)
        check_bytes(path, image.height * (image.width * bits // 8), MAX_RATIO)
    elif isinstance(image, JpegImageFile):
        check_bytes(path, image.height * image.width, MAX_RATIO)
    elif isinstance(image, GifImageFile):
        check_bytes(path, image.height * image.width, _GIF_RATIO)
    elif isinstance(image, BmpImageFile) and head[30:34] in (
        bytes(4),
        b"\x03\0\0\0",
    ):  # no run-length encoding
        check_bytes(path, image.height * (image.width * int.from_bytes(head[28:30], "little") // 8))


def _orientation(image: ImageFile, stream: BinaryIO) -> int:
    if not isinstance(image, PngImageFile):
        return int(image.getexif().get(ORIENTATION, 1))
    # PngImageFile.getexif decodes the whole picture, since EXIF data may follow the pixels.
    exif = Image.Image.getexif(image)
    if ORIENTATION not in exif:
        exif.load(_png_exif(stream))
    return int(exif.get(ORIENTATION, 1))


def _png_exif(stream: BinaryIO) -> bytes:
    stream.seek(8)
    while len(start := stream.read(8)) == 8:
        length = int.from_bytes(start[:4], "big")
        if start[4:] == b"eXIf":
            return stream.read(min(length, _MOST_EXIF))
        stream.seek(length + 4, 1)
    return b""


def _measure(decoder: type[ImageFile], path: Path, frame: int | None) -> Header:
    with reading(path), path.open("rb") as stream:
        image, index = _open(decoder, path, stream, frame)
        with image:
            frames, orientation = _count_frames(image), _orientation(image, stream)
            return turned_header(image.height, image.width, orientation, frames, index)


def _read(decoder: type[ImageFile], path: Path, frame: int | None) -> Picture:
    with reading(path), path.open("rb") as stream:
        image, index = _open(decoder, path, stream, frame)
        with image:
            stream.seek(0)
            head = stream.read(_HEAD_BYTES)
            stream.seek(0)
            if index:
                image.seek(index)
                check_size(path, image.height, image.width)
            image.load()  # 16-bit colours too, since some versions of OpenCV return truncated pictures
            if isinstance(image, PngImageFile) and head[24] == 16 and head[25] in (2, 4, 6):
                if index:
                    raise unreadable(path, "16-bit colours in an animation; only its first frame can be read")
                return _read_deep(path, grey=head[25] == 4, orientation=image.getexif().get(ORIENTATION, 1))
            ImageOps.exif_transpose(image, in_place=True)  # without a copy of an image that stays as it is
            picture = from_pillow(image)
            return _as_grey(picture) if isinstance(image, GifImageFile) else picture


def _as_grey(picture: Picture) -> Picture:
    """Replace the indices of a grey palette by the greys, since every GIF has a palette in an order of its own."""
    pixels = picture.pixels if picture.colours is None else picture.colours[picture.pixels[..., 0]]
    if (pixels != pixels[..., :1]).any():
        return picture
    return replace(picture, pixels=pixels[..., :1], colours=None)


def _read_deep(path: Path, grey: bool, orientation: int) -> Picture:
    pixels = decode_with_opencv(path)
    if pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise unreadable(path, f"its 16-bit colours decode to {pixels.dtype} of shape {pixels.shape}")
    pixels = turn(pixels, orientation)
    alpha = pixels[..., 3] if pixels.shape[-1] == 4 else None
    return Picture(pixels=pixels[..., :1] if grey else pixels[..., :3], alpha=alpha)


def decode_with_opencv(path: Path) -> NDArray[np.generic]:
    """Decode a whole file at its full bit depth; colours are returned in the order red, green, blue."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)  # "unchanged" also ignores the orientation
    if pixels is None:
        raise unreadable(path, "its pixels cannot be decoded")
    if pixels.ndim == 3 and pixels.shape[-1] in (3, 4):
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[-1] == 3 else cv2.COLOR_BGRA2RGBA)
    return np.asarray(pixels)


def turned_header(height: int, width: int, orientation: int, frames: int = 1, index: int = 0) -> Header:
    """Return the header of a file that stores `(height, width)` pixels with an EXIF orientation of 1 to 8."""
    if orientation in (5, 6, 7, 8):
        height, width = width, height
    return Header(height, width, orientation=orientation, frames=frames, index=index)


def turn(pixels: NDArray[Number], orientation: int) -> NDArray[Number]:
    """Rotate and mirror an array `(height, width, ...)` as an EXIF orientation of 1 to 8 specifies."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _to_array(image: Image.Image) -> NDArray[Any]:
    """Convert a decoded Pillow image in strips, since Pillow's own conversion needs the memory of its result twice."""
    one_row = np.asarray(image.crop((0, 0, image.width, 1)))
    pixels = np.empty((image.height, *one_row.shape[1:]), one_row.dtype)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


def from_pillow(image: Image.Image) -> Picture:
    """Convert a decoded Pillow image, with its palette and its alpha channel kept apart from its pixels."""
    if image.mode in ("P", "PA"):
        palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        indices = image if image.mode == "P" else image.getchannel(0)
        return Picture(pixels=_to_array(indices)[..., None], colours=palette)
    if image.mode in ("LA", "La", "RGBA", "RGBa"):
        pixels = _to_array(image)
        return Picture(pixels=pixels[..., :-1], alpha=pixels[..., -1])
    if image.mode.startswith("I;16"):
        return Picture(pixels=_to_array(image).astype(np.uint16)[..., None])
    if image.mode in ("1", "L", "I", "F"):
        return Picture(pixels=_to_array(image)[..., None])
    return Picture(pixels=_to_array(image if image.mode == "RGB" else image.convert("RGB")))
