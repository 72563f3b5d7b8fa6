"""Scores for masks, labels and numbers that are right at the edges, with NumPy alone.

Masks and labels become `Counts` once; every overlap score is a short function of them; `summarise` turns one
score a case into a mean with an interval over patients. `metrics.streaming` has the same scores as Keras
metrics and is the only part that imports Keras, when it is first used.

Argument order is always (y_true, y_pred). A mask value is an index into the classes; class 0 is background.

Example:
    >>> import numpy as np
    >>> truth = np.array([[[0, 1], [1, 1]], [[0, 0], [0, 0]]])
    >>> prediction = np.array([[[0, 1], [1, 0]], [[0, 0], [0, 0]]])
    >>> per_case = mean_over_classes(dice(count_cases(truth, prediction, n_classes=2)))
    >>> per_case.tolist()
    [0.8, nan]
    >>> summary = summarise(per_case)
    >>> summary.mean, summary.n, summary.n_undefined
    (0.8, 1, 1)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from metrics import aggregate, classification, counts, overlap, regression
from metrics.aggregate import Summary, bootstrap_interval, summarise
from metrics.classification import accuracy, auroc, auroc_one_vs_rest, balanced_accuracy, macro_f1
from metrics.counts import (
    Counts,
    confusion_matrix,
    confusion_per_case,
    count_cases,
    counts_from_confusion,
    foreground,
)
from metrics.overlap import (
    dice,
    f1,
    iou,
    mcc,
    mean_iou,
    mean_over_classes,
    multiclass_mcc,
    precision,
    recall,
    specificity,
)
from metrics.regression import (
    bias,
    mae,
    median_absolute_error,
    median_relative_error,
    pearson,
    r2,
    relative_errors,
    rmse,
)
from metrics.structures import STRUCTURE_SCORES, Structure, score_structures

if TYPE_CHECKING:
    from metrics import streaming

__all__ = [
    "STRUCTURE_SCORES",
    "Counts",
    "Structure",
    "Summary",
    "accuracy",
    "aggregate",
    "auroc",
    "auroc_one_vs_rest",
    "balanced_accuracy",
    "bias",
    "bootstrap_interval",
    "classification",
    "confusion_matrix",
    "confusion_per_case",
    "count_cases",
    "counts",
    "counts_from_confusion",
    "dice",
    "f1",
    "foreground",
    "iou",
    "macro_f1",
    "mae",
    "mcc",
    "mean_iou",
    "mean_over_classes",
    "median_absolute_error",
    "median_relative_error",
    "multiclass_mcc",
    "overlap",
    "pearson",
    "precision",
    "r2",
    "recall",
    "regression",
    "relative_errors",
    "rmse",
    "score_structures",
    "specificity",
    "streaming",
    "summarise",
]


def __getattr__(name: str) -> Any:
    if name == "streaming":
        return import_module("metrics.streaming")
    raise AttributeError(f"module 'metrics' has no attribute {name!r}")
