"""How per-sample losses become one number."""

from typing import Any

import keras
from keras import ops

# Smallest probability whose logarithm is taken. Float32 holds it, and it is far below what a softmax gives
# away: clipping at 1e-7, as is usual, stops the gradient of confidently wrong pixels.
TINY = 1e-30


def weighted_mean(values: Any, weights: Any) -> Any:
    """`sum(w * v) / sum(w)`, and 0 where all weights are 0, so that an unlabelled batch costs nothing.

    Args:
        values: (B,) losses, finite also where the weight is 0.
        weights: (B,) label weights.
    """
    weights = ops.cast(weights, values.dtype)
    return ops.divide_no_nan(ops.sum(values * weights), ops.sum(weights))


def focus(probability: Any, gamma: float) -> Any:
    """(1 - p) ** gamma, by which focal loss multiplies cross-entropy (Lin 2017, doi:10.1109/ICCV.2017.324).

    Args:
        probability: Of what is true, in 0..1.
        gamma: 0 or more; the larger, the less what is right already counts.

    Returns:
        In the probability's shape, or 1 where gamma is 0.
    """
    # A slope without end at p = 1 otherwise, for gamma below 1.
    return ops.power(ops.maximum(1 - probability, 1e-7), gamma) if gamma else 1.0


class PerSampleLoss(keras.losses.Loss):
    """Base: `call` gives (B,), and the reduction divides by the sum of the weights.

    Keras' default divides by the batch size, so a task labelled in a quarter of the cases would train at a
    quarter of its weight.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype="float32")

    def get_config(self) -> dict[str, Any]:
        """The name alone: reduction and dtype are part of what these losses are."""
        return {"name": self.name}
