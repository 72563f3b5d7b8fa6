"""The base class of tasks that predict masks, with or without overlap of the classes."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

import metrics
from metrics.interval_ends import Limits
from unet_mtl.data.description import Description, MaskDescription
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.resized import Resized
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks.base import Task
from unet_mtl.tasks.clean_up import CleanUp
from unet_mtl.tasks.mask_scores import (
    MEANS,
    SURFACE_HEADLINES,
    counts_by_class,
    limits_of,
    pooled_cases,
    pooled_scores,
)
from unet_mtl.tasks.predictions import MaskPrediction, OverlapPrediction
from unet_mtl.tasks.tempering import temper

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Masked = TypeVar("Masked", bound=MaskPrediction | OverlapPrediction)


class MaskTask(Task[NDArray[np.uint8], Masked], Generic[Masked]):
    """Base of the tasks that predict masks.

    Attributes:
        classes: Names by class index, the background first; set by `adapt`.
        dice: The weight of the soft Dice loss.
        cross_entropy: The weight of the cross-entropy (binary for sigmoid).
        smooth: Pixels added to numerator and denominator of the soft Dice. For images without the class, the
            gradient is largest if this is about the size of the false positive regions to be avoided.
        threshold: The probability from which on (`>=`) a sigmoid channel is positive.
        temperature: The number that the logits of pixels are divided by before probabilities are shown; `tune` fits it.
        clean_up: What is removed from predicted masks and added to them; None: nothing. `tune` chooses it.
        tolerance: The tolerance of the score surface_dice, in mm where the pixel spacing is known, else in pixels;
            None: that score is not computed.
    """

    classes: tuple[str, ...] = ()
    dice: float = Field(default=1.0, ge=0)
    cross_entropy: float = Field(default=1.0, ge=0)
    smooth: float = Field(default=1.0, gt=0)
    threshold: float = Field(default=0.5, gt=0, lt=1)
    temperature: float = Field(default=1.0, gt=0)
    clean_up: CleanUp | None = None
    tolerance: float | None = Field(default=None, gt=0)

    spatial: ClassVar[bool] = True
    picture: ClassVar[str] = "dice"

    overlap: ClassVar[bool]
    """Whether a pixel may have several classes; `overlap` in the data set's description must be the same."""

    overlap_hint: ClassVar[str]
    """Advice in the error message if `overlap` differs in the data set."""

    @property
    def primary(self) -> tuple[str, bool]:
        """Mean Dice over all classes but the background."""
        return ("dice", True)

    @property
    def _has_several(self) -> bool:
        return len(self.classes) > 2

    def adapt(self, train: Dataset) -> "MaskTask[Masked]":
        """Return the task with the classes of the data set's description."""
        described = self._mask(train.description)
        if not any(self.target_name in record.masks for record in train):
            raise DataError(f"task {self.name!r}: none of the {len(train)} train cases has a mask")
        return self.model_copy(update={"classes": described.classes})

    def read(self, record: Record, description: Description) -> NDArray[np.uint8] | None:
        """Return the mask in the form of `read_case_mask`; 255 marks unlabelled pixels."""
        described = self._mask(description)
        if self.classes and described.classes != self.classes:
            raise DataError(
                f"task {self.name!r} learned the classes {self.classes}, the data set has {described.classes}"
            )
        return read_case_mask(record, self.target_name, described)

    def cache_key(self, description: Description) -> Any:
        """Return the classes and the description of the mask."""
        return [list(self.classes), self._mask(description).model_dump(mode="json")]

    def _mask(self, description: Description) -> MaskDescription:
        described: MaskDescription = self._find_described("mask", description.masks)
        if described.overlap != self.overlap:
            relation = "overlap" if described.overlap else "exclude each other"
            raise ConfigError(
                f"task {self.name!r}: the classes of mask {self.target_name!r} {relation} in the data set, which "
                f"`kind: {self.kind}` cannot learn; {self.overlap_hint}"
            )
        return described

    def decode(self, raw: NDArray[np.float32]) -> Masked:
        """Return the prediction from an output that has the size of the image."""
        return self.decode_resized(Resized(raw, (raw.shape[0], raw.shape[1])))

    def _tempered(self, output: Resized, *, exclusive: bool) -> Resized:
        """Return the output after the temperature, which is applied before the output is resized."""
        if self.temperature == 1:
            return output
        return replace(output, raw=temper(output.raw, self.temperature, exclusive=exclusive))

    @abstractmethod
    def decode_resized(self, output: Resized) -> Masked:
        """Return the prediction at the size of the image, without an array of all channels of that size."""

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Return overlap scores of the pixels of all cases together; NaN for a class that does not occur."""
        return pooled_scores(facts, several=self._has_several)

    def score_limits(self, score: str) -> Limits:
        """Return 0 and infinity for distances, -1 and 1 for MCC, and 0 and 1 for the other scores of overlap."""
        return limits_of(score)

    def contributing_cases(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Return, for each score of the set, the cases with the class in truth or prediction."""
        return pooled_cases(facts, several=self._has_several)

    def score_label(self, score: str) -> str:
        """Return the name of a score for tables that people read; means over classes are marked."""
        return f"{score} (mean of classes)" if self._has_several and score in MEANS else score

    def is_headline(self, score: str) -> bool:
        """Return whether a score is Dice of any class, another overlap mean, or one of two distances."""
        known = score in metrics.STRUCTURE_SCORES or score in SURFACE_HEADLINES
        return known or score.startswith(("dice", "pooled_dice"))

    def draw_case(
        self,
        axes: "Axes",
        truth: NDArray[np.uint8] | None,
        prediction: Masked,
        tasks: Sequence[Task[Any, Any]] = (),
    ) -> None:
        """Draw contours: solid for the prediction, dashed for the label."""
        from unet_mtl.plots.overlay import draw_contours

        masks = [task for task in tasks if isinstance(task, MaskTask)]
        before = takewhile(lambda task: task.name != self.name, masks)
        # Masks of several tasks often have classes of the same name, such as "foreground".
        names = [f"{self.name}: {name}" for name in self.classes] if len(masks) > 1 else self.classes
        first = 1 + sum(len(task.classes) - 1 for task in before)
        draw_contours(axes, truth, prediction.mask, names, first)

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Draw the Dice of each case, by class."""
        from unet_mtl.plots.scores import draw_dice

        draw_dice(axes, {key: metrics.dice(counts) for key, counts in counts_by_class(facts).items()})
