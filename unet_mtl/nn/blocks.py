"""Convolution blocks, normalization and up-sampling."""

from collections.abc import Callable
from typing import Any

BATCH_MOMENTUM = 0.9
"""Momentum of batch normalization.

With Keras' default of 0.99 the moving statistics are usable for inference only after some 500 steps, and a run on a
small data set has fewer.
"""


def build_batch_normalization(x: Any, name: str) -> Any:
    """Apply batch normalization with a momentum of `BATCH_MOMENTUM`."""
    from keras import layers

    return layers.BatchNormalization(momentum=BATCH_MOMENTUM, name=name)(x)


def build_group_normalization(x: Any, name: str) -> Any:
    """Apply group normalization with the largest number of groups, up to 32, of at least 8 channels each.

    One group is used where no division into groups of 8 channels or more exists.
    """
    from keras import layers

    channels = x.shape[-1]
    groups = max(n for n in (1, 2, 4, 8, 16, 32) if channels % n == 0 and (n == 1 or channels // n >= 8))
    return layers.GroupNormalization(groups=groups, name=name)(x)


def freeze_normalization(inputs: Any, outputs: Any) -> None:
    """Make the batch normalization of an encoder keep its statistics and factors in training."""
    import keras

    for layer in keras.Model(inputs, outputs).layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.name.startswith("encoder"):
            layer.trainable = False


NORMALIZATIONS: dict[str, Callable[[Any, str], Any] | None] = {
    "batch": build_batch_normalization,
    "group": build_group_normalization,
    "none": None,
}
"""Functions of a tensor and a layer name, by the name of the setting; None: no normalization.

A new normalization is one function and one line here.
"""


def build_convolutions(x: Any, width: int, *, normalization: str, dropout: float, name: str) -> Any:
    """Apply two 3x3 convolutions, each followed by normalization and ReLU, then spatial dropout.

    Args:
        x: Features (B, H, W, C).
        width: The number of output channels.
        normalization: An entry of `NORMALIZATIONS`. Convolutions have a bias only without normalization.
        dropout: The share of channels that is dropped in training, in 0..1; 0 adds no layer.
        name: The prefix of the layers' names.

    Returns:
        Features (B, H, W, width).
    """
    from keras import layers

    normalize = NORMALIZATIONS[normalization]
    for index in (1, 2):
        x = layers.Conv2D(
            width,
            3,
            padding="same",
            use_bias=normalize is None,
            kernel_initializer="he_normal",
            name=f"{name}_conv{index}",
        )(x)
        if normalize is not None:
            x = normalize(x, f"{name}_norm{index}")
        x = layers.ReLU(name=f"{name}_relu{index}")(x)
    return layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(x) if dropout else x


def build_transposed_convolution(x: Any, width: int, name: str) -> Any:
    """Double rows and columns by a transposed 2x2 convolution: (B, H, W, C) -> (B, 2H, 2W, width)."""
    from keras import layers

    return layers.Conv2DTranspose(width, 2, strides=2, kernel_initializer="he_normal", name=f"{name}_up")(x)


def build_nearest_convolution(x: Any, width: int, name: str) -> Any:
    """Double rows and columns by repetition, then apply a 2x2 convolution: (B, H, W, C) -> (B, 2H, 2W, width)."""
    from keras import layers

    x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_up")(x)
    return layers.Conv2D(width, 2, padding="same", kernel_initializer="he_normal", name=f"{name}_up_conv")(x)


UP_SAMPLINGS: dict[str, Callable[[Any, int, str], Any]] = {
    "transpose": build_transposed_convolution,
    "nearest": build_nearest_convolution,
}
"""Functions of a tensor, a number of channels and a layer name, by the name of the setting.

A new kind of up-sampling is one function and one line here. Bilinear up-sampling is not offered because a network
with an image size that is unknown in advance cannot be exported with it.
"""
