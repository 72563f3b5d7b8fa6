"""The scale at which the network sees a case, by which lengths and areas become pixels of its input."""

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True)
class View:
    """The scale at which the network sees a case.

    A scale that differs between rows and columns enters areas as the product of both, which is exact, and lengths as
    their geometric mean, which is exact for an object that is equally long in all directions.

    Attributes:
        resize: Pixels of the network's input per pixel of the original image (rows, columns).
        spacing_mm: Distance between neighbouring pixels of the original image (rows, columns) in mm; None if unknown.
        zoom: Factor by which augmentation has enlarged lengths.
    """

    resize: tuple[float, float]
    spacing_mm: tuple[float, float] | None = None
    zoom: float = 1.0

    @property
    def per_pixel(self) -> float:
        """Pixels of the network's input along a length of one pixel of the original image."""
        return self.zoom * sqrt(self.resize[0] * self.resize[1])

    @property
    def per_mm(self) -> float | None:
        """Pixels of the network's input along a length of 1 mm; None if the spacing is unknown."""
        if self.spacing_mm is None:
            return None
        return self.per_pixel / sqrt(self.spacing_mm[0] * self.spacing_mm[1])

    @property
    def aspect(self) -> float:
        """Height of a pixel of the network's input relative to its width; of pixels alone without a spacing."""
        rows, columns = self.spacing_mm or (1.0, 1.0)
        return (rows / self.resize[0]) / (columns / self.resize[1])
