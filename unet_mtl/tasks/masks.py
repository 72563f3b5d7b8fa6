"""What tasks of masks share, whatever a pixel may hold: reading, pooled scores, what is shown of them."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

import metrics
from unet_mtl.data.description import Description, MaskDescription
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks.base import CaseScore, CaseScores, Task
from unet_mtl.tasks.predictions import MaskPrediction, OverlapPrediction, keys_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POOLED = ("dice", "iou", "precision", "recall", "mcc")
MEANS = {
    *metrics.STRUCTURE_SCORES,
    *(f"{score}_{unit}" for score in ("hd", "hd95", "assd", "masd", "surface_dice") for unit in ("mm", "px")),
    "boundary_iou",
}
"""Scores of a case that, with several classes, are the mean over these."""
SURFACE_HEADLINES = ("hd95_mm", "hd95_px", "assd_mm", "assd_px", "surface_dice_mm", "surface_dice_px")
FIELDS = ("tp", "fp", "fn", "tn")

Masked = TypeVar("Masked", bound=MaskPrediction | OverlapPrediction)


class MaskTask(Task[NDArray[np.uint8], Masked], Generic[Masked]):
    """Base of the tasks whose target is a mask.

    Attributes:
        classes: Names by class index, the background first; filled in from the data set.
        dice: Weight of the soft Dice loss.
        cross_entropy: Weight of the cross-entropy (binary for sigmoid).
        smooth: Pixels added above and below in the soft Dice; an image without the class teaches best where
            this is about as large as the false spots that it should lose.
        threshold: Of the sigmoid (`>=`).
        tolerance: What an outline may be off, for the score surface_dice: in mm where the pixel spacing is known,
            else in pixels. None leaves that score out.
    """

    classes: tuple[str, ...] = ()
    dice: float = Field(default=1.0, ge=0)
    cross_entropy: float = Field(default=1.0, ge=0)
    smooth: float = Field(default=1.0, gt=0)
    threshold: float = Field(default=0.5, gt=0, lt=1)
    tolerance: float | None = Field(default=None, gt=0)

    spatial: ClassVar[bool] = True
    picture: ClassVar[str] = "dice"

    overlap: ClassVar[bool]
    """Whether a pixel may have several classes; the data set's description must say the same."""

    instead: ClassVar[str]
    """What to do where it says otherwise."""

    @property
    def primary(self) -> tuple[str, bool]:
        """Mean Dice of the classes but the background."""
        return ("dice", True)

    def adapt(self, train: Dataset) -> "MaskTask[Masked]":
        """Takes the classes from the data set's description."""
        described = self._mask(train.description)
        if not any(self.target_name in record.masks for record in train):
            raise DataError(f"task {self.name!r}: none of the {len(train)} train cases has a mask")
        return self.model_copy(update={"classes": described.classes})

    def read(self, record: Record, description: Description) -> NDArray[np.uint8] | None:
        """The mask, as `read_case_mask` gives it; 255 where nobody labelled."""
        described = self._mask(description)
        if self.classes and described.classes != self.classes:
            raise DataError(
                f"task {self.name!r} learned the classes {self.classes}, the data set has {described.classes}"
            )
        return read_case_mask(record, self.target_name, described)

    def reading(self, description: Description) -> Any:
        """The classes, and how the files hold them."""
        return [list(self.classes), self._mask(description).model_dump(mode="json")]

    def _mask(self, description: Description) -> MaskDescription:
        described: MaskDescription = self._described("mask", description.masks)
        if described.overlap != self.overlap:
            how = "overlap" if described.overlap else "exclude each other"
            raise ConfigError(
                f"task {self.name!r}: the classes of mask {self.target_name!r} {how} in the data set, and "
                f"`kind: {self.kind}` is for others; {self.instead}"
            )
        return described

    def _as_case(self, structures: Mapping[str, metrics.Structure]) -> CaseScores:
        """Scores and facts of what `metrics` says of each structure."""
        scores = {
            f"{score}_{key}" if key else score: CaseScore(value, structure.missed, structure.hallucinated)
            for key, structure in structures.items()
            for score, value in structure.scores.items()
        }
        facts = {
            f"{key or keys_of(self.classes)[1]}_{field}": int(getattr(structure.counts, field))
            for key, structure in structures.items()
            if structure.counts is not None
            for field in FIELDS
        }
        return CaseScores(scores, facts)

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Pooled overlap: from the pixels of all cases together, where large structures count more.

        NaN for a class that nobody has, in truth or prediction.
        """
        scores: dict[str, float] = {}
        for part in _parts(facts):
            sums = (np.asarray(facts[f"{part}_{field}"].sum(), np.int64) for field in FIELDS)
            counts = metrics.Counts(*sums)
            known = counts.tp + counts.fp + counts.fn > 0
            scores |= {
                name: float(metrics.STRUCTURE_SCORES[score](counts)) if known else math.nan
                for score, name in self._pooled(part).items()
            }
        return scores

    def bearers(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Of each score of the set, the cases that it is made of: those with the class in truth or prediction."""
        return {
            name: np.asarray(facts[[f"{part}_{field}" for field in ("tp", "fp", "fn")]].sum(axis=1) > 0)
            for part in _parts(facts)
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

    def draw_case(self, axes: "Axes", truth: NDArray[np.uint8] | None, prediction: Masked) -> None:
        """Contours: predicted solid, true dashed."""
        from unet_mtl.plots.overlay import draw_contours

        draw_contours(axes, truth, prediction.mask, self.classes)

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Dice of each case, by class."""
        from unet_mtl.plots.scores import draw_dice

        counts = {
            part: metrics.Counts(*(facts[f"{part}_{field}"].to_numpy() for field in FIELDS))
            for part in _parts(facts)
        }
        draw_dice(axes, {part: metrics.dice(its) for part, its in counts.items()})


def _parts(facts: pd.DataFrame) -> list[str]:
    """The classes, and their union where there are several."""
    return [column[:-3] for column in facts.columns if column.endswith("_tp")]
