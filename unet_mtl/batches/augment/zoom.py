"""Augmentation steps that change the size of objects, which a number such as a diameter in mm does not follow."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from unet_mtl.batches.augment.augment import Augment, find_preset
from unet_mtl.batches.augment.augment_config import read_single_steps
from unet_mtl.batches.augment.presets import Step
from unet_mtl.data.description import ColumnDescription
from unet_mtl.data.images import IGNORE
from unet_mtl.data.observations import Observation
from unet_mtl.tasks import Regression, Task

TOLERANCE = 0.05
"""Relative change of an area that counts as zoom; rotation and resampling change that of the disc by up to 2 %."""

SEEDS = range(12)

_SIZES = re.compile(r"(mm|cm|m|um|µm|px|pixels?) ?(\^?[23]|[²³])?", re.IGNORECASE)
"""Units of length, area and volume."""


def find_zoomed_numbers(
    tasks: Sequence[Task[Any, Any]],
    columns: Mapping[str, ColumnDescription],
    augment: str | Sequence[Step],
    size: tuple[int, int],
) -> list[Observation]:
    """Return an observation for each number with a unit of length or area that the augmentation would make wrong.

    Args:
        tasks: The tasks of a training.
        columns: The described columns by name.
        augment: The name of a preset, or a list of steps, both valid.
        size: (height, width) of the images that the steps are applied to.
    """
    names = [name for task in tasks if isinstance(task, Regression) for name in task.target_names]
    units = {name: columns[name].unit for name in names if name in columns}
    sizes = {name: unit for name, unit in units.items() if _SIZES.fullmatch(unit)}
    zooms = find_zooms(augment, size) if sizes else []
    if not zooms:
        return []
    return [
        Observation(
            "number-zoomed",
            f"{name} in {unit} stays the same while {' and '.join(zooms)} of `augment` zooms the image",
        )
        for name, unit in sizes.items()
    ]


def find_zooms(steps: str | Sequence[Step], size: tuple[int, int]) -> list[str]:
    """Return the names of the steps that change the size of objects, found by applying each step to a disc.

    Args:
        steps: The name of a preset, or a list of `{albumentations name: its arguments}`, both valid.
        size: (height, width) of the images that the steps are applied to.

    Returns:
        The names in the order of the steps, each once; empty if all steps keep the size of objects.
    """
    steps = find_preset(steps) if isinstance(steps, str) else steps
    found = [name for _, name, arguments in read_single_steps(steps, []) if _zooms(name, arguments, size)]
    return list(dict.fromkeys(found))


def _zooms(name: str, arguments: dict[str, Any], size: tuple[int, int]) -> bool:
    disc = np.zeros(size, np.uint8)
    cv2.circle(disc, (size[1] // 2, size[0] // 2), min(size) // 6, 1, cv2.FILLED)
    image = np.repeat(disc[..., None] * np.uint8(255), 3, axis=-1)
    step = Augment([{name: {**arguments, "p": 1.0}}])
    for seed in SEEDS:
        moved = step(image, {"disc": disc}, seed)[1]["disc"]
        region = (moved == 1).astype(np.uint8)
        around = cv2.dilate(region, np.ones((5, 5), np.uint8), borderValue=0) == 1
        # A disc that is cut off by the border or by a hole is smaller without zoom.
        whole = not (moved[around] == IGNORE).any() and not _touches_border(around)
        if whole and region.any() and abs(region.sum() / disc.sum() - 1) > TOLERANCE:
            return True
    return False


def _touches_border(region: Any) -> bool:
    return bool(region[[0, -1]].any() or region[:, [0, -1]].any())
