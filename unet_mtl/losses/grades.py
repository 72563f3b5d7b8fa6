"""Cross-entropy of the thresholds between ordered grades."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.losses.base import PerSampleLoss
from unet_mtl.losses.classes import weigh_by_class
from unet_mtl.losses.masks import binary_cross_entropy


@keras.saving.register_keras_serializable(package="unet_mtl")
class GradeLoss(PerSampleLoss):
    """Sum over the thresholds of the binary cross-entropy of "the grade is above this one".

    Args:
        n_classes: Number of grades, 2 or more.
        conditional: True: output k is P(grade > k, given that it is > k - 1), and learns from cases of grade k and up
            alone (CORN, Shi et al. 2023, doi:10.1007/s10044-023-01181-9); the sum is the negative log-likelihood of
            the case's grade. False: output k is P(grade > k), and learns from every case (CORAL, Cao et al. 2020,
            doi:10.1016/j.patrec.2020.11.008).
        class_weights: A factor by grade on the loss of its cases.
        name: Of the loss.
    """

    def __init__(
        self,
        n_classes: int,
        class_weights: Sequence[float] | None = None,
        *,
        conditional: bool = True,
        name: str = "grade_loss",
    ) -> None:
        super().__init__(name=name)
        self.n_classes = n_classes
        self.class_weights = None if class_weights is None else [float(weight) for weight in class_weights]
        self.conditional = conditional

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(B,) or (B, 1) grades from 0 on and (B, n_classes - 1) probabilities -> (B,)."""
        grade = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        threshold = ops.arange(self.n_classes - 1, dtype="int32")
        losses = binary_cross_entropy(ops.cast(grade[:, None] > threshold, y_pred.dtype), y_pred)
        if self.conditional:
            losses = losses * ops.cast(grade[:, None] >= threshold, y_pred.dtype)
        return weigh_by_class(ops.sum(losses, axis=-1), grade, self.class_weights)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = ("n_classes", "class_weights", "conditional")
        return super().get_config() | {key: getattr(self, key) for key in own}
