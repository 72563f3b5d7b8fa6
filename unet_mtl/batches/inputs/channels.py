"""The channels of images whose channels are separate files, as inputs of the network."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.channel_files import ChannelFile
from unet_mtl.data.description import Description
from unet_mtl.errors import DataError
from unet_mtl.settings import Settings
from unet_mtl.wording import name_some


class ChannelInput(Settings):
    """A channel that is read from a file of its own.

    Attributes:
        name: The name of the channel.
        optional: Whether a case may lack it. Then the network reads a further channel, the indicator, which is 1 where
            the channel is missing and else 0.
    """

    name: str
    optional: bool = False


def make_channel_inputs(description: Description) -> tuple[ChannelInput, ...]:
    """Return the channels of a data set; none if one file holds the image."""
    optional = description.optional_channels
    return tuple(ChannelInput(name=name, optional=name in optional) for name in description.channels)


def add_indicators(
    image: NDArray[Any], channels: Sequence[ChannelInput], missing: Collection[str]
) -> NDArray[Any]:
    """Add the indicators of missing channels to an image, after all steps that change its pixels.

    Args:
        image: An array `(height, width, channels)`, uint8 or float32 in 0..1. Missing channels become 0, also where the
            image was padded or augmented.
        channels: The channels of the network.
        missing: The names of the channels that the case lacks.

    Returns:
        The image, followed by the indicators of the optional channels, which are white (255 or 1) where the channel is
        missing.
    """
    optional = [channel.name for channel in channels if channel.optional]
    if not optional:
        return image
    present = np.array([channel.name not in missing for channel in channels], image.dtype)
    white = 255 if image.dtype == np.uint8 else 1
    indicators = np.array([white * (name in missing) for name in optional], image.dtype)
    planes = np.broadcast_to(indicators, (*image.shape[:2], len(optional)))
    return np.concatenate([image * present, planes], axis=-1)


def match_channels(channels: Sequence[ChannelInput], files: Sequence[ChannelFile]) -> tuple[ChannelFile, ...]:
    """Return the files of a case in the order of the network.

    Args:
        channels: The channels of the network.
        files: The files of the case.

    Raises:
        DataError: The case has other channels, or lacks one that the network was not trained to do without.
    """
    by_name = {file.name: file for file in files}
    names = [channel.name for channel in channels]
    if set(names) != by_name.keys():
        has = f"the channels {name_some(by_name, 8)}" if files else "one file for all channels"
        wants = (
            f"the channels {name_some(names, 8)} from a file each" if names else "one file for all channels"
        )
        raise DataError(
            f"the network reads {wants}, and the data have {has}; describe `images` like the training data"
        )
    for channel in channels:
        file = by_name[channel.name]
        if file.missing and not channel.optional:
            raise DataError(
                f"no file of channel {channel.name!r} at {file.path}, and the network was not trained to do without it "
                "(`missing_channels: refuse`)",
                kind="channel-missing",
            )
    return tuple(by_name[name] for name in names)
