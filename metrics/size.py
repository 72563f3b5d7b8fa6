"""Size of the structure in a single mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.components import label_components


def feret_diameter(mask: ArrayLike, spacing: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return the maximum Feret (caliper) diameter of the object for which it is largest (ISO 9276-6).

    It is the largest distance between two points on the outline of one object. The points are the midpoints of pixel
    edges, as in `skimage.measure.regionprops(...).feret_diameter_max`, so that a bar of n pixels has a length of at
    least n. Pixels that touch at a corner belong to one object.

    Args:
        mask: bool of shape (rows, columns), or 0 and 1.
        spacing: Distance between pixel centres (row, column), in any unit, above 0.

    Returns:
        The diameter in the unit of `spacing`; NaN for an empty mask.

    Raises:
        ValueError: the mask is not 2-D or holds other numbers, or a spacing is not a number above 0.

    Example:
        >>> feret_diameter([[0, 1, 1, 1, 1, 0]], spacing=(0.5, 0.25))
        1.0
    """
    if len(spacing) != 2 or not all(0 < step < float("inf") for step in spacing):
        raise ValueError(f"spacing must be two numbers above 0, got {spacing}")
    pixels = np.asarray(mask)
    if not np.isin(pixels, (0, 1)).all():
        raise ValueError(f"the mask must hold 0 and 1 alone, got {np.unique(pixels)[:5].tolist()}")
    objects = label_components(pixels.astype(bool))
    lengths = [
        _largest_distance(objects == number, spacing) for number in range(1, objects.max(initial=0) + 1)
    ]
    return max(lengths, default=float("nan"))


def _largest_distance(pixels: NDArray[np.bool_], spacing: tuple[float, float]) -> float:
    from scipy.spatial import ConvexHull  # slow to import
    from scipy.spatial.distance import pdist

    rows, columns = np.nonzero(pixels)
    middles = np.concatenate(
        [
            np.stack([rows + down, columns + right], 1)
            for down, right in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5))
        ]
    )
    points = middles * np.asarray(spacing)
    return float(pdist(points[ConvexHull(points).vertices]).max())
