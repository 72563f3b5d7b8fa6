"""The mask of a case, however many files it is in: class indices, or a channel for each class that may overlap."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.description import MaskDescription
from unet_mtl.data.images import IGNORE, read_coloured_mask, read_header, read_mask
from unet_mtl.data.mask_decoding import from_colours, from_numbers
from unet_mtl.data.nearest_values import nearest_known
from unet_mtl.data.readers.raster import Number
from unet_mtl.data.readers.raster import turn as turn_pixels
from unet_mtl.data.records import MaskFile, Record
from unet_mtl.errors import DataError


def read_case_mask(
    record: Record, target: str, description: MaskDescription, *, turn: bool = False
) -> NDArray[np.uint8] | None:
    """Reads the mask of one case.

    Args:
        record: Of the case.
        target: Which mask.
        description: Of the mask.
        turn: Whether the mask lies as its image does before its EXIF turn, and is to be turned with it.

    Returns:
        `(height, width)` uint8 class indices at the image's own size, 255 where nobody labelled; of classes that
        overlap `(height, width, classes but the background)`, 1 where the class is, else 0. None: there is no mask.

    Raises:
        DataError: Its `kind` is "mask-unreadable"; "mask-size", another size (or number of frames) than the image's;
            "mask-unturned", that of the image before its EXIF turn; "mask-values" or "mask-colours", some that the
            description does not know; "mask-stray", a few pixels of these; "mask-antialiased", many between those
            that it knows; "mask-fractions" or "mask-alpha", as `read_mask` has it; or that of the image's own error.
    """
    files = record.masks.get(target)
    if not files:
        return None
    return unite_masks([_read_file(file, record, target, description, turn) for file in files], description)


def unite_masks(masks: Sequence[NDArray[np.uint8]], description: MaskDescription) -> NDArray[np.uint8]:
    """One mask of several files of a case.

    Args:
        masks: At least one, class indices; of classes that overlap one class each.
        description: Of the mask.

    Returns:
        As `read_case_mask`: where two files have a class, the later one's counts, or both if they overlap.
    """
    if not description.overlap:
        return reduce(lambda united, mask: np.where(mask != 0, mask, united), masks)
    united = np.zeros((*masks[0].shape, len(description.classes) - 1), np.uint8)
    for mask in masks:
        index = int(mask.max())
        if index:
            united[..., index - 1] |= mask == index
    return united


def region_of(mask: NDArray[np.uint8], index: int) -> NDArray[np.bool_]:
    """Where a class is, in a mask as `read_case_mask` gives it; index 0: no class, 255: not labelled."""
    if mask.ndim == 2:
        return np.asarray(mask == index)
    if index == IGNORE:
        return np.asarray((mask == IGNORE).any(-1))
    return np.asarray(mask[..., index - 1] == 1 if index else (mask == 0).all(-1))


def count_pixels(mask: NDArray[np.uint8]) -> dict[int, int]:
    """Pixels by class index, in ascending order and without those of none; as `region_of`."""
    if mask.ndim == 2:
        counts = np.bincount(mask.ravel())
        return {int(index): int(counts[index]) for index in np.flatnonzero(counts)}
    indices = (*range(mask.shape[-1] + 1), IGNORE)
    found = {index: int(np.count_nonzero(region_of(mask, index))) for index in indices}
    return {index: pixels for index, pixels in found.items() if pixels}


def _read_file(
    file: MaskFile, record: Record, target: str, description: MaskDescription, turn: bool
) -> NDArray[np.uint8]:
    frame = _frame(file.path, record)
    if description.colours is not None:
        with _naming(target, description):
            colours = read_coloured_mask(file.path, frame)
        return from_colours(_as_image(colours, file.path, record, turn), file.path, target, description)
    with _naming(target, description):
        stored = read_mask(file.path, frame)
    stored = _as_image(stored, file.path, record, turn)
    if description.instances:
        return np.asarray(stored != 0, np.uint8)
    if file.index is None:
        return from_numbers(stored, file.path, target, description)
    return np.where(_is_there(stored, description), file.index, 0).astype(np.uint8)


@contextmanager
def _naming(target: str, description: MaskDescription) -> Iterator[None]:
    """Gives an error a kind, and one of colours its cure."""
    try:
        yield
    except DataError as error:
        if error.kind != "mask-colours" or description.colours is not None:
            raise error.of_kind("mask-unreadable") from error.__cause__
        cure = f'`masks.{target}.colours: {{{description.classes[1]}: "#ff0000"}}`'
        raise DataError(f"{error}; or say what the colours mean: {cure}", kind=error.kind) from error


def _is_there(stored: NDArray[np.int32], description: MaskDescription) -> NDArray[np.bool_]:
    """Where a file of one class has it; with repair, what is nearer to the largest number than to 0."""
    if description.repair is None or stored.max() <= 0:
        return np.asarray(stored != 0)
    known = np.array([[0], [stored.max()]], np.float32)
    return nearest_known(stored[..., None], known).astype(np.bool_)


def _frame(path: Path, record: Record) -> int | None:
    """The image's frame; None for a mask that has but one."""
    if record.frame is None:
        return None
    try:
        frames = read_header(path).frames
    except DataError as error:
        raise DataError(error.problems, kind="mask-unreadable") from error
    if frames == 1:
        return None
    of_image = read_header(record.require_image(), record.frame).frames
    if of_image not in (1, frames):
        raise DataError(
            f"{path}: the mask has {frames} frames, its image {record.require_image().name!r} {of_image}; "
            "export both alike",
            kind="mask-size",
        )
    return record.frame


def _as_image(pixels: NDArray[Number], path: Path, record: Record, turn: bool) -> NDArray[Number]:
    """The pixels, turned if they are to be, once their size is that of the image."""
    header = read_header(record.require_image(), record.frame)
    expected = (header.height, header.width)
    pixels = turn_pixels(pixels, header.orientation) if turn else pixels
    size = pixels.shape[:2]
    if size == expected:
        return pixels
    text = f"{path}: the mask is {size[0]}x{size[1]} pixels, its image {record.require_image().name!r} is "
    text += f"{header.height}x{header.width}"
    if size == expected[::-1] and header.orientation in (5, 6, 7, 8):
        text += f" once it is turned as its EXIF orientation {header.orientation} says; turn the mask alike"
        raise DataError(text, kind="mask-unturned")
    raise DataError(f"{text}; export both at one size", kind="mask-size")
