"""A figure of augmented training cases, with which users can judge the augmentation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.augment.augment import Augment, sample_seed
from unet_mtl.batches.augment.presets import PRESETS, Step
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.data.records import Dataset, Record
from unet_mtl.plots.contact_sheet import Shot, draw_sheet
from unet_mtl.tasks import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRID = 8
"""The number of squares along each side of the grid that shows the strength of the steps."""


def make_sheet(
    train: Dataset,
    tasks: Sequence[Task[Any, Any]],
    preprocess: Preprocess,
    augment: str | Sequence[Step],
    *,
    seed: int,
    cases: int = 4,
    epochs: int = 5,
) -> "Figure":
    """Draw a case per row: the original image, and the input of the network in the first epochs of a training.

    A last row shows a grid transformed with the seeds of the first case in the same epochs.

    Args:
        train: The train split.
        tasks: Adapted tasks.
        preprocess: The fixed steps.
        augment: The name of a preset, or a list of steps.
        seed: Seed of the training.
        cases: The maximum number of cases; they are of different classes if a task has classes.
        epochs: The number of epochs, which is the number of columns beside the original.

    Raises:
        ConfigError: The preset or a step is unknown.
        DataError: A file cannot be read.
    """
    description = train.description
    chosen = train.only(choose_cases(train, tasks, cases))
    spatial = [task for task in tasks if task.spatial]
    steps = Augment(augment)
    batches = Batches(chosen, tasks, preprocess, batch_size=len(chosen), augment=steps, seed=seed, workers=1)
    rows = [[_original(record, chosen, spatial, preprocess)] for record in chosen]
    grid = make_grid(preprocess.size, preprocess.channels)
    rows.append([Shot("a grid, not augmented", preprocess.picture_of(grid), {})])
    for epoch in range(epochs):
        inputs, targets, weights = batches.make(0, epoch)
        for index, row in enumerate(rows[:-1]):
            masks = {task.name: targets[task.name][index] for task in spatial if weights[task.name][index]}
            row.append(Shot(f"epoch {epoch + 1}", preprocess.picture_of(inputs["image"][index]), masks))
        moved, _ = steps(grid, {}, sample_seed(seed, epoch, chosen.records[0].case))
        shown = preprocess.picture_of(moved)
        rows[-1].append(Shot(f"{chosen.records[0].case}, epoch {epoch + 1}", shown, {}))
    classes = {task.name: description.masks[task.target_name].classes for task in spatial}
    name = augment if isinstance(augment, str) else "steps of the config"
    mark = " (SYNTHETIC data)" if description.synthetic else ""
    heading = (
        f"{description.title}{mark}: augment {name}, {preprocess.fit} to {_format_size(preprocess.size)}"
    )
    return draw_sheet(rows, classes, heading, list(_step_lines(augment, steps.steps)))


def choose_cases(train: Dataset, tasks: Sequence[Task[Any, Any]], n: int) -> list[Record]:
    """Return up to n cases: those with masks first, and the classes of the first task that has classes in turn."""
    columns = train.description.columns
    with_classes = [
        t.target_name for t in tasks if t.target_name in columns and columns[t.target_name].classes
    ]
    groups: dict[Any, list[Record]] = {}
    for record in sorted(train, key=lambda record: not record.masks):
        groups.setdefault(record.labels.get(with_classes[0]) if with_classes else None, []).append(record)
    turns = max(map(len, groups.values()))
    by_turns = [group[i] for i in range(turns) for group in groups.values() if i < len(group)]
    return by_turns[:n]


def make_grid(size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """Draw light lines around grey squares, with one dark square, which shows mirroring.

    Args:
        size: (height, width) of the image.
        channels: The number of channels, all equal.

    Returns:
        (height, width, channels) uint8.
    """
    squares = [np.arange(side) * GRID // side for side in size]
    lines = [np.diff(places, prepend=-1) != 0 for places in squares]
    grid = np.where((squares[0][:, None] + squares[1]) % 2, 110, 150).astype(np.uint8)
    grid[(squares[0][:, None] == 1) & (squares[1] == 1)] = 40
    grid[lines[0][:, None] | lines[1]] = 230
    return np.repeat(grid[..., None], channels, -1)


def _original(
    record: Record, dataset: Dataset, spatial: Sequence[Task[Any, Any]], preprocess: Preprocess
) -> Shot:
    image = preprocess.open(record.require_image(), record.frame, record.channels)
    truths = {task.name: task.read(record, dataset.description) for task in spatial}
    masks = {name: truth for name, truth in truths.items() if truth is not None}
    return Shot(f"{record.case}\n{_format_size(image.shape[:2])}", preprocess.picture_of(image), masks)


def _format_size(size: Sequence[int]) -> str:
    return "x".join(map(str, size))


def _step_lines(augment: str | Sequence[Step], steps: Sequence[Step]) -> Iterator[str]:
    if isinstance(augment, str):
        yield f"{augment}: {PRESETS[augment].reason}"
    for number, step in enumerate(steps, 1):
        for name, arguments in step.items():
            yield f"{number:3d}. {name}: {', '.join(_format_arguments(arguments))}"


def _format_arguments(arguments: Mapping[str, Any]) -> Iterator[str]:
    for key, value in arguments.items():
        is_range = isinstance(value, list | tuple) and len(value) == 2
        yield f"{key} {value[0]}..{value[1]}" if is_range else f"{key} {value}"
