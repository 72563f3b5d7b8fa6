"""Weights that follow how fast each loss falls (Liu, Johns and Davison 2019, doi:10.1109/CVPR.2019.00197)."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from unet_mtl.balancing.base import Balancer, Balancing


class Dwa(Balancing):
    """Dynamic weight average: `T * softmax(r / temperature)`, r the ratio of a task's last two mean train losses.

    Tasks whose loss falls slowly get more. The first two epochs are as `fixed`. An epoch in which a task had no
    label leaves its ratio as it was; the next one is to its last known loss.

    Attributes:
        temperature: The larger, the more alike the weights.
    """

    name: Literal["dwa"] = "dwa"
    temperature: float = Field(default=2.0, gt=0)

    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """Starts with ratios of 1."""
        return DwaBalancer(weights, self.temperature)


class DwaBalancer(Balancer):
    """Remembers one loss and one ratio a task."""

    def __init__(self, weights: Sequence[float], temperature: float) -> None:
        super().__init__(weights)
        import keras

        self.temperature = temperature
        unknown = np.full(len(weights), np.nan, np.float32)
        self.last = keras.Variable(unknown, dtype="float32", trainable=False, name="last_losses")
        self.ratios = keras.Variable(np.ones_like(unknown), dtype="float32", trainable=False, name="ratios")
        self.variables = [self.last, self.ratios]

    def factors(self) -> Sequence[Any]:
        """The same in all steps of an epoch."""
        from keras import ops

        if len(self.weights) == 1:
            return self.weights  # there is nobody to share with, and Keras warns of a softmax of one
        shares = len(self.weights) * ops.softmax(self.ratios / self.temperature)
        return [weight * shares[i] for i, weight in enumerate(self.weights)]

    def end_epoch(self, means: NDArray[np.float64]) -> None:
        """Takes the ratios of the epoch to the one before."""
        from keras import ops

        last, ratios = (np.array(ops.convert_to_numpy(v)) for v in (self.last, self.ratios))
        known = np.isfinite(means)
        comparable = known & (last > 0)
        ratios[comparable] = means[comparable] / last[comparable]
        last[known] = means[known]
        self.last.assign(last)
        self.ratios.assign(ratios)
