"""Losses of one number an image."""

from typing import Any

import keras
from keras import ops

from unet_mtl.losses.base import PerSampleLoss


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
        """(B,) or (B, 1) numbers -> (B,)."""
        error = ops.abs(ops.reshape(y_pred, (-1,)) - ops.cast(ops.reshape(y_true, (-1,)), y_pred.dtype))
        if self.delta is None:
            return 0.5 * ops.square(error)
        near = ops.minimum(error, self.delta)
        return 0.5 * ops.square(near) + self.delta * (error - near)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().get_config() | {"delta": self.delta}
