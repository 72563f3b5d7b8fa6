"""Writing of files and folders, each completely or not at all."""

import hashlib
import json
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from unet_mtl.errors import WriteError

_LEFTOVER = re.compile(r"\..+\.(?P<pid>\d+)\.part(\.\w+)?")
_STALE_S = 60.0
"""The age from which a temporary file of another process may be removed; on a shared drive, that process may be on
another machine, where it cannot be seen."""

_swept: set[Path] = set()


def user_cache_folder() -> Path:
    """Return our cache folder: $UNET_MTL_CACHE, $XDG_CACHE_HOME/unet_mtl or ~/.cache/unet_mtl."""
    own, base = os.environ.get("UNET_MTL_CACHE"), os.environ.get("XDG_CACHE_HOME")
    return Path(own) if own else (Path(base) if base else Path.home() / ".cache") / "unet_mtl"


def _refusal(path: Path, error: OSError, folder: Path) -> WriteError:
    if isinstance(error, NotADirectoryError | FileExistsError) and (file := _file_instead(folder)):
        return WriteError(
            f"cannot write {path}: {file} is a file, and a folder is needed; choose another place"
        )
    reason = error.strerror or str(error)
    return WriteError(
        f"cannot write {path}: {reason}. Free some space or choose a folder you may write to; "
        "nothing half-written was left behind."
    )


def _file_instead(folder: Path) -> Path | None:
    """Return the file that is in the place of a folder or of one above it; None if there is none."""
    existing = next((part for part in (folder, *folder.parents) if os.path.lexists(part)), None)
    return None if existing is None or existing.is_dir() else existing


def require_folder(path: Path, content: str) -> None:
    """Make sure, before a long computation, that no file is in the place of a folder of results.

    Args:
        path: The folder, which need not exist.
        content: What is written into it.

    Raises:
        WriteError: A file is in the way.
    """
    if file := _file_instead(path):
        raise WriteError(
            f"cannot write into {path}: {file} is a file; give a folder for {content} with `out`"
        )


def folder_instead(path: Path) -> str:
    """Return the message for a folder that was given in place of the name of a page."""
    return f"{path} is a folder; give the name of a file, such as {path / 'check.html'}"


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Provide a temporary path beside `path`, which replaces `path` in one step at the end of the block.

    Args:
        path: The file to write; its folder is created if it is absent.

    Yields:
        The temporary path. It keeps the suffix of `path`, which Pillow, Keras and NumPy look at.

    Raises:
        WriteError: The operating system refused a write; the temporary file is removed first.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent not in _swept:  # once per folder, since a folder may get thousands of files
            _swept.add(path.parent)
            remove_leftovers(path.parent)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _refusal(path, error, path.parent) from error
    finally:
        with suppress(OSError):  # where no file could be created, its removal is refused as well
            temporary.unlink()


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """Provide a temporary folder that becomes `path`, in one step, at the end of the block.

    Args:
        path: The folder to write; it must be absent or empty.

    Yields:
        The temporary folder, beside `path`.

    Raises:
        WriteError: The operating system refused a write; the temporary folder, and the parent folders created for it,
            are removed first.
    """
    holder: Path | None = None
    absent: list[Path] = []
    try:
        absent += [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftover_folders(path)
        prefix = f".{path.name}.{os.getpid()}."
        holder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=path.parent))
        # tempfile creates folders for their owner alone, so that `path` is made inside, with the umask of the user.
        temporary = holder / path.name
        temporary.mkdir()
        yield temporary
        if path.is_dir():
            path.rmdir()
        temporary.replace(path)
    except WriteError as error:
        message = str(error)
        if holder is not None:
            message = message.replace(str(holder / path.name), str(path))
        raise WriteError(message) from error
    except OSError as error:
        raise _refusal(path, error, path) from error
    finally:
        if holder is not None:
            shutil.rmtree(holder, ignore_errors=True)
        with suppress(OSError):  # the parent folders are removed too, unless they have content
            for folder in absent:
                folder.rmdir()


def remove_leftovers(folder: Path, *, in_use: bool = True) -> None:
    """Remove the temporary files that `writing` has left in a folder because its process was killed.

    Args:
        folder: The folder; its subfolders are not searched.
        in_use: Whether other processes may be writing into the folder; their files are kept.
    """
    for path in folder.glob(".*.part*"):
        leftover = _LEFTOVER.fullmatch(path.name)
        if leftover and not (in_use and _may_be_alive(path, int(leftover["pid"]))):
            with suppress(OSError):
                path.unlink()


def _remove_leftover_folders(path: Path) -> None:
    """Remove the temporary folders that `writing_folder` has left beside `path`."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(?P<pid>\d+)\.\w+\.part")
    for folder in path.parent.glob(".*.part"):
        leftover = pattern.fullmatch(folder.name)
        if leftover and not _may_be_alive(folder, int(leftover["pid"])):
            shutil.rmtree(folder, ignore_errors=True)


def _may_be_alive(path: Path, pid: int) -> bool:
    """Return whether the process that writes a temporary file or folder may still be running."""
    try:
        if os.name == "posix":
            os.kill(pid, 0)  # tests whether the process exists
        return True
    except ProcessLookupError:
        with suppress(OSError):
            return time.time() - path.stat().st_mtime < _STALE_S
    except (OSError, OverflowError):
        pass
    return True


def hash_file(path: Path, method: str = "sha256") -> str:
    """Return the digest of a file of any size, as hexadecimal digits.

    Args:
        path: The file.
        method: A name that `hashlib` knows.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, method).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a text file completely or not at all."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write JSON completely or not at all; NaN and infinity become null, which every JSON reader accepts."""
    write_text(path, json.dumps(_finite(content), indent=2) + "\n")


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
