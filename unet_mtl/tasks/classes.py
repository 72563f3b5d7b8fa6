"""What tasks share that learn columns of classes: labels, counts, weights, confusion. It knows no kind of task."""

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
from unet_mtl.tasks.base import CaseScores, Task
from unet_mtl.tasks.predictions import ClassPrediction, keys_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def count_classes(train: Dataset, column: str, classes: Sequence[str], task: str) -> tuple[int, ...]:
    """Cases of each class.

    Raises:
        DataError: No case has a label in that column; names the task.
    """
    found = Counter(record.labels[column] for record in train if column in record.labels)
    if not found:
        raise DataError(f"task {task!r}: none of the {len(train)} train cases has a {column!r}")
    return tuple(found[name] for name in classes)


def balance_classes(counts: Sequence[int]) -> tuple[float, ...]:
    """Factors that make each class weigh the same in sum, with a mean of 1 over the cases; 0 for absent classes."""
    present = sum(count > 0 for count in counts)
    return tuple(sum(counts) / (present * count) if count else 0.0 for count in counts)


def find_indices(words: "pd.Series[str]", classes: Sequence[str]) -> NDArray[np.int64]:
    """Index of each word among the classes; -1: it is none of them."""
    return np.asarray(pd.Categorical(words, categories=list(classes)).codes, np.int64)


def sensitivity_and_specificity(matrix: NDArray[np.int64]) -> tuple[float, float]:
    """Of the second of two classes, from their confusion matrix; NaN where nobody has the class that it is about."""
    # the specificity of one class is the sensitivity to the other
    sensitivity, specificity = metrics.specificity(metrics.counts_from_confusion(matrix)).tolist()
    return sensitivity, specificity


class OneClass(Task[int, ClassPrediction]):
    """Answers with one of the classes of a column; what the network says and how it learns is the kinds' own.

    Attributes:
        classes: Their names; filled in from the data set.
        class_weights: None; "balanced" (each class weighs the same in sum, from train counts, mean weight 1; one
            that train lacks weighs 0); or a factor by class.
        counts: Train cases by class; filled in.
    """

    classes: tuple[str, ...] = ()
    class_weights: Literal["balanced"] | tuple[float, ...] | None = None
    counts: tuple[int, ...] = ()

    picture: ClassVar[str] = "confusion"

    @property
    def paired(self) -> tuple[str, bool]:
        """Whether the class is right: 1 or 0."""
        return ("accuracy", True)

    def paired_values(self, cases: pd.DataFrame) -> NDArray[np.float64]:
        """1 where the class is right, else 0."""
        pairs = zip(*self._labels(cases), strict=True)
        return np.array([metrics.accuracy([true], [predicted]) for true, predicted in pairs])

    def adapt(self, train: Dataset) -> Self:
        """Takes the classes from the description and counts them in train."""
        described: ColumnDescription = self._described("column", train.description.columns)
        if described.classes is None:
            raise ConfigError(
                f"task {self.name!r}: column {self.target_name!r} has no `classes` in the description of the data "
                "set; list them there, or make the task a regression"
            )
        counts = count_classes(train, self.target_name, described.classes, self.name)
        if isinstance(self.class_weights, tuple) and len(self.class_weights) != len(described.classes):
            raise ConfigError(
                f"task {self.name!r}: {len(self.class_weights)} class_weights for {len(described.classes)} classes"
            )
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

    def score_case(
        self, truth: int, prediction: ClassPrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """No score of a single case: the facts go into the set's."""
        facts: dict[str, str | float] = {"truth": self.classes[truth], "predicted": prediction.label}
        return CaseScores(facts=facts | {k: v for k, v in prediction.cells().items() if k})

    def truth_title(self, truth: int) -> str:
        """The class."""
        return self.classes[truth]

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Confusion matrix."""
        from unet_mtl.plots.scores import draw_confusion

        true, predicted = self._labels(facts)
        draw_confusion(axes, metrics.confusion_matrix(true, predicted, len(self.classes)), self.classes)

    def _weights(self) -> tuple[float, ...] | None:
        return balance_classes(self.counts) if self.class_weights == "balanced" else self.class_weights

    def _labels(self, facts: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of true and predicted classes."""
        return find_indices(facts["truth"], self.classes), find_indices(facts["predicted"], self.classes)

    def _probabilities(self, facts: pd.DataFrame) -> NDArray[np.float64]:
        return facts[[f"probability_{key}" for key in keys_of(self.classes)]].to_numpy(float)
