"""How an augmentation maps places: by how much it enlarges, stretches and bends an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_GRID = 5
"""The number of points along each side of an image."""


@dataclass(frozen=True)
class LinearMap:
    """The linear part of a map of the plane.

    Attributes:
        matrix: (2, 2), from (column, row) to (column, row).
        bend: The largest distance in pixels between a point and its place by the map; about 0 for a linear map.
    """

    matrix: NDArray[np.float64]
    bend: float

    @property
    def zoom(self) -> float:
        """The factor of lengths: the square root of that of areas, which is exact for a linear map."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    @property
    def stretch(self) -> float:
        """The factor of lengths in the direction that is enlarged most, relative to that of the least; 1 or more."""
        if np.isnan(self.matrix).any():
            return float("nan")
        largest, least = np.linalg.svd(self.matrix, compute_uv=False)
        return float(largest / least) if least else float("inf")


def make_points(size: tuple[int, int]) -> NDArray[np.float32]:
    """Return a grid of points (n, 2) as (column, row) of an image.

    Args:
        size: (height, width) of the image.
    """
    rows, columns = (np.linspace(0.1, 0.9, _GRID) * (side - 1) for side in size)
    return np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2).astype(np.float32)


def fit_map(points: NDArray[np.floating], moved: NDArray[np.floating]) -> LinearMap:
    """Fit a linear map and a shift to points by least squares.

    Args:
        points: Points (n, 2) before the augmentation, not all on a line.
        moved: The same points after it. Some steps that bend an image lose points; the map then has no zoom (NaN), and
            its bend is infinite.
    """
    if len(moved) != len(points):
        return LinearMap(np.full((2, 2), np.nan), float("inf"))
    before = np.column_stack([points, np.ones(len(points))]).astype(np.float64)
    after = np.asarray(moved, np.float64)
    solution = np.linalg.lstsq(before, after, rcond=None)[0]
    away = np.hypot(*(before @ solution - after).T)
    return LinearMap(np.asarray(solution[:2].T, np.float64), float(away.max()))
