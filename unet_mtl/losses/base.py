"""The base class of the losses, their reduction to one number, and terms that they share."""

from abc import abstractmethod
from typing import Any

import keras
from keras import ops

TINY = 1e-30
"""The smallest probability that a logarithm is taken of, or that is raised to a power. It is a normal float32."""


def weighted_mean(values: Any, weights: Any) -> Any:
    """Return `sum(w * v) / sum(w)`, or 0 where all weights are 0, so that a batch without labels costs nothing.

    Args:
        values: Losses (B,), finite even where the weight is 0.
        weights: Label weights (B,).
    """
    weights = ops.cast(weights, values.dtype)
    return ops.divide_no_nan(ops.sum(values * weights), ops.sum(weights))


def focus(wrong: Any, gamma: float) -> Any:
    """Return (1 - p) ** gamma, the factor of the focal loss (Lin 2017, doi:10.1109/ICCV.2017.324).

    Args:
        wrong: The predicted probability 1 - p that the true class is wrong, in 0..1, of any shape.
        gamma: The exponent, 0 or more. The larger it is, the less well-classified samples count.

    Returns:
        Factors in the shape of `wrong`, or 1.0 if gamma is 0.
    """
    return ops.power(ops.maximum(wrong, TINY), gamma) if gamma else 1.0


def smooth_labels(truth: Any, smoothing: float, n_classes: int) -> Any:
    """Return `(1 - smoothing) * truth + smoothing / n_classes` (Szegedy 2016, doi:10.1109/CVPR.2016.308).

    Args:
        truth: 0 or 1, of any shape.
        smoothing: The share of the truth that is spread evenly over all classes, in 0..1; 0 changes nothing.
        n_classes: The number of classes; 2 for a label that is yes or no.
    """
    return truth * (1 - smoothing) + smoothing / n_classes if smoothing else truth


def binary_cross_entropy(truth: Any, logits: Any, focal: float = 0.0) -> Any:
    """Return the elementwise binary cross-entropy.

    Args:
        truth: The probability of 1, usually 0 or 1, of any shape.
        logits: Logits of 1 in the same shape.
        focal: The exponent of `focus`.
    """
    positive = focus(ops.sigmoid(-logits), focal) * ops.softplus(-logits)
    negative = focus(ops.sigmoid(logits), focal) * ops.softplus(logits)
    return truth * positive + (1 - truth) * negative


def cross_entropy(truth: Any, logits: Any, focal: float = 0.0) -> Any:
    """Return the cross-entropy over the classes on the last axis, which it removes.

    Args:
        truth: One-hot classes (..., K), or probabilities if `focal` is 0.
        logits: Logits (..., K).
        focal: The exponent of `focus`.
    """
    # The sum of the other classes is exact where 1 - p would round to 0.
    wrong = ops.sum((1 - truth) * ops.softmax(logits), axis=-1) if focal else None
    return -focus(wrong, focal) * ops.sum(truth * ops.log_softmax(logits), axis=-1)


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


class LogitLoss(PerSampleLoss):
    """Base class of losses of probabilities, which are computed from logits.

    In float32, the sigmoid of a logit of 17 is 1: the loss of a confident false positive, computed from its
    probability, is bounded and has no gradient. `MultiTaskTrainer` therefore calls `of_logits`. With probabilities,
    as in a plain `compile`, the loss has that bound.
    """

    n_classes: int = 0
    """The number of outputs that form a softmax. Outputs of any other number are sigmoids."""

    @abstractmethod
    def of_logits(self, y_true: Any, logits: Any) -> Any:
        """Return the loss of each case, (B,), from the inputs of the sigmoid or softmax, in float32."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each case, (B,), from probabilities."""
        logits = ops.log(ops.maximum(y_pred, TINY))
        if y_pred.shape[-1] != self.n_classes:
            # A float32 below 1 is at most 1 - 6e-8.
            logits = logits - ops.log(ops.maximum(1 - y_pred, 1e-7))
        return self.of_logits(y_true, logits)
