"""A mask: each pixel belongs to one class."""

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

import metrics
from unet_mtl.data.description import Description, MaskDescription
from unet_mtl.data.images import IGNORE
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError
from unet_mtl.tasks.base import CaseScore, CaseScores, Features, Task
from unet_mtl.tasks.loss_settings import Tversky
from unet_mtl.tasks.predictions import MaskPrediction, keys_of

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes

POOLED = ("dice", "iou", "precision", "recall", "mcc")
MEANS = {
    *metrics.STRUCTURE_SCORES,
    *(f"{score}_{unit}" for score in ("hd", "hd95", "assd", "masd", "surface_dice") for unit in ("mm", "px")),
    "boundary_iou",
}
"""Scores of a case that, with several classes, are the mean over these."""
SURFACE_HEADLINES = ("hd95_mm", "hd95_px", "assd_mm", "assd_px", "surface_dice_mm", "surface_dice_px")


class Segmentation(Task[NDArray[np.uint8], MaskPrediction]):
    """Segments classes that exclude each other.

    Attributes:
        classes: Names by mask value, the background first; filled in from the data set.
        activation: "softmax": one channel a class. "sigmoid": one channel a class but the background; a
            pixel is background unless its largest channel reaches `threshold`. "auto": sigmoid for two classes.
        dice: Weight of the soft Dice loss.
        cross_entropy: Weight of the cross-entropy (binary for sigmoid).
        smooth: Pixels added above and below in the soft Dice; an image without the class teaches best where
            this is about as large as the false spots that it should lose.
        focal: Exponent by which pixels that are right already count less in the cross-entropy; 0: they do not.
        tversky: alpha, beta and gamma of the Tversky loss in place of Dice, with the weight `dice`; None: Dice.
        threshold: Of the sigmoid (`>=`).
        tolerance: What an outline may be off, for the score surface_dice: in mm where the pixel spacing is known,
            else in pixels. None leaves that score out.
    """

    kind: Literal["segmentation"] = "segmentation"
    classes: tuple[str, ...] = ()
    activation: Literal["auto", "softmax", "sigmoid"] = "auto"
    dice: float = Field(default=1.0, ge=0)
    cross_entropy: float = Field(default=1.0, ge=0)
    smooth: float = Field(default=1.0, gt=0)
    focal: float = Field(default=0.0, ge=0)
    tversky: Tversky | None = None
    threshold: float = Field(default=0.5, gt=0, lt=1)
    tolerance: float | None = Field(default=None, gt=0)

    spatial: ClassVar[bool] = True
    picture: ClassVar[str] = "dice"

    @property
    def primary(self) -> tuple[str, bool]:
        """Mean Dice of the classes but the background."""
        return ("dice", True)

    @property
    def _sigmoid(self) -> bool:
        return self.activation == "sigmoid" or (self.activation == "auto" and len(self.classes) == 2)

    def adapt(self, train: Dataset) -> "Segmentation":
        """Takes the classes from the data set's description."""
        described: MaskDescription = self._described("mask", train.description.masks)
        if not any(self.target_name in record.masks for record in train):
            raise DataError(f"task {self.name!r}: none of the {len(train)} train cases has a mask")
        return self.model_copy(update={"classes": described.classes})

    def read(self, record: Record, description: Description) -> NDArray[np.uint8] | None:
        """The mask as class indices; 255 where nobody labelled."""
        described: MaskDescription = self._described("mask", description.masks)
        if self.classes and described.classes != self.classes:
            raise DataError(
                f"task {self.name!r} learned the classes {self.classes}, the data set has {described.classes}"
            )
        return read_case_mask(record, self.target_name, described)

    def reading(self, description: Description) -> Any:
        """The classes, and how the files hold them."""
        described: MaskDescription = self._described("mask", description.masks)
        return [list(self.classes), described.model_dump(mode="json")]

    def encode(self, truth: NDArray[np.uint8] | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """The mask itself (already at the network's size); background with weight 0 where there is none."""
        return (np.zeros(size, np.uint8), 0.0) if truth is None else (truth, 1.0)

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
        structures = metrics.score_mask(
            truth,
            mask,
            keys_of(self.classes),
            spacing_mm=spacing_mm,
            tolerance=self.tolerance,
            ignore=IGNORE,
        )
        scores = {
            f"{score}_{key}" if key else score: CaseScore(value, structure.missed, structure.hallucinated)
            for key, structure in structures.items()
            for score, value in structure.scores.items()
        }
        facts = {
            f"{key or keys_of(self.classes)[1]}_{field}": int(getattr(structure.counts, field))
            for key, structure in structures.items()
            if structure.counts is not None
            for field in ("tp", "fp", "fn", "tn")
        }
        return CaseScores(scores, facts)

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Pooled overlap: from the pixels of all cases together, where large structures count more.

        NaN for a class that nobody has, in truth or prediction.
        """
        scores: dict[str, float] = {}
        for part in [column[:-3] for column in facts.columns if column.endswith("_tp")]:
            sums = (
                np.asarray(facts[f"{part}_{field}"].sum(), np.int64) for field in ("tp", "fp", "fn", "tn")
            )
            counts = metrics.Counts(*sums)
            known = counts.tp + counts.fp + counts.fn > 0
            scores |= {
                name: float(metrics.STRUCTURE_SCORES[score](counts)) if known else math.nan
                for score, name in self._pooled(part).items()
            }
        return scores

    def bearers(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Of each score of the set, the cases that it is made of: those with the class in truth or prediction."""
        parts = [column[:-3] for column in facts.columns if column.endswith("_tp")]
        return {
            name: np.asarray(facts[[f"{part}_{field}" for field in ("tp", "fp", "fn")]].sum(axis=1) > 0)
            for part in parts
            for name in self._pooled(part).values()
        }

    def _pooled(self, part: str) -> dict[str, str]:
        suffix = f"_{part}" if len(self.classes) > 2 else ""
        return {score: f"pooled_{score}{suffix}" for score in POOLED}

    def label(self, score: str) -> str:
        """The name of a score for readers, who are to know a mean over classes from the score of one."""
        return f"{score} (mean of classes)" if len(self.classes) > 2 and score in MEANS else score

    def is_headline(self, score: str) -> bool:
        """Dice of every class, and the means of the others; of the many distances two."""
        known = score in metrics.STRUCTURE_SCORES or score in SURFACE_HEADLINES
        return known or score.startswith(("dice", "pooled_dice"))

    def draw_case(self, axes: "Axes", truth: NDArray[np.uint8] | None, prediction: MaskPrediction) -> None:
        """Contours: predicted solid, true dashed."""
        from unet_mtl.plots.overlay import draw_contours

        draw_contours(axes, truth, prediction.mask, self.classes)

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Dice of each case, by class."""
        from unet_mtl.plots.scores import draw_dice

        parts = [column[:-3] for column in facts.columns if column.endswith("_tp")]
        columns = {
            part: [facts[f"{part}_{field}"].to_numpy() for field in ("tp", "fp", "fn", "tn")]
            for part in parts
        }
        draw_dice(axes, {part: metrics.dice(metrics.Counts(*counts)) for part, counts in columns.items()})
