"""Scores of every structure of a mask: overlap, surface distances, and whether it was missed or hallucinated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics import overlap, surface
from metrics.counts import Counts, confusion_matrix, counts_from_confusion, foreground

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
    """Scores of one structure in one pair of masks.

    Attributes:
        scores: Scores by name: those of `STRUCTURE_SCORES` and those of surfaces; NaN where undefined.
        missed: Whether the structure is present but nothing was predicted.
        hallucinated: Whether the structure is absent but something was predicted.
        counts: Pixel counts of shape (); None for the mean of several structures.
    """

    scores: Mapping[str, float]
    missed: bool
    hallucinated: bool
    counts: Counts | None = None


def score_structures(confusion: NDArray[np.int64], keys: Sequence[str]) -> dict[str, Structure]:
    """Score every foreground class, their mean, and their union against the background.

    Args:
        confusion: int64 (K, K) of one case, rows are the truth.
        keys: K class names; the first one, the background, is not used.

    Returns:
        Structures by key. With two classes, the only structure has the key "". With more, "" is the mean over the
        classes for which a score is defined (missed or hallucinated if any class is), and "foreground" is their
        union, unless a class has that name.

    For a structure that is absent from both masks, Dice, IoU, precision, recall and, unlike in `metrics.overlap.mcc`,
    also MCC are undefined: in a mean over cases, a 0 would penalise a correct empty prediction.

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


def score_mask(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    keys: Sequence[str],
    *,
    spacing_mm: tuple[float, float] | None = None,
    tolerance: float | None = None,
    ignore: int | None = None,
) -> dict[str, Structure]:
    """Score overlap and surfaces of every class of one pair of masks.

    Args:
        y_true: Class indices of shape (rows, columns).
        y_pred: Class indices of the same shape.
        keys: Class names; the first one, the background, is not used.
        spacing_mm: Distance between pixel centres (row, column) in mm; None measures in pixels.
        tolerance: Tolerance of the surface Dice in mm (in pixels without a spacing); None omits that score, since no
            tolerance suits every structure.
        ignore: Truth value to drop.

    Returns:
        Structures by key as in `score_structures`, which also have hd, hd95, assd and masd with the suffix `_mm` or
        `_px`, surface_dice_mm or surface_dice_px, and boundary_iou with a boundary width of 2 % of the diagonal. The
        mean "" is taken over the classes for which the score is defined; a missed class has the image diagonal.

    Raises:
        ValueError: as for `metrics.confusion_matrix` and `metrics.surface_distances`.

    Example:
        >>> truth, prediction = np.array([[0, 1, 1, 0]]), np.array([[0, 0, 1, 1]])
        >>> scores = score_mask(truth, prediction, ["background", "lesion"], spacing_mm=(0.5, 0.5))[""].scores
        >>> scores["dice"], scores["hd_mm"], scores["assd_mm"]
        (0.5, 0.5, 0.25)
    """
    truth, prediction = np.asarray(y_true), np.asarray(y_pred)
    found = score_structures(confusion_matrix(truth, prediction, len(keys), ignore=ignore), keys)
    if ignore is not None:  # as background on both sides, these pixels belong to no structure
        dropped = truth == ignore
        truth, prediction = np.where(dropped, 0, truth), np.where(dropped, 0, prediction)
    regions = {key: index for index, key in enumerate(keys) if index}
    surfaces = {
        key: _score_surface(truth == index, prediction == index, spacing_mm, tolerance)
        for key, index in regions.items()
    }
    if len(keys) == 2:
        surfaces = {"": surfaces.popitem()[1]}
    else:
        if "foreground" not in regions:
            surfaces["foreground"] = _score_surface(truth > 0, prediction > 0, spacing_mm, tolerance)
        names = next(iter(surfaces.values()))
        surfaces[""] = {name: _mean([surfaces[key][name] for key in regions]) for name in names}
    return {
        key: replace(structure, scores={**structure.scores, **surfaces[key]})
        for key, structure in found.items()
    }


def score_overlapping(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    keys: Sequence[str],
    *,
    spacing_mm: tuple[float, float] | None = None,
    tolerance: float | None = None,
    ignore: int | None = None,
) -> dict[str, Structure]:
    """Score one pair of masks with overlapping classes, each class separately as in `score_mask`.

    Args:
        y_true: 0 and 1 of shape (rows, columns, K).
        y_pred: 0 and 1 of the same shape.
        keys: Names of the K channels; there is no background.
        spacing_mm: Distance between pixel centres (row, column) in mm; None measures in pixels.
        tolerance: Tolerance of the surface Dice, as in `score_mask`.
        ignore: Truth value to drop, channel by channel.

    Returns:
        Structures by key as in `score_mask`. A single channel has the key "". With more, "" is the mean over the
        channels for which a score is defined, and "foreground" is the union of the channels, unless a channel has
        that name. Pixels in no channel that are ignored in at least one channel are dropped from the union.

    Raises:
        ValueError: the shapes differ or do not end in K; or as for `score_mask`.

    Example:
        >>> truth = np.array([[[1, 0], [1, 1], [1, 1]]])  # the tumour lies within the organ
        >>> scores = score_overlapping(truth, np.array([[[1, 0], [1, 1], [1, 0]]]), ["organ", "tumour"])
        >>> [round(scores[key].scores["dice"], 3) for key in ("organ", "tumour", "", "foreground")]
        [1.0, 0.667, 0.833, 1.0]
    """
    truth, prediction = np.asarray(y_true), np.asarray(y_pred)
    if not keys or truth.ndim != 3 or truth.shape != prediction.shape or truth.shape[-1] != len(keys):
        raise ValueError(
            f"masks must be (rows, columns, {len(keys)}), a channel for each of {len(keys)} keys and at least one; got "
            f"{truth.shape} and {prediction.shape}"
        )

    def score(one: NDArray[np.generic], other: NDArray[np.generic]) -> Structure:
        return score_mask(one, other, ("", ""), spacing_mm=spacing_mm, tolerance=tolerance, ignore=ignore)[""]

    single = {key: score(truth[..., i], prediction[..., i]) for i, key in enumerate(keys)}
    if len(keys) == 1:
        return {"": next(iter(single.values()))}
    union = (truth == 1).any(axis=-1).astype(np.int64)
    if ignore is not None:
        union = np.where((union == 0) & (truth == ignore).any(axis=-1), ignore, union)
    names = next(iter(single.values())).scores
    mean = Structure(
        {name: _mean([structure.scores[name] for structure in single.values()]) for name in names},
        missed=any(structure.missed for structure in single.values()),
        hallucinated=any(structure.hallucinated for structure in single.values()),
    )
    return {"": mean, "foreground": score(union, (prediction == 1).any(axis=-1).astype(np.int64))} | single


def _score_surface(
    truth: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    spacing_mm: tuple[float, float] | None,
    tolerance: float | None,
) -> dict[str, float]:
    distances = surface.surface_distances(truth, prediction, spacing_mm=spacing_mm)
    unit = "px" if spacing_mm is None else "mm"
    scores = {
        f"hd_{unit}": surface.hausdorff(distances),
        f"hd95_{unit}": surface.hausdorff(distances, 95),
        f"assd_{unit}": surface.assd(distances),
        f"masd_{unit}": surface.masd(distances),
    }
    if tolerance is not None:
        scores[f"surface_dice_{unit}"] = surface.surface_dice(distances, tolerance)
    return scores | {"boundary_iou": surface.boundary_iou(truth, prediction, spacing_mm=spacing_mm)}


def _score(counts: Counts) -> Structure:
    true, found = int(counts.tp + counts.fn), int(counts.tp + counts.fp)
    scores = {name: float(function(counts)) for name, function in STRUCTURE_SCORES.items()}
    if true == found == 0:
        scores["mcc"] = float("nan")
    return Structure(scores, true > 0 and found == 0, true == 0 and found > 0, counts)


def _mean(values: Sequence[float]) -> float:
    defined = [value for value in values if value == value]
    return sum(defined) / len(defined) if defined else float("nan")
