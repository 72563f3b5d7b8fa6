"""A cache of arrays by key, in memory, on disk, or both."""

import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from unet_mtl.batches.cache.array_files import (
    PART_SUFFIX,
    SUFFIX,
    Arrays,
    Layout,
    check_file,
    map_arrays,
    write_arrays,
)
from unet_mtl.batches.cache.memory import free_memory
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.errors import ConfigError
from unet_mtl.files import user_cache_folder

_UNUSED_S = 30 * 24 * 3600
_ABANDONED_S = 3600
"""The age in seconds from which a temporary file belongs to a killed process; writing one takes milliseconds."""

_DISK_KEPT_FREE = 0.05


class Cache:
    """Arrays by key. The arrays that it returns are read-only, because all callers share them.

    Args:
        delivery: The place and the size of the cache.

    Raises:
        ConfigError: `delivery.cache` is "disk" and the folder cannot be written.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._memory: dict[bytes, Arrays] = {}
        self._free_bytes = _memory_budget(delivery)
        self._lock = threading.Lock()
        self._disk: DiskCache | None = None
        if delivery.cache in ("auto", "disk"):
            self._disk = DiskCache(delivery.cache_folder or user_cache_folder())
        if delivery.cache == "disk" and self._disk is not None:
            self._disk.require_writable()

    def get(self, key: bytes) -> Arrays | None:
        """Return the arrays of a key, or None."""
        arrays = self._memory.get(key)
        if arrays is None and self._disk is not None:
            arrays = self._disk.get(key)
        return arrays

    def put(self, key: bytes, arrays: Arrays) -> None:
        """Store arrays, which must not be changed afterwards; if the disk cannot be written, they are dropped."""
        n_bytes = sum(array.nbytes for array in arrays.values())
        with self._lock:
            fits = key not in self._memory and n_bytes <= self._free_bytes
            if fits:
                self._free_bytes -= n_bytes
        if fits:
            for array in arrays.values():
                array.setflags(write=False)
            self._memory[key] = arrays
        elif self._disk is not None:
            self._disk.put(key, arrays, n_bytes)


class DiskCache:
    """A folder of arrays that several processes may share. It is created when the first arrays are stored.

    Args:
        folder: The folder; entries that no process has read for 30 days are removed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._layouts: dict[bytes, Layout] = {}
        self._distinct_layouts: dict[
            Layout, Layout
        ] = {}  # a dtype takes 1 KB, and most cases have the same one
        self._is_prepared = False
        self._is_refused = False

    def require_writable(self) -> None:
        """Raise a ConfigError unless the folder can be written."""
        try:
            self._prepare()
        except OSError as error:
            raise ConfigError(
                f"delivery.cache_folder: cannot write {self.folder} ({error.strerror}); choose another folder, or set "
                "delivery.cache to memory or off"
            ) from error

    def get(self, key: bytes) -> dict[str, NDArray[Any]] | None:
        """Return the arrays of a key, mapped into memory, or None."""
        path = self._path(key)
        layout = self._layouts.get(key)
        if layout is None:
            layout = check_file(path)
            if layout is None:
                return None
            self._layouts[key] = self._distinct_layouts.setdefault(layout, layout)
            with suppress(OSError):
                os.utime(path)  # records the use
        arrays = map_arrays(path, layout)
        if arrays is None:
            self._layouts.pop(key, None)
        return arrays

    def put(self, key: bytes, arrays: Arrays, n_bytes: int) -> None:
        """Store arrays if the disk has room for them; after the first error, nothing more is stored."""
        if self._is_refused:
            return
        try:
            self._prepare()
            space = shutil.disk_usage(self.folder)
            if space.free - n_bytes > _DISK_KEPT_FREE * space.total:
                write_arrays(self._path(key), arrays)
        except OSError:
            self._is_refused = True

    def _path(self, key: bytes) -> Path:
        name = key.hex()
        return self.folder / name[:2] / f"{name}{SUFFIX}"

    def _prepare(self) -> None:
        """Create the folder, and remove old entries and the temporary files of killed processes."""
        if self._is_prepared:
            return
        self._is_prepared = True
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "no permission", str(self.folder))
        now = time.time()
        for suffix, seconds in ((SUFFIX, _UNUSED_S), (PART_SUFFIX, _ABANDONED_S)):
            for path in self.folder.glob(f"*/*{suffix}"):
                with suppress(OSError):
                    if now - path.stat().st_mtime > seconds:
                        path.unlink()


def _memory_budget(delivery: Delivery) -> float:
    if delivery.cache == "auto":
        return delivery.memory_share * free_memory()
    return float("inf") if delivery.cache == "memory" else 0.0
