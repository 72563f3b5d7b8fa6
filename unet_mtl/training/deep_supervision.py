"""Auxiliary heads that learn masks from coarser levels of the decoder, in training only."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import layers

from unet_mtl.errors import ConfigError


class DeepSupervision:
    """A 1x1 convolution for each mask at each level of the decoder but the finest and, if there are more, the coarsest.

    The loss of a task is the mean over its levels, where each level counts half as much as the next finer one (Isensee
    2021, doi:10.1038/s41592-020-01008-z). The network that is saved and validated is unchanged.

    Args:
        network: The network, from `build_network`.
        body: The same network with logits as outputs.
        names: The tasks whose logits are masks.

    Raises:
        ConfigError: There is no such task, or the decoder has one level only.
    """

    def __init__(self, network: keras.Model, body: keras.Model, names: Sequence[str]) -> None:
        levels = _find_levels(network)[1:]
        if not names or not levels:
            raise ConfigError(
                "training.deep_supervision: masks are learned at coarser levels of the decoder, and this network has "
                f"{'a decoder of one level only' if names else 'no mask'}; set deep_supervision to false"
            )
        levels = levels[:-1] or levels
        self.shares = [2.0**-i for i in range(len(levels) + 1)]
        self.shares = [share / sum(self.shares) for share in self.shares]
        height = network.get_layer(names[0]).output.shape[1]
        self.strides = [height // x.shape[1] for x in levels]
        self.heads = [
            layers.Conv2D(body.output[name].shape[-1], 1, name=f"{name}_supervised{index}")
            for name in names
            for index in range(len(levels))
        ]
        outputs = dict(body.output)
        heads = iter(self.heads)
        for name in names:
            outputs |= {_key(name, index): next(heads)(x) for index, x in enumerate(levels)}
        self.model = keras.Model(body.input, outputs)

    @property
    def variables(self) -> list[Any]:
        """The variables of the auxiliary heads."""
        return [variable for head in self.heads for variable in head.variables]

    def add_levels(
        self,
        name: str,
        finest: Any,
        truth: Any,
        outputs: Mapping[str, Any],
        loss: Callable[[Any, Any], Any],
    ) -> Any:
        """Return the loss of each case over all levels, (B,); in validation and for other tasks, that of the finest.

        Masks are reduced by taking every n-th pixel, so that unlabelled pixels remain what they are.

        Args:
            name: The name of the task.
            finest: The loss of each case at full size, (B,).
            truth: Masks (B, H, W) or (B, H, W, K).
            outputs: Logits by task name, and those of the auxiliary heads.
            loss: The loss of the task, of truth and logits.
        """
        if _key(name, 0) not in outputs:
            return finest
        total = self.shares[0] * finest
        for index, (share, stride) in enumerate(zip(self.shares[1:], self.strides, strict=True)):
            coarse = truth[:, stride // 2 :: stride, stride // 2 :: stride]
            total = total + share * loss(coarse, outputs[_key(name, index)])
        return total


def _key(name: str, index: int) -> str:
    return f"{name}@{index + 1}"  # no task may have such a name


def _find_levels(network: keras.Model) -> list[Any]:
    """Return the features of each level of the decoder, finest first."""
    found: dict[int, Any] = {}
    for layer in network.layers:  # in the order of the graph, so that the last layer of a level counts
        match = re.match(r"decoder(\d+)_", layer.name)
        if match:
            found[int(match[1])] = layer.output
    return [found[level] for level in sorted(found)]
