"""The decoder of the U-Net, from the bottleneck back to the resolution of the image."""

from collections.abc import Sequence
from typing import Any

from unet_mtl.nn.blocks import UP_SAMPLINGS, build_convolutions


def build_decoder(features: Sequence[Any], *, up: str, normalization: str) -> Any:
    """Decode the bottleneck level by level, concatenating the encoder's features of each level.

    Each level has as many channels as the encoder's features at that level.

    Args:
        features: Features from the finest level to the bottleneck; each level has half the rows and columns of the
            one before it.
        up: An entry of `UP_SAMPLINGS`.
        normalization: An entry of `NORMALIZATIONS`.

    Returns:
        Features of the shape of `features[0]`.
    """
    from keras import layers

    *skips, x = features
    for level, skip in reversed(list(enumerate(skips))):
        name, width = f"decoder{level}", int(skip.shape[-1])
        x = UP_SAMPLINGS[up](x, width, name)
        x = layers.Concatenate(name=f"{name}_skip")([skip, x])
        x = build_convolutions(x, width, normalization=normalization, dropout=0.0, name=name)
    return x
