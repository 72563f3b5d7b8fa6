"""Digests of files, computed again only where a file may have changed."""

import time
from dataclasses import dataclass
from pathlib import Path

from unet_mtl.files import hash_file

_SETTLED_S = 3.0
"""A file modified more recently may change again under the same time stamp: those of FAT are 2 s apart."""

_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Known:
    stamp: _Stamp
    digest: bytes
    settled: bool


class FileHashes:
    """Digests by path, remembered together with size, times and inode.

    One instance may serve several threads and several data sets, so that a training hashes each file once.
    """

    def __init__(self) -> None:
        self._known: dict[Path, _Known] = {}

    def digest(self, path: Path) -> bytes:
        """Return the SHA-256 digest of the current content of a file.

        Raises:
            OSError: The file cannot be read.
        """
        stamp = _stamp(path)
        known = self._known.get(path)
        if known is not None and known.settled and known.stamp == stamp:
            return known.digest
        now = time.time_ns()
        digest = bytes.fromhex(hash_file(path))
        # A program may set mtime back, but not ctime.
        settled = max(stamp[1], stamp[2]) < now - _SETTLED_S * 1e9 and _stamp(path) == stamp
        self._known[path] = _Known(stamp, digest, settled)
        return digest


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
