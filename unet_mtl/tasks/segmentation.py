"""Segmentation: each pixel belongs to one class."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

import metrics
from unet_mtl.data.images import IGNORE
from unet_mtl.data.resized import Resized
from unet_mtl.losses import LOSSES
from unet_mtl.tasks.base import Features
from unet_mtl.tasks.case_scores import CaseScores
from unet_mtl.tasks.loss_settings import Tversky
from unet_mtl.tasks.mask_scores import collect_scores
from unet_mtl.tasks.masks import MaskTask
from unet_mtl.tasks.pixel_classes import find_foreground, find_largest
from unet_mtl.tasks.predictions import MaskPrediction, keys_of

if TYPE_CHECKING:
    import keras


class Segmentation(MaskTask[MaskPrediction]):
    """Segments classes that exclude each other.

    Attributes:
        activation: "softmax": one channel per class. "sigmoid": one channel per class but the background; a pixel
            is background unless its largest channel reaches `threshold`. "auto": sigmoid for two classes, else
            softmax.
        focal: The exponent of the focal cross-entropy, by which well-classified pixels count less; 0: plain
            cross-entropy.
        foreground_threshold: For softmax, the probability of all classes but the background together from which on
            (`>=`) a pixel has the most probable of these classes; None: each pixel has its most probable class.
            `tune` chooses it.
        tversky: alpha, beta and gamma of the Tversky loss, which replaces Dice with the weight `dice`; None: Dice.
    """

    kind: Literal["segmentation"] = "segmentation"
    activation: Literal["auto", "softmax", "sigmoid"] = "auto"
    focal: float = Field(default=0.0, ge=0)
    foreground_threshold: float | None = Field(default=None, gt=0, lt=1)
    tversky: Tversky | None = None

    overlap: ClassVar[bool] = False
    overlap_hint: ClassVar[str] = (
        "set `kind: overlapping_segmentation`, or remove `overlap` from the mask's description, so that the last "
        "class of a pixel counts"
    )

    @property
    def is_sigmoid(self) -> bool:
        """Whether the network has a sigmoid for each class but the background, in place of a softmax."""
        return self.activation == "sigmoid" or (self.activation == "auto" and len(self.classes) == 2)

    def encode(self, truth: NDArray[np.uint8] | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """Return the mask (already at the network's size) with weight 1, or background with weight 0.

        A mask without labelled pixels, which a crop may have, has weight 0 as well, since its loss of 0 would lower
        the mean over the batch.
        """
        return (np.zeros(size, np.uint8), 0.0) if truth is None else (truth, float((truth != IGNORE).any()))

    def build_head(self, features: Features) -> Any:
        """Build a 1x1 convolution with softmax or sigmoid: (B, H, W, channels)."""
        from unet_mtl.nn.heads import pixel_head

        channels = len(self.classes) - self.is_sigmoid
        return pixel_head(features.pixels, channels, "sigmoid" if self.is_sigmoid else "softmax", self.name)

    def build_foreground(self, output: Any) -> Any:
        """Build the sum of the softmax over all classes but the background, or the largest sigmoid."""
        from unet_mtl.nn.heads import build_foreground

        return build_foreground(output, self.name, has_background=not self.is_sigmoid)

    def loss(self) -> "keras.losses.Loss":
        """Return the weighted sum of soft Dice (or Tversky) and cross-entropy."""
        return LOSSES[self.kind]["dice_cross_entropy"].build(
            len(self.classes),
            dice=self.dice,
            cross_entropy=self.cross_entropy,
            smooth=self.smooth,
            focal=self.focal,
            tversky=None if self.tversky is None else self.tversky.to_config(),
        )

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Return Dice and IoU per case, at the network's size."""
        from metrics import streaming

        options: dict[str, Any] = {"threshold": self.threshold, "ignore": IGNORE}
        n_classes = len(self.classes)
        return [
            streaming.Dice(n_classes, name=f"{self.name}_dice", **options),
            streaming.MeanIoU(n_classes, name=f"{self.name}_iou", **options),
        ]

    def decode_resized(self, output: Resized) -> MaskPrediction:
        """Return class indices: the largest probability of a softmax, or by the threshold of a sigmoid."""
        output = self._tempered(output, exclusive=not self.is_sigmoid)
        if self.foreground_threshold is not None and not self.is_sigmoid:
            mask = find_foreground(output, self.foreground_threshold)
        else:
            mask = find_largest(output, self.threshold if self.is_sigmoid else None)
        return MaskPrediction(mask=mask, output=output, classes=self.classes)

    def finish(self, prediction: MaskPrediction, spacing_mm: tuple[float, float] | None) -> MaskPrediction:
        """Return the prediction after `clean_up`."""
        if self.clean_up is None:
            return prediction
        mask = self.clean_up.apply_to_classes(prediction.mask, len(self.classes), spacing_mm)
        return replace(prediction, mask=mask)

    def score_case(
        self, truth: NDArray[np.uint8], prediction: MaskPrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Return the result of `score_mask` for the predicted mask."""
        return self.score_mask(truth, prediction.mask, spacing_mm)

    def score_mask(
        self, truth: NDArray[np.uint8], mask: NDArray[np.uint8], spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Return overlap and surface scores by class, their mean and, with several classes, those of their union.

        Args:
            truth: Class indices (H, W); 255 marks unlabelled pixels.
            mask: Class indices (H, W), which need not be a prediction of this package.
            spacing_mm: Distances of pixel centres (between rows, between columns); None: distances are in pixels.
        """
        keys = keys_of(self.classes)
        structures = metrics.score_mask(
            truth, mask, keys, spacing_mm=spacing_mm, tolerance=self.tolerance, ignore=IGNORE
        )
        return collect_scores(structures, keys[1])
