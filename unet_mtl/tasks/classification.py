"""Classification: one class out of several for the whole image."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

import metrics
from unet_mtl.losses import LOSSES
from unet_mtl.tasks.base import Features
from unet_mtl.tasks.classes import ClassTask, sensitivity_and_specificity
from unet_mtl.tasks.loss_settings import LabelSmoothing
from unet_mtl.tasks.predictions import ClassPrediction
from unet_mtl.tasks.score_samples import errors_of, share_of, yes_no_samples
from unet_mtl.tasks.tempering import temper

if TYPE_CHECKING:
    import keras


Share = Annotated[float, Field(gt=0, lt=1)]
Cost = Annotated[float, Field(ge=0)]

HEADLINES = (
    "accuracy",
    "majority_accuracy",
    "balanced_accuracy",
    "f1",
    "mcc",
    "auroc",
    "sensitivity",
    "specificity",
)


class Classification(ClassTask):
    """Predicts one class of a column.

    Attributes:
        focal: The exponent of the focal cross-entropy, by which well-classified cases count less; 0: plain
            cross-entropy.
        label_smoothing: The share of each label that is spread evenly over all classes, 0.1 for example, so that the
            network has no gain from being certain; 0: none. Not together with `focal`.
        threshold: For two classes, the probability of the second class from which on (`>=`) it is predicted.
        thresholds: For several classes, one number in 0..1 for each: the class with the largest quotient of probability
            and threshold is predicted. Empty: the most probable class. `tune` chooses them.
        costs: For several classes, the cost of each answer (columns) for each true class (rows): the class with the
            least expected cost is predicted. Not together with `thresholds`. Empty: none.
        temperature: The number that logits are divided by before probabilities are shown; `tune` fits it.
    """

    kind: Literal["classification"] = "classification"
    focal: float = Field(default=0.0, ge=0)
    label_smoothing: LabelSmoothing = 0.0
    threshold: float = Field(default=0.5, gt=0, lt=1)
    thresholds: tuple[Share, ...] = ()
    costs: tuple[tuple[Cost, ...], ...] = ()
    temperature: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _fit_the_classes(self) -> Self:
        if self.thresholds and self.costs:
            raise ValueError("`thresholds` and `costs` are two rules for the same answer; set one of them")
        n = len(self.classes)
        if n and self.thresholds and (n == 2 or len(self.thresholds) != n):
            raise ValueError(
                f"`thresholds` has {len(self.thresholds)} numbers and the task {n} classes; give one for each of "
                "several classes, or `threshold` for two"
            )
        if n and self.costs and (n == 2 or {len(self.costs), *map(len, self.costs)} != {n}):
            raise ValueError(
                f"`costs` has to be {n} by {n} numbers, a row for each true class; for two classes set `threshold`"
            )
        return self

    @model_validator(mode="after")
    def _one_change_of_the_loss(self) -> Self:
        if self.focal and self.label_smoothing:
            raise ValueError(
                "`focal` counts cases less the more certain the network is, and `label_smoothing` keeps it from being "
                "certain; set one of them"
            )
        return self

    @property
    def primary(self) -> tuple[str, bool]:
        """Macro F1, in which a rare class counts as much as a frequent one."""
        return ("f1", True)

    def build_head(self, features: Features) -> Any:
        """Build a dense layer: one sigmoid for two classes (B, 1), else a softmax (B, classes)."""
        from unet_mtl.nn.heads import dense_head

        if len(self.classes) == 2:
            return dense_head(features.pooled, 1, "sigmoid", self.name)
        return dense_head(features.pooled, len(self.classes), "softmax", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Return the cross-entropy, weighted by class."""
        return LOSSES[self.kind]["cross_entropy"].build(
            len(self.classes), self._weights(), focal=self.focal, label_smoothing=self.label_smoothing
        )

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Return accuracy and macro F1 over the labelled cases."""
        from metrics import streaming

        options: dict[str, Any] = {"per": "pooled", "include_background": True, "threshold": self.threshold}
        # Keras' own accuracy is 0, not undefined, without labelled cases.
        return [
            score(len(self.classes), name=f"{self.name}_{name}", **options)
            for name, score in (("accuracy", streaming.Accuracy), ("f1", streaming.F1))
        ]

    def decode(self, raw: NDArray[np.float32]) -> ClassPrediction:
        """Return the class by `threshold`, `thresholds` or `costs`, or else the most probable one."""
        raw = temper(raw, self.temperature, exclusive=len(self.classes) > 2)
        if len(self.classes) == 2:
            probabilities = np.array([1 - raw[0], raw[0]], np.float32)
            index = int(raw[0] >= self.threshold)
        else:
            probabilities, index = raw, int(self.decide(raw))
        return ClassPrediction(self.name, self.classes[index], probabilities, self.classes)

    def _output_of(self, probabilities: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.asarray(probabilities[1:] if len(self.classes) == 2 else probabilities, np.float32)

    def decide(self, probabilities: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the answers of several classes from their probabilities.

        Args:
            probabilities: (..., classes), after the temperature.

        Returns:
            Class indices (...), the first of equal classes.
        """
        if self.costs:
            return np.asarray((probabilities @ np.asarray(self.costs)).argmin(-1))
        if self.thresholds:
            return np.asarray((probabilities / np.asarray(self.thresholds)).argmax(-1))
        return np.asarray(probabilities.argmax(-1))

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Return scores of decisions, ranking and calibration, and the accuracy of the most frequent train class.

        `majority_accuracy` is that of a model that always answers with the class that is most frequent in train (the
        first of several). It is left out if the class counts of train are not known.
        """
        true, predicted = self._labels(facts)
        probabilities = self._probabilities(facts)
        matrix = metrics.confusion_matrix(true, predicted, len(self.classes))
        scores = {
            "accuracy": metrics.accuracy(true, predicted),
            **self._majority(true),
            "balanced_accuracy": metrics.balanced_accuracy(true, predicted),
            "f1": metrics.macro_f1(true, predicted),
            "mcc": float(metrics.multiclass_mcc(matrix)),
            "auroc": metrics.auroc_one_vs_rest(true, probabilities),
            "average_precision": metrics.average_precision_one_vs_rest(true, probabilities),
            "kappa": float(metrics.kappa_from_confusion(matrix)),
            "log_loss": metrics.log_loss(true, probabilities),
            "brier": metrics.brier_score(true, probabilities),
            "calibration_error": metrics.expected_calibration_error(true, probabilities),
        }
        if len(self.classes) > 2:
            return scores
        sensitivity, specificity = sensitivity_and_specificity(matrix)
        return scores | {"sensitivity": sensitivity, "specificity": specificity}

    def score_samples(self, facts: pd.DataFrame) -> dict[str, metrics.Sample]:
        """Return the samples of shares, losses and, for two classes, the AUROC."""
        true, predicted = self._labels(facts)
        probabilities = self._probabilities(facts)
        samples: dict[str, metrics.Sample] = {
            "accuracy": share_of(true == predicted),
            "log_loss": errors_of(metrics.log_loss, true, probabilities),
            "brier": errors_of(metrics.brier_score, true, probabilities),
        }
        if self.counts:
            samples["majority_accuracy"] = share_of(true == np.argmax(self.counts))
        if len(self.classes) > 2:
            return samples
        return samples | yes_no_samples(true, predicted == 1, probabilities[:, 1], np.ones(len(true), bool))

    def _majority(self, true: NDArray[np.int64]) -> dict[str, float]:
        if not self.counts:
            return {}
        return {"majority_accuracy": metrics.accuracy(true, np.full(len(true), np.argmax(self.counts)))}

    def is_headline(self, score: str) -> bool:
        """Return whether a score is about decisions or ranking, not about the probabilities."""
        return score in HEADLINES
