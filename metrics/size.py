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
    objects = _find_objects(mask, spacing)
    lengths = [
        _largest_distance(objects == number, spacing) for number in range(1, objects.max(initial=0) + 1)
    ]
    return max(lengths, default=float("nan"))


def ellipse_axes(mask: ArrayLike, spacing: tuple[float, float] = (1.0, 1.0)) -> tuple[float, float]:
    """Return the major and minor axis of the ellipse with the second moments of the largest object.

    Holes of the object are filled. The moments are those of its pixels as rectangles, in the unit of `spacing`. Pixels
    that touch at a corner belong to one object.

    Args:
        mask: bool of shape (rows, columns), or 0 and 1.
        spacing: Distance between pixel centres (row, column), in any unit, above 0.

    Returns:
        Full lengths of both axes in the unit of `spacing`; NaN for an empty mask.

    Raises:
        ValueError: the mask is not 2-D or holds other numbers, or a spacing is not a number above 0.

    Example:
        >>> [round(axis, 2) for axis in ellipse_axes([[1, 1, 1, 1]])]
        [4.62, 1.15]
    """
    from scipy.ndimage import binary_fill_holes  # slow to import

    objects = _find_objects(mask, spacing)
    if not objects.any():
        return float("nan"), float("nan")
    largest = int(np.bincount(objects.ravel())[1:].argmax()) + 1
    points = np.argwhere(binary_fill_holes(objects == largest)) * np.asarray(spacing)
    # A pixel is a rectangle, whose own variance is a twelfth of the squared side.
    covariance = np.cov(points.T, bias=True) + np.diag(np.square(spacing)) / 12
    minor, major = 4 * np.sqrt(np.linalg.eigvalsh(covariance))
    return float(major), float(minor)


def ellipse_perimeter(major: float, minor: float) -> float:
    """Return the perimeter of an ellipse by Ramanujan's second approximation.

    pi (a + b) (1 + 3 h / (10 + sqrt(4 - 3 h))) with the semi-axes a and b and h = ((a - b) / (a + b))^2; its relative
    error is below 1e-7 up to an axis ratio of 3, and 4e-4 in the limit of a line. Ramanujan 1914, "Modular equations
    and approximations to pi", Quarterly Journal of Mathematics 45, 350-372.

    Args:
        major: Full length of one axis, 0 or more.
        minor: Full length of the other axis.

    Returns:
        The perimeter in the unit of the axes; NaN for NaN.

    Example:
        >>> round(ellipse_perimeter(2.0, 2.0), 6), round(ellipse_perimeter(4.0, 2.0), 6)
        (6.283185, 9.688448)
    """
    total = (major + minor) / 2
    if total == 0:
        return 0.0
    h = ((major - minor) / (major + minor)) ** 2
    return float(np.pi * total * (1 + 3 * h / (10 + np.sqrt(4 - 3 * h))))


def _find_objects(mask: ArrayLike, spacing: tuple[float, float]) -> NDArray[np.int32]:
    """Return the number of the object that each pixel belongs to, 0 for none, after checking the arguments."""
    if len(spacing) != 2 or not all(0 < step < float("inf") for step in spacing):
        raise ValueError(f"spacing must be two numbers above 0, got {spacing}")
    pixels = np.asarray(mask)
    if not np.isin(pixels, (0, 1)).all():
        raise ValueError(f"the mask must hold 0 and 1 alone, got {np.unique(pixels)[:5].tolist()}")
    return label_components(pixels.astype(bool))


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
