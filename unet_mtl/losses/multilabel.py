"""Cross-entropy of several yes-or-no findings an image, of which some may be unknown."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.data.images import IGNORE
from unet_mtl.losses.base import PerSampleLoss
from unet_mtl.losses.masks import binary_cross_entropy


@keras.saving.register_keras_serializable(package="unet_mtl")
class FindingsLoss(PerSampleLoss):
    """Mean over the known findings of a case of the binary cross-entropy; 0 where none is known.

    With the share of findings that is known as the weight of the case, every known label weighs the same in
    `sum(w * loss) / sum(w)`.

    Args:
        class_weights: For each finding the factors on the losses of its absence and its presence.
        name: Of the loss.
    """

    def __init__(
        self, class_weights: Sequence[Sequence[float]] | None = None, *, name: str = "findings_loss"
    ) -> None:
        super().__init__(name=name)
        if class_weights is not None and any(len(pair) != 2 for pair in class_weights):
            raise ValueError(
                f"class_weights must hold two factors a finding, of no and of yes, got {class_weights}"
            )
        self.class_weights = (
            None if class_weights is None else [[float(weight) for weight in pair] for pair in class_weights]
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(B, findings) of 0, 1 and 255 (unknown), and as many probabilities -> (B,)."""
        y_true = ops.cast(y_true, "int32")
        known = ops.cast(ops.not_equal(y_true, IGNORE), y_pred.dtype)
        present = ops.cast(ops.equal(y_true, 1), y_pred.dtype)
        losses = binary_cross_entropy(present, y_pred) * known
        if self.class_weights is not None:
            absence, presence = (
                ops.convert_to_tensor(factors, dtype=losses.dtype)
                for factors in zip(*self.class_weights, strict=True)
            )
            losses = losses * ops.where(ops.equal(y_true, 1), presence, absence)
        return ops.divide_no_nan(ops.sum(losses, axis=-1), ops.sum(known, axis=-1))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().get_config() | {"class_weights": self.class_weights}
