"""Several yes-or-no findings for the whole image, of which some may be unknown for a case."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator

import unet_mtl.tasks.yes_no_labels as yes_no_labels
from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError
from unet_mtl.tasks.base import CaseScores, Features, Task
from unet_mtl.tasks.classes import balance_classes, count_classes
from unet_mtl.tasks.predictions import MultilabelPrediction, keys_of
from unet_mtl.tasks.yes_no_labels import UNKNOWN, Findings, Targets, Truth

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes


class Multilabel(Task[Truth, MultilabelPrediction]):
    """Answers yes or no to several questions at once, each a column of two classes; the second is the finding.

    Attributes:
        targets: Their columns, in place of `target`.
        class_weights: None; "balanced": for each finding, yes and no weigh the same in sum, from train counts.
        threshold: A finding is answered where its probability reaches this (`>=`).
        classes: The two words of each column; filled in, as are `counts`, the train cases of each of the two.
    """

    kind: Literal["multilabel"] = "multilabel"
    targets: Targets
    class_weights: Literal["balanced"] | None = None
    threshold: float = Field(default=0.5, gt=0, lt=1)
    classes: tuple[tuple[str, str], ...] = ()
    counts: tuple[tuple[int, int], ...] = ()

    picture: ClassVar[str] = "findings"

    @field_validator("target")
    @classmethod
    def _several(cls, target: str) -> str:
        return yes_no_labels.refuse_single(target)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The columns."""
        return self.targets

    @property
    def primary(self) -> tuple[str, bool]:
        """Mean AUROC: a rare finding counts as much as a frequent one, before any of them reaches the threshold."""
        return ("auroc", True)

    @property
    def paired(self) -> tuple[str, bool]:
        """Of a case's known findings, the share that is right."""
        return ("accuracy", True)

    def paired_values(self, cases: pd.DataFrame) -> NDArray[np.float64]:
        """0 to 1."""
        return self._findings(cases).accuracy_by_case()

    def adapt(self, train: Dataset) -> "Multilabel":
        """Takes the words from the description and counts them in train."""
        pairs = list(zip(self.targets, self._words(train.description), strict=True))
        counts = tuple(count_classes(train, target, words, self.name) for target, words in pairs)
        return self.model_copy(update={"classes": tuple(words for _, words in pairs), "counts": counts})

    def _words(self, description: Description) -> tuple[tuple[str, str], ...]:
        columns = description.columns
        return tuple(
            yes_no_labels.words_of(self._described("column", columns, t), t, self.name) for t in self.targets
        )

    def read(self, record: Record, description: Description) -> Truth | None:
        """1, 0 or 255 (unknown) by finding; None where all are unknown."""
        if (found := self._words(description)) != self.classes:
            raise DataError(f"task {self.name!r} learned the words {self.classes}, the data set has {found}")
        return (
            yes_no_labels.read_truth(record, self.targets, self.classes) if self.is_labelled(record) else None
        )

    def encode(self, truth: Truth | None, size: tuple[int, int]) -> tuple[Truth, float]:
        """The truth, weighted by the share that is known, so that every known label weighs the same."""
        filled = yes_no_labels.nothing_known(len(self.targets)) if truth is None else truth
        return filled, float((filled != UNKNOWN).mean())

    def build_head(self, features: Features) -> Any:
        """A dense layer with a sigmoid a finding: (B, findings)."""
        from unet_mtl.nn.heads import dense_head

        return dense_head(features.pooled, len(self.targets), "sigmoid", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Mean binary cross-entropy of the known findings."""
        from unet_mtl.losses import FindingsLoss

        balanced = [balance_classes(counts) for counts in self.counts]
        return FindingsLoss(balanced if self.class_weights else None)

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Means over the findings of AUROC and F1, from the known labels alone."""
        from metrics import streaming

        n = len(self.targets)
        known: dict[str, Any] = {"multilabel": True, "ignore": UNKNOWN}
        f1 = streaming.F1(n, per="pooled", threshold=self.threshold, name=f"{self.name}_f1", **known)
        return [streaming.AUROC(n, name=f"{self.name}_auroc", **known), f1]

    def decode(self, raw: NDArray[np.float32]) -> MultilabelPrediction:
        """Each finding by itself, from `threshold` on."""
        found = raw >= self.threshold
        words = tuple(pair[int(yes)] for pair, yes in zip(self.classes, found, strict=True))
        return MultilabelPrediction(self.name, self.targets, words, found, raw)

    def score_case(
        self, truth: Truth, prediction: MultilabelPrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """No score of a single case: the facts go into the set's; the truth of an unknown finding is empty."""
        return CaseScores(facts=yes_no_labels.facts_of(truth, self.classes, prediction))

    def _findings(self, facts: pd.DataFrame) -> Findings:
        return Findings.from_facts(facts, keys_of(self.targets), self.classes)

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Scores of each finding over the cases where it is known, their means, and how often all are right."""
        return self._findings(facts).scores()

    def labelled(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Those where the finding is known; all findings, for an exact match."""
        return self._findings(facts).labelled()

    def label(self, score: str) -> str:
        """The name of a score for readers, who are to know a mean over findings."""
        return f"{score} (mean of findings)" if score in yes_no_labels.FINDING_SCORES else score

    def is_headline(self, score: str) -> bool:
        """The means, and of each finding what a decision or a ranking gets right."""
        return not score.startswith(("accuracy_", "f1_", "average_precision_"))

    def truth_title(self, truth: Truth) -> str:
        """Those that are there; those that nobody knows have a question mark."""
        return yes_no_labels.name_findings(self.targets, truth)

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Sensitivity and specificity of each finding, with the numbers of cases."""
        self._findings(facts).draw(axes, self.targets)
