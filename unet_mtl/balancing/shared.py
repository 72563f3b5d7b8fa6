"""Which variables of a network several tasks share: read off its graph, not off names."""

from collections import Counter
from typing import Any


def count_tasks(network: Any) -> Counter[int]:
    """How many outputs each trainable variable lies before, by `id(variable)`.

    Args:
        network: A functional model with a dict of outputs.
    """
    import keras

    counts: Counter[int] = Counter()
    for output in network.output.values():
        # A model that ends at one output holds what lies before it, and nothing else.
        counts.update({id(variable) for variable in keras.Model(network.inputs, output).trainable_variables})
    return counts


def shared_variables(network: Any) -> list[Any]:
    """Trainable variables before more than one output, in the network's order."""
    counts = count_tasks(network)
    return [variable for variable in network.trainable_variables if counts[id(variable)] > 1]


def last_shared_kernel(network: Any) -> Any:
    """Of the kernels that most outputs share, the one nearest to these; None where nothing is shared.

    That is the end of the encoder: a decoder or trunk that fewer tasks read comes after it.
    """
    counts = count_tasks(network)
    # Layers stand in the order of the graph; biases and normalizations have one axis.
    kernels = [v for layer in network.layers for v in layer.trainable_variables if len(v.shape) > 1]
    most = max((counts[id(kernel)] for kernel in kernels), default=0)
    return next((k for k in reversed(kernels) if counts[id(k)] == most), None) if most > 1 else None
