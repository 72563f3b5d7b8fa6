"""The decoder of the U-Net, from the bottleneck back to the resolution of the image."""

from collections.abc import Sequence
from typing import Any

from unet_mtl.nn.blocks import UP_SAMPLINGS, build_convolutions


def build_decoder(
    features: Sequence[Any],
    strides: Sequence[int],
    *,
    widths: Sequence[int] | None = None,
    up: str,
    normalization: str,
) -> Any:
    """Decode the bottleneck level by level, concatenating the encoder's features of each level that has some.

    Args:
        features: Features from the finest level to the bottleneck; each level has half the rows and columns of the
            one before it.
        strides: The number of image pixels to one row or column of each of these features.
        widths: The channels of each level, coarsest first; None: those of the encoder's features and, at the finer
            levels without any, half of those of the level below.
        up: An entry of `UP_SAMPLINGS`.
        normalization: An entry of `NORMALIZATIONS`.

    Returns:
        Features at the resolution of the image.
    """
    from keras import layers

    *skips, x = features
    by_stride = dict(zip(strides, skips, strict=False))
    for index, level in enumerate(reversed(range((strides[-1] - 1).bit_length()))):
        name, skip = f"decoder{level}", by_stride.get(2**level)
        width = widths[index] if widths else int(x.shape[-1]) // 2 if skip is None else int(skip.shape[-1])
        x = UP_SAMPLINGS[up](x, max(width, 1), name)
        if skip is not None:
            x = layers.Concatenate(name=f"{name}_skip")([skip, x])
        x = build_convolutions(x, max(width, 1), normalization=normalization, dropout=0.0, name=name)
    return x
