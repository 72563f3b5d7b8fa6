"""Files of named arrays in a cache folder: .npy files, each with one structured value and its checksum."""

import mmap
import os
import tempfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

SUFFIX = ".arrays"  # not .npy, so that clearing old entries cannot remove files of the user
PART_SUFFIX = f"{SUFFIX}.part"
_CHECKSUM = "_crc32"  # task names, which are the other fields, start with a letter


class Layout(NamedTuple):
    """The position of the arrays in a file.

    Attributes:
        dtype: The structured dtype, with one field per array and the checksum last.
        offset: The position of the value, in bytes.
    """

    dtype: np.dtype[Any]
    offset: int


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays to a temporary file and renames it, so that readers see the whole file or none.

    Args:
        path: The file to write; its folder is created, readable by the user alone.
        arrays: Arrays by name.

    Raises:
        OSError: The file cannot be written; the temporary file is removed.
    """
    dtype = np.dtype([*((name, a.dtype, a.shape) for name, a in arrays.items()), (_CHECKSUM, "<u4")])
    value = np.empty(1, dtype)
    for name, array in arrays.items():
        value[name] = array
    value[_CHECKSUM] = _checksum(value)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=PART_SUFFIX, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            np.save(stream, value)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def check_file(path: Path) -> Layout | None:
    """Compare the checksum of a whole file, and remove a damaged one.

    Returns:
        The layout of the file, or None if it is missing or damaged.
    """
    try:
        value = np.lib.format.open_memmap(path, mode="r")
        intact = value.shape == (1,) and value[_CHECKSUM][0] == _checksum(value)
    except OSError:
        return None
    except Exception:  # NumPy's parser raises errors of many types on a damaged header
        intact = False
    if not intact:
        with suppress(OSError):
            path.unlink()
        return None
    return Layout(value.dtype, value.offset)


def map_arrays(path: Path, layout: Layout) -> dict[str, NDArray[Any]] | None:
    """Map the arrays of a file into memory, read-only: pages are read when touched, and shared by processes.

    Args:
        path: A file that `check_file` has checked.
        layout: The layout that `check_file` returned, which saves parsing the header again.

    Returns:
        Arrays by name, or None if the file has been removed or truncated since.
    """
    try:
        with path.open("rb") as stream:
            buffer = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        value = np.frombuffer(buffer, layout.dtype, 1, layout.offset)  # faster than np.memmap
    except (OSError, ValueError):
        return None
    return {name: value[name][0] for name in layout.dtype.names or () if name != _CHECKSUM}


def _checksum(value: NDArray[Any]) -> int:
    # The names, types and shapes are covered too, as they are in the header and not in the value.
    layout = repr(value.dtype.descr).encode()
    return zlib.crc32(value.view(np.uint8).data[:-4], zlib.crc32(layout))  # 4 bytes are the checksum itself
