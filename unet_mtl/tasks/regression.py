"""One number or several for the whole image, in the units of their columns."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.tasks import number_coding, number_scores
from unet_mtl.tasks.base import CaseScores, Features, Task
from unet_mtl.tasks.number_coding import Number, Scale, by_suffix, check_columns
from unet_mtl.tasks.predictions import ValuePrediction

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes

Truth = Mapping[str, float]


class Regression(Task[Truth, ValuePrediction]):
    """Answers with numbers, learned standardised; a truth is the known ones by column.

    Attributes:
        targets: Columns, for several numbers in place of `target`; any of them may be unknown for a case.
        scale: "linear", or "log" for positive numbers over several orders of magnitude (counts, volumes): the
            network learns log(1 + value), so that its errors are relative ones.
        loss_kind: Set as `loss`. "huber": quadratic up to one standard deviation, then linear; "mse": the mean
            square; "gaussian": likelihood of a normal distribution, so that answers have a 95 % interval.
        numbers: Units and constants of the train cases by target; filled in.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    kind: Literal["regression"] = "regression"
    targets: tuple[str, ...] = ()
    scale: Scale = "linear"
    loss_kind: Literal["huber", "mse", "gaussian"] = Field(default="huber", alias="loss")
    numbers: tuple[Number, ...] = ()

    picture: ClassVar[str] = "agreement"

    @model_validator(mode="after")
    def _columns_tell_apart(self) -> Self:
        if self.target and self.targets:
            raise ValueError("`target` and `targets` contradict each other; keep one of them")
        check_columns(self.targets)
        return self

    @property
    def target_names(self) -> tuple[str, ...]:
        """Columns of its numbers."""
        return self.targets or (self.target_name,)

    @property
    def _numbers(self) -> tuple[Number, ...]:
        return self.numbers or tuple(Number(column=name, scale=self.scale) for name in self.target_names)

    @property
    def primary(self) -> tuple[str, bool]:
        """Mean absolute error: lower is better."""
        return ("mae", False)

    @property
    def ranking(self) -> tuple[str, bool]:
        """Absolute error, of several numbers in standard deviations: lower is better."""
        return ("absolute_error" if len(self._numbers) == 1 else "standardised_error", False)

    def adapt(self, train: Dataset) -> "Regression":
        """Takes units from the description, means and deviations from the train values."""
        numbers = number_coding.fit(self.name, self._columns(train.description), self.scale, train)
        return self.model_copy(update={"numbers": numbers})

    def _columns(self, description: Description) -> dict[str, ColumnDescription]:
        return {name: self._described("column", description.columns, name) for name in self.target_names}

    def read(self, record: Record, description: Description) -> Truth | None:
        """The known numbers in their units."""
        return number_coding.read(self.name, self._numbers, self._columns(description), record) or None

    def encode(self, truth: Truth | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """(n, 2) float32: each number standardised with 1 behind it, or 0 and 0 where it is unknown."""
        target = number_coding.encode(self._numbers, truth or {})
        return target, float(target[:, 1].mean())

    def build_head(self, features: Features) -> Any:
        """A linear dense layer: (B, n); or (B, 2n) for "gaussian", n means and then n log-variances."""
        from unet_mtl.nn.heads import dense_head

        units = len(self._numbers) * (2 if self.loss_kind == "gaussian" else 1)
        return dense_head(features.pooled, units, "linear", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Of the standardised numbers, the mean over those that are known."""
        from unet_mtl.losses import GaussianLoss, ValueLoss

        if self.loss_kind == "gaussian":
            return GaussianLoss()
        return ValueLoss(delta=1.0 if self.loss_kind == "huber" else None)

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Mean absolute error in the unit (on a log scale: of the logarithm), over known numbers alone.

        Of several numbers that of each, and of all of them together in standard deviations.
        """
        from metrics import streaming

        each = [
            streaming.MeanAbsoluteError(number.deviation, f"{self.name}_mae{suffix}", index=index)
            for index, (suffix, number) in enumerate(by_suffix(self._numbers).items())
        ]
        return each if len(each) == 1 else [streaming.MeanAbsoluteError(name=f"{self.name}_mae"), *each]

    def decode(self, raw: NDArray[np.float32]) -> ValuePrediction:
        """Back to the units."""
        return ValuePrediction(self.name, number_coding.decode(self._numbers, raw))

    def score_case(
        self, truth: Truth, prediction: ValuePrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Errors of each known number."""
        return number_scores.score_case(self._numbers, truth, prediction.values)

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Of each number, over the cases that have it."""
        return number_scores.score_set(self._numbers, facts)

    def labelled(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Of each number's scores, the cases that have it."""
        return number_scores.labelled(self._numbers, facts)

    def is_headline(self, score: str) -> bool:
        """All but the second kinds of correlation."""
        return not score.startswith(("spearman", "concordance"))

    def truth_title(self, truth: Truth) -> str:
        """The known values with their units."""
        return number_coding.describe(self._numbers, truth)

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Predicted against true, a panel for each number."""
        from unet_mtl.plots.agreement import Agreement, draw_agreements

        parts = [(n, number_scores.pick_facts(facts, s)) for s, n in by_suffix(self._numbers).items()]
        draw_agreements(axes, [Agreement(n.column, n.unit, **part) for n, part in parts])
