"""Read TIFF: headers and many channels by tifffile, common pixel types by Pillow, others by OpenCV."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from unet_mtl.data.readers.picture import (
    MAX_RATIO,
    Header,
    Picture,
    Reader,
    check_bytes,
    check_size,
    choose_frame,
    reading,
)
from unet_mtl.data.readers.raster import ORIENTATION, decode_with_opencv, from_pillow, turn, turned_header
from unet_mtl.errors import DataError

_NONE, _LZW, _DEFLATE, _PACKBITS = (1,), (5,), (8, 32946), (32773,)
_WHITE_IS_ZERO = 0
_PILLOW_PHOTOMETRICS = (2, 3, 5, 6, 8)  # RGB, palette, CMYK, YCbCr, Lab
_ALPHA = (1, 2)  # types of extra samples that hold opacity


def _open_page(path: Path, stream: BinaryIO, frame: int | None) -> tuple[tifffile.TiffPage, int, int]:
    pages = tifffile.TiffFile(stream).pages
    index = choose_frame(path, frame, len(pages))
    page = pages[index].aspage()
    check_size(path, page.imagelength, page.imagewidth, page.samplesperpixel)
    needed = page.imagelength * page.imagewidth * page.samplesperpixel * page.bitspersample // 8
    if page.compression in _NONE:
        check_bytes(path, needed)
    elif page.compression in _LZW + _DEFLATE + _PACKBITS:
        check_bytes(path, needed, MAX_RATIO)
    return page, index, len(pages)


def _orientation(page: tifffile.TiffPage) -> int:
    tag = page.tags.get(ORIENTATION)
    return int(tag.value) if tag is not None else 1


def measure(path: Path, frame: int | None) -> Header:
    """Read the size from the header, as it is after rotation."""
    with reading(path), path.open("rb") as stream:
        page, _, frames = _open_page(path, stream, frame)
        return turned_header(page.imagelength, page.imagewidth, _orientation(page), frames)


def read(path: Path, frame: int | None) -> Picture:
    """Read one page, the first by default, rotated as its orientation tag specifies."""
    with reading(path), path.open("rb") as stream:
        page, index, _ = _open_page(path, stream, frame)
        if not _suits_pillow(page):
            return _read_deep(path, page, index)
        stream.seek(0)
        # A stream instead of the path, since Pillow 13 scrambles a rotated TIFF that it maps into memory.
        with TiffImageFile(stream) as image:
            image.seek(index)
            image.load()
            return from_pillow(ImageOps.exif_transpose(image))


def _suits_pillow(page: tifffile.TiffPage) -> bool:
    if page.bitspersample <= 8 and page.sampleformat == 1:
        return page.samplesperpixel == 1 or (
            page.photometric in _PILLOW_PHOTOMETRICS and page.samplesperpixel <= 4
        )
    supported = page.dtype in (np.uint16, np.float32)
    return supported and page.samplesperpixel == 1 and page.photometric != _WHITE_IS_ZERO


def _read_deep(path: Path, page: tifffile.TiffPage, index: int) -> Picture:
    pixels = _decode(path, page, index)
    pixels = turn(pixels, _orientation(page))
    first = page.samplesperpixel - len(page.extrasamples)
    alphas = [first + extra for extra, kind in enumerate(page.extrasamples) if kind in _ALPHA]
    colours = [channel for channel in range(page.samplesperpixel) if channel not in alphas]
    return Picture(
        pixels=pixels[..., colours],
        alpha=pixels[..., alphas[0]] if alphas else None,
        inverted=page.photometric == _WHITE_IS_ZERO,
    )


def _decode(path: Path, page: tifffile.TiffPage, index: int) -> NDArray[np.generic]:
    try:
        pixels = np.asarray(page.asarray())
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        pixels = _decode_without_tifffile(path, page, index)
    if page.planarconfig == 2 and pixels.ndim == 3:
        pixels = np.moveaxis(pixels, 0, -1)
    return pixels.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)


def _decode_without_tifffile(path: Path, page: tifffile.TiffPage, index: int) -> NDArray[np.generic]:
    try:
        pixels = decode_with_opencv(path) if index == 0 else None
    except DataError:
        pixels = None
    expected = (page.imagelength, page.imagewidth, page.samplesperpixel)
    if pixels is None or pixels.dtype != page.dtype or pixels.size != np.prod(expected):
        raise DataError(
            f"{path}: compression {page.compression} needs imagecodecs; pip install imagecodecs, or save the file "
            "without compression",
            kind="library-missing",
        )
    return pixels if page.planarconfig != 2 else np.moveaxis(pixels, -1, 0)


TIFF = Reader(measure, read, may_have_alpha=lambda path: True)
