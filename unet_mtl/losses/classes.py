"""Cross-entropy of one class an image."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.losses.base import TINY, PerSampleLoss, focus
from unet_mtl.losses.masks import binary_cross_entropy


def weigh_by_class(loss: Any, index: Any, class_weights: Sequence[float] | None) -> Any:
    """Multiplies the losses (B,) of cases of class `index` (B,) by the factor of their class, if there are any."""
    if class_weights is None:
        return loss
    return loss * ops.take(ops.convert_to_tensor(class_weights, dtype=loss.dtype), index)


@keras.saving.register_keras_serializable(package="unet_mtl")
class ClassLoss(PerSampleLoss):
    """Binary cross-entropy of a single sigmoid, or cross-entropy of a softmax.

    Args:
        n_classes: 2 or more.
        class_weights: A factor by class on the loss of its cases. Keras refuses its own `class_weight` for
            networks of several outputs, so they live here.
        focal: Exponent of the focal loss; 0: plain cross-entropy.
        name: Of the loss.
    """

    def __init__(
        self,
        n_classes: int,
        class_weights: Sequence[float] | None = None,
        *,
        focal: float = 0.0,
        name: str = "class_loss",
    ) -> None:
        super().__init__(name=name)
        self.n_classes = n_classes
        self.focal = focal
        self.class_weights = None if class_weights is None else [float(weight) for weight in class_weights]

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(B,) or (B, 1) indices and (B, 1) or (B, n_classes) probabilities -> (B,)."""
        index = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        if y_pred.shape[-1] == 1:
            loss = binary_cross_entropy(ops.cast(index, y_pred.dtype), ops.reshape(y_pred, (-1,)), self.focal)
        else:
            truth = ops.one_hot(index, self.n_classes, dtype=y_pred.dtype)
            loss = -ops.sum(truth * focus(y_pred, self.focal) * ops.log(ops.maximum(y_pred, TINY)), axis=-1)
        return weigh_by_class(loss, index, self.class_weights)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = ("n_classes", "class_weights", "focal")
        return super().get_config() | {key: getattr(self, key) for key in own}
