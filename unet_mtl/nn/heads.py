"""Last layers. All end in float32: under mixed precision a loss would see half precision otherwise."""

from typing import Any

from keras import layers

from unet_mtl.nn.settings import Pooling


def build_pooled(x: Any, pooling: Pooling, name: str = "pooled") -> Any:
    """(B, H, W, C) -> (B, C), or (B, 2C) for both: the average tells how much, the maximum whether at all."""
    pooled = []
    if pooling in ("average", "both"):
        pooled.append(layers.GlobalAveragePooling2D(name=f"{name}_average")(x))
    if pooling in ("max", "both"):
        pooled.append(layers.GlobalMaxPooling2D(name=f"{name}_max")(x))
    return pooled[0] if len(pooled) == 1 else layers.Concatenate(name=name)(pooled)


def pixel_head(x: Any, channels: int, activation: str, name: str) -> Any:
    """A 1x1 convolution, then the activation in float32: (B, H, W, channels)."""
    x = layers.Conv2D(channels, 1, name=f"{name}_logits")(x)
    return layers.Activation(activation, dtype="float32", name=name)(x)


def dense_head(x: Any, units: int, activation: str, name: str) -> Any:
    """A dense layer, then the activation in float32: (B, units)."""
    x = layers.Dense(units, dtype="float32", name=f"{name}_logits")(x)
    return layers.Activation(activation, dtype="float32", name=name)(x)


def threshold_head(x: Any, thresholds: int, name: str) -> Any:
    """Sigmoids that share their weights and have a bias each: (B, thresholds), float32.

    No layer of Keras has biases alone, so they come from a dense layer whose input is always 0: its kernel has
    neither effect nor gradient.
    """
    score = layers.Dense(1, use_bias=False, dtype="float32", name=f"{name}_score")(x)
    zero = layers.Rescaling(0.0, dtype="float32", name=f"{name}_zero")(score)
    biases = layers.Dense(thresholds, kernel_initializer="zeros", dtype="float32", name=f"{name}_thresholds")(
        zero
    )
    x = layers.Add(dtype="float32", name=f"{name}_logits")([score, biases])
    return layers.Activation("sigmoid", dtype="float32", name=name)(x)
