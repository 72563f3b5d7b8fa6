"""Columns on their way to the heads: their own layers, and how they meet the image."""

from collections.abc import Sequence
from typing import Any

from keras import layers


def build_dense(x: Any, units: Sequence[int], name: str) -> Any:
    """Dense layers, each rectified: (B, F) -> (B, units[-1]); nothing where there are no units."""
    for index, width in enumerate(units, start=1):
        x = layers.Dense(
            width, activation="relu", kernel_initializer="he_normal", name=f"{name}_hidden{index}"
        )(x)
    return x


def build_joined(parts: Sequence[Any], name: str) -> Any:
    """(B, F) each -> (B, sum of F)."""
    return parts[0] if len(parts) == 1 else layers.Concatenate(name=name)(list(parts))


def build_film(x: Any, condition: Any, name: str) -> Any:
    """Scales and shifts each channel as the condition says (Perez 2018, doi:10.1609/aaai.v32i1.11671).

    Args:
        x: (B, H, W, C).
        condition: (B, F).
        name: Of its layers.

    Returns:
        x * (1 + scale) + shift, (B, H, W, C); x itself before training, since both begin at 0.
    """
    channels = x.shape[-1]
    scale, shift = (
        layers.Reshape((1, 1, channels), name=f"{name}_{what}_pixels")(
            layers.Dense(channels, kernel_initializer="zeros", name=f"{name}_{what}")(condition)
        )
        for what in ("scale", "shift")
    )
    scaled = layers.Multiply(name=f"{name}_scaled")([x, scale])
    return layers.Add(name=name)([x, scaled, shift])
