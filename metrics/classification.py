"""Scores of label vectors and class probabilities, fast enough for thousands of bootstrap resamples."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics import overlap
from metrics.counts import confusion_matrix, counts_from_confusion
from metrics.overlap import f1, mean_over_classes

Weights = Literal["linear", "quadratic"]

_SUM_TOLERANCE = 1e-3


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of correct labels.

    Args:
        y_true: Labels: integers, bools or strings, of any shape.
        y_pred: Labels of the same shape.

    Returns:
        A number in 0..1; NaN without any case.

    Raises:
        ValueError: shapes differ, or labels are floating-point numbers, as probabilities are.

    Example:
        >>> accuracy([0, 1, 2, 2], [0, 1, 2, 1])
        0.75
    """
    truth, prediction = _read_labels(y_true, y_pred)
    return float(np.mean(truth == prediction)) if truth.size else float("nan")


def exact_match(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of cases with all labels correct, for several labels per case.

    Sokolova and Lapalme 2009, doi:10.1016/j.ipm.2009.03.002.

    Args:
        y_true: Labels: integers, bools or strings of shape (cases, labels), without cases that have unknown labels.
        y_pred: Labels of the same shape.

    Returns:
        A number in 0..1; NaN without any case.

    Raises:
        ValueError: shapes differ or are not (cases, labels), or labels are floating-point numbers.

    Example:
        >>> exact_match([[1, 0], [1, 1]], [[1, 0], [1, 0]])
        0.5
    """
    truth, prediction = _read_labels(y_true, y_pred)
    if truth.ndim != 2 or not truth.shape[1]:
        raise ValueError(
            f"expected (cases, labels) with a label or more, got shape {truth.shape}: one label a case is for accuracy"
        )
    return float(np.mean((truth == prediction).all(axis=1))) if truth.size else float("nan")


def balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None) -> float:
    """Mean recall over the classes present in the truth (Brodersen et al. 2010, doi:10.1109/ICPR.2010.764).

    Args:
        y_true: Class indices, integers of shape (cases,).
        y_pred: Class indices, integers of shape (cases,).
        n_classes: Number of classes; None infers it from the largest index.

    Returns:
        A number in 0..1; NaN without any case.

    Raises:
        ValueError: as for `metrics.counts.confusion_matrix`.

    Example:
        >>> balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
        0.5
    """
    return float(overlap.balanced_accuracy(_confusion(y_true, y_pred, n_classes)))


def macro_f1(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None) -> float:
    """Unweighted mean of F1 over all classes that occur in the truth or the prediction, class 0 included.

    scikit-learn scores a class that is absent from both as 0; here it is excluded.

    Args:
        y_true: Class indices, integers of shape (cases,).
        y_pred: Class indices, integers of shape (cases,).
        n_classes: Number of classes; None infers it from the largest index. It does not affect the score.

    Returns:
        A number in 0..1; NaN without any case.

    Raises:
        ValueError: as for `metrics.counts.confusion_matrix`.

    Example:
        >>> macro_f1([0, 0, 2, 2], [0, 0, 2, 2], n_classes=4)
        1.0
    """
    counts = counts_from_confusion(_confusion(y_true, y_pred, n_classes))
    return float(mean_over_classes(f1(counts), include_background=True))


def kappa_from_confusion(confusion: ArrayLike, weights: Weights | None = None) -> NDArray[np.float64]:
    """Agreement beyond chance, 1 - observed / expected disagreement, with the expectation from the margins.

    Cohen 1960, doi:10.1177/001316446002000104; with weights Cohen 1968, doi:10.1037/h0026256.

    Args:
        confusion: Integers of shape (..., classes, classes), rows are the truth; counts of 10^12 are handled exactly.
        weights: Cost of an error. None: 1 for each error; "linear": the distance |i - j| of the classes;
            "quadratic": the squared distance. The last two require ordered classes.

    Returns:
        float64 of shape (...); 1 is best, 0 is chance level, negative is worse than chance. NaN if both sides
        hold the same single class (0/0) or if nothing was counted.

    Raises:
        ValueError: the matrix is not square or not of whole numbers, or `weights` is unknown.

    Example:
        >>> matrices = [[[4, 1], [1, 4]], [[9, 0], [0, 0]]]
        >>> kappa_from_confusion(matrices).round(4).tolist()
        [0.6, nan]
    """
    counts = counts_from_confusion(confusion)
    cost = _costs(counts.shape[-1], weights)
    true, predicted = (counts.tp + counts.fn).astype(np.float64), (counts.tp + counts.fp).astype(np.float64)
    # all terms are non-negative, so nothing cancels even if one class has nearly all counts
    observed = (np.asarray(confusion) * cost).sum(axis=(-2, -1)) * true.sum(axis=-1)
    expected = ((true @ cost) * predicted).sum(axis=-1)
    undefined = np.full(expected.shape, np.nan)
    return np.asarray(1.0 - np.divide(observed, expected, out=undefined, where=expected > 0))


def cohen_kappa(
    y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None, weights: Weights | None = None
) -> float:
    """Cohen's kappa of label vectors: agreement beyond chance (see `kappa_from_confusion`).

    Args:
        y_true: Class indices, integers of shape (cases,).
        y_pred: Class indices, integers of shape (cases,).
        n_classes: Number of classes; None infers it from the largest index. It does not affect the score.
        weights: None, "linear" or "quadratic". The distance of classes 1 and 3 is 2 even if class 2 does
            not occur; scikit-learn closes such gaps unless it is given all labels.

    Returns:
        A number up to 1, where 0 is chance level; NaN without any case or if both sides hold the same class only.

    Raises:
        ValueError: as for `metrics.counts.confusion_matrix`, or `weights` is unknown.

    Example:
        >>> cohen_kappa([0, 0, 1, 1], [0, 0, 1, 0])
        0.5
    """
    return float(kappa_from_confusion(_confusion(y_true, y_pred, n_classes), weights))


def quadratic_weighted_kappa(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None) -> float:
    """Kappa of ordered grades with cost d^2 for an error of d grades; arguments and edge cases as in `cohen_kappa`.

    It equals Lin's concordance of the grades as numbers (`metrics.regression.concordance`) and increases with
    the spread of the grades, so it is not comparable across data sets.

    Example:
        >>> quadratic_weighted_kappa([0, 1, 2, 3], [0, 1, 2, 2])
        0.875
    """
    return cohen_kappa(y_true, y_pred, n_classes, "quadratic")


def grade_mae(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None) -> float:
    """Mean absolute error in grades, for ordered classes.

    Args:
        y_true: Grades as class indices, integers of shape (cases,).
        y_pred: Grades as class indices, integers of shape (cases,).
        n_classes: Number of grades; None infers it from the largest index. It does not affect the score.

    Returns:
        A number in 0..n_classes - 1, 0 is best; NaN without a case.

    Raises:
        ValueError: as for `metrics.counts.confusion_matrix`.

    Example:
        >>> grade_mae([0, 0, 0, 3], [0, 0, 0, 1])
        0.5
    """
    errors, cases = _grade_errors(y_true, y_pred, n_classes)
    return float(errors.sum() / cases.sum()) if cases.any() else float("nan")


def adjacent_accuracy(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None) -> float:
    """Share of cases whose predicted grade is off by at most one, for ordered classes.

    Gaudette and Japkowicz 2009, doi:10.1007/978-3-642-01818-3_25. With two classes it is always 1. Arguments
    and errors as for `grade_mae`.

    Returns:
        A number in 0..1, 1 is best; NaN without a case.

    Example:
        >>> adjacent_accuracy([0, 1, 2, 3], [1, 1, 0, 3])
        0.75
    """
    confusion = _confusion(y_true, y_pred, n_classes)
    near = _costs(len(confusion), "linear") <= 1
    return float(confusion[near].sum() / confusion.sum()) if confusion.any() else float("nan")


def macro_grade_mae(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None) -> float:
    """Unweighted mean of `grade_mae` over the grades present in the truth, so that rare grades count equally.

    Baccianella et al. 2009, doi:10.1109/ISDA.2009.230. Arguments, edge cases and errors as for `grade_mae`.

    Example:
        >>> macro_grade_mae([0, 0, 0, 3], [0, 0, 0, 1])
        1.0
    """
    errors, cases = _grade_errors(y_true, y_pred, n_classes)
    present = cases > 0
    return float(np.mean(errors[present] / cases[present])) if present.any() else float("nan")


def log_loss(y_true: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean of -ln(probability of the true class), which penalises confident errors most.

    Probabilities below 2.2e-16 (the epsilon of float64) are clipped to it, so that one certain error costs 36.04
    instead of infinity. The bound is the same for every dtype; scikit-learn uses a wider one for float32 input.

    Args:
        y_true: Class indices, integers of shape (cases,).
        probabilities: float of shape (cases, classes), rows summing to 1; or (cases,) the probability of
            class 1 of two. The truth may contain a single class.

    Returns:
        A number in 0..36.04 in nats, 0 is best, ln(classes) for uniform probabilities; NaN without any case.

    Raises:
        ValueError: shapes do not fit, a label has no column, a probability is NaN or outside 0..1, or the sum
            of a row differs from 1 by more than 1e-3.

    Example:
        >>> round(log_loss([0, 1], [[0.5, 0.5], [0.75, 0.25]]), 4), round(log_loss([0, 1], [0.5, 0.25]), 4)
        (1.0397, 1.0397)
    """
    given = np.asarray(probabilities, np.float64)
    columns = np.column_stack([1.0 - given, given]) if given.ndim == 1 else given
    labels, values = check_class_scores(y_true, columns)
    _check_distributions(values)
    chosen = np.clip(values[np.arange(labels.size), labels], np.finfo(np.float64).eps, 1.0)
    return float(0.0 - np.log(chosen).mean()) if labels.size else float("nan")


def top_k_accuracy(y_true: ArrayLike, probabilities: ArrayLike, k: int) -> float:
    """Share of cases whose true class is among the k most probable classes.

    Ties count as errors: a case is correct if at most k classes, including the true one, are at least as
    probable as the true one. Constant probabilities therefore score 0 (and 1 if k >= classes).

    Args:
        y_true: Class indices, integers of shape (cases,).
        probabilities: float of shape (cases, classes); any scores can be used, higher means more likely.
        k: 1 or more; with k >= classes the score is 1.

    Returns:
        A number in 0..1; NaN without any case.

    Raises:
        ValueError: shapes do not fit, a label has no column, a probability is NaN, or k is below 1.

    Example:
        >>> top_k_accuracy([0, 2], [[0.3, 0.5, 0.2], [0.4, 0.4, 0.2]], k=2)
        0.5
    """
    if k < 1:
        raise ValueError(f"k must be 1 or more, got {k}")
    labels, values = check_class_scores(y_true, probabilities)
    own = values[np.arange(labels.size), labels]
    rank = (values >= own[:, None]).sum(axis=1)
    return float(np.mean(rank <= k)) if labels.size else float("nan")


def check_class_scores(y_true: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Check labels and class scores, and return them as arrays.

    Args:
        y_true: Class indices, integers or bools of shape (cases,).
        scores: Numbers of shape (cases, classes).

    Returns:
        The labels (cases,) and the scores (cases, classes).

    Raises:
        ValueError: shapes do not fit, labels are not whole numbers or have no column, or a score is NaN.

    Example:
        >>> labels, scores = check_class_scores([1, 0], [[0.2, 0.8], [0.6, 0.4]])
        >>> labels.tolist(), scores.shape
        ([1, 0], (2, 2))
    """
    truth, values = np.asarray(y_true), np.asarray(scores, np.float64)
    if values.ndim != 2 or truth.shape != values.shape[:1]:
        raise ValueError(
            f"y_true must be (cases,), probabilities (cases, classes); got {truth.shape}, {values.shape}"
        )
    if truth.size and truth.dtype.kind not in "biu":
        raise ValueError(
            f"y_true must hold class indices, got dtype {truth.dtype}: map labels to 0, 1, ... first"
        )
    if truth.size and not (truth.min() >= 0 and truth.max() < values.shape[1]):
        raise ValueError(
            f"y_true has labels {truth.min()}..{truth.max()}, probabilities {values.shape[1]} columns: "
            "drop the cases without a label, and give each class a column"
        )
    if np.isnan(values).any():
        raise ValueError("probabilities hold NaN: drop the cases without a prediction first")
    return truth.astype(np.intp), values


def _read_labels(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    truth, prediction = np.asarray(y_true), np.asarray(y_pred)
    if truth.shape != prediction.shape:
        raise ValueError(f"y_true has shape {truth.shape} but y_pred has {prediction.shape}: they must agree")
    for name, labels in (("y_true", truth), ("y_pred", prediction)):
        if labels.size and labels.dtype.kind == "f":
            raise ValueError(
                f"{name} must hold labels, got dtype {labels.dtype}: threshold or argmax probabilities first"
            )
    return truth, prediction


def _check_distributions(values: NDArray[np.float64]) -> None:
    if values.size and (values.min() < -_SUM_TOLERANCE or values.max() > 1 + _SUM_TOLERANCE):
        raise ValueError(
            f"probabilities must be in 0..1, got {values.min():g}..{values.max():g}: apply softmax or sigmoid first"
        )
    sums = values.sum(axis=1)
    wrong = np.flatnonzero(np.abs(sums - 1) > _SUM_TOLERANCE)
    if wrong.size:
        raise ValueError(
            f"row {wrong[0]} of the probabilities sums to {sums[wrong[0]]:g}, not 1: apply softmax first; "
            "of two classes the probability of class 1 alone, shape (cases,), will do"
        )


def _costs(n_classes: int, weights: Weights | None) -> NDArray[np.float64]:
    distance = np.abs(np.subtract.outer(np.arange(n_classes), np.arange(n_classes))).astype(np.float64)
    costs = {None: np.minimum(distance, 1.0), "linear": distance, "quadratic": distance**2}
    if weights not in costs:
        raise ValueError(f"weights must be None, 'linear' or 'quadratic', got {weights!r}")
    return costs[weights]


def _grade_errors(
    y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    # the sum of errors and the number of cases of each true grade
    confusion = _confusion(y_true, y_pred, n_classes)
    return (confusion * _costs(len(confusion), "linear")).sum(axis=1), confusion.sum(axis=1)


def _confusion(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None) -> NDArray[np.int64]:
    if n_classes is None:
        # confusion_matrix rejects anything but whole numbers
        labels = [np.asarray(side) for side in (y_true, y_pred)]
        largest = [int(side.max()) for side in labels if side.size and side.dtype.kind in "biu"]
        n_classes = 1 + max([0, *largest])
    return confusion_matrix(y_true, y_pred, n_classes)
