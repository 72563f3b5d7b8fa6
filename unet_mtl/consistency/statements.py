"""The statements that rules compare for one case: regions, classes and lengths, from answers or from labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.description import Description
from unet_mtl.data.images import IGNORE
from unet_mtl.data.masks import region_of
from unet_mtl.data.records import Record
from unet_mtl.tasks import ClassPrediction, MultilabelPrediction, Prediction, Task, ValuePrediction

MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001}
"""Millimetres per unit of length."""

Regions = Mapping[str, NDArray[np.bool_] | None]
"""Region of each class except the background, (height, width) bool; None if unlabelled pixels may hide the class."""


@dataclass(frozen=True)
class CaseStatements:
    """What the answers, or the labels, state about one case. Tasks without a statement have no entry.

    Attributes:
        masks: Regions of the classes, by task name.
        classes: Class, by task name.
        lengths_mm: Length in mm, by task name, for tasks that predict one number in a unit of length.
        spacing_mm: Distance between neighbouring (rows, columns) in mm; None if unknown.
    """

    masks: Mapping[str, Regions] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    lengths_mm: Mapping[str, float] = field(default_factory=dict)
    spacing_mm: tuple[float, float] | None = None

    def region(self, task: str, class_: str | None) -> NDArray[np.bool_] | None:
        """Return the region of one class, or of all classes together.

        Args:
            task: Name of a task that predicts a mask.
            class_: Class of the mask; None for any class except the background.

        Returns:
            The region, (height, width) bool; None if it is unknown.
        """
        regions = self.masks.get(task)
        if regions is None:
            return None
        if class_ is not None:
            return regions[class_]
        union: NDArray[np.bool_] | None = None
        some_hidden = False
        for region in regions.values():
            if region is None:
                some_hidden = True
            else:
                union = region if union is None else union | region
        return None if union is None or (some_hidden and not union.any()) else union


def statements_of_answers(
    answers: Mapping[str, Prediction], spacing_mm: tuple[float, float] | None = None
) -> CaseStatements:
    """Return what the predictions of a network state about a case.

    Args:
        answers: Predictions by task name.
        spacing_mm: Distance between neighbouring (rows, columns) in mm; None if unknown.
    """
    return CaseStatements(
        {name: regions for name, answer in answers.items() if (regions := answer.regions())},
        {name: label for name, answer in answers.items() if (label := _class_of(answer)) is not None},
        {
            name: answer.value * MILLIMETRES[answer.unit]
            for name, answer in answers.items()
            if isinstance(answer, ValuePrediction) and len(answer.values) == 1 and answer.unit in MILLIMETRES
        },
        spacing_mm,
    )


def _class_of(answer: Prediction) -> str | None:
    if isinstance(answer, MultilabelPrediction):
        return answer.answers[0] if len(answer.answers) == 1 else None
    return answer.label if isinstance(answer, ClassPrediction) else None


def statements_of_labels(
    tasks: Sequence[Task[Any, Any]], truths: Mapping[str, Any], record: Record, description: Description
) -> CaseStatements:
    """Return what the labels of the data set state about a case.

    Args:
        tasks: All tasks of the run.
        truths: Label that each task has read for the case, by task name; None for an unknown label.
        record: The case.
        description: Description of the data set, which gives the classes and units of the labels.
    """
    masks: dict[str, Regions] = {}
    classes: dict[str, str] = {}
    lengths_mm: dict[str, float] = {}
    for task in tasks:
        if task.spatial:
            if (truth := truths[task.name]) is not None:
                masks[task.name] = _regions(truth, description.masks[task.target_name].classes)
        elif len(task.target_names) == 1 and (label := record.labels.get(task.target_names[0])) is not None:
            column = description.columns[task.target_names[0]]
            if column.classes is not None:
                classes[task.name] = str(label)
            elif column.unit in MILLIMETRES:
                lengths_mm[task.name] = float(label) * MILLIMETRES[column.unit]
    return CaseStatements(masks, classes, lengths_mm, record.spacing_mm)


def _regions(truth: NDArray[np.uint8], classes: Sequence[str]) -> Regions:
    """Split a mask, in the form that `read_case_mask` returns, into the regions of its classes."""
    regions: dict[str, NDArray[np.bool_] | None] = {}
    for index, name in enumerate(classes[1:], start=1):
        region = region_of(truth, index)
        ignored = truth == IGNORE if truth.ndim == 2 else truth[..., index - 1] == IGNORE
        regions[name] = None if ignored.any() and not region.any() else region
    return regions
