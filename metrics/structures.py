"""Every structure of one mask: overlap, surface distances, and whether it was missed or hallucinated."""

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
    """What one mask says of one structure.

    Attributes:
        scores: By name, as in `STRUCTURE_SCORES`, and those of surfaces; NaN where undefined.
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
        keys: A name for each class; the background's, first, is not used.
        spacing_mm: (row, column) distance of pixel centres; None measures in pixels.
        tolerance: Of the surface Dice, in mm (pixels without a spacing); None leaves that score out, since there
            is no tolerance that suits every structure.
        ignore: Truth value to drop.

    Returns:
        By key as `score_structures`. Beside its scores each has hd, hd95, assd and masd with `_mm` or `_px`
        behind the name, surface_dice_mm or _px, and boundary_iou with a rim of 2 % of the diagonal. The mean "" is over
        the classes where the score is defined, a missed one with the picture's diagonal.

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
    if ignore is not None:  # of the background on both sides: then no structure is there
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
    """Score one pair of masks whose classes may overlap, each class on its own as `score_mask` does one.

    Args:
        y_true: 0 and 1 of shape (rows, columns, K).
        y_pred: 0 and 1 of the same shape.
        keys: A name for each of the K channels; there is no background.
        spacing_mm: As of `score_mask`.
        tolerance: As of `score_mask`.
        ignore: Truth value to drop, channel by channel.

    Returns:
        By key as `score_mask`: of one channel the key is "". Of more, "" is the mean over the channels that are
        defined, and "foreground" the pixels of any channel, where those are dropped that have none and whose truth is
        `ignore` in one, unless a channel has that name.

    Raises:
        ValueError: the shapes differ or do not end in K; or as of `score_mask`.

    Example:
        >>> truth = np.array([[[1, 0], [1, 1], [1, 1]]])  # the second lies within the first
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
