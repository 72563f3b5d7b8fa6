"""Soft Dice and binary cross-entropy of classes that may overlap, with one value per image."""

from typing import Any

import keras
from keras import ops

from unet_mtl.data.images import IGNORE
from unet_mtl.losses.base import LogitLoss, binary_cross_entropy
from unet_mtl.losses.masks import soft_dice


@keras.saving.register_keras_serializable(package="unet_mtl")
class OverlapLoss(LogitLoss):
    """`dice * soft Dice + cross_entropy * binary cross-entropy` for channels that are independent of each other.

    The soft Dice loss (Milletari 2016, doi:10.1109/3DV.2016.79) is the mean over the channels, the cross-entropy the
    mean over all labelled entries of all channels. For classes that exclude each other, it equals `MaskLoss` of a
    sigmoid.

    Args:
        dice: The weight of the mean soft Dice loss over the channels.
        cross_entropy: The weight of the binary cross-entropy.
        smooth: The smoothing of `soft_dice` in pixels.
        name: The name of the loss.
    """

    def __init__(
        self,
        *,
        dice: float = 1.0,
        cross_entropy: float = 1.0,
        smooth: float = 1.0,
        name: str = "overlap_loss",
    ) -> None:
        super().__init__(name=name)
        self.dice = dice
        self.cross_entropy = cross_entropy
        self.smooth = smooth

    def of_logits(self, y_true: Any, logits: Any) -> Any:
        """Return the loss of each image, (B,).

        Args:
            y_true: 0, 1 or 255 (unlabelled), (B, H, W, K).
            logits: Logits, (B, H, W, K).

        Raises:
            ValueError: The shapes differ.
        """
        y_true = ops.cast(y_true, "int32")
        if len(y_true.shape) != len(logits.shape) or y_true.shape[-1] != logits.shape[-1]:
            raise ValueError(
                f"y_true must be 0, 1 or {IGNORE} in the shape of logits, (B, H, W, K); got "
                f"{tuple(y_true.shape)} and {tuple(logits.shape)}. For class indices, use MaskLoss"
            )
        valid = ops.cast(ops.not_equal(y_true, IGNORE), logits.dtype)
        truth = ops.cast(y_true, logits.dtype)  # 255 is finite, and `valid` excludes it
        entropies = ops.sum(binary_cross_entropy(truth, logits) * valid, axis=(1, 2, 3))
        entropy = ops.divide_no_nan(entropies, ops.sum(valid, axis=(1, 2, 3)))
        dice = ops.mean(soft_dice(truth, ops.sigmoid(logits), valid, self.smooth), axis=-1)
        return self.cross_entropy * entropy + self.dice * dice

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        own = ("dice", "cross_entropy", "smooth")
        return super().get_config() | {key: getattr(self, key) for key in own}
