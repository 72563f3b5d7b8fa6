"""Read TIFF: headers and many channels by tifffile, common pixel types by Pillow, others by OpenCV.

A file holds a picture for each page, except that pages which ImageJ or OME describe as channels are one picture.
"""

from dataclasses import dataclass, replace
from math import prod
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
    unreadable,
)
from unet_mtl.data.readers.raster import ORIENTATION, decode_with_opencv, from_pillow, turn, turned_header
from unet_mtl.errors import DataError

_NONE, _LZW, _DEFLATE, _PACKBITS = (1,), (5,), (8, 32946), (32773,)
_WHITE_IS_ZERO = 0
_PILLOW_PHOTOMETRICS = (2, 3, 5, 6, 8)  # RGB, palette, CMYK, YCbCr, Lab
_ALPHA = (1, 2)  # types of extra samples that hold opacity


@dataclass(frozen=True)
class _Stack:
    """The pages of a file.

    Attributes:
        pages: The pages with a header of their own.
        pictures: The indices of the pages of each picture, one page for each channel. Indices beyond `pages` are planes
            that follow the pixels of the first page without a header, as ImageJ writes large stacks; -1 is a page in
            another file.
    """

    pages: tifffile.TiffPages
    pictures: NDArray[np.intp]

    def page(self, index: int) -> tifffile.TiffPage:
        return self.pages[index if index < len(self.pages) else 0].aspage()


def _open_stack(stream: BinaryIO) -> _Stack:
    """Read the headers of the pages, and group those that ImageJ or OME describe as channels of one picture."""
    file = tifffile.TiffFile(stream, _multifile=False)  # OME may name further files, which are not opened
    pages = file.pages
    if not (file.is_imagej or file.is_ome):
        return _Stack(pages, np.arange(len(pages))[:, None])
    series = file.series[0]
    leading = series.axes[: series.axes.index("Y")].rstrip("S")
    shape = series.shape[: len(leading)]
    known = [-1 if page is None else page.index for page in series.pages]
    numbers = np.reshape(known if len(known) == prod(shape) else np.arange(prod(shape)), shape)
    if "C" in leading and series.keyframe.samplesperpixel == 1:
        numbers = np.moveaxis(numbers, leading.index("C"), -1)
    else:
        numbers = numbers[..., None]
    return _Stack(pages, numbers.reshape(-1, numbers.shape[-1]))


def _choose(path: Path, stack: _Stack, frame: int | None) -> tuple[int, list[int]]:
    """Return the index of the chosen picture and those of its pages, after checks of their size."""
    index = choose_frame(path, frame, len(stack.pictures))
    chosen = [int(page) for page in stack.pictures[index]]
    if min(chosen) < 0:
        raise DataError(f"{path}: picture {index} lies in another file; export the stack as a single file")
    page = stack.page(chosen[0])
    samples = page.samplesperpixel * len(chosen)
    check_size(path, page.imagelength, page.imagewidth, samples)
    needed = page.imagelength * page.imagewidth * samples * page.bitspersample // 8
    if page.compression in _NONE:
        check_bytes(path, needed)
    elif page.compression in _LZW + _DEFLATE + _PACKBITS:
        check_bytes(path, needed, MAX_RATIO)
    return index, chosen


def _orientation(page: tifffile.TiffPage) -> int:
    tag = page.tags.get(ORIENTATION)
    return int(tag.value) if tag is not None else 1


def measure(path: Path, frame: int | None) -> Header:
    """Read the size from the header, as it is after rotation."""
    with reading(path), path.open("rb") as stream:
        stack = _open_stack(stream)
        index, (first, *_) = _choose(path, stack, frame)
        page = stack.page(first)
        frames = len(stack.pictures)
        return turned_header(page.imagelength, page.imagewidth, _orientation(page), frames, index)


def read(path: Path, frame: int | None) -> Picture:
    """Read one picture, the first by default, rotated as its orientation tag specifies."""
    with reading(path), path.open("rb") as stream:
        stack = _open_stack(stream)
        _, chosen = _choose(path, stack, frame)
        channels = [_read_page(path, stream, stack, index) for index in chosen]
        if len(channels) == 1:
            return channels[0]
        return replace(
            channels[0],
            pixels=np.concatenate([channel.pixels for channel in channels], axis=-1),
            colours=None,
        )


def _read_page(path: Path, stream: BinaryIO, stack: _Stack, index: int) -> Picture:
    page = stack.page(index)
    if index >= len(stack.pages):
        return Picture(pixels=_read_plane(path, stream, page, index))
    if not _suits_pillow(page):
        return _read_deep(path, page, index)
    stream.seek(0)
    # A stream instead of the path, since Pillow 13 scrambles a rotated TIFF that it maps into memory.
    image = TiffImageFile(stream)
    image.seek(index)
    image.load()
    return from_pillow(ImageOps.exif_transpose(image))


def _read_plane(path: Path, stream: BinaryIO, page: tifffile.TiffPage, index: int) -> NDArray[np.generic]:
    """Read a plane without a header, which has the form of the first page."""
    if not page.is_contiguous or page.compression not in _NONE or page.dtype is None:
        raise unreadable(path, f"picture {index} of an ImageJ stack has no header")
    dtype = page.dtype.newbyteorder(page.parent.byteorder)
    length = page.imagelength * page.imagewidth * page.samplesperpixel * dtype.itemsize
    stream.seek(page.dataoffsets[0] + index * length)
    pixels = np.frombuffer(stream.read(length), dtype).astype(dtype.newbyteorder("="))
    return pixels.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)


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
