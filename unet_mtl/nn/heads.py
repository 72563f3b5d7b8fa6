"""Pooling, and the last layers of the tasks.

All heads end in float32; under mixed precision a loss would otherwise be computed in half precision.
"""

from collections.abc import Callable, Iterable
from typing import Any


def build_average_pooling(x: Any, name: str) -> Any:
    """Average over rows and columns: (B, H, W, C) -> (B, C). It measures how much of a pattern there is."""
    from keras import layers

    return layers.GlobalAveragePooling2D(name=f"{name}_average")(x)


def build_max_pooling(x: Any, name: str) -> Any:
    """Take the maximum over rows and columns: (B, H, W, C) -> (B, C). It tells whether a pattern occurs at all."""
    from keras import layers

    return layers.GlobalMaxPooling2D(name=f"{name}_max")(x)


def build_average_and_max_pooling(x: Any, name: str) -> Any:
    """Concatenate average and maximum: (B, H, W, C) -> (B, 2C)."""
    from keras import layers

    return layers.Concatenate(name=name)([build_average_pooling(x, name), build_max_pooling(x, name)])


POOLINGS: dict[str, Callable[[Any, str], Any]] = {
    "average": build_average_pooling,
    "max": build_max_pooling,
    "both": build_average_and_max_pooling,
}
"""Functions from features (B, H, W, C) and a layer name to (B, F), by the name of the setting.

A new kind of pooling is one function and one line here.
"""


def pixel_head(x: Any, channels: int, activation: str, name: str) -> Any:
    """Apply a 1x1 convolution, then the activation in float32: (B, H, W, C) -> (B, H, W, channels)."""
    from keras import layers

    x = layers.Conv2D(channels, 1, name=f"{name}_logits")(x)
    return layers.Activation(activation, dtype="float32", name=name)(x)


def dense_head(x: Any, units: int, activation: str, name: str) -> Any:
    """Apply a dense layer and the activation, both in float32: (B, F) -> (B, units)."""
    from keras import layers

    x = layers.Dense(units, dtype="float32", name=f"{name}_logits")(x)
    return layers.Activation(activation, dtype="float32", name=name)(x)


def threshold_head(x: Any, thresholds: int, name: str) -> Any:
    """Apply sigmoids that share their weights and have a bias each: (B, F) -> (B, thresholds), float32.

    Keras has no layer of biases only, so they are those of a dense layer with a constant input of 0. The kernel of
    that layer has neither an effect nor a gradient.
    """
    from keras import layers

    score = layers.Dense(1, use_bias=False, dtype="float32", name=f"{name}_score")(x)
    zero = layers.Rescaling(0.0, dtype="float32", name=f"{name}_zero")(score)
    biases = layers.Dense(thresholds, kernel_initializer="zeros", dtype="float32", name=f"{name}_thresholds")(
        zero
    )
    x = layers.Add(dtype="float32", name=f"{name}_logits")([score, biases])
    return layers.Activation("sigmoid", dtype="float32", name=name)(x)


def split_activations(network: Any, names: Iterable[str]) -> tuple[Any, dict[str, Callable[[Any], Any]]]:
    """Separate a network from the sigmoid or softmax that heads end in, so that losses can read logits.

    Args:
        network: A functional model with a dict of outputs, each from the layer of its name.
        names: Names of the outputs to be separated, where the last layer is an `Activation` of one of these kinds.

    Returns:
        A model that shares all layers with `network` and has logits for these outputs, and the activation functions
        that are left out, by name.
    """
    import keras

    outputs, activations = dict(network.output), {}
    for name in names:
        layer = network.get_layer(name)
        function = getattr(layer, "activation", None)
        if isinstance(layer, keras.layers.Activation) and function in (
            keras.activations.sigmoid,
            keras.activations.softmax,
        ):
            outputs[name], activations[name] = layer.input, function
    return keras.Model(network.input, outputs), activations
