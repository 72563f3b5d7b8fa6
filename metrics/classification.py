"""Scores of label vectors and probabilities, quick enough for thousands of bootstrap resamples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.counts import confusion_matrix, counts_from_confusion
from metrics.overlap import f1, mean_over_classes, recall


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of right labels.

    Args:
        y_true: Class indices, integers of shape (cases,).
        y_pred: Class indices, integers of shape (cases,).

    Returns:
        A number in 0..1; NaN without a case.

    Raises:
        ValueError: shapes differ.

    Example:
        >>> accuracy([0, 1, 2, 2], [0, 1, 2, 1])
        0.75
    """
    truth, prediction = np.asarray(y_true), np.asarray(y_pred)
    if truth.shape != prediction.shape:
        raise ValueError(f"y_true has shape {truth.shape} but y_pred has {prediction.shape}: they must agree")
    return float(np.mean(truth == prediction)) if truth.size else float("nan")


def balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None) -> float:
    """Mean recall over the classes present in the truth (Brodersen et al. 2010, doi:10.1109/ICPR.2010.764).

    Args:
        y_true: Class indices, integers of shape (cases,).
        y_pred: Class indices, integers of shape (cases,).
        n_classes: Number of classes; None takes the largest index seen.

    Returns:
        A number in 0..1; NaN without a case.

    Raises:
        ValueError: as for `metrics.counts.confusion_matrix`.

    Example:
        >>> balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
        0.5
    """
    confusion = _confusion(y_true, y_pred, n_classes)
    in_truth = confusion.sum(axis=-1) > 0
    scores = np.where(in_truth, recall(counts_from_confusion(confusion)), np.nan)
    return float(mean_over_classes(scores, include_background=True))


def macro_f1(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None) -> float:
    """Plain mean of F1 over all classes that truth or prediction has (class 0 counts: it is a label).

    scikit-learn counts a class absent from both as 0; here it is left out.

    Args:
        y_true: Class indices, integers of shape (cases,).
        y_pred: Class indices, integers of shape (cases,).
        n_classes: Number of classes; None takes the largest index seen. It cannot change the score.

    Returns:
        A number in 0..1; NaN without a case.

    Raises:
        ValueError: as for `metrics.counts.confusion_matrix`.

    Example:
        >>> macro_f1([0, 0, 2, 2], [0, 0, 2, 2], n_classes=4)
        1.0
    """
    counts = counts_from_confusion(_confusion(y_true, y_pred, n_classes))
    return float(mean_over_classes(f1(counts), include_background=True))


def auroc(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive case scores above a negative one, ties half.

    Counts pairs by rank, so it is exact with ties (Hanley, McNeil 1982, doi:10.1148/radiology.143.1.7063747).

    Args:
        y_true: 0/1 or bool of shape (cases,).
        scores: float of shape (cases,), in any unit; higher means more likely positive.

    Returns:
        A number in 0..1; NaN with one class only or without a case.

    Raises:
        ValueError: shapes differ, y_true is not binary, or a score is NaN.

    Example:
        >>> auroc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.9])
        0.875
    """
    truth, values = np.asarray(y_true), np.asarray(scores)
    if truth.shape != values.shape or truth.ndim != 1:
        raise ValueError(
            f"y_true and scores must have one shape (cases,), got {truth.shape} and {values.shape}"
        )
    positive = truth == 1
    if not np.all(positive | (truth == 0)):
        raise ValueError(f"y_true must hold 0 and 1 only, got {np.unique(truth)[:5].tolist()}")
    return _rank_auroc(positive, values)


def auroc_one_vs_rest(y_true: ArrayLike, probabilities: ArrayLike) -> float:
    """Plain mean over classes of each class's AUROC against the rest, over the usable classes only.

    Args:
        y_true: Class indices, integers of shape (cases,).
        probabilities: float of shape (cases, classes).

    Returns:
        A number in 0..1. A class that no case or every case has is not usable and left out; NaN if none is.

    Raises:
        ValueError: shapes do not fit, a label has no column, or a probability is NaN.

    Example:
        >>> auroc_one_vs_rest([0, 1, 1], [[0.8, 0.2, 0.0], [0.3, 0.7, 0.0], [0.2, 0.6, 0.2]])
        1.0
    """
    truth, values = np.asarray(y_true), np.asarray(probabilities)
    if values.ndim != 2 or truth.shape != values.shape[:1]:
        raise ValueError(
            f"y_true must be (cases,), probabilities (cases, classes); got {truth.shape}, {values.shape}"
        )
    n_classes = values.shape[1]
    if truth.size and not (truth.min() >= 0 and truth.max() < n_classes):
        raise ValueError(f"y_true has labels {truth.min()}..{truth.max()}, probabilities {n_classes} columns")
    areas = [_rank_auroc(truth == index, values[:, index]) for index in range(n_classes)]
    return float(mean_over_classes(areas, include_background=True))


def _rank_auroc(positive: NDArray[np.bool_], scores: NDArray[np.generic]) -> float:
    if np.isnan(scores).any():
        raise ValueError("scores hold NaN: drop the cases without a prediction first")
    negatives, positives = np.sort(scores[~positive]), scores[positive]
    pairs = negatives.size * positives.size
    if pairs == 0:
        return float("nan")
    below = np.searchsorted(negatives, positives, side="left").sum()
    not_above = np.searchsorted(negatives, positives, side="right").sum()
    return float((int(below) + int(not_above)) / (2 * pairs))


def _confusion(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None) -> NDArray[np.int64]:
    if n_classes is None:
        n_classes = 1 + max(
            (int(np.max(labels)) for labels in (y_true, y_pred) if np.size(labels)), default=0
        )
    return confusion_matrix(y_true, y_pred, max(n_classes, 1))
