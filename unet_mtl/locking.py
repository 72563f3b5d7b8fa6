"""A lock on a folder, which ends with the process that holds it."""

import errno
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from unet_mtl.errors import RunError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock for the time of the block.

    The lock is held by the operating system, so that it ends with its process, however that ends. The file names the
    process and its machine. The lock of another machine cannot be tested on every network drive and is never taken
    over.

    Args:
        path: The file of the lock; it is removed at the end.

    Raises:
        RunError: Another process holds the lock.
    """
    stream = _acquire(path)
    if stream is None:
        yield
        return
    with stream:
        json.dump({"pid": os.getpid(), "host": platform.node()}, stream)
        stream.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def _acquire(path: Path) -> TextIO | None:
    """Return the locked file, empty; None where the file system has no locks or the folder cannot be written to."""
    while fcntl is not None:
        try:
            stream = path.open("a+", encoding="utf-8")
        except OSError:  # the first write into the folder names the reason
            return None
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = _read_owner(stream)
            stream.close()
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise _refusal(path, owner) from error
            return None
        owner = _read_owner(stream)
        if owner.get("host", platform.node()) != platform.node():
            stream.close()
            raise _refusal(path, owner)
        # The owner before may have removed the file between the two calls; the lock then protects nothing.
        with suppress(OSError):
            if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                stream.truncate(0)
                return stream
        stream.close()
    return None


def _read_owner(stream: TextIO) -> dict[str, Any]:
    try:
        stream.seek(0)
        content = json.loads(stream.read())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _refusal(path: Path, owner: dict[str, Any]) -> RunError:
    pid, host = owner.get("pid", "unknown"), owner.get("host", "unknown")
    return RunError(
        f"{path.parent} is in use by another training (process {pid} on {host}); wait for its end, or stop it. If it "
        f"has ended on another machine, remove {path}"
    )
