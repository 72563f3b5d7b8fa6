"""The mask of a case as class indices, however many files it is in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.coding import from_colours, from_numbers
from unet_mtl.data.description import MaskDescription
from unet_mtl.data.images import read_coloured_mask, read_header, read_mask
from unet_mtl.data.records import MaskFile, Record
from unet_mtl.data.repair import nearest_known
from unet_mtl.errors import DataError


def read_case_mask(record: Record, target: str, description: MaskDescription) -> NDArray[np.uint8] | None:
    """Reads the mask of one case as class indices.

    Returns:
        `(height, width)` uint8 at the image's own size, 255 where nobody labelled; None: there is no mask.

    Raises:
        DataError: Its `kind` is "mask-unreadable"; "mask-size", another size (or number of frames) than the image's;
            "mask-values" or "mask-colours", some that the description does not know; "mask-antialiased", many
            between those that it knows; "mask-fractions" or "mask-alpha", as `read_mask` has it; or that of
            the image's own error.
    """
    files = record.masks.get(target)
    if not files:
        return None
    united: NDArray[np.uint8] | None = None
    for file in files:
        mask = _read_file(file, record, target, description)
        united = mask if united is None else np.where(mask != 0, mask, united)
    return united


def _read_file(
    file: MaskFile, record: Record, target: str, description: MaskDescription
) -> NDArray[np.uint8]:
    frame = _frame(file.path, record)
    if description.colours is not None:
        with _naming(target, description):
            colours = read_coloured_mask(file.path, frame)
        _require_size(colours.shape[:2], file.path, record)
        return from_colours(colours, file.path, target, description)
    with _naming(target, description):
        stored = read_mask(file.path, frame)
    _require_size(stored.shape, file.path, record)
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
    of_image = read_header(record.image, record.frame).frames
    if of_image not in (1, frames):
        raise DataError(
            f"{path}: the mask has {frames} frames, its image {record.image.name!r} {of_image}; export both alike",
            kind="mask-size",
        )
    return record.frame


def _require_size(size: tuple[int, ...], path: Path, record: Record) -> None:
    header = read_header(record.image, record.frame)
    if size != (header.height, header.width):
        raise DataError(
            f"{path}: the mask is {size[0]}x{size[1]} pixels, its image {record.image.name!r} is "
            f"{header.height}x{header.width}; export both at one size",
            kind="mask-size",
        )
