"""The mask of a case as class indices, however many files it is in."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.description import MaskDescription
from unet_mtl.data.images import IGNORE, image_size, read_mask
from unet_mtl.data.records import Record
from unet_mtl.errors import DataError


def read_case_mask(record: Record, target: str, description: MaskDescription) -> NDArray[np.uint8] | None:
    """Reads the mask of one case as class indices.

    Returns:
        `(height, width)` uint8 at the image's own size, 255 where nobody labelled; None: there is no mask.

    Raises:
        DataError: Unreadable, of another size than the image, or a value is outside the classes.
    """
    files = record.masks.get(target)
    if not files:
        return None
    united: NDArray[np.uint8] | None = None
    for file in files:
        stored = _read_at_size(file.path, record.image)
        if file.index is None:
            mask = _class_indices(stored, file.path, target, description)
        else:
            mask = np.where(stored != 0, file.index, 0).astype(np.uint8)
        united = mask if united is None else np.where(mask != 0, mask, united)
    return united


def _read_at_size(path: Path, image: Path) -> NDArray[np.int32]:
    stored = read_mask(path)
    if stored.shape != image_size(image):
        height, width = image_size(image)
        raise DataError(
            f"{path}: the mask is {stored.shape[0]}x{stored.shape[1]} pixels, its image {image.name!r} is "
            f"{height}x{width}; export both at one size"
        )
    return stored


def _class_indices(
    stored: NDArray[np.int32], path: Path, target: str, description: MaskDescription
) -> NDArray[np.uint8]:
    values = description.values or {index: index for index in range(len(description.classes))}
    if description.ignore is not None:
        values = {description.ignore: description.ignore} | values
    found = np.unique(stored)
    unknown = [int(value) for value in found if value not in values]
    if unknown:
        raise DataError(
            f"{path}: mask value {', '.join(map(str, unknown[:5]))}{' ...' if len(unknown) > 5 else ''} is outside "
            f"the classes of {target!r} ({_known_values(values, description)}); say what it means in dataset.yaml, "
            f"for 0/255 masks `masks.{target}.values: {{0: 0, 255: 1}}`"
        )
    indices = np.zeros(stored.shape, np.uint8)
    for value in found:
        index = values[int(value)]
        indices[stored == value] = IGNORE if index == description.ignore else index
    return indices


def _known_values(values: Mapping[int, int], description: MaskDescription) -> str:
    named = {value: index for value, index in values.items() if index != description.ignore}
    return ", ".join(f"{value} {description.classes[index]}" for value, index in sorted(named.items()))
