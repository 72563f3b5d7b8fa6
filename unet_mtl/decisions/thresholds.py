"""Thresholds of probabilities of single cases, and of classes that exclude each other."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import metrics
from unet_mtl.decisions.aims import Aim, Candidates

Numbers: TypeAlias = NDArray[np.float64]

_FACTORS = np.geomspace(1 / 30, 30, 61)
"""The factors by which thresholds of several classes are tried to change."""

_ROUNDS = 3


@dataclass(frozen=True)
class Choice:
    """A threshold that was chosen, and what it does on the cases that it was chosen on.

    Attributes:
        threshold: The probability from which on (`>=`) a case is positive.
        value: The score that the aim chooses by.
        untuned: The same score with the threshold that was there before.
        sensitivity: The sensitivity.
        specificity: The specificity.
    """

    threshold: float
    value: float
    untuned: float
    sensitivity: float
    specificity: float


def choose_threshold(y_true: ArrayLike, probabilities: ArrayLike, aim: Aim, untuned: float) -> Choice | None:
    """Return the threshold that reaches an aim best.

    Candidates lie in the middle between neighbouring probabilities, so that rounding in another batch or engine does
    not change the answer for the cases that the threshold was chosen on.

    Args:
        y_true: 0/1 or bool (cases,).
        probabilities: Probabilities of 1 (cases,), float32 as the network gives them.
        aim: The aim.
        untuned: The threshold that is there before.

    Returns:
        The choice; None if the aim is not reached, or if only one class occurs.
    """
    truth = np.asarray(y_true, bool)
    shown = np.asarray(probabilities, np.float32)
    if truth.all() or not truth.any():
        return None
    curve = metrics.roc_curve(truth, shown)
    thresholds = np.append(_middles(curve.thresholds), untuned)
    positive = shown[None] >= np.float32(untuned)
    before = _count(truth, positive)
    n, n_negative = int(truth.sum()), int((~truth).sum())
    tp = np.append(np.rint(curve.sensitivity * n), before.tp).astype(np.int64)
    fp = np.append(np.rint((1 - curve.specificity) * n_negative), before.fp).astype(np.int64)
    candidates = Candidates.of_set(metrics.Counts(tp, fp, n - tp, n_negative - fp))
    index = aim.choose(candidates, thresholds, untuned)
    if index is None:
        return None
    values = aim.values(candidates)
    return Choice(float(thresholds[index]), float(values[index]), float(values[-1]), **candidates.at(index))


def _middles(thresholds: Numbers) -> Numbers:
    """Return numbers within 0..1 between neighbouring thresholds, which begin with infinity and descend."""
    distinct = np.append(thresholds[1:], 0.0)
    middles = (distinct[:-1] + distinct[1:]) / 2
    above = middles.astype(np.float32) > distinct[1:]  # neighbours in float32 have no middle
    middles = np.where(above, middles, distinct[:-1])
    never = (1 + distinct[0]) / 2
    return np.asarray(np.clip(np.append(never, middles), 1e-12, 1 - 2**-24))


def _count(truth: NDArray[np.bool_], positive: NDArray[np.bool_]) -> metrics.Counts:
    return metrics.Counts(
        tp=(truth & positive).sum(-1),
        fp=(~truth & positive).sum(-1),
        fn=(truth & ~positive).sum(-1),
        tn=(~truth & ~positive).sum(-1),
    )


def choose_for_class(
    y_true: NDArray[np.int64], probabilities: Numbers, index: int, aim: Aim
) -> tuple[tuple[float, ...], Choice] | None:
    """Return thresholds of several classes that reach an aim for one class against the rest.

    The quotients of probability and threshold decide. The thresholds of the other classes are equal, so that the class
    is the answer where its probability is large enough relative to the largest of the others.

    Args:
        y_true: Class indices (cases,).
        probabilities: (cases, classes).
        index: The class.
        aim: The aim, for which the class is positive.

    Returns:
        A threshold for each class, with the sum 1, and the choice; None if the aim is not reached.
    """
    others = np.delete(probabilities, index, axis=1).max(1)
    # p / (p + q) instead of p / q, which is the same order within 0..1; 0.5 is the most probable class.
    share = probabilities[:, index] / (probabilities[:, index] + others)
    choice = choose_threshold(y_true == index, share, aim, 0.5)
    if choice is None:
        return None
    relative = choice.threshold / (1 - choice.threshold)
    thresholds = np.ones(probabilities.shape[1])
    thresholds[index] = relative
    return tuple((thresholds / thresholds.sum()).tolist()), choice


def choose_for_classes(
    y_true: NDArray[np.int64], probabilities: Numbers, aim: Aim
) -> tuple[tuple[float, ...], float, float]:
    """Return thresholds of several classes with the best mean over classes, by changing one class after the other.

    Args:
        y_true: Class indices (cases,).
        probabilities: (cases, classes).
        aim: "f1" for macro F1, or "youden" for the mean of sensitivity + specificity - 1 over the classes.

    Returns:
        A threshold for each class, with the sum 1; the score with them, and that of the most probable class.
    """
    n_classes = probabilities.shape[1]
    thresholds = np.full(n_classes, 1 / n_classes)

    def score(candidate: Numbers) -> float:
        answers = (probabilities / candidate).argmax(1)
        counts = metrics.counts_from_confusion(metrics.confusion_matrix(y_true, answers, n_classes))
        each = aim.values(Candidates.of_set(counts))
        return float(each[~np.isnan(each)].mean())

    best = untuned = score(thresholds)
    # From the smallest change on, so that of equal scores the smallest change is kept.
    factors = _FACTORS[np.argsort(np.abs(np.log(_FACTORS)), kind="stable")]
    for _ in range(_ROUNDS):
        before = best
        for index in range(n_classes):
            start = thresholds.copy()
            for factor in factors:
                candidate = start.copy()
                candidate[index] *= factor
                value = score(candidate)
                if value > best + 1e-12:
                    best, thresholds = value, candidate
        if best == before:
            break
    return tuple((thresholds / thresholds.sum()).tolist()), best, untuned
