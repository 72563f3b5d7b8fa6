"""A summary of network and batches, made without training."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import keras

from unet_mtl.batches.batches import Batches
from unet_mtl.config import TrainingSettings
from unet_mtl.tasks import Task
from unet_mtl.training.recipe import describe_recipe

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Outline:
    """The parts of the network, and one batch.

    Attributes:
        precision: The precision that the network computes in.
        recipe: The settings that determine the steps, in words.
        parameters: Parameters of the whole network.
        steps: Batches per epoch.
        parts: Rows with part, output shape and parameters.
        batch: Rows with name, shape and type of each array.
    """

    precision: str
    recipe: str
    parameters: int
    steps: int
    parts: Rows
    batch: Rows


def make_outline(
    network: keras.Model,
    batches: Batches,
    tasks: Sequence[Task[Any, Any]],
    precision: str,
    settings: TrainingSettings,
) -> Outline:
    """Describe a network and the first batch that it would be trained on.

    Args:
        network: The network, from `build_network`.
        batches: Batches of the train split.
        tasks: The tasks that the network was built for.
        precision: The resolved precision, from `choose_precision`.
        settings: The settings of the training.
    """
    # A training knows the type of all images; here the first batch has to do.
    if batches.inputs.image:
        read = (
            batches.preprocess.read(r.require_image(), r.frame, r.channels) for r in batches.records_of(0)
        )
        batches.image_type = "uint8" if {image.dtype.name for image, _ in read} == {"uint8"} else "float32"
    names = ("inputs", "targets", "label weights")
    batch = [
        {"what": what, "name": name, "shape": _shape(array.shape), "type": str(array.dtype)}
        for what, arrays in zip(names, batches.make(0), strict=True)
        for name, array in arrays.items()
    ]
    heads = {task.name for task in tasks}
    recipe = describe_recipe(settings, len(batches))
    return Outline(precision, recipe, network.count_params(), len(batches), _parts(network, heads), batch)


def _parts(network: keras.Model, heads: set[str]) -> Rows:
    layers = [(_part_of(layer.name, heads), layer) for layer in network.layers]
    order = list(dict.fromkeys(part for part, _ in layers))
    layers.sort(key=lambda pair: order.index(pair[0]))
    rows = []
    for part, group in groupby(layers, key=lambda pair: pair[0]):
        own = [layer for _, layer in group]
        parameters = sum(layer.count_params() for layer in own)
        rows.append({"part": part, "output": _shape(own[-1].output.shape), "parameters": parameters})
    return rows


def _part_of(layer: str, heads: set[str]) -> str:
    matching = [head for head in heads if layer == head or layer.startswith(f"{head}_")]
    return f"head {max(matching, key=len)}" if matching else layer.partition("_")[0]


def _shape(shape: Sequence[int | None]) -> str:
    return " x ".join("batch" if side is None else str(side) for side in shape) or "one number"
