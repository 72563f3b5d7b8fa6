"""Surface distances between two masks: computed once, and then summarised by short functions.

The surface of a mask is the set of its pixels that have a 4-neighbour outside the mask; everything beyond the image
is outside. Distances are Euclidean, from the centre of a surface pixel of one mask to the nearest centre of a surface
pixel of the other. There is no sub-pixel outline, and every surface pixel has the same weight. MONAI and
MetricsReloaded use the same surfaces; surface-distance (DeepMind) places the outline between pixel centres and weights
it by its length, so its values differ by up to about a pixel.

If only one of the masks has the structure, every distance is the worst finite value, the diagonal of the image, and
every surface overlap is 0: excluding the case would reward missing the structure. If neither mask has it, the result
is NaN. Which distance to choose: Maier-Hein et al. 2024 (doi:10.1038/s41592-023-02151-z).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.overlap import Empty, empty_value

Mask = NDArray[np.bool_]
Distances = NDArray[np.float64]

_CROWDED = 0.25  # above this share of surface pixels among all pixels, a distance transform is faster
_ROUNDING = 1 + 1e-9  # 3 pixels of 0.1 mm are 0.30000000000000004 mm, which must count as within 0.3 mm


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Surface distances between two masks, in mm, or in pixels if no spacing was given.

    Attributes:
        from_truth: Distance from each surface pixel of the truth to the surface of the prediction, float64,
            ascending. Empty if the truth is empty; infinite if the prediction is empty.
        from_prediction: Distance from each surface pixel of the prediction to the surface of the truth.
        worst: Diagonal of the image, the distance of a missed or hallucinated structure.
    """

    from_truth: Distances
    from_prediction: Distances
    worst: float

    @property
    def missed(self) -> bool:
        """Whether only the truth has the structure."""
        return self.from_truth.size > 0 and self.from_prediction.size == 0

    @property
    def hallucinated(self) -> bool:
        """Whether only the prediction has the structure."""
        return self.from_truth.size == 0 and self.from_prediction.size > 0


def surface_distances(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    spacing_mm: tuple[float, float] | None = None,
    ignore: int | None = None,
) -> SurfaceDistances:
    """Compute the distances between the surfaces of two masks of a single structure.

    Args:
        y_true: bools or 0 and 1 (or `ignore`), shape (rows, columns). For a mask of several classes: `mask == 2`.
        y_pred: bools or 0 and 1, same shape.
        spacing_mm: Distance between neighbouring pixel centres (row, column) in mm; None measures in pixels.
        ignore: Pixels with this true value belong to neither mask, so that predictions there have no effect. Both
            outlines exclude such an area.

    Returns:
        The distances in both directions.

    Raises:
        ValueError: shapes differ or are not two-dimensional, there is a value other than 0, 1 and `ignore`, or
            the spacing is not two positive numbers.

    Example:
        >>> found = surface_distances([[1, 0, 0, 0]], [[0, 0, 0, 1]], spacing_mm=(5.0, 0.5))
        >>> found.from_truth.tolist(), surface_distances([[1, 1]], [[0, 0]]).missed
        ([1.5], True)
    """
    truth, prediction = _structure_pair(y_true, y_pred, ignore)
    spacing = _checked(spacing_mm)
    worst = hypot(truth.shape[0] * spacing[0], truth.shape[1] * spacing[1])
    truth, prediction = _crop(truth, prediction)
    return SurfaceDistances(*_both_ways(_surface(truth), _surface(prediction), spacing), worst)


def hausdorff(distances: SurfaceDistances, percentile: float = 100.0) -> float:
    """Hausdorff distance or its percentiles such as HD95: the larger of the two directed percentiles.

    Huttenlocher et al. 1993 (doi:10.1109/34.232073). Libraries that take the percentile of the pooled
    directions (GaNDLF, medpy) give other values.

    Args:
        distances: Result of `surface_distances`.
        percentile: Percentile in 0..100, interpolated linearly; 100 is the Hausdorff distance itself, and 95
            disregards the farthest 5 % of each surface. A fraction such as 0.95 is rejected.

    Returns:
        The distance in mm (or pixels), 0 is best; `worst` for a missed or hallucinated structure, NaN if neither
        mask has it.

    Raises:
        ValueError: the percentile is outside 0..100, or it looks like a fraction, such as 0.95.

    Example:
        >>> far = surface_distances([[1, 1, 1, 1, 1]], [[0, 0, 1, 1, 1]])
        >>> hausdorff(far), round(hausdorff(far, 75), 3)
        (2.0, 1.0)
    """
    if not 0 <= percentile <= 100 or 0 < percentile <= 1:
        raise ValueError(f"percentile must be 0 or above 1 and up to 100 (95 for HD95), got {percentile}")
    if _one_is_empty(distances):
        return _of_empty(distances)
    return max(
        _percentile(distances.from_truth, percentile), _percentile(distances.from_prediction, percentile)
    )


def assd(distances: SurfaceDistances) -> float:
    """Average symmetric surface distance: the mean over all surface pixels of both masks.

    The longer surface has more weight; `masd` gives both the same weight.
    Heimann et al. 2009 (doi:10.1109/TMI.2009.2013851).

    Returns:
        The distance in mm (or pixels), 0 is best; edge cases as for `hausdorff`.

    Example:
        >>> assd(surface_distances([[1, 1, 1, 1]], [[0, 0, 0, 1]]))
        1.2
    """
    if _one_is_empty(distances):
        return _of_empty(distances)
    total = distances.from_truth.sum() + distances.from_prediction.sum()
    return float(total / (distances.from_truth.size + distances.from_prediction.size))


def masd(distances: SurfaceDistances) -> float:
    """Mean average surface distance: the mean of the two directed means, regardless of the lengths.

    Returns:
        The distance in mm (or pixels), 0 is best; edge cases as for `hausdorff`.

    Example:
        >>> masd(surface_distances([[1, 1, 1, 1]], [[0, 0, 0, 1]]))
        0.75
    """
    if _one_is_empty(distances):
        return _of_empty(distances)
    return float(distances.from_truth.mean() + distances.from_prediction.mean()) / 2


def surface_dice(distances: SurfaceDistances, tolerance: float, *, empty: Empty = "nan") -> float:
    """Normalised surface Dice: the share of both surfaces within a tolerance of the other one.

    Nikolov et al. 2021 (doi:10.2196/26151), on pixels instead of sub-pixel outlines.

    Args:
        distances: Result of `surface_distances`.
        tolerance: Tolerance in mm (or pixels), non-negative and inclusive; for example the inter-reader variability.
        empty: The score if neither mask has the structure: "nan", "one" or "zero".

    Returns:
        The score in 0..1, 1 is best; 0 if exactly one mask has the structure, for any tolerance.

    Raises:
        ValueError: the tolerance is negative or NaN, or `empty` is unknown.

    Example:
        >>> near = surface_distances([[1, 1, 0, 0]], [[0, 1, 0, 1]])
        >>> surface_dice(near, 0), surface_dice(near, 1), surface_dice(near, 2)
        (0.5, 0.75, 1.0)
    """
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be 0 or more, in the unit of the distances, got {tolerance}")
    otherwise = empty_value(empty)
    if _one_is_empty(distances):
        return 0.0 if distances.missed or distances.hallucinated else otherwise
    both = np.concatenate([distances.from_truth, distances.from_prediction])
    return float(np.mean(both <= tolerance * _ROUNDING))


def boundary_iou(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    width: float | None = None,
    *,
    spacing_mm: tuple[float, float] | None = None,
    ignore: int | None = None,
    empty: Empty = "nan",
) -> float:
    """Intersection over union of the boundary regions only, so that a large interior does not dominate.

    Cheng et al. 2021 (doi:10.1109/CVPR46437.2021.01508), with Euclidean instead of chessboard distance.

    Args:
        y_true: True mask, as in `surface_distances`.
        y_pred: Predicted mask, as in `surface_distances`.
        width: Width of the boundary region, in mm (or pixels): the mask pixels within this distance of a pixel
            outside; 1 pixel is the surface. None: 2 % of the image diagonal, as in the paper, at least 1 pixel.
        spacing_mm: Distance between pixel centres, as in `surface_distances`.
        ignore: True value of pixels to drop, as in `surface_distances`.
        empty: The score if neither mask has the structure, as in `surface_dice`.

    Returns:
        The score in 0..1, 1 is best; 0 if exactly one mask has the structure. If the boundary regions fill both
        masks, it equals the IoU.

    Raises:
        ValueError: as for `surface_distances`; or `width` reaches no pixel, or `empty` is unknown.

    Example:
        >>> square, larger = np.zeros((2, 9, 9), bool)
        >>> square[2:7, 2:7], larger[2:7, 2:8] = True, True
        >>> round(boundary_iou(square, larger, width=1), 3), round(25 / 30, 3)
        (0.619, 0.833)
    """
    otherwise = empty_value(empty)
    truth, prediction = _structure_pair(y_true, y_pred, ignore)
    spacing = _checked(spacing_mm)
    if width is None:
        width = max(0.02 * hypot(truth.shape[0] * spacing[0], truth.shape[1] * spacing[1]), min(spacing))
    if not width >= min(spacing):
        raise ValueError(f"width must reach a pixel, {min(spacing)} or more, got {width}")
    truth, prediction = _crop(truth, prediction)
    true, predicted = (_rim(mask, width, spacing) for mask in (truth, prediction))
    union = int(np.count_nonzero(true | predicted))
    return int(np.count_nonzero(true & predicted)) / union if union else otherwise


def _structure_pair(y_true: ArrayLike, y_pred: ArrayLike, ignore: int | None) -> tuple[Mask, Mask]:
    truth, prediction = np.asarray(y_true), np.asarray(y_pred)
    if truth.shape != prediction.shape or truth.ndim != 2:
        raise ValueError(
            f"y_true and y_pred must have one shape (rows, columns), got {truth.shape} and {prediction.shape}"
        )
    if ignore is None:
        return _binary(truth, "y_true"), _binary(prediction, "y_pred")
    counted = truth != ignore
    return (
        _binary(np.where(counted, truth, 0), "y_true"),
        _binary(np.where(counted, prediction, 0), "y_pred"),
    )


def _binary(mask: NDArray[np.generic], name: str) -> Mask:
    if mask.dtype.kind == "b":
        return mask.astype(np.bool_, copy=False)
    inside = np.asarray(mask == 1)
    if not np.all(inside | (mask == 0)):
        found = np.unique(mask)[:5].tolist()
        raise ValueError(
            f"{name} must be bools or 0 and 1, got the values {found}: pass one structure, e.g. mask == 2"
        )
    return inside


def _checked(spacing_mm: tuple[float, float] | None) -> tuple[float, float]:
    spacing = np.asarray((1.0, 1.0) if spacing_mm is None else spacing_mm, np.float64)
    if spacing.shape != (2,) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise ValueError(f"spacing_mm must be two positive numbers (row, column), got {spacing_mm!r}")
    return float(spacing[0]), float(spacing[1])


def _crop(truth: Mask, prediction: Mask) -> tuple[Mask, Mask]:
    either = truth | prediction
    rows, columns = np.flatnonzero(either.any(axis=1)), np.flatnonzero(either.any(axis=0))
    if rows.size == 0:
        return truth[:0], prediction[:0]
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return truth[box], prediction[box]


def _surface(mask: Mask) -> Mask:
    framed = np.pad(mask, 1)
    inside = framed[:-2, 1:-1] & framed[2:, 1:-1]
    inside &= framed[1:-1, :-2]
    inside &= framed[1:-1, 2:]
    return mask & ~inside


def _both_ways(truth: Mask, prediction: Mask, spacing: tuple[float, float]) -> tuple[Distances, Distances]:
    n_true, n_predicted = int(np.count_nonzero(truth)), int(np.count_nonzero(prediction))
    if min(n_true, n_predicted) and n_true + n_predicted > _CROWDED * truth.size:
        return _transformed(truth, prediction, spacing), _transformed(prediction, truth, spacing)
    true, predicted = _points(truth, spacing), _points(prediction, spacing)
    return _nearest(true, predicted), _nearest(predicted, true)


def _transformed(start: Mask, goal: Mask, spacing: tuple[float, float]) -> Distances:
    from scipy.ndimage import distance_transform_edt  # slow to import, as below

    return np.sort(distance_transform_edt(~goal, sampling=spacing)[start])


def _points(surface: Mask, spacing: tuple[float, float]) -> Distances:
    # numpy.nonzero of a 2-D array takes six times as long as for its flat copy
    rows, columns = np.divmod(np.flatnonzero(surface), max(surface.shape[1], 1))
    return np.stack([rows * spacing[0], columns * spacing[1]], axis=1)


def _nearest(start: Distances, goal: Distances) -> Distances:
    from scipy.spatial import KDTree

    if len(start) == 0 or len(goal) == 0:
        return np.full(len(start), np.inf)
    # surfaces are thin, so a tree of their pixels is faster than a distance transform of the enclosed area
    tree = KDTree(goal, leafsize=32, compact_nodes=False, balanced_tree=False)
    return np.sort(tree.query(start)[0])


def _rim(mask: Mask, width: float, spacing: tuple[float, float]) -> Mask:
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1]
    return np.asarray(mask & (depth <= width * _ROUNDING))


def _one_is_empty(distances: SurfaceDistances) -> bool:
    return distances.from_truth.size == 0 or distances.from_prediction.size == 0


def _of_empty(distances: SurfaceDistances) -> float:
    return distances.worst if distances.missed or distances.hallucinated else float("nan")


def _percentile(ascending: Distances, percentile: float) -> float:
    # numpy.percentile sorts again and takes ten times as long for a few hundred numbers
    position = (ascending.size - 1) * percentile / 100
    below = int(position)
    above = min(below + 1, ascending.size - 1)
    return float(ascending[below] + (ascending[above] - ascending[below]) * (position - below))
