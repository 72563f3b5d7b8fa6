"""What every reader gives back, and the checks that a header must pass before any pixel is decoded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from unet_mtl.errors import DataError, UnetMtlError

MAX_PIXELS = 2**28
"""Most pixels of one picture (16,384 x 16,384), read from the header before anything is decoded."""

MAX_VALUES = 4 * MAX_PIXELS
"""Most numbers of one picture, all channels together."""

MOST_PACKED = 1400
"""No file of deflate (1032), LZW (about 1300), PackBits or Huffman JPEG unpacks to more bytes a byte."""


@dataclass(frozen=True)
class Header:
    """What a file says of one of its pictures before a pixel is decoded.

    Attributes:
        height: Rows, after EXIF rotation.
        width: Columns, after EXIF rotation.
        spacing_mm: Distance of neighbouring (rows, columns), where the file knows it.
        orientation: As EXIF has it, 1..8, before it was turned upright; 1 where the file says none.
        frames: How many pictures the file has.
    """

    height: int
    width: int
    spacing_mm: tuple[float, float] | None = None
    orientation: int = 1
    frames: int = 1


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture as stored; `intensity.to_image` makes an image of it, `images.read_mask` a mask.

    Attributes:
        pixels: `(height, width, channels)`, without alpha; the indices, where there is a palette.
        extent: The (lowest, highest) number that the type can hold; None where the dtype tells it.
        spacing_mm: Distance of neighbouring (rows, columns), where the file knows it.
        window: The (lowest, highest) number to be shown, where the file names it.
        measured: The numbers are a scanner's, whose range is not that of the type.
        inverted: The lowest number is white.
        colours: `(n, 3)` uint8, the palette.
        alpha: `(height, width)` opacity.
    """

    pixels: NDArray[Any]
    extent: tuple[float, float] | None = None
    spacing_mm: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    measured: bool = False
    inverted: bool = False
    colours: NDArray[Any] | None = None
    alpha: NDArray[Any] | None = None


@dataclass(frozen=True)
class Reader:
    """How one family of files is read; both functions take the path and the frame (None: the usual one).

    Attributes:
        measure: Reads the header alone.
        read: Reads one picture.
    """

    measure: Callable[[Path, int | None], Header]
    read: Callable[[Path, int | None], Picture]


def unreadable(path: Path, reason: str) -> DataError:
    """Makes the error of a file that is damaged, hostile or no image."""
    return DataError(f"{path}: not a readable image ({reason}); export it again from its source")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns whatever a library raises at a damaged file into a `DataError`: a parser promises no types."""
    try:
        yield
    except UnetMtlError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:
        raise unreadable(path, str(error) or type(error).__name__) from error


def check_size(path: Path, height: int, width: int, channels: int = 1) -> None:
    """Refuses a picture that would fill the memory, by its header.

    Raises:
        DataError: More than 2^28 pixels, four times as many numbers, or none at all.
    """
    received = f"its header says {width} x {height} pixels (width x height)"
    if min(height, width, channels) < 1:
        raise unreadable(path, received if channels > 0 else f"{received} of {channels} channels")
    if height * width > MAX_PIXELS:
        raise DataError(
            f"{path}: {received}, a decompression bomb; at most {MAX_PIXELS} pixels are read: cut it into tiles"
        )
    if height * width * channels > MAX_VALUES:
        raise DataError(
            f"{path}: {received} of {channels} channels; at most {MAX_VALUES} numbers are read: "
            "keep the channels that you need"
        )


def check_bytes(path: Path, needed: int, most_packed: int = 1, offset: int = 0) -> None:
    """Refuses a file too short for what its header promises, before memory is taken for it.

    Args:
        path: The file.
        needed: Bytes of the unpacked pixels.
        most_packed: How many bytes one stored byte may become; 1 where nothing is packed.
        offset: Bytes before the pixels.

    Raises:
        DataError: The header and the file contradict each other.
    """
    stored = path.stat().st_size - offset
    if needed > max(stored, 0) * most_packed:
        raise unreadable(
            path,
            f"truncated: its header promises {needed} bytes of pixels, the file has {max(stored, 0)}, "
            "so the two contradict each other",
        )


def choose_frame(path: Path, frame: int | None, count: int, usual: int = 0) -> int:
    """Gives the index of the picture to read.

    Args:
        path: The file.
        frame: What was asked for; None is the usual one.
        count: How many pictures the file has.
        usual: Index of the picture that is read when nothing was asked.

    Raises:
        DataError: The file has no such picture.
    """
    chosen = usual if frame is None else frame
    if not 0 <= chosen < count:
        raise DataError(f"{path}: frame {frame} of a file that has {count}; choose 0..{count - 1}")
    return chosen
