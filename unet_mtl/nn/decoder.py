"""The way back to full size."""

from collections.abc import Sequence
from typing import Any

from keras import layers

from unet_mtl.nn.blocks import build_convolutions, build_step_up
from unet_mtl.nn.settings import Normalization, UpSampling


def build_decoder(
    features: Sequence[Any], widths: Sequence[int], *, up: UpSampling, normalization: Normalization
) -> Any:
    """Steps up level by level, each joined with the encoder's features of that level.

    Args:
        features: By level, finest first.
        widths: Channels by level, of all levels but the last.
        up: How rows and columns are doubled.
        normalization: Of each convolution.

    Returns:
        (B, H, W, widths[0]).
    """
    x = features[-1]
    for level in reversed(range(len(features) - 1)):
        name = f"decoder{level}"
        x = build_step_up(x, widths[level], up=up, name=name)
        x = layers.Concatenate(name=f"{name}_skip")([features[level], x])
        x = build_convolutions(x, widths[level], normalization=normalization, dropout=0.0, name=name)
    return x
