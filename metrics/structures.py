"""Overlap of each structure in one mask: the scores, and whether it was missed or hallucinated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics import overlap
from metrics.counts import Counts, counts_from_confusion, foreground

STRUCTURE_SCORES: dict[str, Callable[[Counts], NDArray[np.float64]]] = {
    "dice": overlap.dice,
    "iou": overlap.iou,
    "precision": overlap.precision,
    "recall": overlap.recall,
    "specificity": overlap.specificity,
    "mcc": overlap.mcc,
    "accuracy": overlap.accuracy,
}


@dataclass(frozen=True)
class Structure:
    """What one mask says of one structure.

    Attributes:
        scores: By name, as in `STRUCTURE_SCORES`; NaN where undefined.
        missed: It is there and nothing was found.
        hallucinated: It is not there and something was found.
        counts: Pixels, each of shape (); None for the mean of several structures.
    """

    scores: Mapping[str, float]
    missed: bool
    hallucinated: bool
    counts: Counts | None = None


def score_structures(confusion: NDArray[np.int64], keys: Sequence[str]) -> dict[str, Structure]:
    """Score every class but the background, their mean, and their union against the background.

    Args:
        confusion: int64 (K, K) of one case, rows are the truth.
        keys: K names; the background's, first, is not used.

    Returns:
        By key. With two classes the only structure has the key "". With more, "" is the mean over the classes
        that are defined (missed or hallucinated if any of them is), and "foreground" their union, unless a
        class has that name.

    A structure that is in neither mask has no Dice, IoU, precision, recall and, unlike in
    `metrics.overlap.mcc`, no MCC: in a mean over cases a 0 would punish a correct empty answer.

    Example:
        >>> matrix = np.array([[5, 1, 0], [0, 2, 0], [0, 0, 0]])
        >>> found = score_structures(matrix, ["background", "lesion", "shadow"])
        >>> sorted(found), found["lesion"].scores["dice"], found["shadow"].scores["dice"]
        (['', 'foreground', 'lesion', 'shadow'], 0.8, nan)
    """
    counts = counts_from_confusion(confusion)
    single = {key: _score(counts[index]) for index, key in enumerate(keys) if index}
    if len(keys) == 2:
        return {"": next(iter(single.values()))}
    mean = Structure(
        {name: _mean([structure.scores[name] for structure in single.values()]) for name in STRUCTURE_SCORES},
        missed=any(structure.missed for structure in single.values()),
        hallucinated=any(structure.hallucinated for structure in single.values()),
    )
    return {"": mean, "foreground": _score(foreground(confusion))} | single


def _score(counts: Counts) -> Structure:
    true, found = int(counts.tp + counts.fn), int(counts.tp + counts.fp)
    scores = {name: float(function(counts)) for name, function in STRUCTURE_SCORES.items()}
    if true == found == 0:
        scores["mcc"] = float("nan")
    return Structure(scores, true > 0 and found == 0, true == 0 and found > 0, counts)


def _mean(values: Sequence[float]) -> float:
    defined = [value for value in values if value == value]
    return sum(defined) / len(defined) if defined else float("nan")
