"""Streaming forms of the mean errors of `metrics.regression`, in the unit of the target."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

_REGISTER = keras.saving.register_keras_serializable(package="unet_mtl")


class MeanOfErrors(keras.metrics.Metric):
    """Base of mean errors: sum(w * cost(error)) / sum(w).

    Sums are float32 with Kahan compensation (1965, doi:10.1145/363707.363723), so that long epochs do not lose
    precision; the last digit may depend on the batches.

    Args:
        scale: Size of one unit of the network output in the unit of the target, for example the standard deviation
            by which the target was divided.
        name: Name of the metric; by default "mae", "rmse" or "bias".
        index: Index of the number to score if there are several per case; None: all of them.

    Call `update_state(y_true, y_pred, sample_weight=None)` with one number per case, (B,) or (B, 1) each; or with
    several: `y_true` (B, n, 2), in which the second entry is 1 for a known number and 0 for a filler, and `y_pred`
    (B, n or more), of which the first n are used. The weight of a case is divided equally among its known numbers.
    Fillers and cases with a weight of 0 or below are skipped, even if their error is NaN. `result()` is NaN while the
    weights sum to 0.

    Raises:
        ValueError: the shapes do not fit, the numbers of cases differ, or `index` is out of range.
    """

    _title = "error"

    def __init__(self, scale: float = 1.0, name: str | None = None, *, index: int | None = None) -> None:
        super().__init__(name=name or self._title)
        self.scale = scale
        self.index = index
        # two sums each: of weighted costs and of weights
        self.total = self.add_weight(shape=(2,), initializer="zeros", dtype="float32", name="total")
        self.lost = self.add_weight(shape=(2,), initializer="zeros", dtype="float32", name="lost")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; the class documents the shapes."""
        truth, prediction, weights = read_numbers(y_true, y_pred, sample_weight, self.index)
        costs = self._cost((prediction - truth) * self.scale)
        add_compensated(self.total, self.lost, ops.stack([ops.sum(weights * costs), ops.sum(weights)]))

    def result(self) -> Any:
        """Return the error over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        costs, weights = self.total[0] - self.lost[0], self.total[1] - self.lost[1]
        mean = self._from_mean(costs / ops.where(weights > 0, weights, 1.0))
        return ops.where(weights > 0, mean, float("nan"))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain JSON."""
        return {"scale": self.scale, "name": self.name, "index": self.index}

    def _cost(self, errors: Any) -> Any:
        """Convert errors (B,), prediction minus truth, into the costs to average."""
        raise NotImplementedError

    def _from_mean(self, mean: Any) -> Any:
        """Convert the mean cost into the result."""
        return mean


@_REGISTER
class MeanAbsoluteError(MeanOfErrors):
    """Streaming `metrics.regression.mae`: sum(w * |error|) * scale / sum(w), non-negative.

    Arguments, shapes and edge cases as in `MeanOfErrors`.

    Example:
        >>> error = MeanAbsoluteError(scale=10.0)
        >>> error.update_state([1.0, 2.0, 3.0], [[1.5], [2.0], [9.0]], sample_weight=[1.0, 1.0, 0.0])
        >>> float(error.result())
        2.5
    """

    _title = "mae"

    def _cost(self, errors: Any) -> Any:
        return ops.abs(errors)


@_REGISTER
class RootMeanSquaredError(MeanOfErrors):
    """Streaming `metrics.regression.rmse`, non-negative; arguments, shapes and edge cases as in `MeanOfErrors`.

    Example:
        >>> error = RootMeanSquaredError()
        >>> error.update_state([1.0, 2.0, 3.0, 4.0], [3.0, 2.0, 3.0, 4.0])
        >>> float(error.result())
        1.0
    """

    _title = "rmse"

    def _cost(self, errors: Any) -> Any:
        return ops.square(errors)

    def _from_mean(self, mean: Any) -> Any:
        return ops.sqrt(mean)


@_REGISTER
class Bias(MeanOfErrors):
    """Streaming `metrics.regression.bias`, prediction minus truth; positive means overestimation.

    Arguments, shapes and edge cases as in `MeanOfErrors`.

    Example:
        >>> error = Bias()
        >>> error.update_state([1.0, 2.0], [[2.0], [2.0]])
        >>> float(error.result())
        0.5
    """

    _title = "bias"

    def _cost(self, errors: Any) -> Any:
        return errors


def read_values(y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Return float32 truth, prediction and weights (B,); both numbers are 0 where the weight is 0."""
    truth, prediction = _column(y_true, "y_true"), _column(y_pred, "y_pred")
    if None not in (truth.shape[0], prediction.shape[0]) and truth.shape[0] != prediction.shape[0]:
        raise ValueError(
            f"y_true and y_pred must have one number a case, got {truth.shape[0]} and {prediction.shape[0]}"
        )
    weights = ops.ones_like(truth) if sample_weight is None else _column(sample_weight, "sample_weight")
    weights = ops.maximum(weights, 0.0)
    left_out = ops.equal(weights, 0.0)
    return ops.where(left_out, 0.0, truth), ops.where(left_out, 0.0, prediction), weights


def read_numbers(y_true: Any, y_pred: Any, sample_weight: Any, index: int | None) -> tuple[Any, Any, Any]:
    """Like `read_values`, but also for several numbers per case; see `MeanOfErrors`."""
    truth, prediction = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    if len(truth.shape) != 3:
        if index not in (None, 0):
            raise ValueError(
                f"index is {index}, but y_true has one number a case: shape {tuple(truth.shape)}"
            )
        return read_values(truth, prediction, sample_weight)
    n = truth.shape[1]
    if truth.shape[2] != 2 or len(prediction.shape) != 2 or prediction.shape[1] < n:
        raise ValueError(
            "of several numbers a case y_true must be (batch, n, 2) and y_pred (batch, n or more), got shapes "
            f"{tuple(truth.shape)} and {tuple(prediction.shape)}"
        )
    if index is not None and not 0 <= index < n:
        raise ValueError(f"index is {index}, but y_true has {n} numbers a case; expected 0 to {n - 1}")
    known = ops.maximum(truth[:, :, 1], 0.0)
    weights = ops.ones_like(known[:, 0]) if sample_weight is None else _column(sample_weight, "sample_weight")
    weights = known * (weights / ops.maximum(ops.sum(known, axis=-1), 1.0))[:, None]
    chosen = slice(0, n) if index is None else slice(index, index + 1)
    parts = (truth[:, chosen, 0], prediction[:, :n][:, chosen], weights[:, chosen])
    return read_values(*(ops.reshape(part, (-1,)) for part in parts))


def add_compensated(total: Any, lost: Any, amount: Any) -> None:
    """Add to the variable `total`; `lost` holds the accumulated rounding error."""
    amount = amount - lost
    new = total + amount
    lost.assign((new - total) - amount)
    total.assign(new)


def _column(values: Any, name: str) -> Any:
    numbers = ops.cast(values, "float32")
    if len(numbers.shape) == 1:
        return numbers
    if len(numbers.shape) != 2 or numbers.shape[1] != 1:
        raise ValueError(f"{name} must be (batch,) or (batch, 1), got shape {tuple(numbers.shape)}")
    return numbers[:, 0]
