"""The fixed steps from an image file to the input of the network, and back; saved with the run."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, model_validator

from unet_mtl.batches.preprocess.crops import Size, crop_sample
from unet_mtl.data.channel_files import ChannelFile, read_case_image
from unet_mtl.data.images import (
    IGNORE,
    MAX_CHANNELS,
    resize_image,
    resize_mask,
    with_channels,
)
from unet_mtl.data.readers.intensity import Intensity, to_image
from unet_mtl.data.readers.picture import Picture
from unet_mtl.data.resized import Resized
from unet_mtl.settings import Settings

Side = Annotated[int, Field(ge=1, le=2**14)]
"""The height or width of the input of the network in pixels; no image of more than 2^28 pixels is read."""


class Placement(NamedTuple):
    """Position of an image on its canvas after the fixed steps.

    Attributes:
        canvas: (height, width) of the canvas, the image with its padding.
        inner: (height, width) of the image on the canvas.
        top: Number of rows above the image.
        left: Number of columns left of the image.
    """

    canvas: Size
    inner: Size
    top: int
    left: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Slices of the rows and columns that the image occupies."""
        return slice(self.top, self.top + self.inner[0]), slice(self.left, self.left + self.inner[1])


class Crops(Settings):
    """Settings of `fit: crops`: how large images are cut into pieces.

    Attributes:
        scale: Size of the scaled image relative to the file, above 0 and up to 8: 0.5 halves width and height before
            cutting.
        foreground: Share of the training crops that contain a labelled pixel of a class other than the background;
            all classes of the image are equally likely. The other crops are placed uniformly.
        overlap: Overlap of neighbouring tiles in prediction, as a share of their side, 0..0.9.
    """

    scale: float = Field(default=1.0, gt=0, le=8)
    foreground: float = Field(default=0.5, ge=0, le=1)
    overlap: float = Field(default=0.25, ge=0, le=0.9)


class Preprocess(Settings):
    """The fixed steps that turn every image into an input of the network.

    Attributes:
        size: (height, width) of the network's input.
        channels: The number of channels that the network reads. With 1 or 3, colour images are converted to grey and
            grey images are repeated three times; with another number, every image must have that number. If the
            channels are separate files, this is their number, and may be left out.
        shown_channels: The channels that pictures show, from 0: one as grey, or three as red, green and blue; empty:
            all of 1 or 3 channels, the first of 2, and the first three of 4 or more.
        intensity: Which number becomes black and which white: "auto" (what fits the file), "window" (the file's
            own), "percentile", "range", "zscore" (mean and 4 standard deviations around it, clipped),
            "percentile_per_channel", "zscore_per_channel", or a window (low, high) such as (-160, 240) for CT; see
            `readers.intensity.Intensity`.
        fit: How images of another size are brought to `size`. "stretch" resizes them without keeping the aspect
            ratio. "pad" resizes them with the aspect ratio kept and centres them; the rest is filled with `padding`
            in images and is unlabelled (255) in masks. "crops" cuts pieces; see `crops`.
        padding: Grey value of the padding, from 0 (black) to 1 (white).
        crops: Settings of "crops": training and its validation scores use pieces of `size` cut from the image,
            prediction and evaluation use overlapping tiles of the whole image.
    """

    size: tuple[Side, Side] = (256, 256)
    channels: int = Field(default=3, ge=1, le=MAX_CHANNELS)
    shown_channels: tuple[NonNegativeInt, ...] = ()
    intensity: Intensity = "auto"
    fit: Literal["stretch", "pad", "crops"] = "stretch"
    padding: float = Field(default=0.0, ge=0, le=1)
    crops: Crops = Crops()

    @model_validator(mode="after")
    def _require_effect(self) -> Self:
        if self.fit != "crops" and self.crops != Crops():
            raise ValueError(f"crops are for `fit: crops`, and fit is {self.fit}")
        if self.fit == "stretch" and self.padding:
            raise ValueError("padding is for `fit: pad` and `fit: crops`, and fit is stretch")
        if len(self.shown_channels) not in (0, 1, 3) or max(self.shown_channels, default=0) >= self.channels:
            raise ValueError(
                f"shown_channels is {list(self.shown_channels)}; expected one or three numbers from 0 to "
                f"{self.channels - 1}, since `channels` is {self.channels}"
            )
        return self

    def open(
        self, path: Path, frame: int | None = None, channels: Sequence[ChannelFile] = ()
    ) -> NDArray[Any]:
        """Read an image at its original size.

        Args:
            path: Image file.
            frame: Index of the picture in a file of several; None for the usual one.
            channels: Files of the channels, which are read instead of `path` and `frame`; empty if it is one file.

        Returns:
            Image (height, width, channels of the file), uint8, or float32 in 0..1.

        Raises:
            DataError: The file cannot be read as an image, or its numbers have no known range.
        """
        return read_case_image(path, frame, channels, self.intensity)

    def convert(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Convert an array in the way that `open` converts the numbers of a file.

        Args:
            numbers: Array (height, width, channels) of the numbers that a file would hold.

        Returns:
            Image of the same shape, uint8, or float32 in 0..1.
        """
        return to_image(Picture(pixels=numbers), self.intensity, Path("the array"))

    def picture_of(self, image: NDArray[Any], missing: Collection[int] = ()) -> NDArray[Any]:
        """Return what pictures show of an image.

        Args:
            image: Image (height, width, channels).
            missing: Indices of the channels that the case lacks. If it lacks all those that would be shown, the first
                other one is shown.

        Returns:
            Image (height, width, 1 or 3).
        """
        channels = image.shape[-1]
        shown = list(range({1: 1, 2: 1}.get(channels, 3)))
        if self.shown_channels and channels == self.channels:
            shown = list(self.shown_channels)
        if set(shown) <= set(missing):
            shown = [channel for channel in range(channels) if channel not in missing][:1] or shown
        return image if shown == list(range(channels)) else image[..., shown]

    def read(
        self, path: Path, frame: int | None = None, channels: Sequence[ChannelFile] = ()
    ) -> tuple[NDArray[Any], Size]:
        """Read an image with `open` and fit it with `fit_image`."""
        return self.fit_image(self.open(path, frame, channels))

    def place(self, size: Size) -> Placement:
        """Return the position of an image on its canvas.

        Args:
            size: Original (height, width) of the image.

        Returns:
            The position. The canvas has the size of the network's input, except with "crops", where it holds the
            whole scaled image and is at least as large as the input.
        """
        if self.fit == "stretch":
            return Placement(self.size, self.size, 0, 0)
        scale = min(self.size[0] / size[0], self.size[1] / size[1]) if self.fit == "pad" else self.crops.scale
        height, width = (max(1, round(side * scale)) for side in size)
        canvas = (max(height, self.size[0]), max(width, self.size[1]))
        return Placement(canvas, (height, width), (canvas[0] - height) // 2, (canvas[1] - width) // 2)

    def fit_image(self, image: NDArray[Any]) -> tuple[NDArray[Any], Size]:
        """Resize and pad an image to its canvas.

        Args:
            image: Image (height, width, `channels`, or 1 or 3 if that is 1 or 3), uint8, or float32 in 0..1.

        Returns:
            Image (height, width, channels) of the canvas, of the same dtype; and the original (height, width).

        Raises:
            DataError: The image has another number of channels.
        """
        height, width = image.shape[:2]
        place = self.place((height, width))
        resized = resize_image(with_channels(image, self.channels), place.inner)
        value = round(255 * self.padding) if image.dtype == np.uint8 else self.padding
        return _padded(resized, place, value), (height, width)

    def fit_mask(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize a mask by nearest neighbour and pad it with 255 to its canvas.

        Args:
            mask: Mask (height, width) or (height, width, classes).

        Returns:
            Mask of the canvas, uint8.
        """
        place = self.place((mask.shape[0], mask.shape[1]))
        return _padded(resize_mask(mask, place.inner), place, IGNORE)

    def scale(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Convert an image to the number format of the network, float32 in 0..1."""
        scaled = image.astype(np.float32)
        return scaled / np.float32(255) if image.dtype == np.uint8 else scaled

    def draw_sample(
        self, image: NDArray[Any], masks: Mapping[str, NDArray[np.uint8]], seed: int
    ) -> tuple[NDArray[Any], dict[str, NDArray[np.uint8]]]:
        """Return the part of a fitted image that the network sees in training.

        Args:
            image: Image (height, width, channels) of the canvas.
            masks: Masks of the canvas by task name; may be empty.
            seed: Seed that alone determines the position of a crop.

        Returns:
            Image (*size, channels) and masks of `size`: a random crop with "crops", else the arguments unchanged.
        """
        if self.fit != "crops":
            return image, dict(masks)
        return crop_sample(image, masks, self.size, self.crops.foreground, seed)

    @property
    def tile_overlap(self) -> float | None:
        """Overlap of the tiles that cover an image in prediction, 0..0.9; None if one input holds the whole image."""
        return self.crops.overlap if self.fit == "crops" else None

    def restore(self, raw: NDArray[np.float32], size: Size) -> Resized:
        """Return probabilities at the original size, linearly resized before any threshold, without the padding.

        Args:
            raw: Output (height, width, K) of the canvas.
            size: Original (height, width) of the image.
        """
        return Resized(raw[self.place(size).window], size)


def _padded(array: NDArray[Any], place: Placement, value: float) -> NDArray[Any]:
    if place.inner == place.canvas:
        return array
    padded = np.full((*place.canvas, *array.shape[2:]), value, array.dtype)
    padded[place.window] = array
    return padded
