"""Find the files of the channels of one case, and the picture that is read from each."""

import re
from collections.abc import Mapping
from typing import Any

from unet_mtl.data.channel_files import ChannelFile
from unet_mtl.data.description import Description
from unet_mtl.data.observations import Observation
from unet_mtl.data.patterns import is_there
from unet_mtl.data.rows import CASE


def find_channel_files(
    row: Mapping[Any, Any], description: Description, frame: int | None
) -> tuple[tuple[ChannelFile, ...], list[Observation]]:
    """Find the files of the channels of one case.

    Args:
        row: The row of the case, in the form that `read_rows` returns.
        description: The description of the data set.
        frame: The index of the picture in files of channels that name no `frame` of their own.

    Returns:
        The channels in the order of the description, none if one file holds the image; and an observation for each
        channel that is missing and must not be.
    """
    case = row[CASE]
    observations: list[Observation] = []
    channels = []
    for name, channel in description.channels.items():
        path = description.root / channel.path.format_map({**row, "case": case})
        index = frame
        if channel.frame is not None:
            index = read_frame(row, channel.frame, description, observations)
        channels.append(ChannelFile(name, path, index, missing=not is_there(path)))
    missing = [channel for channel in channels if channel.missing]
    if channels and len(missing) == len(channels):
        expected = " or ".join(str(channel.path) for channel in channels)
        observations.append(Observation("image-missing", f"case {case!r}: no image at {expected}", (case,)))
        return tuple(channels), observations
    for file in missing:
        if file.name not in description.optional_channels:
            text = f"case {case!r}: no file of channel {file.name!r} at {file.path}"
            observations.append(Observation("channel-missing", text, (case,)))
    return tuple(channels), observations


def read_frame(
    row: Mapping[Any, Any], frame: int | str | None, description: Description, observations: list[Observation]
) -> int | None:
    """Read which picture of a file belongs to a case.

    Args:
        row: The row of the case, in the form that `read_rows` returns.
        frame: The number of the picture, or the name of the column that holds it.
        description: The description of the data set.
        observations: The list that receives an observation if the cell is not a number.
    """
    if not isinstance(frame, str):
        return frame
    word = str(row[frame])
    if word.lower() in description.missing_words:
        return None
    whole = word.removesuffix(f"{description.decimal}0")  # workbooks write whole numbers as 3.0
    if not re.fullmatch("[0-9]{1,9}", whole):
        text = f"case {row[CASE]!r}: frame is {word!r}; expected a whole number of at least 0"
        observations.append(Observation("frame-invalid", text, (row[CASE],)))
        return None
    return int(whole)
