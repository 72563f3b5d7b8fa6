"""One class out of several for the whole image."""

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

import metrics
from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks.base import CaseScores, Features, Task
from unet_mtl.tasks.predictions import ClassPrediction, keys_of

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes


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


class Classification(Task[int, ClassPrediction]):
    """Answers with one class.

    Attributes:
        classes: Their names; filled in from the data set.
        class_weights: None; "balanced" (each class weighs the same in sum, from train counts, mean weight 1);
            or a factor by class.
        focal: Exponent by which cases that are right already count less in the loss; 0: they do not.
        threshold: Of two classes, the second is answered where its probability reaches this (`>=`).
        counts: Train cases by class; filled in.
    """

    kind: Literal["classification"] = "classification"
    classes: tuple[str, ...] = ()
    class_weights: Literal["balanced"] | tuple[float, ...] | None = None
    focal: float = Field(default=0.0, ge=0)
    threshold: float = Field(default=0.5, gt=0, lt=1)
    counts: tuple[int, ...] = ()

    picture: ClassVar[str] = "confusion"

    @property
    def primary(self) -> tuple[str, bool]:
        """Macro F1: a rare class counts as much as a frequent one."""
        return ("f1", True)

    def adapt(self, train: Dataset) -> "Classification":
        """Takes the classes from the description and counts them in train."""
        described: ColumnDescription = self._described("column", train.description.columns)
        if described.classes is None:
            raise ConfigError(
                f"task {self.name!r}: column {self.target_name!r} has no `classes` in the description of the data "
                "set; list them there, or make the task a regression"
            )
        found = Counter(r.labels[self.target_name] for r in train if self.target_name in r.labels)
        if not found:
            raise DataError(
                f"task {self.name!r}: none of the {len(train)} train cases has a {self.target_name!r}"
            )
        if isinstance(self.class_weights, tuple) and len(self.class_weights) != len(described.classes):
            raise ConfigError(
                f"task {self.name!r}: {len(self.class_weights)} class_weights for {len(described.classes)} classes"
            )
        counts = tuple(found[name] for name in described.classes)
        return self.model_copy(update={"classes": described.classes, "counts": counts})

    def read(self, record: Record, description: Description) -> int | None:
        """Index of the class."""
        described: ColumnDescription = self._described("column", description.columns)
        if described.classes != self.classes:
            raise DataError(
                f"task {self.name!r} learned the classes {self.classes}, the data set has {described.classes}"
            )
        label = record.labels.get(self.target_name)
        return None if label is None else self.classes.index(str(label))

    def case_class(self, record: Record) -> str | None:
        """Its label."""
        label = record.labels.get(self.target_name)
        return None if label is None else str(label)

    def encode(self, truth: int | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """The index; 0 with weight 0 where it is unknown."""
        return (np.int32(0), 0.0) if truth is None else (np.int32(truth), 1.0)  # type: ignore[return-value]

    def build_head(self, features: Features) -> Any:
        """A dense layer: one sigmoid for two classes (B, 1), else softmax (B, classes)."""
        from unet_mtl.nn.heads import dense_head

        if len(self.classes) == 2:
            return dense_head(features.pooled, 1, "sigmoid", self.name)
        return dense_head(features.pooled, len(self.classes), "softmax", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Cross-entropy, weighted by class."""
        from unet_mtl.losses import ClassLoss

        return ClassLoss(len(self.classes), self._weights(), focal=self.focal)

    def _weights(self) -> tuple[float, ...] | None:
        if self.class_weights != "balanced":
            return self.class_weights
        present = sum(count > 0 for count in self.counts)
        return tuple(sum(self.counts) / (present * count) if count else 0.0 for count in self.counts)

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Accuracy and macro F1 over the labelled cases."""
        import keras

        from metrics import streaming

        two = len(self.classes) == 2
        accuracy = keras.metrics.BinaryAccuracy if two else keras.metrics.SparseCategoricalAccuracy
        options: dict[str, Any] = {"per": "pooled", "include_background": True, "threshold": self.threshold}
        return [
            accuracy(name=f"{self.name}_accuracy", **({"threshold": self.threshold} if two else {})),
            streaming.F1(len(self.classes), name=f"{self.name}_f1", **options),
        ]

    def decode(self, raw: NDArray[np.float32]) -> ClassPrediction:
        """The most probable class; of two, the second from `threshold` on."""
        if len(self.classes) == 2:
            probabilities = np.array([1 - raw[0], raw[0]], np.float32)
            index = int(raw[0] >= self.threshold)
        else:
            probabilities, index = raw, int(raw.argmax())
        return ClassPrediction(self.name, self.classes[index], probabilities, self.classes)

    def score_case(
        self, truth: int, prediction: ClassPrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """No score of a single case: the facts go into the set's."""
        facts: dict[str, str | float] = {"truth": self.classes[truth], "predicted": prediction.label}
        return CaseScores(facts=facts | {k: v for k, v in prediction.cells().items() if k})

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Decisions, ranking and calibration, and what the most frequent class alone would give."""
        true, predicted = (self._indices(facts[column]) for column in ("truth", "predicted"))
        probabilities = facts[[f"probability_{key}" for key in keys_of(self.classes)]].to_numpy(float)
        matrix = metrics.confusion_matrix(true, predicted, len(self.classes))
        scores = {
            "accuracy": metrics.accuracy(true, predicted),
            "majority_accuracy": float(matrix.sum(axis=1).max() / matrix.sum()),
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
        # of the second class; the specificity of one is the sensitivity to the other, NaN where nobody has it
        sensitivity, specificity = metrics.specificity(metrics.counts_from_confusion(matrix)).tolist()
        return scores | {"sensitivity": sensitivity, "specificity": specificity}

    def is_headline(self, score: str) -> bool:
        """Those of the decision and the ranking, not those of the probabilities."""
        return score in HEADLINES

    def _indices(self, labels: "pd.Series[str]") -> NDArray[np.int64]:
        return np.asarray(pd.Categorical(labels, categories=list(self.classes)).codes, np.int64)

    def truth_title(self, truth: int) -> str:
        """The class."""
        return self.classes[truth]

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Confusion matrix."""
        from unet_mtl.plots.scores import draw_confusion

        true, predicted = (self._indices(facts[column]) for column in ("truth", "predicted"))
        draw_confusion(axes, metrics.confusion_matrix(true, predicted, len(self.classes)), self.classes)
