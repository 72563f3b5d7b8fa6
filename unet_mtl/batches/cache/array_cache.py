"""Arrays by key, in memory, on disk, or in both: filled by whoever needs one first."""

import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from unet_mtl.batches.cache.array_files import SUFFIX, Arrays, read_entry, remove_parts, write_entry
from unet_mtl.batches.cache.memory import free_memory
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.errors import ConfigError

_UNUSED_S = 30 * 24 * 3600
_DISK_KEPT_FREE = 0.05


class Cache:
    """Keeps arrays; handed out, they are read-only, since others get the same ones.

    Args:
        delivery: Where, and how much.

    Raises:
        ConfigError: They are to be on disk, and its folder cannot be written.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._memory: dict[bytes, Arrays] = {}
        self._room = _room(delivery)
        self._lock = threading.Lock()
        self._disk: DiskCache | None = None
        if delivery.cache in ("auto", "disk"):
            self._disk = DiskCache(delivery.cache_folder or default_folder())
        if delivery.cache == "disk" and self._disk is not None:
            self._disk.require_writable()

    def get(self, key: bytes) -> Arrays | None:
        """The arrays of a key, or None."""
        found = self._memory.get(key)
        if found is None and self._disk is not None:
            found = self._disk.get(key)
        return found

    def put(self, key: bytes, arrays: Arrays) -> None:
        """Keeps arrays, which must not be changed any more; a disk that refuses is no error, only slower."""
        size = sum(array.nbytes for array in arrays.values())
        with self._lock:
            fits = key not in self._memory and size <= self._room
            if fits:
                self._room -= size
        if fits:
            for array in arrays.values():
                array.setflags(write=False)
            self._memory[key] = arrays
        elif self._disk is not None:
            self._disk.put(key, arrays, size)


class DiskCache:
    """A folder of arrays, for several processes at once. Nothing is looked at or made before it is needed.

    Args:
        folder: May be shared by all trainings; what nobody used for 30 days is removed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._checked: set[bytes] = set()
        self._swept = False
        self._refused = False

    def require_writable(self) -> None:
        """Raises a ConfigError unless the folder can be written."""
        try:
            self._sweep()
        except OSError as error:
            raise ConfigError(
                f"delivery.cache_folder: cannot write {self.folder} ({error.strerror}); choose another, or set "
                "delivery.cache to memory or off"
            ) from error

    def get(self, key: bytes) -> dict[str, NDArray[Any]] | None:
        """The arrays of a key, mapped, or None."""
        path = self._path(key)
        found = read_entry(path, checked=key in self._checked)
        if found is None:
            self._checked.discard(key)
        elif key not in self._checked:
            self._checked.add(key)
            with suppress(OSError):
                os.utime(path)  # that it was used
        return found

    def put(self, key: bytes, arrays: Arrays, size: int) -> None:
        """Keeps arrays, where the disk has room."""
        if self._refused:
            return
        try:
            self._sweep()
            space = shutil.disk_usage(self.folder)
            if space.free - size > _DISK_KEPT_FREE * space.total:
                write_entry(self._path(key), arrays)
        except OSError:
            self._refused = True

    def _path(self, key: bytes) -> Path:
        name = key.hex()
        return self.folder / name[:2] / f"{name}{SUFFIX}"

    def _sweep(self) -> None:
        if self._swept:
            return
        self._swept = True
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "no permission", str(self.folder))
        remove_parts(self.folder)
        oldest = time.time() - _UNUSED_S
        for path in self.folder.glob(f"*/*{SUFFIX}"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def default_folder() -> Path:
    """Where programs of this user keep what can be made again."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "unet_mtl"


def _room(delivery: Delivery) -> float:
    if delivery.cache == "auto":
        return delivery.memory_share * free_memory()
    return float("inf") if delivery.cache == "memory" else 0.0
