"""Calibration in a band around the boundary of a lesion, where the pixels are hard to classify."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.calibration import Binning, expected_calibration_error


def band_around(
    mask: ArrayLike,
    width: float,
    *,
    spacing_mm: tuple[float, float] | None = None,
    ignore: int | None = None,
) -> NDArray[np.bool_]:
    """Mark the pixels near the boundary of a lesion, on both sides of it.

    Args:
        mask: 0 and 1 or bool of shape (height, width), 1 the lesion.
        width: Width of the band on each side, above 0, in mm if `spacing_mm` is given, otherwise in pixels.
        spacing_mm: Distance between rows and between columns in mm.
        ignore: Mask value of unlabelled pixels. They are not part of the band and do not form a boundary.

    Returns:
        bool of the same shape: lesion pixels with a background pixel, and background pixels with a lesion
        pixel, at most `width` away from centre to centre (exact Euclidean distance). All False if the mask is
        all lesion or all background. The border of the image is not a boundary.

    Raises:
        ValueError: the mask is not 2-D or has other values, or `width` or `spacing_mm` is not above 0.

    Example:
        >>> band_around([[0, 0, 0, 1, 1, 1]], 1).astype(int).tolist()
        [[0, 0, 1, 1, 0, 0]]
        >>> band_around([[0, 0, 0, 1, 1, 1]], 1, spacing_mm=(1, 0.5)).astype(int).tolist()
        [[0, 1, 1, 1, 1, 0]]
    """
    from scipy import ndimage  # slow to import

    truth = np.asarray(mask)
    known = np.full(truth.shape, True) if ignore is None else np.asarray(truth != ignore)
    lesion, background = known & (truth == 1), known & (truth == 0)
    if truth.ndim != 2 or not (lesion | background | ~known).all():
        raise ValueError(
            f"mask must be (height, width) of 0 and 1, got shape {truth.shape} with values "
            f"{np.unique(truth)[:5].tolist()}: pass mask == class, or ignore="
        )
    spacing = (1.0, 1.0) if spacing_mm is None else spacing_mm
    if not (np.shape(spacing) == (2,) and np.isfinite([width, *spacing]).all() and min(width, *spacing) > 0):
        raise ValueError(f"width and the two spacings must be above 0, got {width} and {spacing_mm}")
    if not (lesion.any() and background.any()):
        return np.zeros(truth.shape, np.bool_)
    reach = width * (1 + 1e-9)  # 3 pixels of 0.1 mm are 0.30000000000000004 mm
    near = [ndimage.distance_transform_edt(~side, sampling=spacing) <= reach for side in (lesion, background)]
    return np.asarray(near[0] & near[1] & known)


def band_calibration_error(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    width: float,
    n_bins: int = 15,
    *,
    spacing_mm: tuple[float, float] | None = None,
    ignore: int | None = None,
    binning: Binning = "width",
) -> float:
    """`expected_calibration_error` of the pixels in the `band_around` the true lesion, in 0..1, 0 is best.

    Args:
        y_true: Mask of 0 and 1 or bool, shape (height, width).
        probabilities: Probability of the lesion, same shape; values outside the band are not used.
        width: Width of the band on each side, in mm if `spacing_mm` is given, otherwise in pixels.
        n_bins: Number of bins, 1 or more.
        spacing_mm: Distance between rows and between columns in mm.
        ignore: Mask value of unlabelled pixels, which are excluded.
        binning: "width" or "mass".

    Returns:
        The score; NaN if the band is empty because the mask is all lesion or all background.

    Raises:
        ValueError: as for `band_around` and `expected_calibration_error`.

    Example:
        The prediction is overconfident around a lesion of 2 pixels; 96 pixels of easy background hide this.

        >>> truth, stated = np.zeros((1, 100), int), np.zeros((1, 100))
        >>> truth[0, 50:52], stated[0, 49:53] = 1, 0.9
        >>> round(expected_calibration_error(truth, stated), 3)
        0.016
        >>> round(band_calibration_error(truth, stated, width=1), 3)
        0.4
    """
    truth, values = np.asarray(y_true), np.asarray(probabilities)
    if truth.shape != values.shape:
        raise ValueError(f"y_true has shape {truth.shape} but probabilities {values.shape}: they must agree")
    band = band_around(truth, width, spacing_mm=spacing_mm, ignore=ignore)
    return expected_calibration_error(truth[band], values[band], n_bins, binning=binning)
