"""Scores of rankings (AUROC, average precision) and the choice of thresholds.

Scores may have any unit (probabilities, logits, millimetres); higher means more likely positive. A case is
classified as positive if score >= threshold. Choose a threshold on validation cases, never on the test cases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.classification import check_class_scores
from metrics.overlap import mean_over_classes

Numbers = NDArray[np.float64]

# 0.1 * 3 exceeds 3 / 10 in floating point; shares of fewer than 10^12 cases differ by more than this
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Sensitivity and specificity at every distinct threshold.

    Attributes:
        thresholds: float64 (points,), descending: inf (no case is positive), then every distinct score.
        sensitivity: float64 (points,), increasing from 0 to 1; all NaN without a positive case.
        specificity: float64 (points,), decreasing from 1 to 0; all NaN without a negative case.
    """

    thresholds: Numbers
    sensitivity: Numbers
    specificity: Numbers


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold with its sensitivity and specificity; all three are NaN if the truth has one class only.

    Attributes:
        threshold: A case is positive if score >= threshold; inf means never.
        sensitivity: Share of positive cases classified as positive, 0..1.
        specificity: Share of negative cases classified as negative, 0..1.
    """

    threshold: float
    sensitivity: float
    specificity: float


def auroc(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: the probability that a positive case scores above a negative one, ties half.

    It is computed from ranks and is exact with ties (Hanley, McNeil 1982, doi:10.1148/radiology.143.1.7063747).

    Args:
        y_true: 0/1 or bool of shape (cases,).
        scores: float of shape (cases,), in any unit; higher means more likely positive.

    Returns:
        A number in 0..1, 0.5 is chance level; NaN with one class only or without any case.

    Raises:
        ValueError: shapes differ, y_true is not binary, or a score is NaN.

    Example:
        >>> auroc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.9])
        0.875
    """
    return _rank_area(*_binary(y_true, scores))


def auroc_per_class(y_true: ArrayLike, probabilities: ArrayLike) -> Numbers:
    """Return the one-vs-rest AUROC of each class.

    Args:
        y_true: Class indices, integers of shape (cases,); or, if a case may have several classes or none, 0/1 or
            bool of shape (cases, classes).
        probabilities: float of shape (cases, classes), in any unit; higher means more likely.

    Returns:
        float64 of shape (classes,), 0..1; NaN for a class that occurs in no case or in every case.

    Raises:
        ValueError: shapes do not fit, a label has no column, a matrix is not 0/1, or a probability is NaN.

    Example:
        >>> auroc_per_class([0, 1, 1], [[0.8, 0.2, 0.0], [0.3, 0.7, 0.0], [0.2, 0.6, 0.2]]).tolist()
        [1.0, 1.0, nan]
        >>> auroc_per_class([[1, 0], [1, 1], [0, 1]], [[0.9, 0.1], [0.8, 0.7], [0.3, 0.6]]).tolist()
        [1.0, 1.0]
    """
    return _per_class(_rank_area, y_true, probabilities)


def auroc_one_vs_rest(y_true: ArrayLike, probabilities: ArrayLike) -> float:
    """Unweighted mean of the one-vs-rest AUROC over the classes for which it is defined.

    Args:
        y_true: Class indices (cases,), or 0/1 of shape (cases, classes), as in `auroc_per_class`.
        probabilities: float of shape (cases, classes).

    Returns:
        A number in 0..1. Classes that occur in no case or in every case are excluded; NaN if none remains.

    Raises:
        ValueError: as for `auroc_per_class`.

    Example:
        >>> auroc_one_vs_rest([0, 1, 1], [[0.8, 0.2, 0.0], [0.3, 0.7, 0.0], [0.2, 0.6, 0.2]])
        1.0
    """
    return float(mean_over_classes(auroc_per_class(y_true, probabilities), include_background=True))


def average_precision(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Average precision: the step-wise area under the precision-recall curve, sum of (recall gain) x precision.

    Thresholds are the distinct scores, so that the order of tied cases does not matter. Points are not
    interpolated linearly, which would be too optimistic (Davis and Goadrich 2006, doi:10.1145/1143844.1143874).

    Args:
        y_true: 0/1 or bool of shape (cases,).
        scores: float of shape (cases,), in any unit; higher means more likely positive.

    Returns:
        A number in 0..1; chance level is the prevalence, so compare values only at equal prevalence. NaN with
        one class only or without any case.

    Raises:
        ValueError: shapes differ, y_true is not binary, or a score is NaN.

    Example:
        >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
        0.8333
    """
    return _step_area(*_binary(y_true, scores))


def average_precision_per_class(y_true: ArrayLike, probabilities: ArrayLike) -> Numbers:
    """Return the one-vs-rest average precision of each class; arguments and errors as for `auroc_per_class`.

    Returns:
        float64 of shape (classes,), 0..1; NaN for a class that occurs in no case or in every case.

    Example:
        >>> average_precision_per_class([0, 1, 1], [[0.8, 0.2, 0.0], [0.3, 0.7, 0.0], [0.2, 0.6, 0.2]]).tolist()
        [1.0, 1.0, nan]
    """
    return _per_class(_step_area, y_true, probabilities)


def average_precision_one_vs_rest(y_true: ArrayLike, probabilities: ArrayLike) -> float:
    """Unweighted mean of the defined values of `average_precision_per_class`, 0..1; NaN if none is defined.

    This is not the mAP of object detection, which matches boxes first.

    Example:
        >>> average_precision_one_vs_rest([0, 1, 1], [[0.8, 0.2, 0.0], [0.3, 0.7, 0.0], [0.2, 0.6, 0.2]])
        1.0
    """
    areas = average_precision_per_class(y_true, probabilities)
    return float(mean_over_classes(areas, include_background=True))


def roc_curve(y_true: ArrayLike, scores: ArrayLike) -> RocCurve:
    """Return sensitivity and specificity at every threshold, without dropping points.

    Args:
        y_true: 0/1 or bool of shape (cases,).
        scores: float of shape (cases,), below inf, in any unit; higher means more likely positive.

    Returns:
        A `RocCurve` of 1 + (distinct scores) points, from (0, 1) at inf to (1, 0) at the lowest score. Its
        trapezoidal area equals `auroc`.

    Raises:
        ValueError: shapes differ, y_true is not binary, or a score is NaN or inf.

    Example:
        >>> curve = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.9])
        >>> curve.thresholds.tolist(), curve.sensitivity.tolist(), curve.specificity.tolist()
        ([inf, 0.9, 0.4, 0.1], [0.0, 0.5, 1.0, 1.0], [1.0, 1.0, 0.5, 0.0])
    """
    return _shares(*_from_none(*_binary(y_true, scores)))


def sensitivity_at_specificity(y_true: ArrayLike, scores: ArrayLike, specificity: float) -> OperatingPoint:
    """Return the operating point with the best sensitivity at a given minimum specificity.

    Args:
        y_true: 0/1 or bool of shape (cases,).
        scores: float of shape (cases,), below inf, in any unit; higher means more likely positive.
        specificity: Minimum specificity, 0..1; 9 of 10 satisfies 0.9. Points are not interpolated.

    Returns:
        The `OperatingPoint`; among equal sensitivities, the one with the highest specificity. The threshold is inf
        and the sensitivity 0 if no other point satisfies the minimum. All NaN with one class only.

    Raises:
        ValueError: as for `roc_curve`, or `specificity` is outside 0..1.

    Example:
        >>> sensitivity_at_specificity([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9], 0.9)
        OperatingPoint(threshold=0.9, sensitivity=0.5, specificity=1.0)
    """
    _check_share(specificity, "specificity")
    curve = roc_curve(y_true, scores)
    kept = np.where(curve.specificity >= specificity - _ROUNDING, curve.sensitivity, -1.0)
    return _best_point(curve, kept, curve.specificity)


def specificity_at_sensitivity(y_true: ArrayLike, scores: ArrayLike, sensitivity: float) -> OperatingPoint:
    """Return the operating point with the best specificity at a given minimum sensitivity.

    Args:
        y_true: 0/1 or bool of shape (cases,).
        scores: float of shape (cases,), below inf, in any unit; higher means more likely positive.
        sensitivity: Minimum sensitivity, 0..1; 9 of 10 satisfies 0.9. Points are not interpolated.

    Returns:
        The `OperatingPoint`; among equal specificities, the one with the highest sensitivity. The minimum is always
        reached, if necessary at the lowest score, where the specificity is 0. All NaN with one class only.

    Raises:
        ValueError: as for `roc_curve`, or `sensitivity` is outside 0..1.

    Example:
        >>> specificity_at_sensitivity([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9], 0.9)
        OperatingPoint(threshold=0.3, sensitivity=1.0, specificity=0.5)
    """
    _check_share(sensitivity, "sensitivity")
    curve = roc_curve(y_true, scores)
    kept = np.where(curve.sensitivity >= sensitivity - _ROUNDING, curve.specificity, -1.0)
    return _best_point(curve, kept, curve.sensitivity)


def youden_threshold(y_true: ArrayLike, scores: ArrayLike) -> OperatingPoint:
    """Return the operating point with the largest Youden index J = sensitivity + specificity - 1.

    Youden 1950, doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3. J gives equal weight to
    the error rates of both classes.

    Args:
        y_true: 0/1 or bool of shape (cases,).
        scores: float of shape (cases,), below inf, in any unit; higher means more likely positive.

    Returns:
        The `OperatingPoint`; among exactly equal J, the highest (most specific) threshold, which is inf if no
        threshold is better than chance. All NaN with one class only.

    Raises:
        ValueError: as for `roc_curve`.

    Example:
        >>> youden_threshold([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9])
        OperatingPoint(threshold=0.9, sensitivity=0.5, specificity=1.0)
    """
    thresholds, tp, fp = _from_none(*_binary(y_true, scores))
    curve = _shares(thresholds, tp, fp)
    # J times positives and negatives in whole numbers, so that rounding does not break ties
    return _best_point(curve, tp * fp[-1] - fp * tp[-1], curve.specificity)


def _binary(y_true: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Numbers]:
    truth, values = np.asarray(y_true), np.asarray(scores, np.float64)
    if truth.shape != values.shape or truth.ndim != 1:
        raise ValueError(
            f"y_true and scores must have one shape (cases,), got {truth.shape} and {values.shape}"
        )
    return _positive(truth), _without_nan(values)


def _columns(y_true: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Numbers]:
    truth = np.asarray(y_true)
    if truth.ndim != 2:
        labels, values = check_class_scores(truth, scores)
        return labels[:, None] == np.arange(values.shape[1]), values
    values = np.asarray(scores, np.float64)
    if truth.shape != values.shape:
        raise ValueError(
            f"y_true of 0/1 and probabilities must have one shape (cases, classes), "
            f"got {truth.shape} and {values.shape}"
        )
    return _positive(truth), _without_nan(values)


def _positive(truth: NDArray[np.generic]) -> NDArray[np.bool_]:
    positive: NDArray[np.bool_] = truth == 1
    if not np.all(positive | (truth == 0)):
        raise ValueError(
            f"y_true must hold 0 and 1 only, got {np.unique(truth)[:5].tolist()}: "
            "compare class indices with one class first, as in y_true == 2"
        )
    return positive


def _without_nan(scores: Numbers) -> Numbers:
    if np.isnan(scores).any():
        raise ValueError("scores hold NaN: drop the cases without a prediction first")
    return scores


def _per_class(
    area: Callable[[NDArray[np.bool_], Numbers], float], y_true: ArrayLike, scores: ArrayLike
) -> Numbers:
    positive, values = _columns(y_true, scores)
    classes = range(values.shape[1])
    return np.array([area(positive[:, index], values[:, index]) for index in classes], np.float64)


def _rank_area(positive: NDArray[np.bool_], scores: Numbers) -> float:
    negatives, positives = np.sort(scores[~positive]), scores[positive]
    pairs = negatives.size * positives.size
    if pairs == 0:
        return float("nan")
    below = np.searchsorted(negatives, positives, side="left").sum()
    not_above = np.searchsorted(negatives, positives, side="right").sum()
    return float((int(below) + int(not_above)) / (2 * pairs))


def _step_area(positive: NDArray[np.bool_], scores: Numbers) -> float:
    _, tp, fp = _cumulated(positive, scores)
    if positive.all() or not positive.any():
        return float("nan")
    return float(np.sum(np.diff(tp, prepend=0) * (tp / (tp + fp))) / tp[-1])


def _cumulated(
    positive: NDArray[np.bool_], scores: Numbers
) -> tuple[Numbers, NDArray[np.int64], NDArray[np.int64]]:
    # true and false positives at every distinct score, in descending order
    order = np.argsort(scores)[::-1]
    ordered = scores[order]
    last = np.ones(ordered.size, bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    tp = np.cumsum(positive[order], dtype=np.int64)[last]
    return ordered[last], tp, np.flatnonzero(last) + 1 - tp


def _from_none(
    positive: NDArray[np.bool_], scores: Numbers
) -> tuple[Numbers, NDArray[np.int64], NDArray[np.int64]]:
    if np.isposinf(scores).any():
        raise ValueError(
            "scores hold inf, which no threshold can leave out: clip them to a finite number first"
        )
    thresholds, tp, fp = _cumulated(positive, scores)
    return np.append(np.inf, thresholds), np.append(0, tp), np.append(0, fp)


def _shares(thresholds: Numbers, tp: NDArray[np.int64], fp: NDArray[np.int64]) -> RocCurve:
    return RocCurve(thresholds, sensitivity=_share(tp, tp[-1]), specificity=_share(fp[-1] - fp, fp[-1]))


def _share(part: NDArray[np.int64], whole: np.int64) -> Numbers:
    return part / whole if whole else np.full(part.shape, np.nan)


def _check_share(value: float, name: str) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be a share in 0..1, such as 0.9 for 90 %, got {value}")


def _best_point(curve: RocCurve, first: NDArray[np.generic], second: Numbers) -> OperatingPoint:
    if np.isnan(curve.sensitivity[0] + curve.specificity[0]):
        return OperatingPoint(float("nan"), float("nan"), float("nan"))
    best = np.lexsort((second, first))[-1]
    return OperatingPoint(
        float(curve.thresholds[best]), float(curve.sensitivity[best]), float(curve.specificity[best])
    )
