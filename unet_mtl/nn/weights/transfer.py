"""Weights of a file -> the layers of a network, all of them or an error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unet_mtl.errors import ConfigError
from unet_mtl.files import hash_file
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.encoders.spec import LayerWeights
from unet_mtl.nn.settings import NetworkSettings, WeightsParts
from unet_mtl.wording import name_some

NETWORK_SUFFIX = ".keras"
_PREFIXES: dict[WeightsParts, tuple[str, ...]] = {
    "encoder": ("encoder",),
    "encoder_and_decoder": ("encoder", "bottleneck", "decoder"),
}


@dataclass(frozen=True)
class InitialWeights:
    """The weights that a training starts from.

    Attributes:
        path: The file that they were read from.
        layers: The arrays of each layer by name.
        parts: The parts of the network that they are for.
        colours: Whether the first kernel is for red, green and blue, and is converted to other numbers of channels.
        facts: Name, file and digest, as environment.json stores them.
    """

    path: Path
    layers: LayerWeights
    parts: WeightsParts
    colours: bool
    facts: Mapping[str, str]


def read_weights(settings: NetworkSettings, path: Path) -> InitialWeights:
    """Read a file of weights for a network of these settings.

    Args:
        settings: Settings of the network, with `weights`.
        path: The file that `weights` stands for: network.keras of a run, or a file of the publisher's format.

    Raises:
        ConfigError: The file cannot be read, or has another format.
    """
    published = ENCODERS[settings.encoder].pretrained
    known = [NETWORK_SUFFIX] + ([Path(published.name).suffix] if published else [])
    suffix = path.suffix.lower()
    if suffix not in known or not path.is_file():
        why = (
            f"expected a {' or '.join(known)} file for {settings.encoder}"
            if path.is_file()
            else "no such file"
        )
        raise ConfigError(f"network.weights: {path}: {why}, a run folder, or imagenet")
    is_network = suffix == NETWORK_SUFFIX
    if settings.weights_parts != "encoder" and not is_network:
        raise ConfigError(
            f"network.weights_parts: {path} has weights of an encoder alone; set weights_parts: encoder"
        )
    try:
        if is_network:
            layers = _read_network(path, settings.weights_parts)
        elif published:
            layers = published.read(path)
    except Exception as error:  # libraries raise errors of many kinds for a damaged file
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"network.weights: {path} cannot be read: {reason}") from error
    facts = {
        "name": str(settings.weights),
        "parts": settings.weights_parts,
        "file": path.name,
        "sha256": hash_file(path),
    }
    return InitialWeights(path, layers, settings.weights_parts, colours=not is_network, facts=facts)


def _read_network(path: Path, parts: WeightsParts) -> LayerWeights:
    import keras

    network = keras.saving.load_model(path, compile=False)
    return {name: layer.get_weights() for name, layer in find_layers(network, parts).items()}


def find_layers(network: Any, parts: WeightsParts) -> dict[str, Any]:
    """Return the layers with weights of some parts of a network, by name."""
    # Inputs and tasks may have names that begin with "encoder" as well.
    others = tuple(f"{name}_" for name in (*network.input, *network.output))
    return {
        layer.name: layer
        for layer in network.layers
        if layer.name.startswith(_PREFIXES[parts]) and not layer.name.startswith(others) and layer.weights
    }


def assign_weights(network: Any, weights: InitialWeights) -> None:
    """Copy weights into the layers of a network; every layer of its parts must be there, and no others.

    Args:
        network: The network, from `build_network`.
        weights: The weights, from `read_weights`.

    Raises:
        ConfigError: Layers or shapes differ; the message names them, and nothing is copied.
    """
    layers = find_layers(network, weights.parts)
    found = dict(weights.layers)
    problems = [f"the file lacks layer {name}" for name in layers if name not in found]
    problems += [f"the network lacks layer {name}" for name in found if name not in layers]
    if weights.colours and not problems:
        stem = next(iter(found))
        kernel, *biases = found[stem]
        found[stem] = [_fit_channels(kernel, layers[stem].get_weights()[0].shape[2]), *biases]
    for name in (name for name in layers if name in found):
        here, there = _shapes(layers[name].get_weights()), _shapes(found[name])
        if here != there:
            problems.append(f"layer {name} has shapes {there} in the file and {here} in the network")
    if problems:
        raise ConfigError(
            f"network.weights: {weights.path} does not fit the network: {name_some(problems, 3, '; ')}; give the "
            "network the settings that the weights were trained with"
        )
    for name, layer in layers.items():
        layer.set_weights(found[name])


def _shapes(arrays: Sequence[np.ndarray]) -> list[tuple[int, ...]]:
    return [tuple(array.shape) for array in arrays]


def _fit_channels(kernel: np.ndarray, channels: int) -> np.ndarray:
    """Return a kernel for red, green and blue as one for any channels, with the same sum over channels.

    Args:
        kernel: (rows, columns, 3, outputs).
        channels: The number of channels of the image.
    """
    if channels == kernel.shape[2]:
        return kernel
    mean = kernel.mean(axis=2, keepdims=True) * (kernel.shape[2] / channels)
    return np.repeat(mean, channels, axis=2)
