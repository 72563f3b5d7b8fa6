"""Layers of tabular inputs, and their fusion with the image."""

from collections.abc import Callable, Sequence
from typing import Any


def build_dense(x: Any, units: Sequence[int], name: str) -> Any:
    """Apply dense layers with ReLU: (B, F) -> (B, units[-1]). Without units, the input is returned unchanged."""
    from keras import layers

    for index, width in enumerate(units, start=1):
        x = layers.Dense(
            width, activation="relu", kernel_initializer="he_normal", name=f"{name}_hidden{index}"
        )(x)
    return x


def build_joined(parts: Sequence[Any], name: str) -> Any:
    """Concatenate one or more tensors (B, F) along their last axis."""
    from keras import layers

    return parts[0] if len(parts) == 1 else layers.Concatenate(name=name)(list(parts))


def build_film(x: Any, condition: Any, name: str) -> Any:
    """Scale and shift each channel by functions of a condition (Perez 2018, doi:10.1609/aaai.v32i1.11671).

    Args:
        x: Features (B, H, W, C).
        condition: Features (B, F) that scale and shift are computed from.
        name: The prefix of the layers' names.

    Returns:
        x * (1 + scale) + shift, (B, H, W, C). This is x itself before training, since scale and shift start at 0.
    """
    from keras import layers

    channels = x.shape[-1]
    scale, shift = (
        layers.Reshape((1, 1, channels), name=f"{name}_{part}_pixels")(
            layers.Dense(channels, kernel_initializer="zeros", name=f"{name}_{part}")(condition)
        )
        for part in ("scale", "shift")
    )
    scaled = layers.Multiply(name=f"{name}_scaled")([x, scale])
    return layers.Add(name=name)([x, scaled, shift])


FUSIONS: dict[str, Callable[[Any, Any, str], Any] | None] = {"join": None, "film": build_film}
"""Functions of the bottleneck, a condition and a layer name that modulate the bottleneck, by the name of the setting.

None: columns leave the bottleneck unchanged and are concatenated with the pooled features, so that masks do not
depend on them. A new kind of fusion is one function and one line here.
"""
