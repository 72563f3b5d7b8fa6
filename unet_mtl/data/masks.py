"""Read the mask of a case from its files, as class indices or as one channel for each overlapping class."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.description import MaskDescription
from unet_mtl.data.images import IGNORE, read_coloured_mask, read_header, read_mask
from unet_mtl.data.mask_decoding import decode_colours, decode_numbers
from unet_mtl.data.nearest_values import find_nearest_known
from unet_mtl.data.readers.raster import Number
from unet_mtl.data.readers.raster import turn as turn_pixels
from unet_mtl.data.records import MaskFile, Record
from unet_mtl.errors import DataError

_BLOCK = 2**20
"""The number of pixels that are counted at once."""


def read_case_mask(
    record: Record, target: str, description: MaskDescription, *, turn: bool = False
) -> NDArray[np.uint8] | None:
    """Read the mask of one case.

    Args:
        record: The case.
        target: The name of the mask.
        description: The description of the mask.
        turn: Whether the mask lies as its image before EXIF rotation, and is rotated like the image.

    Returns:
        The class indices at the size of the image, `(height, width)` uint8, with 255 for unlabelled pixels. For
        overlapping classes, an array `(height, width, classes without the background)` with 1 where the class is
        and 0 elsewhere. None if there is no mask.

    Raises:
        DataError: The mask cannot be used. Its `kind` is "mask-unreadable"; "mask-size" if the size or the number of
            frames differs from the image; "mask-unturned" if the size is that of the image before EXIF rotation;
            "mask-values", "mask-coding" or "mask-colours" if some are not in the description; "mask-stray" if these are
            a few pixels only; "mask-antialiased" if many lie between described ones; a kind of `read_mask`; or the
            kind of an error of the image.
    """
    masks = read_mask_files(record, target, description, turn=turn)
    return unite_masks(masks, description) if masks else None


def read_mask_files(
    record: Record, target: str, description: MaskDescription, *, turn: bool = False
) -> list[NDArray[np.uint8]]:
    """Read each file of the mask of one case; see `read_case_mask` for arguments and errors.

    Returns:
        The class indices `(height, width)` of each file; none if there is no mask.
    """
    files = record.masks.get(target, ())
    return [_read_file(file, record, target, description, turn) for file in files]


def unite_masks(masks: Sequence[NDArray[np.uint8]], description: MaskDescription) -> NDArray[np.uint8]:
    """Merge the masks of several files of a case.

    Args:
        masks: One or more arrays of class indices `(height, width)`; with overlapping classes, one class in each.
        description: The description of the mask.

    Returns:
        One mask in the form that `read_case_mask` returns. Where two files have a class, the later one takes
        precedence, unless classes may overlap.
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
    """Return where a mask of `read_case_mask` has a class; index 0 is the background, 255 is unlabelled."""
    if mask.ndim == 2:
        return np.asarray(mask == index)
    if index == IGNORE:
        return np.asarray((mask == IGNORE).any(-1))
    return np.asarray(mask[..., index - 1] == 1 if index else (mask == 0).all(-1))


def count_values(mask: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count the values 0 to 255 of a mask, (256,), without an array of larger integers of its size."""
    counts = np.zeros(256, np.int64)
    flat = mask.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        counts += np.bincount(flat[start : start + _BLOCK], minlength=256)
    return counts


def count_pixels(mask: NDArray[np.uint8]) -> dict[int, int]:
    """Count pixels by class index, as defined by `region_of`, in ascending order and without zero counts."""
    if mask.ndim == 2:
        counts = count_values(mask)
        return {int(index): int(counts[index]) for index in np.flatnonzero(counts)}
    indices = (*range(mask.shape[-1] + 1), IGNORE)
    totals = {index: int(np.count_nonzero(region_of(mask, index))) for index in indices}
    return {index: pixels for index, pixels in totals.items() if pixels}


def _read_file(
    file: MaskFile, record: Record, target: str, description: MaskDescription, turn: bool
) -> NDArray[np.uint8]:
    frame = choose_mask_frame(file.path, record)
    if description.colours is not None:
        with _explaining_errors(target, description):
            colours = read_coloured_mask(file.path, frame)
        return decode_colours(_fit_to_image(colours, file.path, record, turn), file.path, target, description)
    with _explaining_errors(target, description):
        stored = read_mask(file.path, frame)
    stored = _fit_to_image(stored, file.path, record, turn)
    if description.instances:
        return np.asarray(stored != 0, np.uint8)
    if file.index is None:
        return decode_numbers(stored, file.path, target, description)
    return np.where(_find_foreground(stored, description), file.index, 0).astype(np.uint8)


@contextmanager
def _explaining_errors(target: str, description: MaskDescription) -> Iterator[None]:
    """Add a kind to an error, and to an error about colours what to do."""
    try:
        yield
    except DataError as error:
        if error.kind != "mask-colours" or description.colours is not None:
            raise error.of_kind("mask-unreadable") from error.__cause__
        setting = f'`masks.{target}.colours: {{{description.classes[1]}: "#ff0000"}}`'
        raise DataError(f"{error}; or describe the colours: {setting}", kind=error.kind) from error


def _find_foreground(stored: NDArray[np.int32], description: MaskDescription) -> NDArray[np.bool_]:
    """Return the pixels of the class of a file; with `repair`, those nearer to the largest number than to 0."""
    if description.repair is None or stored.max() <= 0:
        return np.asarray(stored != 0)
    known = np.array([[0], [stored.max()]], np.float32)
    return find_nearest_known(stored[..., None], known).astype(np.bool_)


def choose_mask_frame(path: Path, record: Record) -> int | None:
    """Choose the picture of a file of masks that holds several: the same one as of an image that holds several too.

    Args:
        path: A file of the mask of the case.
        record: The case.

    Returns:
        The index of the picture; None for the default one, or if the file holds a single one.

    Raises:
        DataError: A file cannot be read, or both hold several pictures, but not the same number (kind "mask-size").
    """
    try:
        frames = read_header(path).frames
    except DataError as error:
        kind = "mask-unreadable" if error.kind == "image-unreadable" else error.kind
        raise DataError(error.problems, kind=kind) from error
    if frames == 1:
        return None
    image = read_header(record.require_image(), record.frame)
    of_image = image.frames
    if of_image not in (1, frames):
        raise DataError(
            f"{path}: the mask has {frames} frames, but its image {record.require_image().name!r} has {of_image}; "
            "export both with the same number",
            kind="mask-size",
        )
    return record.frame if of_image == 1 else image.index


def _fit_to_image(pixels: NDArray[Number], path: Path, record: Record, turn: bool) -> NDArray[Number]:
    """Rotate the pixels if `turn` is set, and check that they have the size of the image."""
    header = read_header(record.require_image(), record.frame)
    expected = (header.height, header.width)
    pixels = turn_pixels(pixels, header.orientation) if turn else pixels
    size = pixels.shape[:2]
    if size == expected:
        return pixels
    text = (
        f"{path}: the mask is {size[0]}x{size[1]} pixels, but its image {record.require_image().name!r} is "
    )
    text += f"{header.height}x{header.width}"
    if size == expected[::-1] and header.orientation in (5, 6, 7, 8):
        text += (
            f" after rotation by its EXIF orientation {header.orientation}; rotate the mask like the image"
        )
        raise DataError(text, kind="mask-unturned")
    raise DataError(f"{text}; export both at the same size", kind="mask-size")
