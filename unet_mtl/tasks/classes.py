"""The base class of tasks that predict one class of a column, and functions for columns of classes."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import metrics
from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks.base import Task
from unet_mtl.tasks.case_scores import CaseScores
from unet_mtl.tasks.patient_answers import PatientAnswer, Pooling, common_label, pool_probabilities
from unet_mtl.tasks.predictions import ClassPrediction, keys_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def count_classes(train: Dataset, column: str, classes: Sequence[str], task: str) -> tuple[int, ...]:
    """Return the number of cases of each class.

    Raises:
        DataError: No case has a label in the column. The message names `task`.
    """
    counts = Counter(record.labels[column] for record in train if column in record.labels)
    if not counts:
        raise DataError(f"task {task!r}: none of the {len(train)} train cases has a {column!r}")
    return tuple(counts[name] for name in classes)


def balance_classes(counts: Sequence[int]) -> tuple[float, ...]:
    """Return factors that give each class the same total weight, with a mean of 1 over the cases.

    Classes without cases have the factor 0.
    """
    present = sum(count > 0 for count in counts)
    return tuple(sum(counts) / (present * count) if count else 0.0 for count in counts)


def find_indices(labels: "pd.Series[str]", classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the index of each label among the classes, or -1 if it is none of them."""
    return np.asarray(pd.Categorical(labels, categories=list(classes)).codes, np.int64)


def sensitivity_and_specificity(matrix: NDArray[np.int64]) -> tuple[float, float]:
    """Return both scores of the second of two classes from their confusion matrix.

    NaN where no case belongs to the class that the score is about.
    """
    # The specificity of one of two classes is the sensitivity of the other.
    sensitivity, specificity = metrics.specificity(metrics.counts_from_confusion(matrix)).tolist()
    return sensitivity, specificity


class ClassTask(Task[int, ClassPrediction]):
    """Base of the tasks that predict one class of a column. Subclasses define head, loss, decoding and scores.

    Attributes:
        classes: Names of the classes; set by `adapt`.
        class_weights: Factors on the loss of the cases of each class. None: 1 for all. "balanced": each class has
            the same total weight, from train counts, with a mean of 1 over the cases; a class without train cases
            has weight 0. A tuple: one factor per class.
        counts: The number of train cases of each class; set by `adapt`.
    """

    classes: tuple[str, ...] = ()
    class_weights: Literal["balanced"] | tuple[float, ...] | None = None
    counts: tuple[int, ...] = ()

    picture: ClassVar[str] = "confusion"

    @property
    def comparison_score(self) -> tuple[str, bool]:
        """Accuracy, which is 0 or 1 for a single case."""
        return ("accuracy", True)

    def comparison_values(self, cases: pd.DataFrame) -> NDArray[np.float64]:
        """Return 1 for each case with the right class, else 0."""
        pairs = zip(*self._labels(cases), strict=True)
        return np.array([metrics.accuracy([true], [predicted]) for true, predicted in pairs])

    def adapt(self, train: Dataset) -> Self:
        """Return the task with the classes of the description and their counts in train."""
        described: ColumnDescription = self._find_described("column", train.description.columns)
        if described.classes is None:
            raise ConfigError(
                f"task {self.name!r}: column {self.target_name!r} has no `classes` in the description of the data "
                "set; list them there, or make the task a regression"
            )
        counts = count_classes(train, self.target_name, described.classes, self.name)
        if isinstance(self.class_weights, tuple) and len(self.class_weights) != len(described.classes):
            raise ConfigError(
                f"task {self.name!r}: expected {len(described.classes)} `class_weights`, one per class, received "
                f"{len(self.class_weights)}"
            )
        return self.model_copy(update={"classes": described.classes, "counts": counts})

    def read(self, record: Record, description: Description) -> int | None:
        """Return the index of the class."""
        described: ColumnDescription = self._find_described("column", description.columns)
        if described.classes != self.classes:
            raise DataError(
                f"task {self.name!r} learned the classes {self.classes}, the data set has {described.classes}"
            )
        label = self.case_class(record)
        return None if label is None else self.classes.index(label)

    def case_class(self, record: Record) -> str | None:
        """Return the name of the class; None: unknown."""
        label = record.labels.get(self.target_name)
        return None if label is None else str(label)

    def encode(self, truth: int | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """Return the class index with weight 1, or 0 with weight 0 if it is unknown."""
        return (np.int32(0), 0.0) if truth is None else (np.int32(truth), 1.0)  # type: ignore[return-value]

    def score_case(
        self, truth: int, prediction: ClassPrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Return the facts that the scores of the set need; a single case has no scores."""
        facts: dict[str, str | float] = {"truth": self.classes[truth], "predicted": prediction.label}
        return CaseScores(facts=facts | {k: v for k, v in prediction.cells().items() if k})

    def pool_images(self, facts: pd.DataFrame, how: Pooling) -> PatientAnswer:
        """Return the class of a patient from those of several images; see `AnswersPatients`."""
        pooled = pool_probabilities(self._probabilities(facts), how, self._suspicion(facts))
        label = common_label(facts["truth"])
        truth = None if label is None else self.classes.index(label)
        return PatientAnswer(truth, self.decode(self._output_of(pooled)), label is None)

    def _suspicion(self, facts: pd.DataFrame) -> NDArray[np.float64]:
        """Return how suspicious each image is: the probability of any class but the first."""
        suspicion: NDArray[np.float64] = 1 - self._probabilities(facts)[:, 0]
        return suspicion

    @abstractmethod
    def _output_of(self, probabilities: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the output of the network that `decode` turns into these probabilities."""

    def truth_title(self, truth: int) -> str:
        """Return the name of the class."""
        return self.classes[truth]

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Draw the confusion matrix."""
        from unet_mtl.plots.scores import draw_confusion

        true, predicted = self._labels(facts)
        draw_confusion(axes, metrics.confusion_matrix(true, predicted, len(self.classes)), self.classes)

    def _weights(self) -> tuple[float, ...] | None:
        return balance_classes(self.counts) if self.class_weights == "balanced" else self.class_weights

    def _labels(self, facts: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the indices of true and predicted classes."""
        return find_indices(facts["truth"], self.classes), find_indices(facts["predicted"], self.classes)

    def _probabilities(self, facts: pd.DataFrame) -> NDArray[np.float64]:
        return facts[[f"probability_{key}" for key in keys_of(self.classes)]].to_numpy(float)
