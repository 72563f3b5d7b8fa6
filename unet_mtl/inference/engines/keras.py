"""The engine that computes with Keras, the library that trained the network."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unet_mtl.device import choose_precision
from unet_mtl.inference.engine import Outputs
from unet_mtl.runs import RunFolder, reading, require_whole_archive


class KerasEngine:
    """Computes with a Keras model.

    Args:
        network: A trained model in the form that `build_network` returns: a dict of arrays in, a dict by task name out.
    """

    name = "keras"

    def __init__(self, network: Any) -> None:
        self.network = network

    @classmethod
    def load(cls, run: RunFolder) -> Self:
        """Load the best network of a run.

        A network that was trained in mixed precision computes in float32 if this machine is not fast at that
        precision.

        Raises:
            RunError: The file cannot be loaded, or its outputs are not those of the tasks.
        """
        import keras

        require_whole_archive(run.network)
        with reading(run.network):
            network = keras.saving.load_model(run.network, compile=False)
            if not isinstance(network.output, dict):
                raise ValueError("its outputs have no names")
            outputs = {name: tensor.shape[1:] for name, tensor in network.output.items()}
        run.require_outputs(outputs)
        if run.read_environment()["precision"] not in ("float32", choose_precision("auto")):
            network = in_precision(network, "float32")
        return cls(network)

    @property
    def precision(self) -> str:
        """The mixed precision of the network's layers, "float32" if there is none."""
        policies = {layer.dtype_policy.name for layer in self.network.layers}
        return next((policy for policy in sorted(policies) if policy.startswith("mixed")), "float32")

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one case of each input, by input name."""
        return {tensor.name: tuple(tensor.shape[1:]) for tensor in self.network.inputs}

    def __call__(self, inputs: Mapping[str, NDArray[np.float32]]) -> Outputs:
        """Compute the outputs for a batch; see `Engine`."""
        # `predict` would wait at its end until tf.data has shut down.
        outputs: Outputs = self.network.predict_on_batch(dict(inputs))
        return outputs


def in_precision(network: Any, precision: str) -> Any:
    """Return a network with the same weights that computes in another precision.

    Args:
        network: A Keras model in the form that `build_network` returns.
        precision: Precision of the layers that compute in mixed precision now, "float32" or a mixed one. Layers in
            float32 stay in float32.
    """
    copy = type(network).from_config(_replace_policy(network.get_config(), precision))
    copy.set_weights(network.get_weights())
    return copy


def _replace_policy(config: Any, precision: str) -> Any:
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy" and config["config"]["name"].startswith("mixed"):
            return config | {"config": {"name": precision}}
        return {key: _replace_policy(value, precision) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_replace_policy(value, precision) for value in config)
    return config
