"""A mask whose classes may overlap: each pixel has any number of them."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

import metrics
from unet_mtl.data.images import IGNORE
from unet_mtl.tasks.base import CaseScores, Features
from unet_mtl.tasks.masks import MaskTask
from unet_mtl.tasks.predictions import OverlapPrediction, keys_of

if TYPE_CHECKING:
    import keras


class OverlappingSegmentation(MaskTask[OverlapPrediction]):
    """Segments classes that may overlap: a tumour inside an organ, findings that cover each other.

    The network has a sigmoid channel for each class but the background; each is thresholded, learned and scored on
    its own. Masks are (height, width, classes but the background).
    """

    kind: Literal["overlapping_segmentation"] = "overlapping_segmentation"

    overlap: ClassVar[bool] = True
    instead: ClassVar[str] = (
        "take `kind: segmentation`, or say `overlap: true` in the mask's description, with a file for each class"
    )

    def encode(self, truth: NDArray[np.uint8] | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """The mask itself (already at the network's size); nothing, with weight 0, where no pixel is labelled."""
        channels = len(self.classes) - 1
        if truth is None:
            return np.zeros((*size, channels), np.uint8), 0.0
        return truth, float((truth != IGNORE).any())

    def build_head(self, features: Features) -> Any:
        """A 1x1 convolution with sigmoid: (B, H, W, classes but the background)."""
        from unet_mtl.nn.heads import pixel_head

        return pixel_head(features.pixels, len(self.classes) - 1, "sigmoid", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Soft Dice + binary cross-entropy of each channel, weighted."""
        from unet_mtl.losses import OverlapLoss

        return OverlapLoss(dice=self.dice, cross_entropy=self.cross_entropy, smooth=self.smooth)

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Dice and IoU per case, the mean of the classes, at the network's size."""
        from metrics import streaming

        options: dict[str, Any] = {"threshold": self.threshold, "ignore": IGNORE, "multilabel": True}
        channels = len(self.classes) - 1
        return [
            streaming.Dice(channels, name=f"{self.name}_dice", **options),
            streaming.MeanIoU(channels, name=f"{self.name}_iou", **options),
        ]

    def decode(self, raw: NDArray[np.float32]) -> OverlapPrediction:
        """Each class where its probability reaches the threshold."""
        mask = (raw >= self.threshold).astype(np.uint8)
        return OverlapPrediction(mask=mask, probabilities=raw, classes=self.classes)

    def score_case(
        self, truth: NDArray[np.uint8], prediction: OverlapPrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Overlap and surfaces by class, their mean, and (with several classes) all of them as one."""
        return self._as_case(
            metrics.score_overlapping(
                truth,
                prediction.mask,
                keys_of(self.classes)[1:],
                spacing_mm=spacing_mm,
                tolerance=self.tolerance,
                ignore=IGNORE,
            )
        )
