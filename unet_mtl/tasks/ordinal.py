"""Ordinal classification: one of several ordered grades for the whole image."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import metrics
from unet_mtl.losses import LOSSES
from unet_mtl.tasks.base import Features
from unet_mtl.tasks.classes import ClassTask
from unet_mtl.tasks.loss_settings import LabelSmoothing, OrdinalMethod
from unet_mtl.tasks.predictions import GradePrediction
from unet_mtl.tasks.score_samples import errors_of, share_of

if TYPE_CHECKING:
    import keras


class Ordinal(ClassTask):
    """Predicts one of several ordered classes, such as BI-RADS grades, where distant errors are worse than near ones.

    The order of `classes` in the description of the data set is that of the grades, the lowest first.

    Attributes:
        method: "corn": each threshold between two grades has its own weights, and learns from the cases above the
            previous threshold (Shi et al. 2023, doi:10.1007/s10044-023-01181-9). "cumulative": all thresholds share
            the weights and have a bias each, which suits few cases (CORAL, Cao et al. 2020,
            doi:10.1016/j.patrec.2020.11.008; proportional odds, McCullagh 1980,
            doi:10.1111/j.2517-6161.1980.tb01109.x).
        label_smoothing: The share of each answer, "above this threshold" or not, that is spread over both; 0: none.
    """

    kind: Literal["ordinal"] = "ordinal"
    method: OrdinalMethod = "corn"
    label_smoothing: LabelSmoothing = 0.0

    @property
    def primary(self) -> tuple[str, bool]:
        """Quadratic weighted kappa: agreement beyond chance, with errors weighted by their square."""
        return ("quadratic_weighted_kappa", True)

    @property
    def comparison_score(self) -> tuple[str, bool]:
        """Absolute error in grades; lower is better."""
        return ("mae", False)

    def comparison_values(self, cases: pd.DataFrame) -> NDArray[np.float64]:
        """Return the absolute error of each case in grades."""
        pairs = zip(*self._labels(cases), strict=True)
        return np.array([metrics.grade_mae([true], [predicted]) for true, predicted in pairs])

    def build_head(self, features: Features) -> Any:
        """Build a sigmoid for each threshold: (B, classes - 1)."""
        from unet_mtl.nn.heads import dense_head, threshold_head

        thresholds = len(self.classes) - 1
        if self.method == "cumulative":
            return threshold_head(features.pooled, thresholds, self.name)
        return dense_head(features.pooled, thresholds, "sigmoid", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Return the cross-entropy of the thresholds, weighted by grade."""
        return LOSSES[self.kind][self.method].build(
            len(self.classes), self._weights(), label_smoothing=self.label_smoothing
        )

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Return quadratic weighted kappa and mean absolute error in grades over the labelled cases."""
        from metrics import streaming

        options: dict[str, Any] = {"conditional": self.method == "corn"}
        return [
            streaming.QuadraticWeightedKappa(
                len(self.classes), name=f"{self.name}_quadratic_weighted_kappa", **options
            ),
            streaming.GradeMAE(len(self.classes), name=f"{self.name}_mae", **options),
        ]

    def decode(self, raw: NDArray[np.float32]) -> GradePrediction:
        """Return the median grade: the number of thresholds that are passed with a probability of at least 0.5."""
        # P(grade > k) must not rise with k; shared weights alone do not keep the biases in order.
        beyond = np.cumprod(raw) if self.method == "corn" else np.minimum.accumulate(raw)
        edges = np.concatenate([[1], beyond, [0]]).astype(np.float32)
        label = self.classes[int((beyond >= 0.5).sum())]
        return GradePrediction(self.name, label, edges[:-1] - edges[1:], self.classes)

    def _output_of(self, probabilities: NDArray[np.float64]) -> NDArray[np.float32]:
        # P(grade > k) for each threshold; for "corn" conditional on having passed the threshold before.
        beyond = np.cumsum(probabilities[::-1])[::-1][1:]
        if self.method == "corn":
            before = np.concatenate([[1.0], beyond[:-1]])
            beyond = np.divide(beyond, before, out=np.zeros_like(beyond), where=before > 0)
        return np.clip(beyond, 0, 1).astype(np.float32)

    def _suspicion(self, facts: pd.DataFrame) -> NDArray[np.float64]:
        """Return the expected rank of each image."""
        ranks: NDArray[np.float64] = self._probabilities(facts) @ np.arange(1, len(self.classes) + 1)
        return ranks

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Return agreement and error in grades, and those of the most frequent and the median train grade."""
        true, predicted = self._labels(facts)
        majority, median = (np.full(len(true), grade) for grade in self._usual_grades())
        return {
            "accuracy": metrics.accuracy(true, predicted),
            "accuracy_of_train_majority": metrics.accuracy(true, majority),
            "adjacent_accuracy": metrics.adjacent_accuracy(true, predicted),
            "adjacent_accuracy_of_train_median": metrics.adjacent_accuracy(true, median),
            "mae": metrics.grade_mae(true, predicted),
            "mae_of_train_median": metrics.grade_mae(true, median),
            "macro_mae": metrics.macro_grade_mae(true, predicted),
            "quadratic_weighted_kappa": metrics.quadratic_weighted_kappa(true, predicted),
            "log_loss": metrics.log_loss(true, self._probabilities(facts)),
        }

    def score_samples(self, facts: pd.DataFrame) -> dict[str, metrics.Sample]:
        """Return the samples of shares and mean errors."""
        true, predicted = self._labels(facts)
        majority, median = (np.full(len(true), grade) for grade in self._usual_grades())
        return {
            "accuracy": share_of(true == predicted),
            "accuracy_of_train_majority": share_of(true == majority),
            "adjacent_accuracy": share_of(abs(true - predicted) <= 1),
            "adjacent_accuracy_of_train_median": share_of(abs(true - median) <= 1),
            "mae": errors_of(metrics.grade_mae, true, predicted),
            "mae_of_train_median": errors_of(metrics.grade_mae, true, median),
            "log_loss": errors_of(metrics.log_loss, true, self._probabilities(facts)),
        }

    def _usual_grades(self) -> tuple[int, int]:
        """Return the most frequent and the median grade of train."""
        reaches_half = np.cumsum(self.counts) * 2 >= sum(self.counts)
        return int(np.argmax(self.counts)), int(np.argmax(reaches_half))

    def is_headline(self, score: str) -> bool:
        """Return whether a score is about decisions, not about the probabilities, and no macro mean."""
        return score not in ("macro_mae", "log_loss")
