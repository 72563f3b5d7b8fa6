"""The base class of the losses, their reduction to one number, and terms that they share."""

from typing import Any

import keras
from keras import ops

TINY = 1e-30
"""The smallest probability that a logarithm is taken of.

It is a normal float32 and far below the outputs of a softmax. The usual clipping at 1e-7 would stop the gradient of
pixels that are wrong with high confidence.
"""


def weighted_mean(values: Any, weights: Any) -> Any:
    """Return `sum(w * v) / sum(w)`, or 0 where all weights are 0, so that a batch without labels costs nothing.

    Args:
        values: Losses (B,), finite even where the weight is 0.
        weights: Label weights (B,).
    """
    weights = ops.cast(weights, values.dtype)
    return ops.divide_no_nan(ops.sum(values * weights), ops.sum(weights))


def focus(probability: Any, gamma: float) -> Any:
    """Return (1 - p) ** gamma, the factor of the focal loss (Lin 2017, doi:10.1109/ICCV.2017.324).

    Args:
        probability: The predicted probability of the true class, in 0..1, of any shape.
        gamma: The exponent, 0 or more. The larger it is, the less well-classified samples count.

    Returns:
        Factors in the shape of `probability`, or 1.0 if gamma is 0.
    """
    # For gamma below 1 the slope at p = 1 would be infinite without the bound.
    return ops.power(ops.maximum(1 - probability, 1e-7), gamma) if gamma else 1.0


def binary_cross_entropy(truth: Any, probability: Any, focal: float = 0.0) -> Any:
    """Return the elementwise binary cross-entropy.

    Args:
        truth: 0 or 1, of any shape.
        probability: The predicted probability of 1, in the same shape. It is bounded from below by `TINY`, and 1 - p
            by 1e-7, below which float32 cannot represent p.
        focal: The exponent of `focus`.
    """
    positive = focus(probability, focal) * ops.log(ops.maximum(probability, TINY))
    negative = focus(1 - probability, focal) * ops.log(ops.maximum(1 - probability, 1e-7))
    return -(truth * positive + (1 - truth) * negative)


class PerSampleLoss(keras.losses.Loss):
    """Base class: `call` returns (B,), and the reduction divides by the sum of the label weights.

    Keras' default reduction divides by the batch size, so that a task labelled in a quarter of the cases would train
    at a quarter of its weight.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype="float32")

    def get_config(self) -> dict[str, Any]:
        """Return the name; reduction and dtype are fixed."""
        return {"name": self.name}
