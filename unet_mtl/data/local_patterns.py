"""The local pattern of an image, which compares the content of two images without the surround that they share.

The edge of a black surround, such as the disc of fundus images, the sector of ultrasound or the rounded corners of a
dental sensor, is stronger than all structures inside it and equal in all images of a device. The local pattern leaves
the surround and its edge out, and gives weak and strong structures the same contrast.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

SIDE = 32
"""Cells along each side of the thumbnails that patterns are computed from."""

OUTSIDE = -128
"""The value of cells outside the content."""

_TOLERANCE = 0.05  # share of the range of brightness; a surround is uniform apart from noise and JPEG
_LEAST, _MOST = 0.02, 0.9  # share of the cells of a surround
_CONVEX = 0.85  # share of the convex hull that the content fills; scattered nuclei on black fill less
_EDGE = 3  # cells inside the edge of the surround, which are mixed with it or lack neighbours
_KEPT = 0.25  # share of the content that must remain without these cells
_FINE, _COARSE = 0.7, 1.6  # cells; the pattern is the difference of two blurs
_WINDOW = 1.5  # cells; the contrast is scaled by that of the surrounding window
_LEAST_CONTRAST = 0.1  # share of the contrast of the whole content that is not amplified
_SCALE = 30  # the local contrast is at most 4, which is 127 / 30
_BLUR, _WIDE_BLUR, _LOCAL = (
    gaussian_filter1d(np.eye(SIDE, dtype=np.float32), sigma, axis=0, mode="constant")
    for sigma in (_FINE, float(np.hypot(_FINE, _COARSE)), _WINDOW)
)
_NEIGHBOURS = np.ones((3, 3), np.uint8)


def local_pattern(thumbnail: NDArray[np.float32], level: float) -> NDArray[np.int8]:
    """Compute the pattern of the content of an image, with the contrast of each place scaled to 1.

    Args:
        thumbnail: The brightness of the image, `(SIDE, SIDE)`.
        level: The contrast that is noise.

    Returns:
        The pattern, `(SIDE, SIDE)` int8; OUTSIDE in the surround and along its edge.
    """
    content = find_content(thumbnail)
    inner = content
    if not content.all():
        eroded = _erode(content, _EDGE - 1)
        inner = eroded if eroded.sum() >= _KEPT * content.sum() else content
    inside, weights = content.astype(np.float32), inner.astype(np.float32)
    pattern = (_mean(_BLUR, thumbnail, inside) - _mean(_WIDE_BLUR, thumbnail, inside)) * weights
    power = pattern * pattern
    floor = level**2 + _LEAST_CONTRAST**2 * power.sum() / weights.sum()
    pattern *= _SCALE / np.sqrt(_mean(_LOCAL, power, weights) + floor)
    return np.where(inner, np.rint(np.clip(pattern, -127, 127)), OUTSIDE).astype(np.int8)


def _mean(blur: NDArray[np.float32], values: NDArray[np.float32], weights: NDArray[np.float32]) -> Any:
    """Return the weighted mean around each cell; 0 where no weight is near."""
    return (blur @ (values * weights) @ blur.T) / np.maximum(blur @ weights @ blur.T, 1e-3)


def find_content(thumbnail: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find the cells inside a uniform surround, such as a black margin with a round edge.

    Args:
        thumbnail: The brightness of the image, `(SIDE, SIDE)`.

    Returns:
        Whether each cell belongs to the content, without the cells next to the surround. All cells if there is no
        surround: it must have the brightness of most corners, and the content must be one convex area.
    """
    everything = np.ones(thumbnail.shape, np.bool_)
    corner = sorted(thumbnail[:: SIDE - 1, :: SIDE - 1].flat)[1]
    uniform = np.abs(thumbnail - corner) <= _TOLERANCE * np.ptp(thumbnail)
    if not _LEAST < uniform.mean() < 1:
        return everything
    padded = np.ones((SIDE + 2, SIDE + 2), np.uint8)
    padded[1:-1, 1:-1] = uniform
    cv2.floodFill(padded, None, (0, 0), 2)  # what is uniform and connected with the border
    content = (padded[1:-1, 1:-1] != 2).astype(np.uint8)
    n_content = int(content.sum())
    if not _LEAST < 1 - n_content / content.size < _MOST:
        return everything
    hull = cv2.fillConvexPoly(np.zeros_like(content), cv2.convexHull(cv2.findNonZero(content)), 1)
    return _erode(content, 1) if n_content >= _CONVEX * int(hull.sum()) else everything


def _erode(mask: NDArray[Any], cells: int) -> NDArray[np.bool_]:
    """Remove cells along the edge, but not at the border of the image."""
    eroded = cv2.erode(
        mask.astype(np.uint8), _NEIGHBOURS, iterations=cells, borderType=cv2.BORDER_CONSTANT, borderValue=1
    )
    return np.asarray(eroded, np.bool_)
