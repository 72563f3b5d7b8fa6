"""The clean-up of masks: candidates from the sizes of true structures, of which validation Dice chooses one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unet_mtl.tasks.clean_up import CleanUp

_SHARES = (0.01, 0.05, 0.1, 0.25, 0.5)
"""The least areas that are tried, as shares of the median area of true parts."""


def part_areas(
    truth: NDArray[np.uint8], n_classes: int, spacing_mm: tuple[float, float] | None
) -> list[float]:
    """Return the area of each connected part of each class but the background, in mm2 or pixels.

    Args:
        truth: Class indices (H, W), or 0 and 1 (H, W, K) for classes that may overlap.
        n_classes: The number of classes, the background included.
        spacing_mm: Distances of pixel centres (between rows, between columns); None: areas are in pixels.
    """
    from scipy import ndimage

    scale = 1.0 if spacing_mm is None else spacing_mm[0] * spacing_mm[1]
    areas: list[float] = []
    for index in range(n_classes - 1):
        region = truth == index + 1 if truth.ndim == 2 else truth[..., index] == 1
        parts, _ = ndimage.label(region, np.ones((3, 3)))
        areas += (scale * np.bincount(parts.ravel())[1:]).tolist()
    return areas


def list_candidates(areas: Sequence[float], *, in_mm: bool) -> list[CleanUp]:
    """Return the candidates, those that change less first, so that of equal ones the first should be chosen.

    Args:
        areas: Areas of true parts.
        in_mm: Whether they are in mm2, else in pixels.
    """
    median = float(np.median(areas)) if areas else 0.0
    least = [float(f"{share * median:.2g}") for share in _SHARES] if median else []
    unit = "mm2" if in_mm else "px"
    kept = [CleanUp(), *(CleanUp(min_area=area, unit=unit) for area in least), CleanUp(largest=True)]
    return kept + [plan.model_copy(update={"fill_holes": True}) for plan in kept]


def clean(
    plan: CleanUp, mask: NDArray[np.uint8], n_classes: int, spacing_mm: tuple[float, float] | None
) -> NDArray[np.uint8]:
    """Return a mask of either form after a clean-up."""
    if mask.ndim == 2:
        return plan.apply_to_classes(mask, n_classes, spacing_mm)
    return plan.apply_to_planes(mask, spacing_mm)
