"""Factors of image-level tasks' gradients into the encoder that they share with other tasks.

The saved network contains nothing of this. The trainer computes with a model that shares all layers with the network,
and in which tasks with a factor read the features of the encoder through a `GradientFactor`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.batches.inputs.inputs import IMAGE
from unet_mtl.errors import ConfigError
from unet_mtl.nn.graph import Rebuilt, find_encoder, find_first
from unet_mtl.tasks import Task


class GradientFactor(keras.layers.Layer):
    """Returns its input unchanged, and multiplies the gradient with respect to it by `factor`.

    The result is y + factor * (x - y), where y is x without a gradient. x - y is exactly 0, so the forward values do
    not depend on the factor. (Only infinite values become NaN.)

    Args:
        name: The name of the layer.
    """

    def __init__(self, name: str) -> None:
        # Features keep the precision of the network, which differs from the policy at this time.
        super().__init__(name=name, autocast=False)
        self.factor = self.add_weight(
            shape=(), initializer="ones", dtype="float32", trainable=False, name="factor"
        )

    def call(self, x: Any) -> Any:
        """Return features of any shape."""
        still = ops.stop_gradient(x)
        return still + ops.cast(self.factor, x.dtype) * (x - still)

    def compute_output_spec(self, x: Any) -> Any:
        """Return the shape and the type of the input."""
        return keras.KerasTensor(x.shape, x.dtype)


class SharedGradients:
    """The model that the trainer computes with, and the factors in it.

    Pooling and dense layers are computed once for each combination of these settings, by the same layers. Layers
    between the encoder and the heads, such as attention, film, trunk and the layers of tabular inputs, have the full
    gradient of each task.

    Args:
        network: A functional model with a dict of outputs by task name.
        tasks: The tasks that the network was built for.

    Attributes:
        model: The network itself if no task has a factor, else a model that shares all layers with it.
        layers: The layer with the factor, by name of each task that has one.

    Raises:
        ConfigError: The encoder would be trained by no task.
    """

    def __init__(self, network: keras.Model, tasks: Sequence[Task[Any, Any]]) -> None:
        self.model = network
        self.tasks = tuple(task for task in tasks if task.shared_gradient < 1 or task.detach_epochs)
        self.layers: dict[str, GradientFactor] = {}
        self._encoder: set[int] = set()
        if not self.tasks:
            return
        self._encoder = find_encoder(network, IMAGE)
        outputs = dict(network.output)
        self._require_training(outputs)
        for number, names in enumerate(_group(self.tasks)):
            # No task can have a name that begins with a digit.
            layer = GradientFactor(f"{number}_shared_gradient")
            outputs |= self._scale({name: outputs[name] for name in names}, layer)
            self.layers |= dict.fromkeys(names, layer)
        self.model = keras.Model(network.input, outputs)
        self.set_epoch(0)

    def _scale(self, outputs: Mapping[str, Any], layer: GradientFactor) -> dict[str, Any]:
        """Return outputs that are computed again by the same layers, from features with a factor of the gradient."""
        starts = {id(x): layer(x) for x in find_first(outputs.values(), self._is_of_encoder)}
        rebuilt = Rebuilt(starts)
        return {name: rebuilt.find(output) for name, output in outputs.items()}

    def _require_training(self, outputs: Mapping[str, Any]) -> None:
        detached = {task.name for task in self.tasks if not task.shared_gradient}
        attached = [output for name, output in outputs.items() if name not in detached]
        if not find_first(attached, self._is_of_encoder):
            raise ConfigError(
                f"shared_gradient is 0 for {', '.join(sorted(detached))}, and no other task reads the image, so that "
                "nothing trains the encoder; set it above 0 for at least one task"
            )

    def set_epoch(self, epoch: int) -> None:
        """Set the factors to those of an epoch, counted from 0."""
        for task in self.tasks:
            attached = epoch >= task.detach_epochs
            self.layers[task.name].factor.assign(task.shared_gradient if attached else 0.0)

    def without_factors(self, norms: Any, tasks: Sequence[Task[Any, Any]], kernel: Any) -> Any:
        """Return the norms that gradients would have without the factors; 0 for a task with a factor of 0.

        Args:
            norms: Norms (T,) of the tasks' gradients on a kernel.
            tasks: The T tasks.
            kernel: The variable, which has the factors if it belongs to the encoder.
        """
        encoder = [layer for layer in self.model.layers if self._is_of_encoder(layer)]
        if not self.layers or not any(
            kernel is variable for layer in encoder for variable in layer.variables
        ):
            return norms
        factors = [self.layers[task.name].factor if task.name in self.layers else 1.0 for task in tasks]
        return ops.divide_no_nan(norms, ops.stack([ops.cast(factor, "float32") for factor in factors]))

    def _is_of_encoder(self, operation: Any) -> bool:
        return id(operation) in self._encoder


def _group(tasks: Sequence[Task[Any, Any]]) -> list[list[str]]:
    groups: dict[tuple[float, int], list[str]] = {}
    for task in tasks:
        groups.setdefault((task.shared_gradient, task.detach_epochs), []).append(task.name)
    return list(groups.values())
