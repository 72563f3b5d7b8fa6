"""How much memory is free, and who keeps what was freed."""

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUPS = Path("/sys/fs/cgroup")
_UNKNOWN = 4 * 2**30
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # as malloc.h has them


def free_memory() -> int:
    """Bytes that this process may still take without others being pushed out, within its container's limit."""
    free = _available()
    limit, used = _number(_CGROUPS / "memory.max"), _number(_CGROUPS / "memory.current")
    if limit is not None and used is not None:
        free = min(free, max(limit - used, 0))
    return free


def keep_freed_memory() -> None:
    """Has glibc keep freed memory for the next sample, instead of giving it back and asking for it again.

    Otherwise the temporary arrays of every augmented image are new pages of the kernel's; as TensorFlow's generators
    set it, that took twice the processor time of the augmentation itself. Does nothing without glibc.
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
    try:  # not Linux: as if half of the memory were taken
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max": no limit
        return None
