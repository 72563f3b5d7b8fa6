"""Questions about the graph of a functional Keras model, and a part of it computed again from other tensors.

Keras offers models between intermediate tensors for this, but making one changes the inputs that it shares with the
network, which can then no longer be saved.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

ENCODER_PREFIX = "encoder"
"""The beginning of the names of all layers of an encoder, as `EncoderSpec.build` guarantees."""


def name_operation(x: Any, name: str) -> Any:
    """Name the Keras operation that computed a tensor, and return the tensor.

    Functions of `keras.ops` accept no name. The names that they choose are counted in each process, so that two equal
    networks would differ.
    """
    _operation_of(x).name = name
    return x


def operations_before(output: Any) -> dict[int, Any]:
    """Return the layers and operations that an output passes a gradient to, by `id(operation)`.

    The walk ends at `keras.ops.stop_gradient`, which is not included.
    """
    found: dict[int, Any] = {}
    waiting = [output]
    while waiting:
        x = waiting.pop()
        operation = _operation_of(x)
        if not _stops_gradient(operation):
            found[id(operation)] = operation
            waiting += [
                parent for parent in _node_of(x).input_tensors if id(_operation_of(parent)) not in found
            ]
    return found


def find_encoder(network: Any, image: str) -> set[int]:
    """Return the layers of the encoder, as `id(layer)`.

    Args:
        network: A functional model with a dict of outputs by task name.
        image: The name of the image input.
    """
    found: set[int] = set()
    for operation in network.operations:
        # A task or a table may have a name that begins like the layers of the encoder.
        if not operation.name.startswith(ENCODER_PREFIX) or _belongs_to(operation.name, network.output):
            continue
        above = operations_before(operation.output if _is_single(operation.output) else operation.output[0])
        if any(ancestor.name == image for ancestor in above.values()):
            found |= {key for key, ancestor in above.items() if ancestor.name != image}
    return found


def find_first(outputs: Iterable[Any], is_wanted: Callable[[Any], bool]) -> list[Any]:
    """Return the tensors of wanted operations that outputs depend on without another such tensor in between.

    Args:
        outputs: Keras tensors.
        is_wanted: Function of an operation. No path is followed beyond a wanted one, nor beyond
            `keras.ops.stop_gradient`.
    """
    found, seen, waiting = [], set(), list(outputs)
    while waiting:
        x = waiting.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if is_wanted(_operation_of(x)):
            found.append(x)
        elif not _stops_gradient(_operation_of(x)):
            waiting += _node_of(x).input_tensors
    return found


class Rebuilt:
    """Tensors computed again by the same layers from tensors that replace others.

    What does not depend on the latter, or through `keras.ops.stop_gradient` alone, is used as it is.

    Args:
        starts: The tensors that replace others, by `id(tensor)` of these.
    """

    def __init__(self, starts: Mapping[int, Any]) -> None:
        self._known = dict(starts)

    def find(self, x: Any) -> Any:
        """Return the tensor in the place of `x`."""
        if id(x) not in self._known:
            node = _node_of(x)
            before = [] if _stops_gradient(node.operation) else node.input_tensors
            parents = {id(parent): self.find(parent) for parent in before}
            if all(parents[id(parent)] is parent for parent in before):
                self._known[id(x)] = x
            else:
                arguments, options = node.arguments.fill_in(parents)
                results = node.operation(*arguments, **options)
                results = [results] if _is_single(results) else results
                self._known |= {id(old): new for old, new in zip(node.outputs, results, strict=True)}
        return self._known[id(x)]


def _belongs_to(layer: str, heads: Iterable[str]) -> bool:
    return any(layer == head or layer.startswith(f"{head}_") for head in heads)


def _operation_of(x: Any) -> Any:
    return x._keras_history.operation


def _node_of(x: Any) -> Any:
    operation, node, _ = x._keras_history
    return operation._inbound_nodes[node]


def _stops_gradient(operation: Any) -> bool:
    return type(operation).__name__ == "StopGradient"  # this class of Keras is not public


def _is_single(tensors: Any) -> bool:
    return not isinstance(tensors, list | tuple | dict)
