"""Files that hold several pictures, of which one is read."""

from collections.abc import Iterable
from pathlib import Path

from unet_mtl.data.images import read_header
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of


def choose_picture(path: Path, frame: int | None) -> tuple[int | None, int]:
    """Choose the picture of a file.

    Args:
        path: The file; if it cannot be read, reading its pixels reports the problem.
        frame: The index of the picture in a file that holds several; None for the default one.

    Returns:
        The index of the picture, or None if the file holds a single one; and the number of pictures.
    """
    try:
        header = read_header(path)
    except DataError:
        return None, 1
    if header.frames == 1:
        return None, 1
    return (header.index if frame is None else frame), header.frames


def describe_frames(pictures: Iterable[tuple[int, int]]) -> str:
    """Describe the files that hold several pictures; empty if there are none.

    Args:
        pictures: The number of pictures of each file, and the index of the one that is read.

    >>> describe_frames([(1, 0), (5, 0), (5, 0)])
    '2 files hold 5 pictures each, of which number 0 is read (counted from 0)'
    >>> describe_frames([(30, 15), (21, 10)])
    '2 files hold 21 to 30 pictures each, of which number 10 to 15 is read (counted from 0)'
    """
    several = [(frames, index) for frames, index in pictures if frames > 1]
    if not several:
        return ""
    frames, indices = zip(*several, strict=True)
    hold, each = ("holds", "") if len(several) == 1 else ("hold", " each")
    return (
        f"{count_of(len(several), 'file')} {hold} {_span(frames)} pictures{each}, of which number {_span(indices)} "
        "is read (counted from 0)"
    )


def _span(numbers: tuple[int, ...]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"
