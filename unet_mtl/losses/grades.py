"""Cross-entropy of the thresholds between ordered grades."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.losses.base import LogitLoss, binary_cross_entropy, smooth_labels
from unet_mtl.losses.classes import weigh_by_class


@keras.saving.register_keras_serializable(package="unet_mtl")
class GradeLoss(LogitLoss):
    """Sum over the thresholds of the binary cross-entropy of "the grade is above this threshold".

    Args:
        n_classes: The number of grades, 2 or more.
        class_weights: A factor on the loss of the cases of each grade; None: 1 for all.
        conditional: True: output k is P(grade > k | grade > k - 1), and learns from cases of grade k or higher only
            (CORN, Shi et al. 2023, doi:10.1007/s10044-023-01181-9). The sum is then the negative log-likelihood of
            the grade. False: output k is P(grade > k), and learns from every case (CORAL, Cao et al. 2020,
            doi:10.1016/j.patrec.2020.11.008).
        label_smoothing: The share of each answer, "above" or "not above", that is spread over both, in 0..1.
        name: The name of the loss.
    """

    def __init__(
        self,
        n_classes: int,
        class_weights: Sequence[float] | None = None,
        *,
        conditional: bool = True,
        label_smoothing: float = 0.0,
        name: str = "grade_loss",
    ) -> None:
        super().__init__(name=name)
        self.n_classes = n_classes
        self.class_weights = None if class_weights is None else [float(weight) for weight in class_weights]
        self.conditional = conditional
        self.label_smoothing = label_smoothing

    def of_logits(self, y_true: Any, logits: Any) -> Any:
        """Return the loss of each case, (B,).

        Args:
            y_true: Grades from 0, (B,) or (B, 1).
            logits: Logits (B, n_classes - 1).
        """
        grade = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        threshold = ops.arange(self.n_classes - 1, dtype="int32")
        above = ops.cast(grade[:, None] > threshold, logits.dtype)
        losses = binary_cross_entropy(smooth_labels(above, self.label_smoothing, 2), logits)
        if self.conditional:
            losses = losses * ops.cast(grade[:, None] >= threshold, logits.dtype)
        return weigh_by_class(ops.sum(losses, axis=-1), grade, self.class_weights)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        own = ("n_classes", "class_weights", "conditional", "label_smoothing")
        return super().get_config() | {key: getattr(self, key) for key in own}
