"""Cross-entropy of one class per image."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.losses.base import TINY, PerSampleLoss, binary_cross_entropy, focus


def weigh_by_class(loss: Any, index: Any, class_weights: Sequence[float] | None) -> Any:
    """Multiply the loss of each case by the factor of its class.

    Args:
        loss: Losses (B,).
        index: Indices of the true classes, (B,) integers.
        class_weights: A factor for each class; None: 1 for all.

    Returns:
        (B,).
    """
    if class_weights is None:
        return loss
    return loss * ops.take(ops.convert_to_tensor(class_weights, dtype=loss.dtype), index)


@keras.saving.register_keras_serializable(package="unet_mtl")
class ClassLoss(PerSampleLoss):
    """Binary cross-entropy of a single sigmoid, or cross-entropy of a softmax.

    Args:
        n_classes: The number of classes, 2 or more.
        class_weights: A factor on the loss of the cases of each class; None: 1 for all. The factors are part of the
            loss because Keras does not accept `class_weight` for models with several outputs.
        focal: The exponent of the focal loss; 0: plain cross-entropy.
        name: The name of the loss.
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
        """Return the loss of each case, (B,).

        Args:
            y_true: Class indices, (B,) or (B, 1).
            y_pred: Probabilities, (B, 1) for two classes or (B, n_classes).
        """
        index = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        if y_pred.shape[-1] == 1:
            loss = binary_cross_entropy(ops.cast(index, y_pred.dtype), ops.reshape(y_pred, (-1,)), self.focal)
        else:
            truth = ops.one_hot(index, self.n_classes, dtype=y_pred.dtype)
            loss = -ops.sum(truth * focus(y_pred, self.focal) * ops.log(ops.maximum(y_pred, TINY)), axis=-1)
        return weigh_by_class(loss, index, self.class_weights)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        own = ("n_classes", "class_weights", "focal")
        return super().get_config() | {key: getattr(self, key) for key in own}
