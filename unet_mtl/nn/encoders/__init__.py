"""Encoders, which turn an image into features at several resolutions."""

from unet_mtl.nn.encoders.plain import PLAIN
from unet_mtl.nn.encoders.spec import EncoderSpec

ENCODERS: dict[str, EncoderSpec] = {spec.name: spec for spec in (PLAIN,)}
"""Encoders by the name of the setting. A new encoder is one file and one entry here."""

__all__ = ["ENCODERS", "EncoderSpec"]
