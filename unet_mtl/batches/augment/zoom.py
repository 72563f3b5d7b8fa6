"""Augmentation steps that change the size of objects, and whether a number such as a diameter can follow them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unet_mtl.batches.augment.augment import Augment, find_preset
from unet_mtl.batches.augment.augment_config import read_single_steps
from unet_mtl.batches.augment.linear_map import LinearMap, fit_map, make_points
from unet_mtl.batches.augment.presets import Step
from unet_mtl.data.description import ColumnDescription
from unet_mtl.data.observations import Observation
from unet_mtl.data.units import read_unit
from unet_mtl.errors import ConfigError
from unet_mtl.tasks import Regression, Task, learned_tasks

TOLERANCE = 0.05
"""Relative change of an area that counts as zoom."""

MAX_STRETCH = 1.2
"""Ratio of the scales in two directions from which on a length is too uncertain: its error is up to 10 %."""

MAX_BEND = 0.01
"""Distance of a point from its place by a linear map, relative to the shorter side, that counts as bending."""

SEEDS = range(12)


def find_zoomed_numbers(
    tasks: Sequence[Task[Any, Any]],
    columns: Mapping[str, ColumnDescription],
    augment: str | Sequence[Step],
    size: tuple[int, int],
) -> list[Observation]:
    """Return an observation for each number with a unit of length or area that the augmentation would make wrong.

    Plain numbers are wrong if a step zooms; lengths that follow the zoom, with `measure: length`, if a step enlarges
    one direction more than the other.

    Args:
        tasks: The tasks of a training.
        columns: The described columns by name.
        augment: The name of a preset, or a list of steps, both valid.
        size: (height, width) of the images that the steps are applied to.
    """
    units = {
        (task, name): columns[name].unit
        for task in tasks
        if isinstance(task, Regression)
        for name in task.target_names
        if name in columns
    }
    plain = {n: unit for (task, n), unit in units.items() if task.measure is None and read_unit(unit)}
    lengths = {name: unit for (task, name), unit in units.items() if task.measure == "length"}
    if not plain and not lengths:
        return []
    maps = _find_maps(augment, size)
    zooms = [name for name, found in maps.items() if any(map(_zooms, found))]
    ratios = {name: max(one.stretch for one in found) for name, found in maps.items()}
    stretching = [f"{name} (up to {ratio:.2f})" for name, ratio in ratios.items() if ratio > MAX_STRETCH]
    found = [
        Observation(
            "number-zoomed",
            f"{name} in {unit} stays the same while {' and '.join(zooms)} of `augment` zooms the image",
        )
        for name, unit in plain.items()
        if zooms
    ]
    found += [
        Observation(
            "number-stretched",
            f"{name}: {' and '.join(stretching)} of `augment` enlarges one direction more than the other, and a length "
            "follows their mean",
        )
        for name in lengths
        if stretching
    ]
    return found


def require_linear_steps(
    tasks: Sequence[Task[Any, Any]], augment: str | Sequence[Step], size: tuple[int, int]
) -> None:
    """Require that the augmentation enlarges all of an image alike, if lengths or areas are learned.

    Args:
        tasks: The tasks of a training.
        augment: The name of a preset, or a list of steps, both valid.
        size: (height, width) of the images that the steps are applied to.

    Raises:
        ConfigError: A step bends the image, as Perspective and ElasticTransform do.
    """
    measuring = [task.name for task in learned_tasks(tasks) if task.reads_view]
    if not measuring:
        return
    limit = MAX_BEND * min(size)
    bending = [name for name, maps in _find_maps(augment, size).items() if max(m.bend for m in maps) > limit]
    if bending:
        raise ConfigError(
            f"augment: {' and '.join(bending)} enlarges some places of an image more than others, so that task "
            f"{measuring[0]!r} with `measure` has no defined label; remove the step, or `measure` of the task"
        )


def find_zooms(steps: str | Sequence[Step], size: tuple[int, int]) -> list[str]:
    """Return the names of the steps that change the size of objects, found by applying each step to points.

    Args:
        steps: The name of a preset, or a list of `{albumentations name: its arguments}`, both valid.
        size: (height, width) of the images that the steps are applied to.

    Returns:
        The names in the order of the steps, each once; empty if all steps keep the size of objects.
    """
    return [name for name, maps in _find_maps(steps, size).items() if any(map(_zooms, maps))]


def _zooms(one: LinearMap) -> bool:
    return np.isnan(one.zoom) or abs(one.zoom**2 - 1) > TOLERANCE


def _find_maps(steps: str | Sequence[Step], size: tuple[int, int]) -> dict[str, list[LinearMap]]:
    """Return how the steps map points with a few seeds, by name; steps within a choice count singly."""
    steps = find_preset(steps) if isinstance(steps, str) else steps
    maps: dict[str, list[LinearMap]] = {}
    points = make_points(size)
    image = np.zeros((*size, 3), np.uint8)
    for _, name, arguments in read_single_steps(steps, []):
        step = Augment([{name: {**arguments, "p": 1.0}}])
        moved = [step.move(image, {}, seed, points).points for seed in SEEDS]
        maps.setdefault(name, []).extend(fit_map(points, one) for one in moved if one is not None)
    return maps
