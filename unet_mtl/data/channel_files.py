"""Images whose channels are separate files, such as the sequences of an MRI examination."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import convertible_to, read_header, read_image, with_channels
from unet_mtl.data.readers.intensity import Intensity
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of


@dataclass(frozen=True, slots=True)
class ChannelFile:
    """The file of one channel of an image.

    Attributes:
        name: The name of the channel.
        path: The path of the file, or where it is expected if it is missing.
        frame: The index of the picture in a file that has several; None for the default one.
        missing: Whether there is no such file, so that the channel is filled with zeros.
    """

    name: str
    path: Path
    frame: int | None = None
    missing: bool = False


def missing_names(channels: Sequence[ChannelFile]) -> tuple[str, ...]:
    """Return the names of the missing channels."""
    return tuple(channel.name for channel in channels if channel.missing)


def read_case_image(
    path: Path, frame: int | None, channels: Sequence[ChannelFile], intensity: Intensity = "auto"
) -> NDArray[Any]:
    """Read the image of a case, from one file or from a file for each channel.

    Args:
        path: The file of the image; not used if there are `channels`.
        frame: The index of the picture in that file.
        channels: The files of the channels; empty if one file holds the image.
        intensity: The mapping of stored values to black and white, as for `read_image`. Each file is mapped by itself.

    Returns:
        An array `(height, width, channels)`, uint8 if all files have 8 bits, else float32 in 0..1. A colour file is
        reduced to its luminance, and a missing channel is 0 everywhere.

    Raises:
        DataError: A file cannot be read as an image, has neither 1 nor 3 channels (kind "image-channels"), or differs
            in size from another one (kind "channel-size").
    """
    if not channels:
        return read_image(path, frame, intensity)
    present = [channel for channel in channels if not channel.missing]
    if not present:
        raise DataError(f"{path}: no channel of this image has a file", kind="image-missing")
    planes = {channel.name: _read_plane(channel, intensity) for channel in present}
    first = planes[present[0].name]
    for channel in present[1:]:
        if planes[channel.name].shape != first.shape:
            raise DataError(
                f"{channel.path}: channel {channel.name!r} is {_size(planes[channel.name])} pixels, but channel "
                f"{present[0].name!r} in {present[0].path} is {_size(first)}; export both at the same size",
                kind="channel-size",
            )
    if len({plane.dtype for plane in planes.values()}) > 1:
        planes = {name: _as_float(plane) for name, plane in planes.items()}
    empty = np.zeros_like(next(iter(planes.values())))
    return np.concatenate([planes.get(channel.name, empty) for channel in channels], axis=-1)


def _read_plane(channel: ChannelFile, intensity: Intensity) -> NDArray[Any]:
    image = read_image(channel.path, channel.frame, intensity)
    if image.shape[-1] not in convertible_to(1):
        raise DataError(
            f"{channel.path}: the file has {count_of(image.shape[-1], 'channel')}, and channel {channel.name!r} needs "
            "a grey image, or a colour image, of which the luminance is used; store each channel in a file of its own",
            kind="image-channels",
        )
    return with_channels(image, 1)


def _as_float(plane: NDArray[Any]) -> NDArray[np.float32]:
    if plane.dtype == np.uint8:
        return plane.astype(np.float32) / np.float32(255)
    return plane


def _size(plane: NDArray[Any]) -> str:
    return f"{plane.shape[0]}x{plane.shape[1]}"


def find_other_spacing(channels: Sequence[ChannelFile]) -> str:
    """Describe the first channel whose header has another pixel spacing than that of the first channel.

    Raises:
        DataError: A file cannot be read.

    Returns:
        Both files with their spacing; empty if there is no such channel.
    """
    spacings = [(c, read_header(c.path, c.frame).spacing_mm) for c in channels if not c.missing]
    known = [(channel, spacing) for channel, spacing in spacings if spacing is not None]
    for channel, spacing in known[1:]:
        if not np.allclose(spacing, known[0][1], rtol=1e-3):
            (first, used), shown = known[0], _millimetres
            return (
                f"{channel.path} has a pixel spacing of {shown(spacing)}, but {first.path} has {shown(used)}"
            )
    return ""


def _millimetres(spacing: tuple[float, float]) -> str:
    return f"{spacing[0]:g} x {spacing[1]:g} mm"
