"""The result of every reader, and the checks that a header must pass before any pixel is decoded."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from unet_mtl.errors import DataError, UnetMtlError
from unet_mtl.wording import count_of

MAX_PIXELS = 2**28
"""The largest number of pixels of one picture (16,384 x 16,384), compared with the header before decoding."""

MAX_VALUES = 4 * MAX_PIXELS
"""The largest number of values of one picture, all channels together."""

MAX_RATIO = 1400
"""An upper limit of the compression ratio of deflate (1032), LZW (about 1300), PackBits and Huffman JPEG."""


@dataclass(frozen=True)
class Header:
    """The properties of one picture that are known before its pixels are decoded.

    Attributes:
        height: The number of rows, after EXIF rotation.
        width: The number of columns, after EXIF rotation.
        spacing_mm: The distance between neighbouring (rows, columns) in millimetres; None if the file has none.
        orientation: The EXIF orientation of the stored pixels, 1 to 8; 1 (upright) if the file has none.
        frames: The number of pictures in the file.
        index: The index of this picture, counted from 0.
        patient: A digest of the patient that the header names; None if it names none. It is different in each process,
            so that no file can reveal the patient.
    """

    height: int
    width: int
    spacing_mm: tuple[float, float] | None = None
    orientation: int = 1
    frames: int = 1
    index: int = 0
    patient: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture as stored; `intensity.to_image` converts it to an image, `images.read_mask` to a mask.

    Attributes:
        pixels: An array `(height, width, channels)` without alpha. It holds indices if there is a palette.
        extent: The (lowest, highest) value that a pixel can have; None if it is that of the dtype.
        spacing_mm: The distance between neighbouring (rows, columns) in millimetres; None if unknown.
        window: The (lowest, highest) value of the display window; None if the file has none.
        measured: Whether the values are measurements of a scanner, which do not fill the range of the dtype.
        inverted: Whether the lowest value is white.
        colours: The palette, `(n, 3)` uint8; None if there is none.
        alpha: The opacity, `(height, width)`; None if there is none.
    """

    pixels: NDArray[Any]
    extent: tuple[float, float] | None = None
    spacing_mm: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    measured: bool = False
    inverted: bool = False
    colours: NDArray[Any] | None = None
    alpha: NDArray[Any] | None = None


def has_no_alpha(path: Path) -> bool:
    """Return False, for formats without alpha channels."""
    return False


@dataclass(frozen=True)
class Reader:
    """The functions that read the files of one format.

    Attributes:
        measure: Reads the header only. Like `read`, it takes the path and the index of the frame, or None for
            the default frame.
        read: Reads one picture.
        may_have_alpha: Returns whether a file may have an alpha channel, without decoding its pixels.
    """

    measure: Callable[[Path, int | None], Header]
    read: Callable[[Path, int | None], Picture]
    may_have_alpha: Callable[[Path], bool] = has_no_alpha


def import_optional(path: Path, module: str, format_name: str, extra: str) -> Any:
    """Import a library that is installed only with an extra of this package.

    Args:
        path: The file to read, named in the error.
        module: The module to import.
        format_name: The name of the file format.
        extra: The extra that installs the library.

    Returns:
        The module.

    Raises:
        DataError: The library is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        text = f'{path}: {format_name} needs {library}; pip install "unet-mtl[{extra}]"'
        raise DataError(text, kind="library-missing") from error


def unreadable(path: Path, reason: str) -> DataError:
    """Return the error for a file that is damaged, hostile or not an image."""
    return DataError(f"{path}: not a readable image ({reason}); export it again from its source")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Convert every exception of a parser to a `DataError`, since damaged files can raise exceptions of any type."""
    try:
        yield
    except UnetMtlError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            reason = error.strerror or str(error)
            raise DataError(
                f"{path}: cannot be read ({reason}); check its name and its permissions"
            ) from error
        raise unreadable(path, str(error) or type(error).__name__) from error


def check_size(path: Path, height: int, width: int, channels: int = 1) -> None:
    """Refuse a picture that would exhaust the memory, by the size in its header.

    Args:
        path: The file.
        height: The number of rows.
        width: The number of columns.
        channels: The number of channels.

    Raises:
        DataError: There are no pixels, more than `MAX_PIXELS` pixels, or more than `MAX_VALUES` values.
    """
    received = f"its header declares {width} x {height} pixels (width x height)"
    if min(height, width, channels) < 1:
        raise unreadable(path, received if channels > 0 else f"{received} with {channels} channels")
    if height * width > MAX_PIXELS:
        raise DataError(
            f"{path}: {received}, a decompression bomb; at most {MAX_PIXELS} pixels are read: cut it into tiles",
            kind="image-large",
        )
    if height * width * channels > MAX_VALUES:
        raise DataError(
            f"{path}: {received} with {channels} channels; at most {MAX_VALUES} values are read: "
            "keep only the channels that you need",
            kind="image-large",
        )


def check_bytes(path: Path, needed: int, max_ratio: int = 1, offset: int = 0) -> None:
    """Refuse a file that is too short for the pixels that its header declares, before memory is allocated.

    Args:
        path: The file.
        needed: The number of bytes of the decompressed pixels.
        max_ratio: The highest compression ratio of the format; 1 if the pixels are not compressed.
        offset: The number of bytes before the pixels.

    Raises:
        DataError: The file is too short.
    """
    stored = path.stat().st_size - offset
    if needed > max(stored, 0) * max_ratio:
        raise unreadable(
            path,
            f"truncated: its header declares {needed} bytes of pixels, but the file holds {max(stored, 0)}",
        )


def choose_frame(path: Path, frame: int | None, count: int, default: int = 0) -> int:
    """Return the index of the frame to read.

    Args:
        path: The file.
        frame: The requested index; None for the default frame.
        count: The number of frames in the file.
        default: The index of the default frame.

    Raises:
        DataError: The file has no such frame.
    """
    chosen = default if frame is None else frame
    if not 0 <= chosen < count:
        text = f"{path}: frame {frame} of a file that has {count_of(count, 'frame')}; choose 0..{count - 1}"
        raise DataError(text, kind="frame-absent")
    return chosen
