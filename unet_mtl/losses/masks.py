"""Soft Dice and pixel cross-entropy: one value an image, unlabelled pixels left out."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from unet_mtl.data.images import IGNORE
from unet_mtl.losses.base import TINY, PerSampleLoss, focus
from unet_mtl.losses.tversky import soft_tversky


def soft_dice(truth: Any, probabilities: Any, valid: Any, smooth: float = 1.0) -> Any:
    """1 - Dice of probabilities, per image and channel (Milletari 2016, doi:10.1109/3DV.2016.79).

    Args:
        truth: (B, H, W, K) 0 or 1.
        probabilities: (B, H, W, K) in 0..1.
        valid: (B, H, W, 1), or (B, H, W, K) by channel: 1 where a pixel is labelled, else 0.
        smooth: Added above and below, in pixels, so that a correct empty answer costs 0.

    Returns:
        (B, K) in 0..1.
    """
    both = ops.sum(truth * probabilities * valid, axis=(1, 2))
    either = ops.sum((truth + probabilities) * valid, axis=(1, 2))
    return 1 - (2 * both + smooth) / (either + smooth)


def pixel_cross_entropy(truth: Any, probabilities: Any, valid: Any, focal: float = 0.0) -> Any:
    """Mean over the labelled pixels of an image; 0 where there are none.

    Args:
        truth: (B, H, W, K) 0 or 1.
        probabilities: (B, H, W, K) in 0..1, summing to 1 over K (softmax).
        valid: (B, H, W, 1).
        focal: See `focus`.

    Returns:
        (B,) at least 0.
    """
    per_pixel = -ops.sum(
        truth * focus(probabilities, focal) * ops.log(ops.maximum(probabilities, TINY)), axis=-1
    )
    return _pixel_mean(per_pixel, valid)


def pixel_binary_cross_entropy(truth: Any, probabilities: Any, valid: Any, focal: float = 0.0) -> Any:
    """Like `pixel_cross_entropy` for independent channels (sigmoid): the mean over pixels and channels."""
    return _pixel_mean(ops.mean(binary_cross_entropy(truth, probabilities, focal), axis=-1), valid)


def binary_cross_entropy(truth: Any, probability: Any, focal: float = 0.0) -> Any:
    """Elementwise; 1 - p is clipped where it leaves float32, p only at `TINY`."""
    found = focus(probability, focal) * ops.log(ops.maximum(probability, TINY))
    absent = focus(1 - probability, focal) * ops.log(ops.maximum(1 - probability, 1e-7))
    return -(truth * found + (1 - truth) * absent)


def _pixel_mean(per_pixel: Any, valid: Any) -> Any:
    valid = ops.squeeze(valid, -1)
    return ops.divide_no_nan(ops.sum(per_pixel * valid, axis=(1, 2)), ops.sum(valid, axis=(1, 2)))


@keras.saving.register_keras_serializable(package="unet_mtl")
class MaskLoss(PerSampleLoss):
    """`dice * soft Dice + cross_entropy * cross-entropy` of masks of class indices.

    The output's channels tell which: `n_classes` is a softmax (cross-entropy over classes), one less is a
    sigmoid for each class but the background (binary cross-entropy).

    Args:
        n_classes: The background included.
        dice: Weight of the mean soft Dice of all classes but the background.
        cross_entropy: Weight of the cross-entropy.
        smooth: See `soft_dice`.
        focal: Exponent of the focal cross-entropy; 0: the plain one.
        tversky: alpha, beta and gamma of `soft_tversky` in place of soft Dice; None: Dice.
        name: Of the loss.
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

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(B, H, W) or (B, H, W, 1) indices (255: unlabelled) and (B, H, W, K) probabilities -> (B,)."""
        y_true = ops.cast(ops.reshape(y_true, ops.shape(y_pred)[:3]), "int32")
        labelled = ops.not_equal(y_true, IGNORE)
        valid = ops.cast(ops.expand_dims(labelled, -1), y_pred.dtype)
        # PyTorch refuses an index outside the classes; `valid` takes these pixels out.
        truth = ops.one_hot(ops.where(labelled, y_true, 0), self.n_classes, dtype=y_pred.dtype)
        if y_pred.shape[-1] == self.n_classes:
            entropy = pixel_cross_entropy(truth, y_pred, valid, self.focal)
            dice = self._overlap(truth[..., 1:], y_pred[..., 1:], valid)
        else:
            entropy = pixel_binary_cross_entropy(truth[..., 1:], y_pred, valid, self.focal)
            dice = self._overlap(truth[..., 1:], y_pred, valid)
        return self.cross_entropy * entropy + self.dice * ops.mean(dice, axis=-1)

    def _overlap(self, truth: Any, probabilities: Any, valid: Any) -> Any:
        if self.tversky is None:
            return soft_dice(truth, probabilities, valid, self.smooth)
        return soft_tversky(truth, probabilities, valid, smooth=self.smooth, **self.tversky)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = ("n_classes", "dice", "cross_entropy", "smooth", "focal", "tversky")
        return super().get_config() | {key: getattr(self, key) for key in own}
