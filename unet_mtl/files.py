"""Writing of files and folders, each completely or not at all."""

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from unet_mtl.errors import WriteError


def _refusal(path: Path, error: OSError) -> WriteError:
    reason = error.strerror or str(error)
    return WriteError(
        f"cannot write {path}: {reason}. Free some space or choose a folder you may write to; "
        "nothing half-written was left behind."
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
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _refusal(path, error) from error
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
        holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        # tempfile creates folders for their owner alone, so that `path` is made inside, with the umask of the user.
        temporary = holder / path.name
        temporary.mkdir()
        yield temporary
        if path.is_dir():
            path.rmdir()
        temporary.replace(path)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        if holder is not None:
            shutil.rmtree(holder, ignore_errors=True)
        with suppress(OSError):  # the parent folders are removed too, unless they have content
            for folder in absent:
                folder.rmdir()


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
