"""Convolution blocks and steps up."""

from typing import Any

from keras import layers

from unet_mtl.nn.settings import Normalization, UpSampling

# Keras' 0.99 needs some 500 steps before inference is of use; a run on a small data set has fewer.
BATCH_MOMENTUM = 0.9


def build_normalization(x: Any, kind: Normalization, name: str) -> Any:
    """Batch or group normalization (groups of at least 8 channels), or none."""
    if kind == "batch":
        return layers.BatchNormalization(momentum=BATCH_MOMENTUM, name=name)(x)
    if kind == "group":
        return layers.GroupNormalization(groups=_n_groups(x.shape[-1]), name=name)(x)
    return x


def _n_groups(channels: int) -> int:
    return max(n for n in (1, 2, 4, 8, 16, 32) if channels % n == 0 and (n == 1 or channels // n >= 8))


def build_convolutions(x: Any, width: int, *, normalization: Normalization, dropout: float, name: str) -> Any:
    """Two 3x3 convolutions, each normalised and rectified, with dropout of whole channels after them."""
    for index in (1, 2):
        x = layers.Conv2D(
            width,
            3,
            padding="same",
            use_bias=normalization == "none",
            kernel_initializer="he_normal",
            name=f"{name}_conv{index}",
        )(x)
        x = build_normalization(x, normalization, f"{name}_norm{index}")
        x = layers.ReLU(name=f"{name}_relu{index}")(x)
    return layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(x) if dropout else x


def build_step_up(x: Any, width: int, *, up: UpSampling, name: str) -> Any:
    """Doubles rows and columns. Bilinear is not offered: it cannot be exported with an unknown size."""
    if up == "transpose":
        return layers.Conv2DTranspose(width, 2, strides=2, kernel_initializer="he_normal", name=f"{name}_up")(
            x
        )
    x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_up")(x)
    return layers.Conv2D(width, 2, padding="same", kernel_initializer="he_normal", name=f"{name}_up_conv")(x)
