"""Pooling: what image-level heads read of the features of the image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unet_mtl.nn.graph import name_operation

SMALLEST_AREA = 1e-6
"""The share of the image that is added to the area of a predicted mask, so that an empty one does not divide by 0."""


@dataclass(frozen=True)
class PoolingInput:
    """What a pooling may read.

    Attributes:
        levels: Features (B, h, w, C) of the encoder from the finest level to the bottleneck.
        build_foregrounds: Function without arguments that returns the predicted probability of the foreground,
            (B, H, W, 1) in float32, by name of each mask task whose inputs the image-level task reads as well. It
            builds the heads of these tasks if they do not exist yet.
    """

    levels: Sequence[Any]
    build_foregrounds: Callable[[], Mapping[str, Any]]

    @property
    def bottleneck(self) -> Any:
        """The deepest features."""
        return self.levels[-1]


def build_average_pooling(features: PoolingInput, name: str) -> Any:
    """Average the bottleneck over rows and columns: (B, C). It measures how much of a pattern there is."""
    from keras import layers

    return layers.GlobalAveragePooling2D(name=f"{name}_average")(features.bottleneck)


def build_max_pooling(features: PoolingInput, name: str) -> Any:
    """Take the maximum of the bottleneck over rows and columns: (B, C). It tells whether a pattern occurs at all."""
    from keras import layers

    return layers.GlobalMaxPooling2D(name=f"{name}_max")(features.bottleneck)


def build_average_and_max_pooling(features: PoolingInput, name: str) -> Any:
    """Concatenate average and maximum: (B, 2C)."""
    from keras import layers

    return layers.Concatenate(name=name)(
        [build_average_pooling(features, name), build_max_pooling(features, name)]
    )


def build_attention_pooling(features: PoolingInput, name: str) -> Any:
    """Average the bottleneck with learned weights of the positions: (B, C).

    A 1x1 convolution gives one logit per position, and a softmax over all positions the weights (Ilse 2018,
    arXiv:1802.04712, without a hidden layer). All of it is computed in float32. The convolution starts at 0, where this
    is the average.
    """
    from keras import layers, ops

    x = features.bottleneck
    logits = layers.Conv2D(
        1, 1, use_bias=False, kernel_initializer="zeros", dtype="float32", name=f"{name}_attention_logits"
    )(x)
    weights = layers.Softmax(axis=(1, 2), dtype="float32", name=f"{name}_attention")(logits)
    weighted = layers.Multiply(dtype="float32", name=f"{name}_attended")([x, weights])
    return name_operation(ops.sum(weighted, axis=(1, 2)), f"{name}_attended_sum")


def build_mask_pooling(features: PoolingInput, name: str) -> Any:
    """Average each level inside and outside each predicted mask, and take the maximum of the bottleneck.

    With p, the predicted probability of the foreground at the resolution of the level, the means are sum(p f) / sum(p)
    and the same of 1 - p. The inside of a mask without any foreground is 0. Each mask task has a pair of means of its
    own, since the union of an organ and a lesion would be the organ. All of it is computed in float32, and no gradient
    passes through p, so that image-level tasks do not train the masks to suit themselves.

    Without a mask, the result is that of `build_average_and_max_pooling`.

    Returns:
        (B, 2 * masks * channels of all levels + channels of the bottleneck).
    """
    from keras import layers, ops

    foregrounds = features.build_foregrounds()
    if not foregrounds:
        return build_average_and_max_pooling(features, name)
    parts = []
    for task, foreground in foregrounds.items():
        prefix = f"{name}_{task}"
        inside = name_operation(ops.stop_gradient(foreground), f"{prefix}_stopped")
        for level, x in enumerate(features.levels):
            factor = inside.shape[1] // x.shape[1]
            if factor > 1:
                inside = layers.AveragePooling2D(factor, dtype="float32", name=f"{prefix}_inside{level}")(
                    inside
                )
            outside = layers.Rescaling(-1.0, offset=1.0, dtype="float32", name=f"{prefix}_outside{level}")(
                inside
            )
            parts += [
                _weighted_mean(x, inside, f"{prefix}_inside{level}"),
                _weighted_mean(x, outside, f"{prefix}_outside{level}"),
            ]
    parts.append(build_max_pooling(features, name))
    return layers.Concatenate(dtype="float32", name=name)(parts)


def _weighted_mean(x: Any, weights: Any, name: str) -> Any:
    """Return sum(weights * x) / sum(weights) over rows and columns: (B, C), 0 where all weights are 0."""
    from keras import layers, ops

    product = layers.Multiply(dtype="float32", name=f"{name}_weighted")([x, weights])
    total = layers.GlobalAveragePooling2D(dtype="float32", name=f"{name}_total")(product)
    area = layers.GlobalAveragePooling2D(dtype="float32", name=f"{name}_area")(weights)
    positive = name_operation(ops.add(area, SMALLEST_AREA), f"{name}_positive_area")
    return name_operation(ops.divide(total, positive), f"{name}_mean")


POOLINGS: dict[str, Callable[[PoolingInput, str], Any]] = {
    "average": build_average_pooling,
    "max": build_max_pooling,
    "both": build_average_and_max_pooling,
    "attention": build_attention_pooling,
    "mask": build_mask_pooling,
}
"""Functions from a `PoolingInput` and a layer name to (B, F), by the name of the setting.

A new kind of pooling is one function and one line here.
"""
