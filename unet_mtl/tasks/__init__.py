"""The kinds of task."""

from collections.abc import Sequence
from typing import Any

from unet_mtl.data.records import Dataset
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks.base import CaseScore, CaseScores, Features, Task
from unet_mtl.tasks.classification import Classification
from unet_mtl.tasks.masks import MaskTask
from unet_mtl.tasks.multilabel import Multilabel
from unet_mtl.tasks.ordinal import Ordinal
from unet_mtl.tasks.overlapping import OverlappingSegmentation
from unet_mtl.tasks.predictions import (
    ClassPrediction,
    GradePrediction,
    MaskPrediction,
    MultilabelPrediction,
    OverlapPrediction,
    Prediction,
    ValuePrediction,
)
from unet_mtl.tasks.regression import Regression
from unet_mtl.tasks.segmentation import Segmentation

TASKS: dict[str, type[Task[Any, Any]]] = {
    "segmentation": Segmentation,
    "overlapping_segmentation": OverlappingSegmentation,
    "classification": Classification,
    "ordinal": Ordinal,
    "multilabel": Multilabel,
    "regression": Regression,
}
"""Classes by `kind`. A new kind of task is one file and one line here."""


def make_task(config: dict[str, Any]) -> Task[Any, Any]:
    """Return the task of a config that `task.to_config()` returned."""
    return TASKS[config["kind"]].model_validate(config)


def adapt_tasks(tasks: Sequence[Task[Any, Any]], train: Dataset) -> list[Task[Any, Any]]:
    """Adapt each task to the train cases, which determine classes, units and constants.

    Raises:
        DataError: At least one task cannot be adapted. The problems of all tasks are listed, one per line.
    """
    adapted: list[Task[Any, Any]] = []
    problems: list[str] = []
    for task in tasks:
        try:
            adapted.append(task.adapt(train))
        except (ConfigError, DataError) as error:
            problems.append(str(error))
    if problems:
        raise DataError(problems)
    return adapted


__all__ = [
    "TASKS",
    "CaseScore",
    "CaseScores",
    "ClassPrediction",
    "Classification",
    "Features",
    "GradePrediction",
    "MaskPrediction",
    "MaskTask",
    "Multilabel",
    "MultilabelPrediction",
    "Ordinal",
    "OverlapPrediction",
    "OverlappingSegmentation",
    "Prediction",
    "Regression",
    "Segmentation",
    "Task",
    "ValuePrediction",
    "adapt_tasks",
    "make_task",
]
