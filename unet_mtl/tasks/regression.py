"""One number for the whole image, in the unit of its column."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from metrics import regression
from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks.base import CaseScore, CaseScores, Features, Task
from unet_mtl.tasks.predictions import ValuePrediction

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes


class Regression(Task[float, ValuePrediction]):
    """Answers with a number, learned standardised.

    Attributes:
        unit: Filled in from the data set.
        scale: "linear", or "log" for positive numbers over several orders of magnitude (counts, volumes): the
            network learns log(1 + value), so that its errors are relative ones.
        robust: Huber loss (quadratic up to one standard deviation, then linear) instead of the mean square.
        mean: Of the train values on that scale; filled in.
        deviation: Their standard deviation; filled in.
        median: Of the train values in their unit; filled in.
    """

    kind: Literal["regression"] = "regression"
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    robust: bool = True
    mean: float = 0.0
    deviation: float = Field(default=1.0, gt=0)
    median: float = 0.0

    picture: ClassVar[str] = "agreement"

    @property
    def primary(self) -> tuple[str, bool]:
        """Mean absolute error: lower is better."""
        return ("mae", False)

    @property
    def ranking(self) -> tuple[str, bool]:
        """Absolute error: lower is better."""
        return ("absolute_error", False)

    def adapt(self, train: Dataset) -> "Regression":
        """Takes the unit from the description, mean and deviation from the train values."""
        described = self._column(train.description)
        found = [float(r.labels[self.target_name]) for r in train if self.target_name in r.labels]
        if not found:
            raise DataError(
                f"task {self.name!r}: none of the {len(train)} train cases has a {self.target_name!r}"
            )
        if self.scale == "log" and min(found) <= -1:
            raise ConfigError(
                f"task {self.name!r}: scale: log needs values above -1, received {min(found):g}"
            )
        values = self._forward(np.asarray(found))
        # Of equal values, rounding leaves a deviation that is not quite 0.
        constants = {
            "mean": float(values.mean()),
            "deviation": float(values.std()) if np.ptp(values) else 1.0,
        }
        return self.model_copy(update=constants | {"median": float(np.median(found)), "unit": described.unit})

    def _column(self, description: Description) -> ColumnDescription:
        described: ColumnDescription = self._described("column", description.columns)
        if not described.is_number:
            raise ConfigError(
                f"task {self.name!r}: column {self.target_name!r} holds words; make it a classification"
            )
        return described

    def _forward(self, values: Any) -> Any:
        return np.log1p(values) if self.scale == "log" else values

    def _backward(self, values: Any) -> Any:
        return np.expm1(values) if self.scale == "log" else values

    def read(self, record: Record, description: Description) -> float | None:
        """The number in its unit."""
        described = self._column(description)
        if described.unit != self.unit:
            raise DataError(
                f"task {self.name!r} learned {self.unit!r}, the data set gives {described.unit!r}"
            )
        label = record.labels.get(self.target_name)
        return None if label is None else float(label)

    def encode(self, truth: float | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """The standardised number; 0 with weight 0 where it is unknown."""
        value = 0.0 if truth is None else (self._forward(truth) - self.mean) / self.deviation
        return np.asarray(value, np.float32), float(truth is not None)

    def build_head(self, features: Features) -> Any:
        """A dense layer with one linear unit: (B, 1)."""
        from unet_mtl.nn.heads import dense_head

        return dense_head(features.pooled, 1, "linear", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Huber or squared error of the standardised number."""
        from unet_mtl.losses import ValueLoss

        return ValueLoss(delta=1.0 if self.robust else None)

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Mean absolute error, in the unit (on a log scale: of the logarithm)."""
        from metrics import streaming

        return [streaming.MeanAbsoluteError(scale=self.deviation, name=f"{self.name}_mae")]

    def decode(self, raw: NDArray[np.float32]) -> ValuePrediction:
        """Back to the unit."""
        value = self._backward(float(raw[0]) * self.deviation + self.mean)
        return ValuePrediction(self.name, float(value), self.unit)

    def score_case(
        self, truth: float, prediction: ValuePrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Absolute and relative error."""
        pair = np.asarray([truth]), np.asarray([prediction.value])
        scores = {
            "absolute_error": CaseScore(regression.mae(*pair)),
            "relative_error": CaseScore(float(regression.relative_errors(*pair)[0])),
        }
        return CaseScores(scores, {"truth": truth, "predicted": prediction.value})

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Error, bias and correlation over the set, and what the train median alone would give."""
        true, predicted = facts["truth"].to_numpy(float), facts["predicted"].to_numpy(float)
        always = np.full(len(true), self.median)
        limits = regression.limits_of_agreement(true, predicted)
        return {
            "median_relative_error": regression.median_relative_error(true, predicted),
            "median_relative_error_of_train_median": regression.median_relative_error(true, always),
            "rmse": regression.rmse(true, predicted),
            "mae_of_train_median": regression.mae(true, always),
            "bias": limits.bias,
            "limit_of_agreement_low": limits.low,
            "limit_of_agreement_high": limits.high,
            "r2": regression.r2(true, predicted),
            "pearson": regression.pearson(true, predicted),
            "spearman": regression.spearman(true, predicted),
            "concordance": regression.concordance(true, predicted),
        }

    def is_headline(self, score: str) -> bool:
        """All but the second kinds of correlation."""
        return score not in ("spearman", "concordance")

    def truth_title(self, truth: float) -> str:
        """The value with its unit."""
        return f"{truth:.3g} {self.unit}".rstrip()

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Predicted against true."""
        from unet_mtl.plots.scores import draw_agreement

        draw_agreement(axes, facts["truth"].to_numpy(float), facts["predicted"].to_numpy(float), self.unit)
