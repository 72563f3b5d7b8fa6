"""Weights from learned variances (Kendall, Gal and Cipolla 2018, doi:10.1109/CVPR.2018.00781)."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from unet_mtl.balancing.base import Balancer, Balancing, Losses


class Uncertainty(Balancing):
    """Settings of the sum over labelled tasks of `task.weight * (loss / s^2 + log s)`, with a learned s for each task.

    In the paper, the squared error has the factor 1 / (2 s^2) and the cross-entropy 1 / s^2. The losses of numbers
    here include the factor 1/2, so that one formula serves for both. Dice + cross-entropy, which is no likelihood, is
    treated like the cross-entropy. At the optimum s^2 is twice the mean loss, which for numbers is the mean squared
    error.

    `task.weight` also multiplies the logarithm; on the loss alone, s would compensate for it. The logarithm of a task
    without labels in a batch is left out as well, or s would decrease in such batches. The sum may be negative.
    """

    name: Literal["uncertainty"] = "uncertainty"

    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """Return a balancer with s = 1, which is equivalent to fixed weights."""
        return UncertaintyBalancer(weights)


class UncertaintyBalancer(Balancer):
    """Keeps log s^2, which is unbounded and trained by the network's optimizer."""

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__(weights)
        import keras

        start = np.zeros(len(weights), np.float32)
        self.log_variances = keras.Variable(start, dtype="float32", name="log_variances")
        self.variables = [self.log_variances]

    def factors(self) -> Sequence[Any]:
        """Return `task.weight / s^2`."""
        from keras import ops

        return [weight * ops.exp(-self.log_variances[i]) for i, weight in enumerate(self.weights)]

    def total(self, losses: Losses) -> Any:
        """Return the sum that `Uncertainty` describes."""
        from keras import ops

        total: Any = 0.0
        parts = zip(self.factors(), self.weights, losses.values, losses.labelled, strict=True)
        for index, (factor, weight, value, labelled) in enumerate(parts):
            logarithm = 0.5 * weight * self.log_variances[index]
            total = total + factor * value + ops.where(labelled, logarithm, 0.0)
        return total
