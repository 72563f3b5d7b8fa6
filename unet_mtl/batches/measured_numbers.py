"""Lengths and areas that a training could not learn as intended."""

from collections.abc import Iterator, Sequence
from typing import Any

from unet_mtl.batches.augment.presets import Step
from unet_mtl.batches.augment.zoom import MAX_STRETCH, find_zoomed_numbers
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.batches.preprocess.views import Views
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset
from unet_mtl.errors import DataError
from unet_mtl.tasks import Regression, Task
from unet_mtl.tasks.measures import is_usable
from unet_mtl.wording import count_of


def find_number_faults(
    tasks: Sequence[Task[Any, Any]],
    train: Dataset,
    preprocess: Preprocess,
    augment: str | Sequence[Step],
) -> list[Observation]:
    """Return observations about lengths and areas that zoom, stretch or an unknown pixel spacing make wrong.

    Args:
        tasks: The tasks of a training.
        train: The train cases.
        preprocess: The fixed steps.
        augment: The augmentation: the name of a preset, or a list of steps.
    """
    found = find_zoomed_numbers(tasks, train.description.columns, augment, preprocess.size)
    measuring = [task for task in tasks if isinstance(task, Regression) and task.measure is not None]
    views = Views(preprocess)
    for task in measuring:
        found += _find_unspaced(task, train)
        if task.measure == "length":
            found += _find_stretched(task, train, views)
    return found


def _find_unspaced(task: Regression, train: Dataset) -> Iterator[Observation]:
    columns = train.description.columns
    for name in (name for name in task.target_names if name in columns):
        unit = columns[name].unit
        labelled = [record for record in train if name in record.labels]
        cases = tuple(record.case for record in labelled if not is_usable(record, unit))
        if cases:
            yield Observation(
                "number-unspaced",
                f"task {task.name!r}: {len(cases)} of {count_of(len(labelled), 'train case')} with {name} in {unit} "
                f"have no pixel spacing, without which the number is not learned",
                cases,
            )


def _find_stretched(task: Regression, train: Dataset, views: Views) -> Iterator[Observation]:
    ratios = {}
    for record in train:
        if record.image is None or not any(name in record.labels for name in task.target_names):
            continue
        try:
            aspect = views(record).aspect
        except DataError:  # reported for the image itself
            continue
        ratios[record.case] = max(aspect, 1 / aspect)
    cases = tuple(case for case, ratio in ratios.items() if ratio > MAX_STRETCH)
    if cases:
        yield Observation(
            "number-stretched",
            f"task {task.name!r}: in {len(cases)} of {count_of(len(ratios), 'train case')} a pixel of the network's "
            f"input is up to {max(ratios.values()):.2f} times as long in one direction as in the other, and a length "
            "is converted by their mean",
            cases,
        )
