"""Soft Dice and pixel cross-entropy with one value per image. Unlabelled pixels are excluded."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from unet_mtl.data.images import IGNORE
from unet_mtl.losses.base import LogitLoss, binary_cross_entropy, cross_entropy
from unet_mtl.losses.tversky import soft_tversky


def soft_dice(truth: Any, probabilities: Any, valid: Any, smooth: float = 1.0) -> Any:
    """Return 1 - Dice of probabilities, per image and channel (Milletari 2016, doi:10.1109/3DV.2016.79).

    Args:
        truth: 0 or 1, (B, H, W, K).
        probabilities: Probabilities in 0..1, (B, H, W, K).
        valid: 1 where a pixel is labelled, else 0; (B, H, W, 1), or (B, H, W, K) by channel.
        smooth: Pixels added to numerator and denominator, so that a correct empty prediction costs 0.

    Returns:
        (B, K) in 0..1.
    """
    both = ops.sum(truth * probabilities * valid, axis=(1, 2))
    either = ops.sum((truth + probabilities) * valid, axis=(1, 2))
    return 1 - (2 * both + smooth) / (either + smooth)


def _pixel_mean(per_pixel: Any, valid: Any) -> Any:
    """Return the mean over the labelled pixels of each image, (B,); 0 for an image without any."""
    valid = ops.squeeze(valid, -1)
    return ops.divide_no_nan(ops.sum(per_pixel * valid, axis=(1, 2)), ops.sum(valid, axis=(1, 2)))


@keras.saving.register_keras_serializable(package="unet_mtl")
class MaskLoss(LogitLoss):
    """`dice * soft Dice + cross_entropy * cross-entropy` for masks of class indices.

    The number of output channels selects the form: `n_classes` channels are a softmax (cross-entropy over classes),
    one channel less is a sigmoid for each class but the background (binary cross-entropy).

    Args:
        n_classes: The number of classes, including the background.
        dice: The weight of the mean soft Dice loss over all classes but the background.
        cross_entropy: The weight of the cross-entropy.
        smooth: The smoothing of `soft_dice` in pixels.
        focal: The exponent of the focal cross-entropy; 0: plain cross-entropy.
        tversky: Arguments alpha, beta and gamma of `soft_tversky`, which then replaces soft Dice; None: soft Dice.
        name: The name of the loss.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        dice: float = 1.0,
        cross_entropy: float = 1.0,
        smooth: float = 1.0,
        focal: float = 0.0,
        tversky: Mapping[str, float] | None = None,
        name: str = "mask_loss",
    ) -> None:
        super().__init__(name=name)
        self.n_classes = n_classes
        self.dice = dice
        self.cross_entropy = cross_entropy
        self.smooth = smooth
        self.focal = focal
        self.tversky = None if tversky is None else dict(tversky)

    def of_logits(self, y_true: Any, logits: Any) -> Any:
        """Return the loss of each image, (B,).

        Args:
            y_true: Class indices, (B, H, W) or (B, H, W, 1); 255 marks unlabelled pixels.
            logits: Logits (B, H, W, K) with K of `n_classes` or `n_classes - 1`.
        """
        y_true = ops.cast(ops.reshape(y_true, ops.shape(logits)[:3]), "int32")
        labelled = ops.not_equal(y_true, IGNORE)
        valid = ops.cast(ops.expand_dims(labelled, -1), logits.dtype)
        # PyTorch raises for indices outside the classes; `valid` excludes these pixels.
        truth = ops.one_hot(ops.where(labelled, y_true, 0), self.n_classes, dtype=logits.dtype)
        if logits.shape[-1] == self.n_classes:
            entropy = cross_entropy(truth, logits, self.focal)
            probabilities = ops.softmax(logits)[..., 1:]
        else:
            entropy = ops.mean(binary_cross_entropy(truth[..., 1:], logits, self.focal), axis=-1)
            probabilities = ops.sigmoid(logits)
        dice = ops.mean(self._overlap(truth[..., 1:], probabilities, valid), axis=-1)
        return self.cross_entropy * _pixel_mean(entropy, valid) + self.dice * dice

    def _overlap(self, truth: Any, probabilities: Any, valid: Any) -> Any:
        if self.tversky is None:
            return soft_dice(truth, probabilities, valid, self.smooth)
        return soft_tversky(truth, probabilities, valid, smooth=self.smooth, **self.tversky)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        own = ("n_classes", "dice", "cross_entropy", "smooth", "focal", "tversky")
        return super().get_config() | {key: getattr(self, key) for key in own}
