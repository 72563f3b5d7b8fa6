"""Regression: one number or several for the whole image, in the units of their columns."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.losses import LOSSES
from unet_mtl.tasks import number_coding, number_scores
from unet_mtl.tasks.base import CaseScores, Features, Task
from unet_mtl.tasks.loss_settings import RegressionLoss
from unet_mtl.tasks.number import Number, Scale, by_suffix, check_columns
from unet_mtl.tasks.predictions import ValuePrediction

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes

Truth = Mapping[str, float]


class Regression(Task[Truth, ValuePrediction]):
    """Predicts numbers, which are learned in standardised form. A truth has the known numbers by column.

    Attributes:
        targets: Columns of several numbers, in place of `target`; any of them may be unknown for a case.
        scale: "linear", or "log" for positive numbers over several orders of magnitude, such as counts and volumes:
            the network learns log(1 + value), so that errors are relative ones.
        loss_kind: Set as `loss`. "huber": quadratic up to one standard deviation, then linear. "mse": quadratic.
            "gaussian": the likelihood of a normal distribution, so that predictions have a 95 % interval.
        numbers: Units and constants of the train cases for each target; set by `adapt`.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    kind: Literal["regression"] = "regression"
    targets: tuple[str, ...] = ()
    scale: Scale = "linear"
    loss_kind: RegressionLoss = Field(default="huber", alias="loss")
    numbers: tuple[Number, ...] = ()

    picture: ClassVar[str] = "agreement"

    @model_validator(mode="after")
    def _check_targets(self) -> Self:
        if self.target and self.targets:
            raise ValueError("`target` and `targets` contradict each other; keep one of them")
        check_columns(self.targets)
        return self

    @property
    def target_names(self) -> tuple[str, ...]:
        """The columns of the numbers."""
        return self.targets or (self.target_name,)

    @property
    def _numbers(self) -> tuple[Number, ...]:
        return self.numbers or tuple(Number(column=name, scale=self.scale) for name in self.target_names)

    @property
    def primary(self) -> tuple[str, bool]:
        """Mean absolute error; lower is better."""
        return ("mae", False)

    @property
    def ranking(self) -> tuple[str, bool]:
        """Absolute error or, for several numbers, its mean in standard deviations; lower is better."""
        return ("absolute_error" if len(self._numbers) == 1 else "standardised_error", False)

    def adapt(self, train: Dataset) -> "Regression":
        """Return the task with units from the description and constants from the train values."""
        numbers = number_coding.fit(self.name, self._columns(train.description), self.scale, train)
        return self.model_copy(update={"numbers": numbers})

    def _columns(self, description: Description) -> dict[str, ColumnDescription]:
        return {name: self._find_described("column", description.columns, name) for name in self.target_names}

    def read(self, record: Record, description: Description) -> Truth | None:
        """Return the known numbers in their units; None if all are unknown."""
        return number_coding.read(self.name, self._numbers, self._columns(description), record) or None

    def encode(self, truth: Truth | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """Return (n, 2) float32: each number standardised and followed by 1, or 0 and 0 where it is unknown."""
        target = number_coding.encode(self._numbers, truth or {})
        return target, float(target[:, 1].mean())

    def build_head(self, features: Features) -> Any:
        """Build a linear dense layer: (B, n), or (B, 2n) for "gaussian" with n means, then n log-variances."""
        from unet_mtl.nn.heads import dense_head

        units = len(self._numbers) * LOSSES[self.kind][self.loss_kind].outputs
        return dense_head(features.pooled, units, "linear", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Return the mean loss over the known numbers, in standard deviations."""
        return LOSSES[self.kind][self.loss_kind].build()

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Return the mean absolute error over known numbers in their unit (on a log scale: of the logarithm).

        With several numbers there is one for each, and one over all of them in standard deviations.
        """
        from metrics import streaming

        each = [
            streaming.MeanAbsoluteError(number.deviation, f"{self.name}_mae{suffix}", index=index)
            for index, (suffix, number) in enumerate(by_suffix(self._numbers).items())
        ]
        return each if len(each) == 1 else [streaming.MeanAbsoluteError(name=f"{self.name}_mae"), *each]

    def decode(self, raw: NDArray[np.float32]) -> ValuePrediction:
        """Return the numbers in their units."""
        return ValuePrediction(self.name, number_coding.decode(self._numbers, raw))

    def score_case(
        self, truth: Truth, prediction: ValuePrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Return the errors of each known number."""
        return number_scores.score_case(self._numbers, truth, prediction.values)

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Return the scores of each number, over the cases where it is known."""
        return number_scores.score_set(self._numbers, facts)

    def labelled_cases(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Return, for each score, the cases where its number is known."""
        return number_scores.labelled_cases(self._numbers, facts)

    def is_headline(self, score: str) -> bool:
        """Return whether a score is none of the additional correlations."""
        return not score.startswith(("spearman", "concordance"))

    def truth_title(self, truth: Truth) -> str:
        """Return the known numbers with their units."""
        return number_coding.describe(self._numbers, truth)

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Draw predicted against true values, with a panel for each number."""
        from unet_mtl.plots.agreement import Agreement, draw_agreements

        parts = [(n, number_scores.pick_facts(facts, s)) for s, n in by_suffix(self._numbers).items()]
        draw_agreements(axes, [Agreement(n.column, n.unit, **part) for n, part in parts])
