"""The fixed steps from a file to the network's input, and back: saved with the run, used by everyone."""

from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from unet_mtl.data.images import read_image, resize_image, resize_mask, with_channels
from unet_mtl.data.readers.intensity import Intensity, to_image
from unet_mtl.data.readers.picture import Picture
from unet_mtl.settings import Settings


class Preprocess(Settings):
    """What happens to every image before the network.

    Attributes:
        size: (height, width) of the network's input; images of any size are stretched to it.
        channels: 1 or 3: colour becomes grey or grey is repeated.
        intensity: Which number becomes black and which white: "auto" (what fits the file), "window" (the file's
            own), "percentile", "range", "zscore" (mean and 4 standard deviations around it, clipped), or a window
            (low, high), (-160, 240) for CT, say; see `readers.intensity.Intensity`.
    """

    size: tuple[PositiveInt, PositiveInt] = (256, 256)
    channels: Literal[1, 3] = 3
    intensity: Intensity = "auto"

    def open(self, path: Path, frame: int | None = None) -> NDArray[Any]:
        """Reads an image at its original size: what the network is to see, and people in overlays.

        Returns:
            (height, width, channels of the file), uint8 or float32 in 0..1.

        Raises:
            DataError: As of `read_image`.
        """
        return read_image(path, frame, self.intensity)

    def convert(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Like `open`, of an array (height, width, channels) of the numbers that a file would hold."""
        return to_image(Picture(pixels=numbers), self.intensity, Path("the array"))

    def read(self, path: Path, frame: int | None = None) -> tuple[NDArray[Any], tuple[int, int]]:
        """Reads and resizes an image.

        Returns:
            (height, width, channels), uint8 or float32 in 0..1; and the original (height, width).
        """
        return self.fit(self.open(path, frame))

    def fit(self, image: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, int]]:
        """Like `read`, of an image (height, width, 1 or 3)."""
        height, width = image.shape[:2]
        return resize_image(with_channels(image, self.channels), self.size), (height, width)

    def fit_mask(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resizes a mask by nearest neighbour."""
        return resize_mask(mask, self.size)

    def scale(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Gives what the network wants: float32 in 0..1."""
        scaled = image.astype(np.float32)
        return scaled / np.float32(255) if image.dtype == np.uint8 else scaled

    def restore(self, raw: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        """Brings probabilities (height, width, K) back to the original size, linearly, before any threshold."""
        if raw.shape[:2] == size:
            return raw
        resized = cv2.resize(raw, size[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, np.float32).reshape(*size, raw.shape[-1])
