"""Digests of files, read again only where a file may have changed."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

_SETTLED_S = 3.0
"""A file changed less long ago may change again without another time stamp: FAT's are 2 s apart."""

_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Known:
    stamp: _Stamp
    digest: bytes
    settled: bool


class Contents:
    """Remembers what files hold by size, times and inode, and doubts these while they are fresh."""

    def __init__(self) -> None:
        self._known: dict[Path, _Known] = {}

    def digest(self, path: Path) -> bytes:
        """A digest of the bytes that the file holds now.

        Raises:
            OSError: It cannot be read.
        """
        stamp = _stamp(path)
        known = self._known.get(path)
        if known is not None and known.settled and known.stamp == stamp:
            return known.digest
        now = time.time_ns()
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=20)).digest()
        # ctime too: a program may set mtime back, but not that.
        settled = max(stamp[1], stamp[2]) < now - _SETTLED_S * 1e9 and _stamp(path) == stamp
        self._known[path] = _Known(stamp, digest, settled)
        return digest


def _stamp(path: Path) -> _Stamp:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino
