"""Streaming means of errors in the target's own unit, as `metrics.regression` has them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

_REGISTER = keras.saving.register_keras_serializable(package="unet_mtl")


class MeanOfErrors(keras.metrics.Metric):
    """What means of errors share: sum(w * cost(error)) / sum(w).

    Sums are float32 with Kahan's compensation (1965, doi:10.1145/363707.363723), so that a long epoch loses
    nothing; between batchings the last digit may differ.

    Args:
        scale: What one unit of the network's output is worth, e.g. the standard deviation the target was
            divided by.
        name: Default "mae", "rmse" or "bias".
        index: Of several numbers a case: which one; None: all of them.

    Call `update_state(y_true, y_pred, sample_weight=None)` with one number a case, (B,) or (B, 1) each; or with
    several, `y_true` (B, n, 2) with 1 behind a number that is known and 0 behind a filler, `y_pred` (B, n or more),
    whose first n count. A case's weight is shared evenly among its known numbers. A case of weight 0 or below, and
    a filler, adds nothing, even if its error is NaN. `result()` is NaN while the weights sum to 0.

    Raises:
        ValueError: other shapes, unequal numbers of cases, or an `index` that no number has.
    """

    _title = "error"

    def __init__(self, scale: float = 1.0, name: str | None = None, *, index: int | None = None) -> None:
        super().__init__(name=name or self._title)
        self.scale = scale
        self.index = index
        # two sums each: weighted costs, weights
        self.total = self.add_weight(shape=(2,), initializer="zeros", dtype="float32", name="total")
        self.lost = self.add_weight(shape=(2,), initializer="zeros", dtype="float32", name="lost")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; see the class for shapes."""
        truth, prediction, weights = read_numbers(y_true, y_pred, sample_weight, self.index)
        costs = self._cost((prediction - truth) * self.scale)
        add_compensated(self.total, self.lost, ops.stack([ops.sum(weights * costs), ops.sum(weights)]))

    def result(self) -> Any:
        """Give the error over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        costs, weights = self.total[0] - self.lost[0], self.total[1] - self.lost[1]
        mean = self._from_mean(costs / ops.where(weights > 0, weights, 1.0))
        return ops.where(weights > 0, mean, float("nan"))

    def get_config(self) -> dict[str, Any]:
        """Give the constructor's arguments, plain JSON."""
        return {"scale": self.scale, "name": self.name, "index": self.index}

    def _cost(self, errors: Any) -> Any:
        """Turn errors (B,), prediction minus truth, into what is averaged."""
        raise NotImplementedError

    def _from_mean(self, mean: Any) -> Any:
        """Turn the mean cost into the result."""
        return mean


@_REGISTER
class MeanAbsoluteError(MeanOfErrors):
    """Streaming `metrics.regression.mae`: sum(w * |error|) * scale / sum(w), 0 and up.

    Arguments, shapes and edges as in `MeanOfErrors`.

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
    """Streaming `metrics.regression.rmse`, 0 and up; arguments, shapes and edges as in `MeanOfErrors`.

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
    """Streaming `metrics.regression.bias`, prediction minus truth; above 0 means predicted too high.

    Arguments, shapes and edges as in `MeanOfErrors`.

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
    """Give float32 truth, prediction and weights (B,); both numbers are 0 where the weight is."""
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
    """Like `read_values`, for several numbers a case as well; see `MeanOfErrors`."""
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
    """Add to the variable `total`; `lost` holds what rounding added too much so far."""
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
