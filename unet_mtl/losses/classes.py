"""Cross-entropy of one class per image."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.losses.base import LogitLoss, binary_cross_entropy, cross_entropy, smooth_labels


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
class ClassLoss(LogitLoss):
    """Binary cross-entropy of a single sigmoid, or cross-entropy of a softmax.

    Args:
        n_classes: The number of classes, 2 or more.
        class_weights: A factor on the loss of the cases of each class; None: 1 for all. The factors are part of the
            loss because Keras does not accept `class_weight` for models with several outputs.
        focal: The exponent of the focal loss; 0: plain cross-entropy.
        label_smoothing: The share of each label that is spread over all classes, in 0..1.
        name: The name of the loss.
    """

    def __init__(
        self,
        n_classes: int,
        class_weights: Sequence[float] | None = None,
        *,
        focal: float = 0.0,
        label_smoothing: float = 0.0,
        name: str = "class_loss",
    ) -> None:
        super().__init__(name=name)
        self.n_classes = n_classes
        self.focal = focal
        self.label_smoothing = label_smoothing
        self.class_weights = None if class_weights is None else [float(weight) for weight in class_weights]

    def of_logits(self, y_true: Any, logits: Any) -> Any:
        """Return the loss of each case, (B,).

        Args:
            y_true: Class indices, (B,) or (B, 1).
            logits: Logits, (B, 1) for two classes or (B, n_classes).
        """
        index = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        if logits.shape[-1] == 1:
            truth = smooth_labels(ops.cast(index, logits.dtype), self.label_smoothing, 2)
            loss = binary_cross_entropy(truth, ops.reshape(logits, (-1,)), self.focal)
        else:
            truth = ops.one_hot(index, self.n_classes, dtype=logits.dtype)
            truth = smooth_labels(truth, self.label_smoothing, self.n_classes)
            loss = cross_entropy(truth, logits, self.focal)
        return weigh_by_class(loss, index, self.class_weights)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        own = ("n_classes", "class_weights", "focal", "label_smoothing")
        return super().get_config() | {key: getattr(self, key) for key in own}
