"""Read arrays that `numpy.save` wrote, `(height, width)` or `(height, width, channels)`. Pickles are refused."""

from math import prod
from pathlib import Path

import numpy as np

from unet_mtl.data.readers.picture import (
    Header,
    Picture,
    Reader,
    check_bytes,
    check_size,
    choose_frame,
    reading,
)
from unet_mtl.errors import DataError

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def measure(path: Path, frame: int | None) -> Header:
    """Read the shape from the header and check that the file is long enough for it."""
    with reading(path):
        choose_frame(path, frame, count=1)
        with path.open("rb") as stream:
            version = np.lib.format.read_magic(stream)
            if version not in _HEADERS:
                raise DataError(
                    f"{path}: NPY version {version}; expected (1, 0) or (2, 0): save it again with numpy.save"
                )
            shape, _, dtype = _HEADERS[version](stream)
            offset = stream.tell()
        if dtype.hasobject or dtype.kind not in "buif":
            raise DataError(f"{path}: array of type {dtype}; expected numbers (pickled objects are not read)")
        if len(shape) not in (2, 3):
            raise DataError(
                f"{path}: array of shape {shape}; expected (height, width) or (height, width, channels)"
            )
        check_size(path, *shape)
        check_bytes(path, prod(shape) * dtype.itemsize, offset=offset)
        return Header(shape[0], shape[1])


def read(path: Path, frame: int | None) -> Picture:
    """Read the array as stored."""
    header = measure(path, frame)
    with reading(path):
        pixels = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
        pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        return Picture(pixels=pixels.reshape(header.height, header.width, -1))


ARRAYS = Reader(measure, read)
