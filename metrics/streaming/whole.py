"""Metric state as whole numbers in two limbs, exact without int64 and float64.

value = high * 2^30 + low, since float32 is exact only up to 2^24 and JAX has no int64 by default.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

LIMB_BITS, LIMB = 30, 2**30


class WholeNumbers(keras.metrics.Metric):
    """Base of all metrics whose state consists of whole numbers."""

    def __init__(self, shape: tuple[int, ...], name: str) -> None:
        super().__init__(name=name)
        # "int", like the step counters of Keras: int64 on TensorFlow, int32 elsewhere
        self.low = self.add_weight(shape=shape, initializer="zeros", dtype="int", name="low")
        self.high = self.add_weight(shape=shape, initializer="zeros", dtype="int", name="high")
        self.unknown = self.add_weight(shape=(), initializer="zeros", dtype="int", name="unknown")

    def _add_limbs(self, low: Any, high: Any = 0) -> None:
        """Add whole numbers of the shape of the state: `low` 0..2^30, `high` in units of 2^30."""
        total = self.low + self._whole(low)
        self.low.assign(ops.bitwise_and(total, LIMB - 1))
        self.high.assign(self.high + ops.right_shift(total, LIMB_BITS) + self._whole(high))

    def _totals(self) -> Any:
        """Return the state as float32, accurate to 24 bits."""
        return ops.cast(self.high, "float32") * float(LIMB) + ops.cast(self.low, "float32")

    def _mark_unknown(self, broken: Any) -> None:
        """Record permanently that an invalid value was counted; `broken` is bool of any shape."""
        self.unknown.assign(ops.maximum(self.unknown, self._whole(ops.any(broken))))

    def _where_defined(self, score: Any, defined: Any) -> Any:
        return ops.where(ops.logical_and(defined, self.unknown == 0), score, float("nan"))

    def _whole(self, value: Any) -> Any:
        return ops.cast(value, self.low.dtype)
