"""The first and the last step of encoders of fixed size: scaling of the image, and of the bottleneck."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unet_mtl.nn.blocks import build_batch_normalization

if TYPE_CHECKING:
    from unet_mtl.nn.settings import NetworkSettings

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def build_scaled_image(image: Any, mean: Sequence[float], deviation: Sequence[float]) -> Any:
    """Scale an image as the pretrained weights expect it: (x - mean) / deviation for each channel.

    The scaling is part of the network, and so of every file that the network is saved to.

    Args:
        image: (B, H, W, C) in 0..1. One channel is repeated to three.
        mean: One number, or one for each of red, green and blue. With other than one or three channels, each channel
            gets their mean.
        deviation: One number, or one for each of red, green and blue.

    Returns:
        (B, H, W, 3) for one or three channels, otherwise (B, H, W, C).
    """
    from keras import layers

    if image.shape[-1] == 1:
        image = layers.Concatenate(name="encoder_colours")([image, image, image])
    scale, offset = 1 / np.asarray(deviation), -np.asarray(mean) / np.asarray(deviation)
    if image.shape[-1] != 3:
        scale, offset = scale.mean(keepdims=True), offset.mean(keepdims=True)
    return layers.Rescaling(scale.tolist(), offset.tolist(), name="encoder_scaling")(image)


def build_bottleneck(features: Sequence[Any], settings: "NetworkSettings") -> list[Any]:
    """Apply batch normalization and `network.dropout` to the bottleneck, the last of the features.

    Pretrained features have standard deviations of up to 10, from which new heads would begin with large errors.
    """
    from keras import layers

    *skips, x = features
    x = build_batch_normalization(x, "bottleneck_norm")
    if settings.dropout:
        x = layers.SpatialDropout2D(settings.dropout, name="bottleneck_dropout")(x)
    return [*skips, x]
