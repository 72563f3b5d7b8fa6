"""Distances between the outlines of two masks: the costly part once, then short functions of it.

The surface of a mask is the set of its own pixels that have a neighbour above, below, left or right outside of it;
beyond the picture is outside. A distance is Euclidean, from the centre of a surface pixel of one mask to the
nearest centre of a surface pixel of the other: no sub-pixel outline is made up, each surface pixel weighs the same.
MONAI and MetricsReloaded use these surfaces; surface-distance (DeepMind) draws the outline between pixel centres
and weighs it by its length, so its values differ by up to about a pixel.

A structure that only one of the masks has gives the worst finite value, the diagonal of the picture, to every
distance and 0 to every overlap of surfaces: leaving it out would reward missing it. One that neither has gives NaN.
Which distance to use when: Maier-Hein et al. 2024 (doi:10.1038/s41592-023-02151-z).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.overlap import Empty, empty_value

Mask = NDArray[np.bool_]
Distances = NDArray[np.float64]

_CROWDED = 0.25  # surface pixels of both masks over all pixels: above it a distance transform is faster
_ROUNDING = 1 + 1e-9  # 3 pixels of 0.1 mm are 0.30000000000000004 mm, and within 0.3


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """What `surface_distances` found; in mm, or in pixels where no spacing was given.

    Attributes:
        from_truth: For each surface pixel of the truth, how far the prediction's surface is: float64, ascending,
            empty where the truth is. Infinite where the prediction is empty.
        from_prediction: The same the other way round.
        worst: Diagonal of the whole picture, what a missed or hallucinated structure gets.
    """

    from_truth: Distances
    from_prediction: Distances
    worst: float

    @property
    def missed(self) -> bool:
        """The truth has the structure, the prediction has not."""
        return self.from_truth.size > 0 and self.from_prediction.size == 0

    @property
    def hallucinated(self) -> bool:
        """The prediction has the structure, the truth has not."""
        return self.from_truth.size == 0 and self.from_prediction.size > 0


def surface_distances(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    spacing_mm: tuple[float, float] | None = None,
    ignore: int | None = None,
) -> SurfaceDistances:
    """Measure every surface pixel of two masks of ONE structure.

    Args:
        y_true: bools or 0 and 1 (or `ignore`), shape (rows, columns). For a mask of several classes: `mask == 2`.
        y_pred: bools or 0 and 1, same shape.
        spacing_mm: Distance of neighbouring pixel centres (between rows, between columns) in mm; None measures
            in pixels.
        ignore: Pixels whose truth has this value belong to neither mask, so a prediction there changes
            nothing; both outlines run round such an area.

    Returns:
        The distances both ways.

    Raises:
        ValueError: shapes differ or are not two-dimensional, another value than 0, 1 and `ignore`, or a spacing
            that is not two positive numbers.

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
    """Hausdorff distance, or HD95 and the like: the larger of the two directed percentiles.

    Huttenlocher et al. 1993 (doi:10.1109/34.232073). Libraries that take the percentile of both directions thrown
    together (GaNDLF, medpy) give other values.

    Args:
        distances: Of `surface_distances`.
        percentile: 0..100, linear between the two nearest distances; 100 is the Hausdorff distance itself, 95
            forgives the farthest twentieth of each surface. A share such as 0.95 is refused.

    Returns:
        mm (or pixels), 0 and up, 0 is best; `worst` for a missed or hallucinated structure, NaN where neither
        mask has it.

    Raises:
        ValueError: a percentile outside 0..100, or one such as 0.95, which would be a share.

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

    The longer surface weighs more; `masd` weighs both alike. Heimann et al. 2009 (doi:10.1109/TMI.2009.2013851).

    Returns:
        mm (or pixels), 0 is best; edges as for `hausdorff`.

    Example:
        >>> assd(surface_distances([[1, 1, 1, 1]], [[0, 0, 0, 1]]))
        1.2
    """
    if _one_is_empty(distances):
        return _of_empty(distances)
    total = distances.from_truth.sum() + distances.from_prediction.sum()
    return float(total / (distances.from_truth.size + distances.from_prediction.size))


def masd(distances: SurfaceDistances) -> float:
    """Mean average surface distance: the mean of the two directed means, whatever the surfaces' lengths.

    Returns:
        mm (or pixels), 0 is best; edges as for `hausdorff`.

    Example:
        >>> masd(surface_distances([[1, 1, 1, 1]], [[0, 0, 0, 1]]))
        0.75
    """
    if _one_is_empty(distances):
        return _of_empty(distances)
    return float(distances.from_truth.mean() + distances.from_prediction.mean()) / 2


def surface_dice(distances: SurfaceDistances, tolerance: float, *, empty: Empty = "nan") -> float:
    """Normalised surface Dice: the share of both surfaces that lies within a tolerance of the other one.

    Nikolov et al. 2021 (doi:10.2196/26151), on pixels instead of sub-pixel outlines.

    Args:
        distances: Of `surface_distances`.
        tolerance: In mm (or pixels), 0 and up, what two human readers may differ by; `<=` counts as within.
        empty: What is given where neither mask has the structure: "nan", "one" or "zero".

    Returns:
        0..1, 1 is best; 0 where exactly one mask has the structure, however large the tolerance.

    Raises:
        ValueError: a negative or NaN tolerance, or another word for `empty`.

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
    """Intersection over union of the masks' rims only, which a large inside cannot flatter.

    Cheng et al. 2021 (doi:10.1109/CVPR46437.2021.01508), with Euclidean instead of chessboard distance.

    Args:
        y_true: As for `surface_distances`.
        y_pred: As for `surface_distances`.
        width: The rim is what of a mask lies within this distance of a pixel outside it, in mm (or pixels):
            1 pixel is the surface. None: 2 % of the picture's diagonal, as in the paper, at least one pixel.
        spacing_mm: As for `surface_distances`.
        ignore: As for `surface_distances`.
        empty: As for `surface_dice`.

    Returns:
        0..1, 1 is best; 0 where exactly one mask has the structure. Rims so wide that they fill both masks
        give the plain IoU.

    Raises:
        ValueError: as for `surface_distances`; a width that reaches no pixel; another word for `empty`.

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
    # numpy.nonzero of a picture takes six times as long as of its flat copy
    rows, columns = np.divmod(np.flatnonzero(surface), max(surface.shape[1], 1))
    return np.stack([rows * spacing[0], columns * spacing[1]], axis=1)


def _nearest(start: Distances, goal: Distances) -> Distances:
    from scipy.spatial import KDTree

    if len(start) == 0 or len(goal) == 0:
        return np.full(len(start), np.inf)
    # surfaces are thin, so a tree of their pixels beats a distance transform of the area they enclose
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
