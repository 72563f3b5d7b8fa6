"""The clean-up of predicted masks: parts are removed, and holes are filled."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from unet_mtl.settings import Settings

_NEIGHBOURS = np.ones((3, 3), bool)
"""Pixels that share an edge or a corner belong to one part."""


class CleanUp(Settings):
    """What is removed from a predicted mask and added to it, class by class.

    Attributes:
        largest: Whether only the largest part of each class is kept, the first of equal ones.
        min_area: The area that a part must have to be kept, in `unit`; 0: parts of any size are kept.
        unit: "mm2" or "px". An area in mm2 is not applied to images of unknown pixel spacing.
        fill_holes: Whether background that a class encloses becomes that class. Holes of other classes remain.
    """

    largest: bool = False
    min_area: float = Field(default=0.0, ge=0)
    unit: Literal["mm2", "px"] = "px"
    fill_holes: bool = False

    def __str__(self) -> str:
        words = ["only the largest part"] * self.largest
        words += [f"parts of at least {self.min_area:.3g} {self.unit}"] * (self.min_area > 0)
        words += ["holes filled"] * self.fill_holes
        return ", ".join(words) or "none"

    def apply(
        self, region: NDArray[np.bool_], spacing_mm: tuple[float, float] | None = None
    ) -> NDArray[np.bool_]:
        """Return the region of one class after the clean-up; parts are removed before holes are filled.

        Args:
            region: (H, W), in pixels of the image.
            spacing_mm: Distances of pixel centres (between rows, between columns); None: unknown.
        """
        from scipy import ndimage  # slow to import

        kept = self._keep_parts(region, spacing_mm)
        return np.asarray(ndimage.binary_fill_holes(kept)) if self.fill_holes else kept

    def _keep_parts(
        self, region: NDArray[np.bool_], spacing_mm: tuple[float, float] | None
    ) -> NDArray[np.bool_]:
        least = self._least_pixels(spacing_mm)
        if not region.any() or (least <= 1 and not self.largest):
            return region
        from scipy import ndimage

        parts, n_parts = ndimage.label(region, _NEIGHBOURS)
        areas = np.bincount(parts.ravel(), minlength=n_parts + 1)[1:]
        kept = areas >= least
        if self.largest:
            kept &= np.arange(n_parts) == areas.argmax()
        return np.asarray(np.append(False, kept)[parts])

    def _least_pixels(self, spacing_mm: tuple[float, float] | None) -> float:
        if self.unit == "px":
            return self.min_area
        return 0.0 if spacing_mm is None else self.min_area / (spacing_mm[0] * spacing_mm[1])

    def apply_to_classes(
        self, mask: NDArray[np.uint8], n_classes: int, spacing_mm: tuple[float, float] | None = None
    ) -> NDArray[np.uint8]:
        """Return class indices after the clean-up of each class but the background; removed pixels become background.

        Args:
            mask: Class indices (H, W), 0 for the background.
            n_classes: The number of classes, the background included.
            spacing_mm: Distances of pixel centres (between rows, between columns); None: unknown.
        """
        cleaned = mask.copy()
        for index in range(1, n_classes):
            region = mask == index
            after = self.apply(region, spacing_mm)
            cleaned[region & ~after] = 0
            cleaned[after & (mask == 0)] = index
        return cleaned

    def apply_to_planes(
        self, mask: NDArray[np.uint8], spacing_mm: tuple[float, float] | None = None
    ) -> NDArray[np.uint8]:
        """Return masks (H, W, K) of classes that may overlap, each after its own clean-up."""
        planes = [self.apply(plane, spacing_mm).astype(np.uint8) for plane in _planes(mask)]
        return np.stack(planes).transpose(1, 2, 0)


def _planes(mask: NDArray[np.uint8]) -> Iterator[NDArray[Any]]:
    return (mask[..., index] == 1 for index in range(mask.shape[-1]))
