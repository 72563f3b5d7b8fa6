"""A mask: each pixel belongs to one class."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

import metrics
from unet_mtl.data.images import IGNORE
from unet_mtl.tasks.base import CaseScores, Features
from unet_mtl.tasks.loss_settings import Tversky
from unet_mtl.tasks.masks import MaskTask
from unet_mtl.tasks.predictions import MaskPrediction, keys_of

if TYPE_CHECKING:
    import keras


class Segmentation(MaskTask[MaskPrediction]):
    """Segments classes that exclude each other.

    Attributes:
        activation: "softmax": one channel a class. "sigmoid": one channel a class but the background; a
            pixel is background unless its largest channel reaches `threshold`. "auto": sigmoid for two classes.
        focal: Exponent by which pixels that are right already count less in the cross-entropy; 0: they do not.
        tversky: alpha, beta and gamma of the Tversky loss in place of Dice, with the weight `dice`; None: Dice.
    """

    kind: Literal["segmentation"] = "segmentation"
    activation: Literal["auto", "softmax", "sigmoid"] = "auto"
    focal: float = Field(default=0.0, ge=0)
    tversky: Tversky | None = None

    overlap: ClassVar[bool] = False
    instead: ClassVar[str] = (
        "take `kind: overlapping_segmentation`, or leave `overlap` out of the mask's description, so that the last "
        "class of a pixel counts"
    )

    @property
    def _sigmoid(self) -> bool:
        return self.activation == "sigmoid" or (self.activation == "auto" and len(self.classes) == 2)

    def encode(self, truth: NDArray[np.uint8] | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """The mask itself (already at the network's size); background with weight 0 where there is none.

        A mask without a labelled pixel, as a crop may have it, weighs 0 too, or its loss of 0 would thin out others.
        """
        return (np.zeros(size, np.uint8), 0.0) if truth is None else (truth, float((truth != IGNORE).any()))

    def build_head(self, features: Features) -> Any:
        """A 1x1 convolution with softmax or sigmoid: (B, H, W, channels)."""
        from unet_mtl.nn.heads import pixel_head

        channels = len(self.classes) - self._sigmoid
        return pixel_head(features.pixels, channels, "sigmoid" if self._sigmoid else "softmax", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Soft Dice + cross-entropy, weighted."""
        from unet_mtl.losses import MaskLoss

        return MaskLoss(
            len(self.classes),
            dice=self.dice,
            cross_entropy=self.cross_entropy,
            smooth=self.smooth,
            focal=self.focal,
            tversky=None if self.tversky is None else self.tversky.to_config(),
        )

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Dice and IoU per case, at the network's size."""
        from metrics import streaming

        options: dict[str, Any] = {"threshold": self.threshold, "ignore": IGNORE}
        n_classes = len(self.classes)
        return [
            streaming.Dice(n_classes, name=f"{self.name}_dice", **options),
            streaming.MeanIoU(n_classes, name=f"{self.name}_iou", **options),
        ]

    def decode(self, raw: NDArray[np.float32]) -> MaskPrediction:
        """Class indices by the largest probability, or by the threshold for a sigmoid."""
        if not self._sigmoid:
            mask = raw.argmax(-1).astype(np.uint8)
            return MaskPrediction(mask=mask, probabilities=raw, classes=self.classes)
        best = raw.argmax(-1) + 1
        mask = np.where(raw.max(-1) >= self.threshold, best, 0).astype(np.uint8)
        probabilities = np.concatenate([1 - raw.max(-1, keepdims=True), raw], -1)
        return MaskPrediction(mask=mask, probabilities=probabilities, classes=self.classes)

    def score_case(
        self, truth: NDArray[np.uint8], prediction: MaskPrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """As `score_mask`."""
        return self.score_mask(truth, prediction.mask, spacing_mm)

    def score_mask(
        self, truth: NDArray[np.uint8], mask: NDArray[np.uint8], spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Overlap and surfaces by class, their mean, and (with several classes) all of them as one.

        Args:
            truth: Class indices, 255 where nobody labelled.
            mask: Class indices, from wherever.
            spacing_mm: Distance of pixels (row, column); None measures in pixels.
        """
        keys, tolerance = keys_of(self.classes), self.tolerance
        return self._as_case(
            metrics.score_mask(truth, mask, keys, spacing_mm=spacing_mm, tolerance=tolerance, ignore=IGNORE)
        )
