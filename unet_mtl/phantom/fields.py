"""Smooth random fields with correlation lengths in mm, for the shape and texture of tissue."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Field = NDArray[np.float32]
REACH = 3  # number of standard deviations at which Gaussian kernels are truncated


@dataclass(frozen=True)
class Grid:
    """The pixels of one image.

    Attributes:
        height: The number of rows, along depth.
        width: The number of columns, across the probe.
        spacing_mm: The height and width of a pixel.
    """

    height: int
    width: int
    spacing_mm: float

    @property
    def depth_mm(self) -> float:
        """Return the depth of the view."""
        return self.height * self.spacing_mm

    @property
    def across_mm(self) -> float:
        """Return the width of the view."""
        return self.width * self.spacing_mm

    @property
    def z_mm(self) -> Field:
        """Return the depth of the centre of each row, shape (height, 1)."""
        return (np.arange(self.height, dtype=np.float32)[:, None] + np.float32(0.5)) * np.float32(
            self.spacing_mm
        )

    @property
    def x_mm(self) -> Field:
        """Return the position of the centre of each column, shape (1, width)."""
        return (np.arange(self.width, dtype=np.float32)[None, :] + np.float32(0.5)) * np.float32(
            self.spacing_mm
        )


def smooth_noise(rng: np.random.Generator, grid: Grid, depth_mm: float, across_mm: float) -> Field:
    """Draw a Gaussian random field of mean 0 and sd 1 with the given correlation lengths.

    Random values on a coarse grid are interpolated by two sparse products. That is faster than filtering the full
    image, the more so the smoother the field is, and does not use BLAS, which has threads that slow down shared cores.

    Args:
        rng: The random generator.
        grid: The pixels.
        depth_mm: The correlation length (sd of the Gaussian kernel) along depth.
        across_mm: The correlation length across the probe.

    Returns:
        The field, (height, width) float32.
    """
    rows = _kernel(grid.height, depth_mm / grid.spacing_mm)
    columns = _kernel(grid.width, across_mm / grid.spacing_mm)
    knots = rng.standard_normal((columns.shape[1], rows.shape[1]), dtype=np.float32)
    return np.ascontiguousarray(rows @ (columns @ knots).T, dtype=np.float32)


def smooth_curve(rng: np.random.Generator, grid: Grid, across_mm: float) -> Field:
    """Draw a smooth random curve over the columns, of mean 0 and sd 1, shape (width,)."""
    columns = _kernel(grid.width, across_mm / grid.spacing_mm)
    return np.asarray(columns @ rng.standard_normal(columns.shape[1], dtype=np.float32), dtype=np.float32)


def follow(field: Field, boundary_mm: Field, grid: Grid) -> Field:
    """Shift each column of a texture by the depth of an interface, so that the texture follows its bends."""
    shift = np.rint((boundary_mm - boundary_mm.mean()) / grid.spacing_mm).astype(np.intp)
    rows = np.clip(np.arange(grid.height)[:, None] - shift[None, :], 0, grid.height - 1)
    shifted: Field = np.take_along_axis(field, rows, axis=0)
    return shifted


def _kernel(count: int, length_px: float) -> csr_array:
    """Return Gaussian weights (count, knots) with rows of unit norm, so that the field has sd 1 everywhere."""
    place = np.arange(count) / max(length_px, 0.35)
    knots = np.rint(place).astype(np.intp)[:, None] + np.arange(2 * REACH + 1)[None, :]
    weights = np.exp(-0.5 * (place[:, None] + REACH - knots) ** 2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    starts = np.arange(count + 1) * knots.shape[1]
    return csr_array(
        (weights.astype(np.float32).ravel(), knots.ravel(), starts), shape=(count, int(knots.max()) + 1)
    )
