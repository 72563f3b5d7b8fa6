"""The fixed steps from a file to the network's input, and back: saved with the run, used by everyone."""

from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, model_validator

from unet_mtl.data.images import (
    IGNORE,
    read_image,
    resize_channels,
    resize_image,
    resize_mask,
    with_channels,
)
from unet_mtl.data.readers.intensity import Intensity, to_image
from unet_mtl.data.readers.picture import Picture
from unet_mtl.settings import Settings

Size = tuple[int, int]


class Placement(NamedTuple):
    """Where an image lies after the fixed steps.

    Attributes:
        canvas: (height, width) of all.
        inner: (height, width) of the image on it.
        top: Rows above the image.
        left: Columns left of it.
    """

    canvas: Size
    inner: Size
    top: int
    left: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the image."""
        return slice(self.top, self.top + self.inner[0]), slice(self.left, self.left + self.inner[1])


class Crops(Settings):
    """How large images are cut, for `fit: crops`.

    Attributes:
        scale: Pixels of the network for each pixel of the file: 0.5 halves width and height before cutting.
        foreground: Share of the training crops that are placed around a labelled pixel of a class other than the
            background, each class of the image as often as the next; the others lie anywhere.
        overlap: Of neighbouring tiles in prediction, as a share of their side.
    """

    scale: float = Field(default=1.0, gt=0, le=8)
    foreground: float = Field(default=0.5, ge=0, le=1)
    overlap: float = Field(default=0.25, ge=0, le=0.9)


class Preprocess(Settings):
    """What happens to every image before the network.

    Attributes:
        size: (height, width) of the network's input.
        channels: 1 or 3: colour becomes grey or grey is repeated.
        intensity: Which number becomes black and which white: "auto" (what fits the file), "window" (the file's
            own), "percentile", "range", "zscore" (mean and 4 standard deviations around it, clipped), or a window
            (low, high), (-160, 240) for CT, say; see `readers.intensity.Intensity`.
        fit: How images of other sizes come to `size`. "stretch": resized, whatever their aspect ratio. "pad": resized
            to lie within it with their aspect ratio kept, in the middle, the rest filled with `padding` and
            unlabelled (255) in masks. "crops": see `crops`.
        padding: Of the image, 0 (black) to 1 (white), where it is padded.
        crops: For "crops": training and its validation scores see pieces of `size` cut from the image, prediction
            and evaluation overlapping tiles of the whole one.
    """

    size: tuple[PositiveInt, PositiveInt] = (256, 256)
    channels: Literal[1, 3] = 3
    intensity: Intensity = "auto"
    fit: Literal["stretch", "pad", "crops"] = "stretch"
    padding: float = Field(default=0.0, ge=0, le=1)
    crops: Crops = Crops()

    @model_validator(mode="after")
    def _nothing_in_vain(self) -> Self:
        if self.fit != "crops" and self.crops != Crops():
            raise ValueError(f"crops are for `fit: crops`, and fit is {self.fit}")
        if self.fit == "stretch" and self.padding:
            raise ValueError("padding is for `fit: pad` and `fit: crops`, and fit is stretch")
        return self

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

    def read(self, path: Path, frame: int | None = None) -> tuple[NDArray[Any], Size]:
        """Reads and fits an image.

        Returns:
            (height, width, channels), uint8 or float32 in 0..1; and the original (height, width).
        """
        return self.fit_image(self.open(path, frame))

    def place(self, size: Size) -> Placement:
        """Where an image of an original (height, width) comes to lie.

        Its canvas is `size`; with "crops" that of the whole image, at least `size`, of which pieces are cut.
        """
        if self.fit == "stretch":
            return Placement(self.size, self.size, 0, 0)
        scale = min(self.size[0] / size[0], self.size[1] / size[1]) if self.fit == "pad" else self.crops.scale
        height, width = (max(1, round(side * scale)) for side in size)
        canvas = (max(height, self.size[0]), max(width, self.size[1]))
        return Placement(canvas, (height, width), (canvas[0] - height) // 2, (canvas[1] - width) // 2)

    def fit_image(self, image: NDArray[Any]) -> tuple[NDArray[Any], Size]:
        """Like `read`, of an image (height, width, 1 or 3)."""
        height, width = image.shape[:2]
        place = self.place((height, width))
        resized = resize_image(with_channels(image, self.channels), place.inner)
        value = round(255 * self.padding) if image.dtype == np.uint8 else self.padding
        return _padded(resized, place, value), (height, width)

    def fit_mask(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Fits a mask, (height, width) or (height, width, classes), by nearest neighbour, 255 around it."""
        place = self.place((mask.shape[0], mask.shape[1]))
        return _padded(resize_mask(mask, place.inner), place, IGNORE)

    def scale(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Gives what the network wants: float32 in 0..1."""
        scaled = image.astype(np.float32)
        return scaled / np.float32(255) if image.dtype == np.uint8 else scaled

    def restore(self, raw: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
        """Brings probabilities back to the original size, linearly, before any threshold; padding falls away.

        Args:
            raw: (height, width, K) of the canvas.
            size: The original (height, width).
        """
        inner = raw[self.place(size).window]
        if inner.shape[:2] == size:
            return inner
        return np.asarray(resize_channels(inner, size, cv2.INTER_LINEAR), np.float32)


def _padded(array: NDArray[Any], place: Placement, value: float) -> NDArray[Any]:
    if place.inner == place.canvas:
        return array
    padded = np.full((*place.canvas, *array.shape[2:]), value, array.dtype)
    padded[place.window] = array
    return padded
