"""Dynamic weight average (Liu, Johns and Davison 2019, doi:10.1109/CVPR.2019.00197)."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from unet_mtl.balancing.base import Balancer, Balancing


class Dwa(Balancing):
    """Settings of weights `T * softmax(r / temperature)`, with the ratio r of a task's last two mean train losses.

    Tasks with slowly decreasing losses have larger weights. In the first two epochs the weights are fixed. An epoch
    without labels of a task leaves its ratio unchanged, and the next ratio is relative to its last known loss.

    Attributes:
        temperature: The larger it is, the more similar are the weights.
    """

    name: Literal["dwa"] = "dwa"
    temperature: float = Field(default=2.0, gt=0)

    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """Return a balancer with ratios of 1."""
        return DwaBalancer(weights, self.temperature)


class DwaBalancer(Balancer):
    """Keeps the last loss and the last ratio of each task."""

    def __init__(self, weights: Sequence[float], temperature: float) -> None:
        super().__init__(weights)
        import keras

        self.temperature = temperature
        unknown = np.full(len(weights), np.nan, np.float32)
        self.last = keras.Variable(unknown, dtype="float32", trainable=False, name="last_losses")
        self.ratios = keras.Variable(np.ones_like(unknown), dtype="float32", trainable=False, name="ratios")
        self.variables = [self.last, self.ratios]

    def factors(self) -> Sequence[Any]:
        """Return factors that are constant during an epoch."""
        from keras import ops

        if len(self.weights) == 1:
            return self.weights  # The softmax of one number is 1, and Keras warns of it.
        shares = len(self.weights) * ops.softmax(self.ratios / self.temperature)
        return [weight * shares[i] for i, weight in enumerate(self.weights)]

    def end_epoch(self, means: NDArray[np.float64]) -> None:
        """Update the ratios of the mean losses to those of the previous epoch."""
        from keras import ops

        last, ratios = (np.array(ops.convert_to_numpy(v)) for v in (self.last, self.ratios))
        known = np.isfinite(means)
        comparable = known & (last > 0)
        ratios[comparable] = means[comparable] / last[comparable]
        last[known] = means[known]
        self.last.assign(last)
        self.ratios.assign(ratios)
