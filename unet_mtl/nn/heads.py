"""The last layers of the tasks.

All heads end in float32; under mixed precision a loss would otherwise be computed in half precision.
"""

from collections.abc import Callable, Iterable
from typing import Any

from unet_mtl.nn.graph import name_operation


def pixel_head(x: Any, channels: int, activation: str, name: str) -> Any:
    """Apply a 1x1 convolution, then the activation in float32: (B, H, W, C) -> (B, H, W, channels)."""
    from keras import layers

    x = layers.Conv2D(channels, 1, name=f"{name}_logits")(x)
    return layers.Activation(activation, dtype="float32", name=name)(x)


def build_foreground(output: Any, name: str, *, has_background: bool) -> Any:
    """Return the probability that a pixel belongs to any class but the background: (B, H, W, channels) -> (B, H, W, 1).

    Args:
        output: The output of a pixel head, which is in float32.
        name: The name of the task.
        has_background: Whether the first channel is the background of a softmax; otherwise each channel is a class of
            its own with a sigmoid, and the largest probability counts.
    """
    from keras import ops

    if has_background:
        classes = name_operation(output[..., 1:], f"{name}_foreground_classes")
        return name_operation(ops.sum(classes, axis=-1, keepdims=True), f"{name}_foreground")
    if output.shape[-1] == 1:
        return output
    return name_operation(ops.max(output, axis=-1, keepdims=True), f"{name}_foreground")


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
