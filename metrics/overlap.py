"""Overlap scores as short functions of `Counts`, with one value per entry.

If the class is absent from both truth and prediction, `empty` determines the score: "nan" (the default: excluded
from means and counted as undefined), "one" or "zero". If it is absent from exactly one, every overlap score is 0.
Definitions and limitations: Taha and Hanbury 2015 (doi:10.1186/s12880-015-0068-x), Maier-Hein et al. 2024
(doi:10.1038/s41592-023-02151-z).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Literal, ParamSpec

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.counts import Counts, counts_from_confusion

Empty = Literal["nan", "one", "zero"]
Scores = NDArray[np.float64]
P = ParamSpec("P")

_EMPTY = {"nan": np.nan, "one": 1.0, "zero": 0.0}


def _of_counts(score: Callable[P, Scores]) -> Callable[P, Scores]:
    """Decorate a score to explain how to count if it is called with masks instead of counts."""

    @wraps(score)
    def checked(*arguments: P.args, **keywords: P.kwargs) -> Scores:
        counts = arguments[0] if arguments else keywords.get("counts")
        if not isinstance(counts, Counts):
            raise TypeError(
                f"{score.__name__} takes Counts, got {type(counts).__name__}: "
                f"{score.__name__}(count_cases(y_true, y_pred, n_classes))"
            )
        return score(*arguments, **keywords)

    return checked


@_of_counts
def dice(counts: Counts, *, empty: Empty = "nan") -> Scores:
    """Dice similarity 2 tp / (2 tp + fp + fn) (Dice 1945, doi:10.2307/1932409), in 0..1, 1 is best.

    Args:
        counts: Counts of any shape.
        empty: The score if the class is absent from both sides: "nan", "one" or "zero".

    Returns:
        float64 of the shape of `counts`; 0 if the class is absent from exactly one side.

    Raises:
        ValueError: if `empty` is unknown.

    Example:
        >>> float(dice(Counts(tp=2, fp=1, fn=1, tn=5))), float(dice(Counts(tp=0, fp=0, fn=0, tn=9)))
        (0.6666666666666666, nan)
    """
    return _share(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn, counts, empty)


@_of_counts
def iou(counts: Counts, *, empty: Empty = "nan") -> Scores:
    """Intersection over union tp / (tp + fp + fn) (Jaccard 1912, doi:10.1111/j.1469-8137.1912.tb05611.x).

    In 0..1, 1 is best; arguments, edge cases and errors as for `dice`. iou = dice / (2 - dice).

    Example:
        >>> float(iou(Counts(tp=2, fp=1, fn=1, tn=5)))
        0.5
    """
    return _share(counts.tp, counts.tp + counts.fp + counts.fn, counts, empty)


@_of_counts
def precision(counts: Counts, *, empty: Empty = "nan") -> Scores:
    """Precision or positive predictive value tp / (tp + fp), in 0..1, 1 is best.

    An empty prediction scores 0 if the class is present in the truth. Arguments and errors as for `dice`.

    Example:
        >>> float(precision(Counts(tp=2, fp=1, fn=0, tn=0))), float(precision(Counts(tp=0, fp=0, fn=3, tn=0)))
        (0.6666666666666666, 0.0)
    """
    return _share(counts.tp, counts.tp + counts.fp, counts, empty)


@_of_counts
def recall(counts: Counts, *, empty: Empty = "nan") -> Scores:
    """Recall or sensitivity tp / (tp + fn), in 0..1, 1 is best.

    An empty truth scores 0 if something was predicted. Arguments and errors as for `dice`.

    Example:
        >>> float(recall(Counts(tp=2, fp=0, fn=2, tn=0))), float(recall(Counts(tp=0, fp=3, fn=0, tn=0)))
        (0.5, 0.0)
    """
    return _share(counts.tp, counts.tp + counts.fn, counts, empty)


@_of_counts
def f1(counts: Counts, *, beta: float = 1.0, empty: Empty = "nan") -> Scores:
    """F-beta, the harmonic mean of precision and recall (van Rijsbergen 1979); F1 is the same as Dice.

    Args:
        counts: Counts of any shape.
        beta: Weight of recall relative to precision, above 0.
        empty: The score if the class is absent from both sides, as in `dice`.

    Returns:
        float64 of the shape of `counts`, in 0..1; edge cases as for `dice`.

    Raises:
        ValueError: if beta is not above 0 or `empty` is an unknown word.

    Example:
        >>> counts = Counts(tp=2, fp=1, fn=0, tn=0)
        >>> float(f1(counts)), round(float(f1(counts, beta=2)), 4)
        (0.8, 0.9091)
    """
    if not beta > 0:
        raise ValueError(f"beta must be above 0, got {beta}")
    square = beta**2
    weighted = (1 + square) * counts.tp
    return _share(weighted, weighted + square * counts.fn + counts.fp, counts, empty)


@_of_counts
def volume_similarity(counts: Counts, *, empty: Empty = "nan") -> Scores:
    """Volumetric similarity 1 - |fn - fp| / (2 tp + fp + fn), in 0..1, 1 for equal areas at any position.

    Taha and Hanbury 2015 (doi:10.1186/s12880-015-0068-x). It ignores the position, so never report it alone. Arguments,
    edge cases and errors as for `dice`.

    Example:
        >>> float(volume_similarity(Counts(tp=0, fp=4, fn=4, tn=8))), float(dice(Counts(tp=0, fp=4, fn=4, tn=8)))
        (1.0, 0.0)
    """
    size = 2 * counts.tp + counts.fp + counts.fn
    return _share(size - np.abs(counts.fn - counts.fp), size, counts, empty)


@_of_counts
def specificity(counts: Counts) -> Scores:
    """True negative rate tn / (tn + fp), in 0..1; NaN if the truth has no negative.

    Example:
        >>> specificity(Counts(tp=[0, 4], fp=[1, 0], fn=[0, 0], tn=[3, 0])).tolist()
        [0.75, nan]
    """
    return _divide(counts.tn, counts.tn + counts.fp, np.nan)


@_of_counts
def accuracy(counts: Counts) -> Scores:
    """Share of correct pixels (tp + tn) / all, one-vs-rest; NaN if nothing was counted.

    For rare classes it is near 1 for any prediction. Over all classes at once: `trace / sum` of the
    confusion matrix, `metrics.classification.accuracy`.

    Example:
        >>> float(accuracy(Counts(tp=1, fp=1, fn=0, tn=2)))
        0.75
    """
    return _divide(counts.tp + counts.tn, _total(counts), np.nan)


@_of_counts
def mcc(counts: Counts) -> Scores:
    """One-vs-rest Matthews correlation (1975, doi:10.1016/0005-2795(75)90109-9).

    Args:
        counts: Counts of any shape; values of 10^10 and more are handled (no product of four counts is formed).

    Returns:
        float64 of the shape of `counts`, in -1..1; 0 if a margin is zero (Chicco and Jurman 2020,
        doi:10.1186/s12864-019-6413-7), NaN if nothing was counted.

    Example:
        >>> float(mcc(Counts(tp=6, fp=1, fn=2, tn=3))), float(mcc(Counts(tp=0, fp=0, fn=2, tn=3)))
        (0.47809144373375745, 0.0)
    """
    tp, fp, fn, tn = _floats(counts)
    scale = np.sqrt((tp + fp) * (tp + fn)) * np.sqrt((tn + fp) * (tn + fn))
    return _correlation(tp * tn - fp * fn, scale, _total(counts))


@_of_counts
def kappa(counts: Counts) -> Scores:
    """One-vs-rest Cohen's kappa (1960, doi:10.1177/001316446002000104), 1 is best.

    Over all classes at once, and weighted for ordered ones: `metrics.kappa_from_confusion`.

    Args:
        counts: Counts of any shape.

    Returns:
        float64 of the shape of `counts`, in -1..1, where 0 is chance level. NaN if truth and prediction
        consist of the same single class (0 / 0), or if nothing was counted.

    Example:
        >>> float(kappa(Counts(tp=20, fp=5, fn=10, tn=15))), float(kappa(Counts(tp=0, fp=0, fn=0, tn=5)))
        (0.4, nan)
    """
    tp, fp, fn, tn = _floats(counts)
    chance = (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)
    return _divide(2.0 * (tp * tn - fp * fn), chance, np.nan)


def multiclass_mcc(confusion: ArrayLike) -> Scores:
    """Matthews correlation over all classes at once, R_K (Gorodkin 2004, 10.1016/j.compbiolchem.2004.09.006).

    Args:
        confusion: Integers of shape (..., classes, classes), rows are the truth.

    Returns:
        float64 of shape (...), in -1..1 and for two classes the same as `mcc`; 0 if truth or prediction
        holds a single class, NaN if nothing was counted.

    Raises:
        ValueError: if the matrix is not square or not of whole numbers.

    Example:
        >>> round(float(multiclass_mcc([[2, 1, 0], [0, 3, 1], [1, 0, 4]])), 4)
        0.617
    """
    counts = counts_from_confusion(confusion)
    tp, fp, fn, tn = _floats(counts)
    # sums of terms that do not cancel; s^2 - sum p^2 would lose precision for counts of 10^10
    predicted = ((tp + fp) * (tn + fn)).sum(axis=-1)
    true = ((tp + fn) * (tn + fp)).sum(axis=-1)
    return _correlation(
        (tp * tn - fp * fn).sum(axis=-1), np.sqrt(predicted) * np.sqrt(true), _total(counts)[..., 0]
    )


def mean_over_classes(values: ArrayLike, include_background: bool = False) -> Scores:
    """Mean of the defined values over the last axis, by default without class 0.

    Args:
        values: float of shape (..., classes), NaN where undefined.
        include_background: Whether to include class 0.

    Returns:
        float64 of shape (...); NaN, without a warning, if no class is defined.

    Example:
        >>> float(mean_over_classes([0.99, 0.5, float("nan")])), float(mean_over_classes([0.9, 0.5], True))
        (0.5, 0.7)
    """
    scores = np.asarray(values, np.float64)
    scores = scores if include_background else scores[..., 1:]
    defined = ~np.isnan(scores)
    return _divide(np.where(defined, scores, 0.0).sum(axis=-1), defined.sum(axis=-1), np.nan)


@_of_counts
def mean_iou(counts: Counts, include_background: bool = False) -> Scores:
    """Mean IoU over the classes present in truth or prediction: float64 of shape (...), NaN if there are none.

    Example:
        >>> float(mean_iou(Counts(tp=[5, 2, 0], fp=[1, 1, 0], fn=[1, 1, 0], tn=[2, 5, 9])))
        0.5
    """
    return mean_over_classes(iou(counts), include_background)


def average(
    score: Callable[[Counts], Scores],
    counts: Counts,
    how: Literal["macro", "micro", "weighted"] = "macro",
    *,
    include_background: bool = False,
) -> Scores:
    """Average any score of this module over classes.

    Args:
        score: The score, for example `dice`, `recall` or `partial(f1, beta=2)`.
        counts: Counts of shape (..., classes).
        how: "macro": unweighted mean over the classes for which the score is defined. "micro": the score of the
            counts summed over classes, which common classes dominate. "weighted": mean over the defined classes,
            weighted by their size in the truth; a class that only occurs in the prediction has weight 0.
        include_background: Whether to include class 0. With it, micro Dice, precision and recall equal the
            accuracy.

    Returns:
        float64 of shape (...); NaN if no class is defined.

    Raises:
        ValueError: if `how` is unknown.

    Example:
        >>> counts = Counts(tp=[90, 8, 0], fp=[1, 0, 1], fn=[0, 2, 0], tn=[9, 90, 99])
        >>> [round(float(average(recall, counts, how)), 3) for how in ("macro", "micro", "weighted")]
        [0.4, 0.8, 0.8]
    """
    if how not in ("macro", "micro", "weighted"):
        raise ValueError(f"how must be 'macro', 'micro' or 'weighted', got {how!r}")
    used = counts if include_background else counts[..., 1:]
    if how == "micro":
        return score(used.sum(axis=-1))
    scores = score(used)
    if how == "macro":
        return mean_over_classes(scores, include_background=True)
    weights = np.where(np.isnan(scores), 0, used.tp + used.fn)
    return _divide((np.nan_to_num(scores) * weights).sum(axis=-1), weights.sum(axis=-1), np.nan)


def balanced_accuracy(confusion: ArrayLike) -> Scores:
    """Mean recall over the classes present in the truth (Brodersen et al. 2010, doi:10.1109/ICPR.2010.764).

    Args:
        confusion: Integers of shape (..., classes, classes), rows are the truth.

    Returns:
        float64 of shape (...), in 0..1; chance level is 1 / classes, and the background is included. NaN if
        nothing was counted.

    Raises:
        ValueError: if the matrix is not square or not of whole numbers.

    Example:
        >>> float(balanced_accuracy([[90, 0], [10, 0]]))
        0.5
    """
    counts = counts_from_confusion(confusion)
    scores = np.where(counts.tp + counts.fn > 0, recall(counts), np.nan)
    return mean_over_classes(scores, include_background=True)


def empty_value(empty: Empty) -> float:
    """Return the overlap score for a class that is absent from both truth and prediction.

    Raises:
        ValueError: if `empty` is not "nan", "one" or "zero".

    Example:
        >>> empty_value("one")
        1.0
    """
    if empty not in _EMPTY:
        raise ValueError(f"empty must be one of {sorted(_EMPTY)}, got {empty!r}")
    return _EMPTY[empty]


def _floats(counts: Counts) -> tuple[Scores, Scores, Scores, Scores]:
    tp, fp, fn, tn = (np.asarray(part, np.float64) for part in (counts.tp, counts.fp, counts.fn, counts.tn))
    return tp, fp, fn, tn


def _share(part: NDArray[np.generic], whole: NDArray[np.generic], counts: Counts, empty: Empty) -> Scores:
    absent = counts.tp + counts.fp + counts.fn == 0
    return np.asarray(np.where(absent, empty_value(empty), _divide(part, whole, 0.0)))


def _divide(part: ArrayLike, whole: ArrayLike, otherwise: float) -> Scores:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    shares: Scores = np.divide(part, whole, out=np.full(whole.shape, otherwise), where=whole > 0)
    return shares


def _correlation(covariance: Scores, scale: Scores, total: NDArray[np.int64]) -> Scores:
    scores = np.clip(_divide(covariance, scale, 0.0), -1.0, 1.0)
    return np.asarray(np.where(total > 0, scores, np.nan))


def _total(counts: Counts) -> NDArray[np.int64]:
    return np.asarray(counts.tp + counts.fp + counts.fn + counts.tn)
