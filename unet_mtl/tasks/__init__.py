"""The kinds of task."""

from collections.abc import Callable, Sequence
from typing import Any

from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.view import View
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks.base import Features, Task
from unet_mtl.tasks.case_scores import CaseScore, CaseScores
from unet_mtl.tasks.classification import Classification
from unet_mtl.tasks.masks import MaskTask
from unet_mtl.tasks.measurement import Measurement
from unet_mtl.tasks.multilabel import Multilabel
from unet_mtl.tasks.ordinal import Ordinal
from unet_mtl.tasks.overlapping import OverlappingSegmentation
from unet_mtl.tasks.patient_answers import AnswersPatients, Pooling
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
    "measurement": Measurement,
}
"""Classes by `kind`. A new kind of task is one file and one line here."""


def make_task(config: dict[str, Any]) -> Task[Any, Any]:
    """Return the task of a config that `task.to_config()` returned."""
    return TASKS[config["kind"]].model_validate(config)


def learned_tasks(tasks: Sequence[Task[Any, Any]]) -> list[Task[Any, Any]]:
    """Return the tasks that the network has an output for; the others are computed from their answers."""
    return [task for task in tasks if not task.derived]


def adapt_tasks(
    tasks: Sequence[Task[Any, Any]], train: Dataset, view_of: Callable[[Record], View] | None = None
) -> list[Task[Any, Any]]:
    """Adapt each task to the train cases, which determine classes, units and constants.

    Args:
        tasks: The tasks.
        train: The train cases.
        view_of: Returns the scale at which the network sees a case, which tasks need that measure; None: these are not
            made ready for a training.

    Raises:
        DataError: At least one task cannot be adapted. The problems of all tasks are listed, one per line.
    """
    adapted: list[Task[Any, Any]] = []
    problems: list[str] = []
    for task in tasks:
        try:
            fitted = task.adapt(train)
            adapted.append(fitted if view_of is None else fitted.adapt_to_views(train, view_of))
        except (ConfigError, DataError) as error:
            problems.append(str(error))
    if problems:
        raise DataError(problems)
    return adapted


__all__ = [
    "TASKS",
    "AnswersPatients",
    "CaseScore",
    "CaseScores",
    "ClassPrediction",
    "Classification",
    "Features",
    "GradePrediction",
    "MaskPrediction",
    "MaskTask",
    "Measurement",
    "Multilabel",
    "MultilabelPrediction",
    "Ordinal",
    "OverlapPrediction",
    "OverlappingSegmentation",
    "Pooling",
    "Prediction",
    "Regression",
    "Segmentation",
    "Task",
    "ValuePrediction",
    "adapt_tasks",
    "learned_tasks",
    "make_task",
]
