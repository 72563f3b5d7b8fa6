"""Losses of numbers: means over the known numbers of a case.

Truth is (B, n, 2), with 1 after each known number and 0 after a filler. If all numbers are known it may also be
(B, n), or (B,) for a single number.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from unet_mtl.losses.base import PerSampleLoss

LOG_VARIANCES = (-10.0, 5.0)
"""Bounds of predicted log-variances.

Targets have a standard deviation of about 1, so that predicted standard deviations are between 0.007 and 12.
"""


def bound_log_variance(raw: Any, softplus: Callable[[Any], Any] = ops.softplus) -> Any:
    """Bound a predicted log-variance smoothly to `LOG_VARIANCES`; values well inside hardly change.

    There is a softplus at either bound (Chua et al. 2018, arXiv:1805.12114). Unlike clipping it leaves a gradient
    outside the bounds, so that cases of far too small or too large a variance can recover.

    Args:
        raw: The network's output, of any shape.
        softplus: The softplus function of Keras, or one of NumPy for decoding.

    Returns:
        Log-variances in the shape of `raw`.
    """
    least, largest = LOG_VARIANCES
    below = largest - softplus(largest - raw)
    return least + softplus(below - least)


def split_known(y_true: Any, n: int, dtype: Any) -> tuple[Any, Any]:
    """Split truth into numbers and their mask.

    Args:
        y_true: Truth in one of the forms of this module.
        n: The number of numbers.
        dtype: The type of the results.

    Returns:
        (B, n) numbers, and (B, n) 1 where they are known, else 0.

    Raises:
        ValueError: The truth has another shape.
    """
    truth = ops.cast(y_true, dtype)
    if len(truth.shape) == 1 and n == 1:
        truth = ops.expand_dims(truth, -1)
    if len(truth.shape) == 2 and truth.shape[1] == n:
        return truth, ops.ones_like(truth)
    if len(truth.shape) == 3 and tuple(truth.shape[1:]) == (n, 2):
        return truth[..., 0], truth[..., 1]
    raise ValueError(
        f"the network predicts {n} numbers a case, so the truth must be (batch, {n}), or (batch, {n}, 2) with 1 after "
        f"known numbers and 0 after fillers; received shape {tuple(truth.shape)}"
    )


def mean_of_known(values: Any, known: Any) -> Any:
    """Return the mean over the known values of each case, (B,); 0 where none is known.

    Args:
        values: Finite values (B, n).
        known: 1 where a value is known, else 0, (B, n).
    """
    return ops.divide_no_nan(ops.sum(values * known, axis=-1), ops.sum(known, axis=-1))


@keras.saving.register_keras_serializable(package="unet_mtl")
class ValueLoss(PerSampleLoss):
    """Half the squared error, linear beyond `delta` (Huber 1964, doi:10.1214/aoms/1177703732).

    Args:
        delta: The error from which on the loss is linear, in the unit of the targets (standard deviations); None:
            half the squared error everywhere.
        name: The name of the loss.
    """

    def __init__(self, delta: float | None = 1.0, *, name: str = "value_loss") -> None:
        super().__init__(name=name)
        self.delta = delta

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each case, (B,).

        Args:
            y_true: Truth in one of the forms of this module.
            y_pred: Predicted numbers, (B, n).

        Raises:
            ValueError: The truth has another number of numbers.
        """
        truth, known = split_known(y_true, y_pred.shape[-1], y_pred.dtype)
        error = ops.abs(y_pred - truth)
        if self.delta is None:
            return mean_of_known(0.5 * ops.square(error), known)
        near = ops.minimum(error, self.delta)
        return mean_of_known(0.5 * ops.square(near) + self.delta * (error - near), known)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return super().get_config() | {"delta": self.delta}


@keras.saving.register_keras_serializable(package="unet_mtl")
class GaussianLoss(PerSampleLoss):
    """Negative log-likelihood of a normal distribution with predicted mean and variance.

    It is (log(2 pi) + s + error^2 / exp(s)) / 2 with the log-variance s, bounded by `bound_log_variance` (Nix and
    Weigend 1994, doi:10.1109/ICNN.1994.374138). It may be negative.

    Args:
        name: The name of the loss.
    """

    def __init__(self, *, name: str = "gaussian_loss") -> None:
        super().__init__(name=name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each case, (B,).

        Args:
            y_true: Truth in one of the forms of this module.
            y_pred: n predicted means, then n log-variances before `bound_log_variance`, (B, 2n).

        Raises:
            ValueError: The truth has another number of numbers, or the number of outputs is odd.
        """
        n, remainder = divmod(y_pred.shape[-1], 2)
        if remainder:
            raise ValueError(
                f"expected a mean and a log-variance for each number, received {2 * n + remainder} outputs"
            )
        truth, known = split_known(y_true, n, y_pred.dtype)
        log_variance = bound_log_variance(y_pred[:, n:])
        squares = ops.square(y_pred[:, :n] - truth) * ops.exp(-log_variance)
        return mean_of_known(0.5 * (math.log(2 * math.pi) + log_variance + squares), known)
