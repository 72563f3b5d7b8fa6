"""One file of arrays in a cache folder: whole or not there, however many processes write, read or die."""

import json
import mmap
import os
import socket
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

SUFFIX = ".arrays"
_PART = ".part"
_MAGIC = b"unetmtl1"
_ALIGNED = 64
_HEAD = len(_MAGIC) + 8  # then the length of the JSON, and its checksum with the pixels'
_DEAD_AFTER_S = 24 * 3600


def write_entry(path: Path, arrays: Arrays) -> None:
    """Writes arrays so that no reader ever sees half of them: beside it first, under a name of this process.

    Raises:
        OSError: The disk refused; nothing is left behind.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{socket.gethostname()}.{os.getpid()}.", suffix=_PART, dir=path.parent
    )
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            for part in _encode(arrays):
                stream.write(part)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def read_entry(path: Path, *, checked: bool) -> dict[str, NDArray[Any]] | None:
    """Maps arrays into memory, read-only: pages come from the disk as they are touched, and many may share them.

    Args:
        path: As written.
        checked: Whether this process has compared the checksum before.

    Returns:
        None where there is no such file, or a damaged one, which is removed.
    """
    try:
        with path.open("rb") as stream:
            buffer = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        arrays = _decode(buffer, checked)
    except OSError:
        return None
    except ValueError:  # an empty file cannot be mapped, damaged JSON not read
        arrays = None
    if arrays is None:
        with suppress(OSError):
            path.unlink()
    return arrays


def remove_parts(folder: Path) -> None:
    """Removes what writers left that were killed: of this machine when they are gone, of others after a day."""
    for path in folder.glob(f"*/.*{_PART}"):
        with suppress(OSError):
            if _is_abandoned(path):
                path.unlink()


def _is_abandoned(path: Path) -> bool:
    host, process = path.name[1:].rsplit(".", 3)[:2]
    if host == socket.gethostname():
        # A writer that lives in another container by the same name loses its rename, no more.
        return not _is_alive(int(process))
    return time.time() - path.stat().st_mtime > _DEAD_AFTER_S


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    return True


def _encode(arrays: Arrays) -> Iterator[bytes | memoryview]:
    header = json.dumps([[name, a.dtype.str, a.shape] for name, a in arrays.items()]).encode()
    header += b" " * (-(_HEAD + len(header)) % _ALIGNED)
    body: list[bytes | memoryview] = [header]
    for array in arrays.values():
        body.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        body.append(bytes(-array.nbytes % _ALIGNED))
    checksum = 0
    for part in body:
        checksum = zlib.crc32(part, checksum)
    yield _MAGIC + len(header).to_bytes(4, "little") + checksum.to_bytes(4, "little")
    yield from body


def _decode(buffer: mmap.mmap, checked: bool) -> dict[str, NDArray[Any]] | None:
    if buffer[: len(_MAGIC)] != _MAGIC or len(buffer) < _HEAD:
        return None
    length, checksum = (int.from_bytes(buffer[at : at + 4], "little") for at in (8, 12))
    if not checked and zlib.crc32(memoryview(buffer)[_HEAD:]) != checksum:
        return None
    arrays, at = {}, _HEAD + length
    for name, dtype, shape in json.loads(buffer[_HEAD:at]):
        array = np.frombuffer(buffer, dtype, int(np.prod(shape)), at).reshape(shape)
        arrays[name] = array
        at += array.nbytes + -array.nbytes % _ALIGNED
    return arrays
