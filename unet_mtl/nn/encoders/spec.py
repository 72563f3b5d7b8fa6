"""The contract of an encoder, and of a file with pretrained weights for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from unet_mtl.nn.settings import NetworkSettings

LayerWeights = Mapping[str, Sequence[np.ndarray]]
"""The arrays of each layer that has any, by the name of the layer, in the order of `layer.get_weights()`."""

LIGHT_DECODER = (64, 32, 24, 16, 8)
"""The channels of the decoder behind a pretrained encoder, coarsest level first.

With efficientnet_lite0, a training step takes 0.57 of the time that it takes with 256 to 16 channels.
"""


@dataclass(frozen=True)
class PretrainedFile:
    """A file with weights that an encoder was trained to elsewhere.

    Attributes:
        name: The name of the file in the cache.
        digest: "sha256:" or, where the publisher gives nothing better, "md5:", and the hexadecimal digest of the
            file.
        licence: The licence of the weights.
        source: The package that publishes the weights. All were trained on ImageNet-1k.
        read: Function of the path of the file that returns its arrays by the layer names of our encoder. It imports
            Keras when called.
        url: The address from which the file can be fetched; None: it comes with `package` alone.
        package: The importable name of a package that contains the file in its folder `models`; None: there is none.
    """

    name: str
    digest: str
    licence: str
    source: str
    read: Callable[[Path], LayerWeights]
    url: str | None = None
    package: str | None = None


@dataclass(frozen=True)
class EncoderSpec:
    """What the network needs to know of an encoder; made without importing Keras.

    Attributes:
        name: The name of the setting `network.encoder`.
        build: Function of an image tensor (B, H, W, C) in 0..1 and the settings of the network that returns features
            from the finest level to the bottleneck, with any number of channels each. It imports Keras when called.
            Layer names are fixed, start with "encoder" and differ, so that a network built twice in one process
            is the same. New layers behind pretrained ones have names that start with "bottleneck" instead.
        strides: Function of the settings of the network that returns, for each of these features, the number of
            image pixels to one of its rows or columns. The first is 1, 2 or 4 and each doubles the one before it.
            Image sides must be divisible by the last.
        decoder_widths: The channels of the decoder at each level, coarsest first; None: those of the features.
        depthwise: Whether its convolutions are depthwise; processors compute these more slowly in bfloat16.
        pretrained: The file of `network.weights: imagenet`; None: there is none.
    """

    name: str
    build: Callable[[Any, "NetworkSettings"], Sequence[Any]]
    strides: Callable[["NetworkSettings"], Sequence[int]]
    decoder_widths: tuple[int, ...] | None = None
    depthwise: bool = False
    pretrained: PretrainedFile | None = None


def strides_from(first: int) -> Callable[["NetworkSettings"], Sequence[int]]:
    """Return the strides of an encoder of fixed depth, from the first one to 32."""
    strides = tuple(stride for stride in (1, 2, 4, 8, 16, 32) if stride >= first)
    return lambda settings: strides
