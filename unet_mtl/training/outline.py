"""What a training would be made of, without starting it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import keras

from unet_mtl.batches.batches import Batches
from unet_mtl.tasks import Task

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Outline:
    """Parts of the network, and one batch.

    Attributes:
        precision: What it would compute in.
        parameters: Of the whole network.
        steps: Batches an epoch.
        parts: Rows of part, output shape and parameters.
        batch: Rows of name, shape and type.
    """

    precision: str
    parameters: int
    steps: int
    parts: Rows
    batch: Rows


def make_outline(
    network: keras.Model, batches: Batches, tasks: Sequence[Task[Any, Any]], precision: str
) -> Outline:
    """Describes a network and the first batch that it would see.

    Args:
        network: From `build_network`.
        batches: Of the train split.
        tasks: Those of the network.
        precision: Resolved.
    """
    # A training has looked at all images, and delivers these as they are; here the first batch must do.
    if batches.inputs.image:
        read = (batches.preprocess.read(r.require_image(), r.frame) for r in batches.records_of(0))
        batches.image_type = "uint8" if {image.dtype.name for image, _ in read} == {"uint8"} else "float32"
    names = ("inputs", "targets", "label weights")
    batch = [
        {"what": what, "name": name, "shape": _shape(array.shape), "type": str(array.dtype)}
        for what, arrays in zip(names, batches.make(0), strict=True)
        for name, array in arrays.items()
    ]
    heads = {task.name for task in tasks}
    return Outline(precision, network.count_params(), len(batches), _parts(network, heads), batch)


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
    owners = [head for head in heads if layer == head or layer.startswith(f"{head}_")]
    return f"head {max(owners, key=len)}" if owners else layer.partition("_")[0]


def _shape(shape: Sequence[int | None]) -> str:
    return " x ".join("batch" if side is None else str(side) for side in shape) or "one number"
