"""Variables that several tasks share, found by the graph of the network rather than by names."""

from collections import Counter
from typing import Any

from unet_mtl.nn.graph import operations_before


def count_tasks(network: Any) -> Counter[int]:
    """Return the number of outputs that pass a gradient to each trainable variable, by `id(variable)`.

    A head that is pooled by a mask depends on the decoder, too, but no gradient passes through the mask.

    Args:
        network: A functional model with a dict of outputs.
    """
    counts: Counter[int] = Counter()
    for output in network.output.values():
        reached = operations_before(output)
        counts.update(
            {id(v) for layer in network.layers if id(layer) in reached for v in layer.trainable_variables}
        )
    return counts


def shared_variables(network: Any) -> list[Any]:
    """Return the trainable variables that more than one output depends on, in the order of the network."""
    counts = count_tasks(network)
    return [variable for variable in network.trainable_variables if counts[id(variable)] > 1]


def last_shared_kernel(network: Any) -> Any:
    """Return the last of the kernels that the largest number of outputs depends on; None if none is shared.

    This is the end of the encoder, since fewer tasks depend on a decoder or a trunk.
    """
    counts = count_tasks(network)
    # Layers are in the order of the graph. Biases and the variables of normalizations have a single axis.
    kernels = [v for layer in network.layers for v in layer.trainable_variables if len(v.shape) > 1]
    most = max((counts[id(kernel)] for kernel in kernels), default=0)
    return next((k for k in reversed(kernels) if counts[id(k)] == most), None) if most > 1 else None
