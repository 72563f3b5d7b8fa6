"""Streaming R2 and correlation, which depend on means that are known only at the end of the epoch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from metrics.streaming.counted import share
from metrics.streaming.values import add_compensated, read_values

_REGISTER = keras.saving.register_keras_serializable(package="unet_mtl")


class PairMoments(keras.metrics.Metric):
    """Base of scores of two columns of numbers: weights, means, and products about the means.

    Numbers are taken relative to an origin, a value of the first batch, so that equal numbers become exactly 0
    regardless of how a compiler rounds. Each batch is centred on its own mean and then merged (Chan, Golub, LeVeque
    1983, doi:10.1080/00031305.1983.10483115) with compensated sums. Neither large offsets (a year, a wavelength)
    nor long epochs cost precision; the last digit may depend on the batches.

    Args:
        name: Name of the metric; by default "r2" or "pearson".

    Call `update_state(y_true, y_pred, sample_weight=None)` with one number per case, (B,) or (B, 1) each. Cases with
    a weight of 0 or below are skipped, even if they contain NaN. `result()` is a dimensionless float32 scalar.

    Raises:
        ValueError: more than one number per case, or unequal numbers of cases.
    """

    _title = "moments"

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name or self._title)
        # products: first column squared, second squared, first times second; means are relative to the origin
        sizes = {"weight": 1, "weight_lost": 1, "products": 3, "products_lost": 3}
        sizes |= {"origin": 2, "mean": 2}
        for part, size in sizes.items():
            weight = self.add_weight(shape=(size,), initializer="zeros", dtype="float32", name=part)
            setattr(self, part, weight)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; the class documents the shapes."""
        truth, prediction, weights = read_values(y_true, y_pred, sample_weight)
        pair, weights = self._columns(truth, prediction), weights[:, None]
        batch_weight = ops.sum(weights, axis=0)
        # plain tensors: JAX takes no variables in `where`
        first = ops.where(batch_weight > 0, _smallest(pair, weights > 0), 0.0)
        self.origin.assign(ops.where(self.weight > 0, self.origin + 0.0, first))
        away = pair - self.origin
        mean = share(ops.sum(weights * away, axis=0), batch_weight)
        self._merge(batch_weight, mean, ops.sum(weights * _products(away - mean), axis=0))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain JSON."""
        return {"name": self.name}

    def _columns(self, truth: Any, prediction: Any) -> Any:
        """Return the two columns (B, 2)."""
        return ops.stack([truth, prediction], axis=-1)

    def _merge(self, batch_weight: Any, mean: Any, products: Any) -> None:
        before = self.weight - self.weight_lost
        part = share(batch_weight, before + batch_weight)
        step = mean - self.mean
        add_compensated(self.products, self.products_lost, products + before * part * _products(step))
        self.mean.assign(self.mean + part * step)
        add_compensated(self.weight, self.weight_lost, batch_weight)


@_REGISTER
class R2(PairMoments):
    """Streaming `metrics.regression.r2`, 1 - SS_error / SS_total; 1 is best, negative is worse than the mean.

    It is weighted like scikit-learn's `r2_score`. NaN with fewer than 2 values or a constant truth. Arguments and
    shapes as in `PairMoments`.

    Example:
        >>> score = R2()
        >>> score.update_state([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
        >>> round(float(score.result()), 4)
        0.5
    """

    _title = "r2"

    def result(self) -> Any:
        """Return the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        products = self.products - self.products_lost
        weight = (self.weight - self.weight_lost)[0]
        mean_error = (self.origin + self.mean)[1]
        squares = products[1] + weight * mean_error * mean_error
        return ops.where(products[0] > 0, 1.0 - share(squares, products[0]), float("nan"))

    def _columns(self, truth: Any, prediction: Any) -> Any:
        # errors instead of predictions: with good predictions, the squares are a small difference of large sums
        return ops.stack([truth, prediction - truth], axis=-1)


@_REGISTER
class Pearson(PairMoments):
    """Streaming `metrics.regression.pearson`: linear correlation in -1..1, invariant to scale and offset.

    NaN with fewer than 2 values or if either side is constant. Arguments and shapes as in `PairMoments`.

    Example:
        >>> score = Pearson()
        >>> score.update_state([1.0, 2.0, 3.0], [[30.0], [20.0], [10.0]])
        >>> float(score.result())
        -1.0
    """

    _title = "pearson"

    def result(self) -> Any:
        """Return the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        products = self.products - self.products_lost
        scale = ops.sqrt(ops.maximum(products[0], 0.0)) * ops.sqrt(ops.maximum(products[1], 0.0))
        return ops.where(scale > 0, ops.clip(share(products[2], scale), -1.0, 1.0), float("nan"))


def _smallest(pair: Any, counted: Any) -> Any:
    """Return the smallest counted number of each column, (2,); infinity if there is none."""
    # an extra row, so that an empty batch has one (`ops.full` would break fit on PyTorch)
    wall = ops.ones((1, 2), dtype="float32") * float("inf")
    return ops.min(ops.concatenate([ops.where(counted, pair, float("inf")), wall]), axis=0)


def _products(pair: Any) -> Any:
    first, second = pair[..., 0], pair[..., 1]
    return ops.stack([first * first, second * second, first * second], axis=-1)
