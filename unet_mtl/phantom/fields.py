"""Smooth random fields with lengths in mm: the waviness and the texture of tissue."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Field = NDArray[np.float32]
REACH = 3  # standard deviations at which a Gaussian counts as zero


@dataclass(frozen=True)
class Grid:
    """The pixels of one image.

    Args:
        height: Rows, along depth.
        width: Columns, across the probe.
        spacing_mm: Size of a pixel, the same both ways.
    """

    height: int
    width: int
    spacing_mm: float

    @property
    def depth_mm(self) -> float:
        """Depth of the view."""
        return self.height * self.spacing_mm

    @property
    def across_mm(self) -> float:
        """Width of the view."""
        return self.width * self.spacing_mm

    @property
    def z_mm(self) -> Field:
        """Depth of each row's centre, shape (height, 1)."""
        return (np.arange(self.height, dtype=np.float32)[:, None] + np.float32(0.5)) * np.float32(
            self.spacing_mm
        )

    @property
    def x_mm(self) -> Field:
        """Position of each column's centre, shape (1, width)."""
        return (np.arange(self.width, dtype=np.float32)[None, :] + np.float32(0.5)) * np.float32(
            self.spacing_mm
        )


def smooth_noise(rng: np.random.Generator, grid: Grid, depth_mm: float, across_mm: float) -> Field:
    """Draw a Gaussian field of mean 0 and sd 1 that changes over the given lengths.

    Random values on a coarse grid are spread by two sparse products: the smoother the field, the cheaper than
    filtering the full image, and without BLAS, whose threads get in each other's way on shared cores.

    Args:
        rng: Source of randomness.
        grid: The pixels.
        depth_mm: Correlation length (sd of the Gaussian kernel) along depth.
        across_mm: The same across.

    Returns:
        Shape (height, width).
    """
    rows = _spread(grid.height, depth_mm / grid.spacing_mm)
    columns = _spread(grid.width, across_mm / grid.spacing_mm)
    knots = rng.standard_normal((columns.shape[1], rows.shape[1]), dtype=np.float32)
    return np.ascontiguousarray(rows @ (columns @ knots).T, dtype=np.float32)


def smooth_curve(rng: np.random.Generator, grid: Grid, across_mm: float) -> Field:
    """Draw a smooth random curve over the columns, mean 0 and sd 1, shape (width,)."""
    columns = _spread(grid.width, across_mm / grid.spacing_mm)
    return np.asarray(columns @ rng.standard_normal(columns.shape[1], dtype=np.float32), dtype=np.float32)


def follow(field: Field, boundary_mm: Field, grid: Grid) -> Field:
    """Shift each column of a texture by the depth of an interface, so that layers bend with it."""
    shift = np.rint((boundary_mm - boundary_mm.mean()) / grid.spacing_mm).astype(np.intp)
    rows = np.clip(np.arange(grid.height)[:, None] - shift[None, :], 0, grid.height - 1)
    shifted: Field = np.take_along_axis(field, rows, axis=0)
    return shifted


def _spread(count: int, length_px: float) -> csr_array:
    """Gaussian weights (count, knots) of unit norm in each row, hence a field of sd 1 everywhere."""
    place = np.arange(count) / max(length_px, 0.35)
    knots = np.rint(place).astype(np.intp)[:, None] + np.arange(2 * REACH + 1)[None, :]
    weights = np.exp(-0.5 * (place[:, None] + REACH - knots) ** 2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    starts = np.arange(count + 1) * knots.shape[1]
    return csr_array(
        (weights.astype(np.float32).ravel(), knots.ravel(), starts), shape=(count, int(knots.max()) + 1)
    )
