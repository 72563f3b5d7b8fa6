"""Losses of numbers: the mean over a case's known ones.

Truth is (B, n, 2), each number with 1 behind it if it is known and 0 behind a filler; or, all known, (B, n), and (B,)
of one number.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from unet_mtl.losses.base import PerSampleLoss

LOG_VARIANCES = (-10.0, 5.0)
"""Least and largest, of numbers whose standard deviation is about 1: deviations of 0.007 to 12."""


def bound_log_variance(raw: Any, softplus: Callable[[Any], Any] = ops.softplus) -> Any:
    """Keeps a predicted log-variance within `LOG_VARIANCES`, smoothly: well inside it hardly changes anything.

    A softplus at either end (Chua et al. 2018, arXiv:1805.12114): unlike clipping it leaves a gradient outside, so
    that a case that was judged too sure, or too unsure, finds back.

    Args:
        raw: What the network says, any shape.
        softplus: That of Keras, or NumPy's for what is decoded.
    """
    least, largest = LOG_VARIANCES
    below = largest - softplus(largest - raw)
    return least + softplus(below - least)


def split_known(y_true: Any, n: int, dtype: Any) -> tuple[Any, Any]:
    """Truth as (B, n) numbers, and (B, n) 1 where they are known, else 0.

    Raises:
        ValueError: It is of another number of numbers.
    """
    truth = ops.cast(y_true, dtype)
    if len(truth.shape) == 1 and n == 1:
        truth = ops.expand_dims(truth, -1)
    if len(truth.shape) == 2 and truth.shape[1] == n:
        return truth, ops.ones_like(truth)
    if len(truth.shape) == 3 and tuple(truth.shape[1:]) == (n, 2):
        return truth[..., 0], truth[..., 1]
    raise ValueError(
        f"the network predicts {n} numbers a case, so truth must be (batch, {n}), or (batch, {n}, 2) with 1 behind "
        f"known numbers and 0 behind fillers; received shape {tuple(truth.shape)}"
    )


def mean_of_known(values: Any, known: Any) -> Any:
    """(B, n) finite values -> (B,) mean over those that are known, 0 where none is."""
    return ops.divide_no_nan(ops.sum(values * known, axis=-1), ops.sum(known, axis=-1))


@keras.saving.register_keras_serializable(package="unet_mtl")
class ValueLoss(PerSampleLoss):
    """Half the squared error, linear beyond `delta` (Huber 1964, doi:10.1214/aoms/1177703732).

    Args:
        delta: In the target's own unit, which is standard deviations here; None: squared error everywhere.
        name: Of the loss.
    """

    def __init__(self, delta: float | None = 1.0, *, name: str = "value_loss") -> None:
        super().__init__(name=name)
        self.delta = delta

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Truth and (B, n) predicted numbers -> (B,)."""
        truth, known = split_known(y_true, y_pred.shape[-1], y_pred.dtype)
        error = ops.abs(y_pred - truth)
        if self.delta is None:
            return mean_of_known(0.5 * ops.square(error), known)
        near = ops.minimum(error, self.delta)
        return mean_of_known(0.5 * ops.square(near) + self.delta * (error - near), known)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().get_config() | {"delta": self.delta}


@keras.saving.register_keras_serializable(package="unet_mtl")
class GaussianLoss(PerSampleLoss):
    """Negative log-likelihood of a normal distribution whose mean and variance are predicted.

    Nix and Weigend 1994, doi:10.1109/ICNN.1994.374138: (log(2 pi) + s + error^2 / exp(s)) / 2 with the log-variance s,
    kept in range by `bound_log_variance`. It may be negative.

    Args:
        name: Of the loss.
    """

    def __init__(self, *, name: str = "gaussian_loss") -> None:
        super().__init__(name=name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Truth and (B, 2n) predictions, n means and then n log-variances -> (B,)."""
        n, rest = divmod(y_pred.shape[-1], 2)
        if rest:
            raise ValueError(
                f"expected a mean and a log-variance for each number, received {2 * n + rest} outputs"
            )
        truth, known = split_known(y_true, n, y_pred.dtype)
        log_variance = bound_log_variance(y_pred[:, n:])
        squares = ops.square(y_pred[:, :n] - truth) * ops.exp(-log_variance)
        return mean_of_known(0.5 * (math.log(2 * math.pi) + log_variance + squares), known)
