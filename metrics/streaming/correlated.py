"""Streaming R2 and correlation: spread about a mean that is only known at the end of the epoch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from metrics.streaming.counted import share
from metrics.streaming.values import add_compensated, read_values

_REGISTER = keras.saving.register_keras_serializable(package="unet_mtl")


class PairMoments(keras.metrics.Metric):
    """What scores of two columns of numbers share: their weights, means, and products about the means.

    Numbers are seen from an origin, one of the first batch's own: equal numbers are exactly 0 from there, and no
    compiler can round a mere choice one way here and another there. Each batch is centred on its own mean and
    then merged (Chan, Golub, LeVeque 1983, doi:10.1080/00031305.1983.10483115), sums are compensated. So neither
    a far zero (a year, a wavelength) nor a long epoch costs digits; between batchings the last may differ.

    Args:
        name: Default "r2" or "pearson".

    Call `update_state(y_true, y_pred, sample_weight=None)` with one number a case, (B,) or (B, 1) each.
    A case of weight 0 or below adds nothing, even if it holds NaN. `result()` is a float32 scalar without a unit.

    Raises:
        ValueError: more than one number a case, or unequal numbers of cases.
    """

    _title = "moments"

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name or self._title)
        # products: first column squared, second squared, first by second; means: as seen from the origin
        sizes = {"weight": 1, "weight_lost": 1, "products": 3, "products_lost": 3}
        sizes |= {"origin": 2, "mean": 2}
        for part, size in sizes.items():
            weight = self.add_weight(shape=(size,), initializer="zeros", dtype="float32", name=part)
            setattr(self, part, weight)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; see the class for shapes."""
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
        """Give the constructor's arguments, plain JSON."""
        return {"name": self.name}

    def _columns(self, truth: Any, prediction: Any) -> Any:
        """Give the two columns (B, 2)."""
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
    """Streaming `metrics.regression.r2`, 1 - SS_error / SS_total; 1 is best, below 0 worse than the mean.

    Weighted as scikit-learn's `r2_score`. NaN with fewer than 2 values or a constant truth. Arguments and
    shapes as in `PairMoments`.

    Example:
        >>> score = R2()
        >>> score.update_state([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
        >>> round(float(score.result()), 4)
        0.5
    """

    _title = "r2"

    def result(self) -> Any:
        """Give the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        products = self.products - self.products_lost
        weight = (self.weight - self.weight_lost)[0]
        mean_error = (self.origin + self.mean)[1]
        squares = products[1] + weight * mean_error * mean_error
        return ops.where(products[0] > 0, 1.0 - share(squares, products[0]), float("nan"))

    def _columns(self, truth: Any, prediction: Any) -> Any:
        # errors, not predictions: where those are good, their squares are a small difference of large sums
        return ops.stack([truth, prediction - truth], axis=-1)


@_REGISTER
class Pearson(PairMoments):
    """Streaming `metrics.regression.pearson`: linear correlation in -1..1, blind to scale and shift.

    NaN with fewer than 2 values or where either side is constant. Arguments and shapes as in `PairMoments`.

    Example:
        >>> score = Pearson()
        >>> score.update_state([1.0, 2.0, 3.0], [[30.0], [20.0], [10.0]])
        >>> float(score.result())
        -1.0
    """

    _title = "pearson"

    def result(self) -> Any:
        """Give the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        products = self.products - self.products_lost
        scale = ops.sqrt(ops.maximum(products[0], 0.0)) * ops.sqrt(ops.maximum(products[1], 0.0))
        return ops.where(scale > 0, ops.clip(share(products[2], scale), -1.0, 1.0), float("nan"))


def _smallest(pair: Any, counted: Any) -> Any:
    """Give each column's smallest counted number, (2,); infinity if there is none."""
    # one row more, so that an empty batch has one, too (`ops.full` would break PyTorch's fit)
    wall = ops.ones((1, 2), dtype="float32") * float("inf")
    return ops.min(ops.concatenate([ops.where(counted, pair, float("inf")), wall]), axis=0)


def _products(pair: Any) -> Any:
    first, second = pair[..., 0], pair[..., 1]
    return ops.stack([first * first, second * second, first * second], axis=-1)
