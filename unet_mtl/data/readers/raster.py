"""PNG, JPEG, BMP and WebP: Pillow, and OpenCV for the 16-bit colours that Pillow would squeeze to 8 bits."""

from pathlib import Path
from typing import BinaryIO, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from unet_mtl.data.readers.picture import (
    MOST_PACKED,
    Header,
    Picture,
    Reader,
    check_bytes,
    check_size,
    choose_frame,
    reading,
    unreadable,
)

# Opened by their own classes and not by Image.open: no other of Pillow's many parsers can be reached,
# and its bomb warning, at a third of our limit, stays silent without a change of its global settings.
_KINDS: dict[bytes, type[ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"\xff\xd8\xff": JpegImageFile,
    b"BM": BmpImageFile,
    b"RIFF": WebPImageFile,
}
Number = TypeVar("Number", bound=np.generic)
ORIENTATION = 0x0112
_MOST_EXIF = 2**20
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def _open(path: Path, stream: BinaryIO, frame: int | None) -> ImageFile:
    choose_frame(path, frame, count=1)
    head = stream.read(34)
    stream.seek(0)
    kind = next((known for signature, known in _KINDS.items() if head.startswith(signature)), None)
    if kind is None:
        raise unreadable(path, "of no known format")
    if kind is WebPImageFile and head[12:16] == b"VP8X":  # Pillow makes the canvas while it opens
        check_size(path, 1 + int.from_bytes(head[27:30], "little"), 1 + int.from_bytes(head[24:27], "little"))
    image = kind(stream)
    check_size(path, image.height, image.width)
    _check_bytes(path, image, head)
    return image


def _check_bytes(path: Path, image: ImageFile, head: bytes) -> None:
    if isinstance(image, PngImageFile):
        bits = head[24] * _PNG_CHANNELS.get(head[25], 1)
        check_bytes(path, image.height * (image.width * bits // 8), MOST_PACKED)
    elif isinstance(image, JpegImageFile):
        check_bytes(path, image.height * image.width, MOST_PACKED)
    elif isinstance(image, BmpImageFile) and head[30:34] in (bytes(4), b"\x03\0\0\0"):  # not run-length coded
        check_bytes(path, image.height * (image.width * int.from_bytes(head[28:30], "little") // 8))


def _orientation(image: ImageFile, stream: BinaryIO) -> int:
    if not isinstance(image, PngImageFile):
        return int(image.getexif().get(ORIENTATION, 1))
    # PngImageFile's own getexif decodes the whole picture: EXIF may stand behind the pixels
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


def may_have_alpha(path: Path) -> bool:
    """Whether a file may have an alpha channel; by the first bytes of a PNG, else by its name."""
    with reading(path), path.open("rb") as stream:
        head = stream.read(26)
    if head.startswith(b"\x89PNG"):
        return head[25:] in (b"\4", b"\6")
    return path.suffix.lower() in (".tif", ".tiff", ".webp")


def measure(path: Path, frame: int | None) -> Header:
    """Reads the size from the header alone, as it will be after EXIF rotation."""
    with reading(path), path.open("rb") as stream, _open(path, stream, frame) as image:
        return turned_header(image.height, image.width, _orientation(image, stream))


def read(path: Path, frame: int | None) -> Picture:
    """Reads one picture, turned as its EXIF says."""
    with reading(path), path.open("rb") as stream, _open(path, stream, frame) as image:
        stream.seek(0)
        head = stream.read(34)
        stream.seek(0)
        image.load()  # for 16-bit colours as well: OpenCV would return a truncated file in silence
        if isinstance(image, PngImageFile) and head[24] == 16 and head[25] in (2, 4, 6):
            return _read_deep(path, grey=head[25] == 4, orientation=image.getexif().get(ORIENTATION, 1))
        return from_pillow(ImageOps.exif_transpose(image))


def _read_deep(path: Path, grey: bool, orientation: int) -> Picture:
    pixels = decode_with_opencv(path)
    if pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise unreadable(path, f"16-bit colours that decode as {pixels.dtype} of shape {pixels.shape}")
    pixels = turn(pixels, orientation)
    alpha = pixels[..., 3] if pixels.shape[-1] == 4 else None
    return Picture(pixels=pixels[..., :1] if grey else pixels[..., :3], alpha=alpha)


def decode_with_opencv(path: Path) -> NDArray[np.generic]:
    """Decodes a whole file with all of its bits; colours come back in the order red, green, blue."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)  # "unchanged" leaves the orientation alone too
    if pixels is None:
        raise unreadable(path, "its pixels cannot be decoded")
    if pixels.ndim == 3 and pixels.shape[-1] in (3, 4):
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[-1] == 3 else cv2.COLOR_BGRA2RGBA)
    return np.asarray(pixels)


def turned_header(height: int, width: int, orientation: int, frames: int = 1) -> Header:
    """The header of a file that stores (height, width) and is to be turned as EXIF's orientation 1..8 says."""
    if orientation in (5, 6, 7, 8):
        height, width = width, height
    return Header(height, width, orientation=orientation, frames=frames)


def turn(pixels: NDArray[Number], orientation: int) -> NDArray[Number]:
    """Turns `(height, width, ...)` as EXIF's orientation 1..8 says."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def from_pillow(image: Image.Image) -> Picture:
    """Gives the numbers of a decoded Pillow image as stored, its palette and its alpha apart."""
    if image.mode in ("P", "PA"):
        palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        indices = image if image.mode == "P" else image.getchannel(0)
        return Picture(pixels=np.asarray(indices)[..., None], colours=palette)
    if image.mode in ("LA", "La", "RGBA", "RGBa"):
        pixels = np.asarray(image)
        return Picture(pixels=pixels[..., :-1], alpha=pixels[..., -1])
    if image.mode.startswith("I;16"):
        return Picture(pixels=np.asarray(image).astype(np.uint16)[..., None])
    if image.mode in ("1", "L", "I", "F"):
        return Picture(pixels=np.asarray(image)[..., None])
    return Picture(pixels=np.asarray(image.convert("RGB")))


RASTER = Reader(measure, read)
