"""Scores of object instances: detection, segmentation quality and counts.

`match_instances` reads two maps of object ids once; every score is a short function of its `InstanceOverlap`.
Detections are counted as `Counts` (tn is 0), so that F1, precision and recall come from `metrics.overlap`.

An object is detected if its IoU with a predicted object is strictly above the threshold. From 0.5 upwards
at most one partner can be that close (Kirillov et al. 2019, doi:10.1109/CVPR.2019.00963); below 0.5 objects are
matched one to one, as many as possible, and with the largest sum of IoU among those matchings.

If neither map has an object, `empty` determines the score ("nan", the default, "one" or "zero", as in
`metrics.overlap`). If exactly one map has objects, every score is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.assignment import assign
from metrics.counts import Counts
from metrics.overlap import Empty, empty_value, iou

# hundredths, so that an IoU of exactly 11/20 meets the same 0.55
_DSB2018_THRESHOLDS = np.arange(50, 100, 5) / 100
_TABLE = 2**20


@dataclass(frozen=True, eq=False)
class InstanceOverlap:
    """Overlap of the objects of two instance maps.

    Attributes:
        true_areas: Area of each true object in pixels, int64 (true objects,), by ascending id.
        predicted_areas: Area of each predicted object in pixels, int64 (predicted objects,), by ascending id.
        true_index: Index into `true_areas` for each pair that shares a pixel, intp (pairs,).
        predicted_index: Index into `predicted_areas` for each such pair, intp (pairs,).
        intersections: Number of shared pixels of each pair, int64 (pairs,), at least 1.
    """

    true_areas: NDArray[np.int64]
    predicted_areas: NDArray[np.int64]
    true_index: NDArray[np.intp]
    predicted_index: NDArray[np.intp]
    intersections: NDArray[np.int64]

    @property
    def n_true(self) -> int:
        """Number of true objects."""
        return self.true_areas.size

    @property
    def n_predicted(self) -> int:
        """Number of predicted objects."""
        return self.predicted_areas.size

    @property
    def ious(self) -> NDArray[np.float64]:
        """Intersection over union of each pair, float64 (pairs,), above 0 to 1."""
        areas = self.true_areas[self.true_index] + self.predicted_areas[self.predicted_index]
        shares: NDArray[np.float64] = self.intersections / (areas - self.intersections)
        return shares


@dataclass(frozen=True)
class PanopticQuality:
    """Panoptic quality and its two factors, each in 0..1, 1 is best.

    Attributes:
        pq: Panoptic quality, sq times rq.
        sq: Segmentation quality: mean IoU of the detected objects; 0 if none was detected.
        rq: Recognition quality: F1 score of the detections.
    """

    pq: float
    sq: float
    rq: float


def match_instances(y_true: ArrayLike, y_pred: ArrayLike, *, ignore: int | None = None) -> InstanceOverlap:
    """Count the pixels of all objects and of all overlapping pairs in one pass.

    Args:
        y_true: True object ids, integers of shape (height, width); 0 is background, ids may be sparse.
        y_pred: Predicted object ids, same shape; the ids need not agree with the true ones.
        ignore: Pixels with this true value are dropped from both maps before counting. A predicted object that
            lies entirely in such pixels does not count.

    Returns:
        An `InstanceOverlap`; its arrays are empty if there are no objects.

    Raises:
        ValueError: shapes differ or are not 2-D, a dtype is not integer (bool included), or an id is negative.

    Example:
        >>> overlap = match_instances([[1, 1, 0], [1, 1, 7]], [[5, 5, 0], [5, 0, 0]])
        >>> overlap.n_true, overlap.n_predicted, overlap.true_areas.tolist(), overlap.ious.tolist()
        (2, 1, [4, 1], [0.75])
    """
    truth, prediction = _id_map(y_true, "y_true"), _id_map(y_pred, "y_pred")
    if truth.shape != prediction.shape:
        raise ValueError(f"y_true has shape {truth.shape} but y_pred has {prediction.shape}: they must agree")
    counted = (truth != 0) | (prediction != 0)
    if ignore is not None:
        counted &= truth != ignore
    true_number, n_true = _number(truth[counted], "y_true")
    predicted_number, n_predicted = _number(prediction[counted], "y_pred")
    width = n_predicted + 1
    pairs, sizes = _count_keys(true_number * width + predicted_number, (n_true + 1) * width)
    rows, columns = np.divmod(pairs, width)
    both = (rows > 0) & (columns > 0)
    return InstanceOverlap(
        true_areas=_sum_by(rows, sizes, n_true + 1)[1:],
        predicted_areas=_sum_by(columns, sizes, width)[1:],
        true_index=rows[both] - 1,
        predicted_index=columns[both] - 1,
        intersections=sizes[both],
    )


def pool_overlaps(overlaps: Iterable[InstanceOverlap]) -> InstanceOverlap:
    """Concatenate the objects of several images, for scores over all objects of a set.

    Args:
        overlaps: One per image; an empty iterable gives a result without objects.

    Returns:
        An `InstanceOverlap` in which only objects of the same image form pairs.

    Example:
        >>> image = match_instances([[1, 1, 0]], [[2, 2, 0]])
        >>> pool_overlaps([image, image]).predicted_index.tolist()
        [0, 1]
    """
    parts = list(overlaps)
    true_start = np.cumsum([0] + [part.n_true for part in parts])
    predicted_start = np.cumsum([0] + [part.n_predicted for part in parts])
    return InstanceOverlap(
        true_areas=_join([part.true_areas for part in parts]),
        predicted_areas=_join([part.predicted_areas for part in parts]),
        true_index=_join([part.true_index + true_start[i] for i, part in enumerate(parts)]),
        predicted_index=_join([part.predicted_index + predicted_start[i] for i, part in enumerate(parts)]),
        intersections=_join([part.intersections for part in parts]),
    )


def detection_counts(overlap: InstanceOverlap, threshold: float | Sequence[float] = 0.5) -> Counts:
    """Count detected, spurious and missed objects; apply `f1`, `precision` or `recall` to the result.

    Args:
        overlap: Result of `match_instances`, or of `pool_overlaps` for a whole set.
        threshold: IoU in 0..1 (1 excluded) that a pair must exceed, or a sequence of such values.

    Returns:
        `Counts` of shape (), or (thresholds,) for a sequence: tp matched pairs, fp predicted and fn true objects
        without a partner. True negatives do not exist for objects, so tn is 0, and specificity, accuracy, kappa
        and MCC are meaningless here.

    Raises:
        ValueError: if a threshold is not in 0..1.

    Example:
        >>> from metrics.overlap import f1
        >>> overlap = match_instances([[1, 1, 0], [1, 1, 7]], [[5, 5, 0], [5, 0, 0]])
        >>> counts = detection_counts(overlap, [0.5, 0.75])
        >>> counts.tp.tolist(), counts.fn.tolist(), f1(counts).round(3).tolist()
        ([1, 0], [1, 2], [0.667, 0.0])
    """
    ious = overlap.ious
    found = [_matches(overlap, ious, float(value)).size for value in np.ravel(threshold)]
    tp = np.array(found, np.int64).reshape(np.shape(threshold))
    return Counts(tp=tp, fp=overlap.n_predicted - tp, fn=overlap.n_true - tp, tn=np.zeros_like(tp))


def dsb2018_score(overlap: InstanceOverlap, *, empty: Empty = "nan") -> float:
    """Mean over IoU thresholds 0.5, 0.55 to 0.95 of tp / (tp + fp + fn), in 0..1, 1 is best.

    The score of the Data Science Bowl 2018 (Caicedo et al. 2019, doi:10.1038/s41592-019-0612-7), there called
    average precision; it is the mean Jaccard index of the detections.

    Args:
        overlap: Result of `match_instances`; the competition averages this score over images.
        empty: The score of two maps without objects.

    Returns:
        The score; 0 if exactly one map has objects.

    Raises:
        ValueError: if `empty` is unknown.

    Example:
        >>> dsb2018_score(match_instances([[1, 1, 1, 1]], [[1, 1, 1, 0]]))
        0.5
    """
    return float(iou(detection_counts(overlap, _DSB2018_THRESHOLDS.tolist()), empty=empty).mean())


def aggregated_jaccard(overlap: InstanceOverlap, *, one_to_one: bool = False, empty: Empty = "nan") -> float:
    """Aggregated Jaccard index, AJI: shared pixels over united pixels of all objects, in 0..1, 1 is best.

    Each true object takes the predicted object with the largest IoU; the pixels of predicted objects that
    no true object takes are added to the union (Kumar et al. 2017, doi:10.1109/TMI.2017.2677499). One predicted object
    may be taken by several true objects and is then counted each time. With `one_to_one` (AJI+, Graham et al. 2019,
    doi:10.1016/j.media.2019.101563) this is not allowed: objects are matched for the largest sum of IoU.

    Args:
        overlap: Result of `match_instances`, or of `pool_overlaps` for a whole set.
        one_to_one: True for AJI+.
        empty: The score of two maps without objects.

    Returns:
        The score; 0 if exactly one map has objects. The larger intersection breaks ties in IoU, and remaining
        ties are averaged, so that the ids do not affect the score.

    Raises:
        ValueError: if `empty` is unknown.

    Example:
        >>> overlap = match_instances([[1, 1, 2, 2]], [[1, 1, 1, 0]])
        >>> aggregated_jaccard(overlap), aggregated_jaccard(overlap, one_to_one=True)
        (0.42857142857142855, 0.4)
    """
    otherwise = empty_value(empty)
    if overlap.n_true + overlap.n_predicted == 0:
        return otherwise
    shared, united = _share_one_to_one(overlap) if one_to_one else _share_with_best(overlap)
    return shared / united


def panoptic_quality(
    overlap: InstanceOverlap, threshold: float = 0.5, *, empty: Empty = "nan"
) -> PanopticQuality:
    """Panoptic quality of one class of objects: sum of IoU of the detected ones / (tp + fp / 2 + fn / 2).

    Kirillov et al. 2019 (doi:10.1109/CVPR.2019.00963), who pool the images first (see `pool_overlaps`).

    Args:
        overlap: Result of `match_instances` or `pool_overlaps`.
        threshold: IoU in 0..1 (1 excluded) that a pair must exceed.
        empty: Value of all three numbers for two maps without objects.

    Returns:
        A `PanopticQuality`; all three numbers are 0 if nothing was detected.

    Raises:
        ValueError: if the threshold is not in 0..1 or `empty` is unknown.

    Example:
        >>> panoptic_quality(match_instances([[1, 1, 0, 2]], [[4, 4, 4, 0]]))
        PanopticQuality(pq=0.4444444444444444, sq=0.6666666666666666, rq=0.6666666666666666)
    """
    ious, otherwise = overlap.ious, empty_value(empty)
    matched = ious[_matches(overlap, ious, threshold)]
    if overlap.n_true + overlap.n_predicted == 0:
        return PanopticQuality(otherwise, otherwise, otherwise)
    sq = float(matched.mean()) if matched.size else 0.0
    rq = 2 * matched.size / (overlap.n_true + overlap.n_predicted)
    return PanopticQuality(pq=sq * rq, sq=sq, rq=rq)


def count_error(overlap: InstanceOverlap) -> int:
    """Predicted minus true number of objects; positive means too many. Errors can cancel.

    Example:
        >>> count_error(match_instances([[1, 2, 3]], [[1, 1, 0]]))
        -2
    """
    return overlap.n_predicted - overlap.n_true


def relative_count_error(overlap: InstanceOverlap) -> float:
    """`count_error` divided by the true number of objects (0.1 is 10 % too many); NaN without a true object.

    Example:
        >>> relative_count_error(match_instances([[1, 2, 0]], [[1, 2, 3]]))
        0.5
    """
    return count_error(overlap) / overlap.n_true if overlap.n_true else float("nan")


def _matches(overlap: InstanceOverlap, ious: NDArray[np.float64], threshold: float) -> NDArray[np.intp]:
    """Return the indices of the pairs that are a detected object and its prediction."""
    if not 0 <= threshold < 1:
        raise ValueError(f"an IoU threshold must be in 0..1 (1 excluded), got {threshold}")
    candidates = np.flatnonzero(ious > threshold)
    if threshold >= 0.5:
        return candidates
    # the scaled IoUs of a matching sum to less than 1, so that one more pair always has more weight
    weights = 1 + ious[candidates] / (1 + min(overlap.n_true, overlap.n_predicted))
    pairs = overlap.true_index[candidates], overlap.predicted_index[candidates]
    return np.asarray(candidates[assign(*pairs, weights)])


def _share_one_to_one(overlap: InstanceOverlap) -> tuple[float, float]:
    """Return the intersection and union in pixels for AJI+."""
    # larger intersections break ties between equal sums of IoU, so that ids do not matter
    ties = 1e-9 * overlap.intersections / overlap.intersections.max(initial=1)
    chosen = assign(overlap.true_index, overlap.predicted_index, overlap.ious + ties)
    shared = float(overlap.intersections[chosen].sum())
    return shared, float(overlap.true_areas.sum() + overlap.predicted_areas.sum()) - shared


def _share_with_best(overlap: InstanceOverlap) -> tuple[float, float]:
    """Return the intersection and union in pixels for AJI."""
    best, share = _best_pairs(overlap)
    taken = overlap.predicted_index[best]
    shared = float((overlap.intersections[best] * share).sum())
    united = float(overlap.true_areas.sum() + (overlap.predicted_areas[taken] * share).sum()) - shared
    untaken = np.ones(overlap.n_predicted)
    np.multiply.at(untaken, taken, 1 - share)
    return shared, united + float((overlap.predicted_areas * untaken).sum())


def _best_pairs(overlap: InstanceOverlap) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the pair with the largest IoU, then intersection, of each true object; k ties have share 1/k each."""
    best = np.arange(overlap.intersections.size)
    for values in (overlap.ious, overlap.intersections):
        largest = np.zeros(overlap.n_true)
        np.maximum.at(largest, overlap.true_index[best], values[best])
        best = best[values[best] == largest[overlap.true_index[best]]]
    owners = overlap.true_index[best]
    return best, 1 / np.bincount(owners, minlength=1)[owners]


def _id_map(values: ArrayLike, name: str) -> NDArray[np.integer]:
    ids = np.asarray(values)
    if ids.ndim != 2:
        raise ValueError(
            f"{name} must be one map (height, width), got shape {ids.shape}: match images one by one, "
            "then pool_overlaps"
        )
    if ids.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must hold whole object ids, got dtype {ids.dtype}: number the objects of a mask first "
            "(label_components)"
        )
    return ids


def _number(ids: NDArray[np.integer], name: str) -> tuple[NDArray[np.intp], int]:
    """Replace ids by 1, 2, ... in ascending order (0 stays 0), and count them."""
    if ids.min(initial=0) < 0:
        cure = "pass ignore= to leave one value out" if name == "y_true" else "0 is background"
        raise ValueError(f"{name} holds the negative id {ids.min()}: {cure}")
    largest = int(ids.max(initial=0))
    if largest > max(ids.size, _TABLE):
        found, numbers = np.unique(ids, return_inverse=True)
        without_background = int(found[0] != 0)
        return numbers + without_background, found.size - 1 + without_background
    ids = ids.astype(np.intp)
    present = np.zeros(largest + 1, np.intp)
    present[ids] = 1
    present[0] = 0
    number = np.cumsum(present)
    return number[ids], int(number[-1])


def _count_keys(keys: NDArray[np.intp], size: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    if size > max(keys.size, _TABLE):
        found, sizes = np.unique(keys, return_counts=True)
        return found, sizes
    table = np.bincount(keys, minlength=size)
    found = np.flatnonzero(table)
    return found, table[found]


def _sum_by(groups: NDArray[np.intp], sizes: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    return np.bincount(groups, weights=sizes, minlength=n_groups).astype(np.int64)


def _join(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, np.int64), *parts])
