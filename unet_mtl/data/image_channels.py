"""The description of images: one file for each case, or a file for each channel."""

from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, model_validator

from unet_mtl.data.setting_types import Frame, ImagePattern, Word
from unet_mtl.settings import Settings

MissingChannels = Literal["refuse", "zeros"]


class ChannelDescription(Settings):
    """The description of one channel of images whose channels are separate files.

    Attributes:
        path: The pattern of the files below the root.
        frame: The picture of files that hold several, as a number or the name of a column. None is the `frame` of the
            data set.
        missing: What happens if a case lacks the file: "refuse" or "zeros". None is `missing_channels` of the data set.
    """

    path: ImagePattern
    frame: Frame = None
    missing: MissingChannels | None = None

    @model_validator(mode="before")
    @classmethod
    def _pattern_alone(cls, content: Any) -> Any:
        return {"path": content} if isinstance(content, str) else content


_PATTERN: TypeAdapter[str] = TypeAdapter(ImagePattern)
_CHANNELS: TypeAdapter[dict[str, ChannelDescription]] = TypeAdapter(dict[Word, ChannelDescription])


def _read_images(images: Any) -> str | dict[str, ChannelDescription]:
    # A union of the two types would report each mistake twice.
    if not isinstance(images, dict):
        return _PATTERN.validate_python(images)
    if not images:
        raise ValueError(
            "no channel is named; give each channel a pattern, such as `t1: images/{case}_t1.png`"
        )
    channels = _CHANNELS.validate_python(images)
    sources = [(channel.path, channel.frame) for channel in channels.values()]
    for i, (name, source) in enumerate(zip(channels, sources, strict=True)):
        if not name.strip():
            raise ValueError("a channel has an empty name; give each channel a name of its own")
        if source in sources[:i]:
            other = list(channels)[sources.index(source)]
            raise ValueError(f"channels {other!r} and {name!r} have the same file; give each its own pattern")
    return channels


def _write_images(images: str | dict[str, ChannelDescription]) -> Any:
    return images if isinstance(images, str) else {name: c.to_config() for name, c in images.items()}


Images = Annotated[
    str | dict[str, ChannelDescription], PlainValidator(_read_images), PlainSerializer(_write_images)
]
"""The pattern of the images, or the patterns of their channels by the name of the channel."""
