"""Segmentation of classes that may overlap: each pixel belongs to any number of them."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

import metrics
from unet_mtl.data.images import IGNORE
from unet_mtl.data.resized import Resized
from unet_mtl.losses import LOSSES
from unet_mtl.tasks.base import Features
from unet_mtl.tasks.case_scores import CaseScores
from unet_mtl.tasks.mask_scores import collect_scores
from unet_mtl.tasks.masks import MaskTask
from unet_mtl.tasks.pixel_classes import find_reaching
from unet_mtl.tasks.predictions import OverlapPrediction, keys_of

if TYPE_CHECKING:
    import keras


class OverlappingSegmentation(MaskTask[OverlapPrediction]):
    """Segments classes that may overlap, such as a tumour inside an organ.

    The network has a sigmoid channel for each class but the background. Each channel is thresholded, learned and
    scored by itself. Masks are (H, W, K) for K classes without the background.

    Attributes:
        thresholds: One for each class but the background in place of `threshold`; empty: all have the same. `tune`
            chooses them.
    """

    kind: Literal["overlapping_segmentation"] = "overlapping_segmentation"

    thresholds: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()

    overlap: ClassVar[bool] = True
    overlap_hint: ClassVar[str] = (
        "set `kind: segmentation`, or set `overlap: true` in the mask's description, with a file for each class"
    )

    @model_validator(mode="after")
    def _fit_the_classes(self) -> Self:
        if self.classes and self.thresholds and len(self.thresholds) != len(self.classes) - 1:
            raise ValueError(
                f"`thresholds` has {len(self.thresholds)} numbers for {len(self.classes) - 1} classes besides the "
                "background; give one for each"
            )
        return self

    def encode(self, truth: NDArray[np.uint8] | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """Return the mask (already at the network's size) with weight 1, or with 0 if no pixel is labelled."""
        channels = len(self.classes) - 1
        if truth is None:
            return np.zeros((*size, channels), np.uint8), 0.0
        return truth, float((truth != IGNORE).any())

    def build_head(self, features: Features) -> Any:
        """Build a 1x1 convolution with sigmoid: (B, H, W, K)."""
        from unet_mtl.nn.heads import pixel_head

        return pixel_head(features.pixels, len(self.classes) - 1, "sigmoid", self.name)

    def build_foreground(self, output: Any) -> Any:
        """Build the largest sigmoid of all classes."""
        from unet_mtl.nn.heads import build_foreground

        return build_foreground(output, self.name, has_background=False)

    def loss(self) -> "keras.losses.Loss":
        """Return the weighted sum of soft Dice and binary cross-entropy over the channels."""
        return LOSSES[self.kind]["dice_cross_entropy"].build(
            dice=self.dice, cross_entropy=self.cross_entropy, smooth=self.smooth
        )

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Return Dice and IoU per case, as means over the classes, at the network's size."""
        from metrics import streaming

        options: dict[str, Any] = {"threshold": self.threshold, "ignore": IGNORE, "multilabel": True}
        channels = len(self.classes) - 1
        return [
            streaming.Dice(channels, name=f"{self.name}_dice", **options),
            streaming.MeanIoU(channels, name=f"{self.name}_iou", **options),
        ]

    def decode_resized(self, output: Resized) -> OverlapPrediction:
        """Return each class where its probability reaches the threshold."""
        output = self._tempered(output, exclusive=False)
        mask = find_reaching(output, self.thresholds or self.threshold)
        return OverlapPrediction(mask=mask, output=output, classes=self.classes)

    def finish(
        self, prediction: OverlapPrediction, spacing_mm: tuple[float, float] | None
    ) -> OverlapPrediction:
        """Return the prediction after `clean_up` of each class by itself."""
        if self.clean_up is None:
            return prediction
        return replace(prediction, mask=self.clean_up.apply_to_planes(prediction.mask, spacing_mm))

    def score_case(
        self, truth: NDArray[np.uint8], prediction: OverlapPrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Return overlap and surface scores by class, their mean and, with several classes, those of their union."""
        keys = keys_of(self.classes)[1:]
        structures = metrics.score_overlapping(
            truth, prediction.mask, keys, spacing_mm=spacing_mm, tolerance=self.tolerance, ignore=IGNORE
        )
        return collect_scores(structures, keys[0])
