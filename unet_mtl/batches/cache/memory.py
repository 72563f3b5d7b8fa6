"""Free memory of the machine, and the reuse of freed memory by the C library."""

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUPS = Path("/sys/fs/cgroup")
_ASSUMED_FREE = 4 * 2**30
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # values from malloc.h


def free_memory() -> int:
    """Return the bytes that this process may still allocate without swapping, within the limit of its container."""
    free = _available()
    limit, used = _read_number(_CGROUPS / "memory.max"), _read_number(_CGROUPS / "memory.current")
    if limit is not None and used is not None:
        free = min(free, max(limit - used, 0))
    return free


def keep_freed_memory() -> None:
    """Let glibc keep freed memory for the next sample instead of returning it to the system.

    Otherwise the temporary arrays of every augmented image are new pages of the system. With TensorFlow's own
    settings, that took twice the processor time of the augmentation itself. Without glibc, nothing changes.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
        libc.mallopt(_M_TRIM_THRESHOLD, 256 * 2**20)


def _available() -> int:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:  # other systems than Linux: half of the memory is assumed to be free
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return _ASSUMED_FREE


def _read_number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max" means that there is no limit
        return None
