"""Weights that are learned as variances (Kendall, Gal and Cipolla 2018, doi:10.1109/CVPR.2018.00781)."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from unet_mtl.balancing.base import Balancer, Balancing, Losses


class Uncertainty(Balancing):
    """Sum over labelled tasks of `task.weight * (loss / s^2 + log s)`, with a learned s for each task.

    The paper has 1 / (2 s^2) times the squared error, and 1 / s^2 times the cross-entropy. Our loss of numbers has
    the half inside, so that one form serves for both. Dice + cross-entropy is no likelihood; it is treated as the
    cross-entropy is. At the optimum s^2 is twice the mean loss: of numbers, the mean squared error.

    `task.weight` multiplies the logarithm too: on the loss alone, s would learn to undo it. A task without labels
    in a batch is left out with its logarithm, or s would shrink for want of labels. The sum may be negative.
    """

    name: Literal["uncertainty"] = "uncertainty"

    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """Starts with s = 1: as `fixed`."""
        return UncertaintyBalancer(weights)


class UncertaintyBalancer(Balancer):
    """Learns log s^2, which may be any number, by the network's own optimizer."""

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__(weights)
        import keras

        start = np.zeros(len(weights), np.float32)
        self.log_variances = keras.Variable(start, dtype="float32", name="log_variances")
        self.variables = [self.log_variances]

    def factors(self) -> Sequence[Any]:
        """`task.weight / s^2`."""
        from keras import ops

        return [weight * ops.exp(-self.log_variances[i]) for i, weight in enumerate(self.weights)]

    def total(self, losses: Losses) -> Any:
        """As the settings say."""
        from keras import ops

        total: Any = 0.0
        parts = zip(self.factors(), self.weights, losses.values, losses.labelled, strict=True)
        for index, (factor, weight, value, labelled) in enumerate(parts):
            logarithm = 0.5 * weight * self.log_variances[index]
            total = total + factor * value + ops.where(labelled, logarithm, 0.0)
        return total
