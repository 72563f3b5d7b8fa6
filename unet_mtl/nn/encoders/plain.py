"""The U-Net's own encoder (Ronneberger 2015, doi:10.1007/978-3-319-24574-4_28)."""

from collections.abc import Sequence
from typing import Any

from keras import layers

from unet_mtl.nn.blocks import build_convolutions
from unet_mtl.nn.settings import Normalization


def build_plain_encoder(
    x: Any, widths: Sequence[int], *, normalization: Normalization, dropout: float
) -> list[Any]:
    """Two convolutions a level, halved by max pooling in between.

    Args:
        x: (B, H, W, C).
        widths: Channels by level; level i is H / 2**i rows high.
        normalization: Of each convolution.
        dropout: At the last level, where the pooled branch starts.

    Returns:
        Features by level, finest first; the last is the bottleneck.
    """
    features = []
    for level, width in enumerate(widths):
        if level:
            x = layers.MaxPooling2D(2, name=f"encoder{level}_pool")(x)
        last = level == len(widths) - 1
        x = build_convolutions(
            x, width, normalization=normalization, dropout=dropout if last else 0.0, name=f"encoder{level}"
        )
        features.append(x)
    return features
