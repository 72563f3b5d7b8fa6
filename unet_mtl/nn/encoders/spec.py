"""The contract of an encoder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unet_mtl.nn.settings import NetworkSettings


@dataclass(frozen=True)
class EncoderSpec:
    """What the network needs to know of an encoder; made without importing Keras.

    Attributes:
        name: The name of the setting `network.encoder`.
        build: Function of an image tensor (B, H, W, C) and the settings of the network that returns features from
            the finest level to the bottleneck, with any number of channels each. It imports Keras when called.
            Layer names are fixed, start with "encoder" and differ, so that a network built twice in one process
            is the same.
        strides: Function of the settings of the network that returns, for each of these features, the number of
            image pixels to one of its rows or columns. The first is 1 and each doubles the one before it. Image
            sides must be divisible by the last.
    """

    name: str
    build: Callable[[Any, "NetworkSettings"], Sequence[Any]]
    strides: Callable[["NetworkSettings"], Sequence[int]]
