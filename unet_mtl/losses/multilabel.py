"""Cross-entropy of several yes-or-no labels per image, some of which may be unknown."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.data.images import IGNORE
from unet_mtl.losses.base import LogitLoss, binary_cross_entropy, smooth_labels


@keras.saving.register_keras_serializable(package="unet_mtl")
class MultilabelLoss(LogitLoss):
    """Mean binary cross-entropy over the known labels of a case; 0 where none is known.

    If the weight of a case is the share of its labels that is known, every known label counts equally in
    `sum(w * loss) / sum(w)`.

    Args:
        class_weights: Two factors for each label, on the losses of "no" and of "yes"; None: 1 for all.
        label_smoothing: The share of each label that is spread over yes and no, in 0..1.
        name: The name of the loss.

    Raises:
        ValueError: A label does not have two factors.
    """

    def __init__(
        self,
        class_weights: Sequence[Sequence[float]] | None = None,
        *,
        label_smoothing: float = 0.0,
        name: str = "multilabel_loss",
    ) -> None:
        super().__init__(name=name)
        self.label_smoothing = label_smoothing
        if class_weights is not None and any(len(pair) != 2 for pair in class_weights):
            raise ValueError(
                f"class_weights must hold two factors per label, for no and for yes, received {class_weights}"
            )
        self.class_weights = (
            None if class_weights is None else [[float(weight) for weight in pair] for pair in class_weights]
        )

    def of_logits(self, y_true: Any, logits: Any) -> Any:
        """Return the loss of each case, (B,).

        Args:
            y_true: 0, 1 or 255 (unknown), (B, labels).
            logits: Logits of 1, (B, labels).
        """
        y_true = ops.cast(y_true, "int32")
        known = ops.cast(ops.not_equal(y_true, IGNORE), logits.dtype)
        positive = ops.cast(ops.equal(y_true, 1), logits.dtype)
        losses = binary_cross_entropy(smooth_labels(positive, self.label_smoothing, 2), logits) * known
        if self.class_weights is not None:
            no_weights, yes_weights = (
                ops.convert_to_tensor(factors, dtype=losses.dtype)
                for factors in zip(*self.class_weights, strict=True)
            )
            losses = losses * ops.where(ops.equal(y_true, 1), yes_weights, no_weights)
        return ops.divide_no_nan(ops.sum(losses, axis=-1), ops.sum(known, axis=-1))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        own = ("class_weights", "label_smoothing")
        return super().get_config() | {key: getattr(self, key) for key in own}
