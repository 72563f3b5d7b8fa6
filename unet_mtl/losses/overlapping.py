"""Soft Dice and binary cross-entropy of classes that may overlap: one value an image."""

from typing import Any

import keras
from keras import ops

from unet_mtl.data.images import IGNORE
from unet_mtl.losses.base import PerSampleLoss
from unet_mtl.losses.masks import binary_cross_entropy, soft_dice


@keras.saving.register_keras_serializable(package="unet_mtl")
class OverlapLoss(PerSampleLoss):
    """`dice * soft Dice + cross_entropy * binary cross-entropy` of channels that are independent of each other.

    The Dice (Milletari 2016, doi:10.1109/3DV.2016.79) is the mean over the channels, the entropy that over all
    labelled entries of all channels. Where classes exclude each other, it is the same as `MaskLoss` of a sigmoid.

    Args:
        dice: Weight of the mean soft Dice of the channels.
        cross_entropy: Weight of the binary cross-entropy.
        smooth: See `soft_dice`.
        name: Of the loss.
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

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(B, H, W, K) of 0, 1 and 255 (unlabelled) and (B, H, W, K) probabilities -> (B,).

        Raises:
            ValueError: The shapes differ.
        """
        y_true = ops.cast(y_true, "int32")
        if len(y_true.shape) != len(y_pred.shape) or y_true.shape[-1] != y_pred.shape[-1]:
            raise ValueError(
                f"y_true must be 0, 1 or {IGNORE} in y_pred's own shape, (B, H, W, K); got "
                f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}: class indices are for MaskLoss"
            )
        valid = ops.cast(ops.not_equal(y_true, IGNORE), y_pred.dtype)
        truth = ops.cast(y_true, y_pred.dtype)  # 255 is finite, and `valid` takes it out
        entropies = ops.sum(binary_cross_entropy(truth, y_pred) * valid, axis=(1, 2, 3))
        entropy = ops.divide_no_nan(entropies, ops.sum(valid, axis=(1, 2, 3)))
        dice = ops.mean(soft_dice(truth, y_pred, valid, self.smooth), axis=-1)
        return self.cross_entropy * entropy + self.dice * dice

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().get_config() | {
            "dice": self.dice,
            "cross_entropy": self.cross_entropy,
            "smooth": self.smooth,
        }
