"""What augmentation makes of a few training cases, for people to judge."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.augment.augment import Augment, sample_seed
from unet_mtl.batches.augment.presets import REASONS, Step
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.data.records import Dataset, Record
from unet_mtl.plots.contact_sheet import Shot, draw_sheet
from unet_mtl.tasks import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRID = 8
"""Squares along each side of the grid that shows how strong the steps are."""


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
    """Draws cases in rows: as the file has it, then as the network gets it in the first epochs of a training.

    A last row shows what happens to a grid in the same epochs, by the seeds of the first case.

    Args:
        train: The train split.
        tasks: Adapted ones.
        preprocess: The fixed steps.
        augment: Name of a preset, or a list of steps.
        seed: Of the training.
        cases: At most so many, of different classes where a task has some.
        epochs: Columns beside the original.

    Raises:
        ConfigError: The preset or a step is unknown.
        DataError: A file is unreadable.
    """
    description = train.description
    chosen = train.only(choose_cases(train, tasks, cases))
    spatial = [task for task in tasks if task.spatial]
    steps = Augment(augment)
    batches = Batches(chosen, tasks, preprocess, batch_size=len(chosen), augment=steps, seed=seed, workers=1)
    rows = [[_original(record, chosen, spatial, preprocess)] for record in chosen]
    grid = make_grid(preprocess.size, preprocess.channels)
    rows.append([Shot("a grid, not augmented", grid, {})])
    for epoch in range(epochs):
        inputs, targets, weights = batches.make(0, epoch)
        for index, row in enumerate(rows[:-1]):
            masks = {task.name: targets[task.name][index] for task in spatial if weights[task.name][index]}
            row.append(Shot(f"epoch {epoch + 1}", inputs["image"][index], masks))
        moved, _ = steps(grid, {}, sample_seed(seed, epoch, chosen.records[0].case))
        rows[-1].append(Shot(f"{chosen.records[0].case}, epoch {epoch + 1}", moved, {}))
    classes = {task.name: description.masks[task.target_name].classes for task in spatial}
    name = augment if isinstance(augment, str) else "steps of the config"
    mark = " (SYNTHETIC data)" if description.synthetic else ""
    heading = f"{description.name}{mark}: augment {name}, {preprocess.fit} to {_words(preprocess.size)}"
    return draw_sheet(rows, classes, heading, list(_step_lines(augment, steps.steps)))


def choose_cases(train: Dataset, tasks: Sequence[Task[Any, Any]], n: int) -> list[Record]:
    """Cases that show much: those with masks first, and by turns of each class of the first task that has some."""
    columns = train.description.columns
    sorting = [t.target_name for t in tasks if t.target_name in columns and columns[t.target_name].classes]
    groups: dict[Any, list[Record]] = {}
    for record in sorted(train, key=lambda record: not record.masks):
        groups.setdefault(record.labels.get(sorting[0]) if sorting else None, []).append(record)
    turns = max(map(len, groups.values()))
    by_turns = [group[i] for i in range(turns) for group in groups.values() if i < len(group)]
    return by_turns[:n]


def make_grid(size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """Light lines on grey squares, one of them dark, so that mirroring shows.

    Returns:
        (*size, channels) uint8.
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
    image = preprocess.open(record.require_image(), record.frame)
    truths = {task.name: task.read(record, dataset.description) for task in spatial}
    masks = {name: truth for name, truth in truths.items() if truth is not None}
    return Shot(f"{record.case}\n{_words(image.shape[:2])}", image, masks)


def _words(size: Sequence[int]) -> str:
    return "x".join(map(str, size))


def _step_lines(augment: str | Sequence[Step], steps: Sequence[Step]) -> Iterator[str]:
    if isinstance(augment, str):
        yield f"{augment}: {REASONS[augment]}"
    for number, step in enumerate(steps, 1):
        for name, arguments in step.items():
            yield f"{number:3d}. {name}: {', '.join(_argument_words(arguments))}"


def _argument_words(arguments: Mapping[str, Any]) -> Iterator[str]:
    for key, value in arguments.items():
        is_range = isinstance(value, list | tuple) and len(value) == 2
        yield f"{key} {value[0]}..{value[1]}" if is_range else f"{key} {value}"
