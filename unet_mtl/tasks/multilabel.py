"""Multilabel classification: several yes-or-no labels for the whole image, some of which may be unknown."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

import metrics
from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError
from unet_mtl.losses import LOSSES
from unet_mtl.tasks.base import Features, Task
from unet_mtl.tasks.case_scores import CaseScores
from unet_mtl.tasks.classes import balance_classes, count_classes
from unet_mtl.tasks.loss_settings import LabelSmoothing
from unet_mtl.tasks.patient_answers import PatientAnswer, Pooling, common_label, pool_findings
from unet_mtl.tasks.predictions import MultilabelPrediction, keys_of
from unet_mtl.tasks.tempering import temper
from unet_mtl.tasks.yes_no_labels import UNKNOWN, Targets, Truth, list_present, read_truth, require_pair
from unet_mtl.tasks.yes_no_scores import LABEL_SCORES, LabelOutcomes, collect_facts

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes


class Multilabel(Task[Truth, MultilabelPrediction]):
    """Predicts several yes-or-no labels, each a column of two classes of which the second means "yes".

    Attributes:
        targets: The columns, in place of `target`.
        class_weights: None, or "balanced": yes and no have the same total weight for each label, from train counts.
        label_smoothing: The share of each label that is spread over yes and no; 0: none.
        threshold: The probability from which on (`>=`) a label is predicted to hold.
        thresholds: One for each label in place of `threshold`; empty: all have the same. `tune` chooses them.
        temperature: The number that logits are divided by before probabilities are shown; `tune` fits it.
        classes: The two classes of each column; set by `adapt`.
        counts: The number of train cases of each of these classes; set by `adapt`.
    """

    kind: Literal["multilabel"] = "multilabel"
    targets: Targets
    class_weights: Literal["balanced"] | None = None
    label_smoothing: LabelSmoothing = 0.0
    threshold: float = Field(default=0.5, gt=0, lt=1)
    thresholds: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    temperature: float = Field(default=1.0, gt=0)
    classes: tuple[tuple[str, str], ...] = ()
    counts: tuple[tuple[int, int], ...] = ()

    picture: ClassVar[str] = "findings"

    @field_validator("target")
    @classmethod
    def _is_empty(cls, target: str) -> str:
        if target:
            raise ValueError("a multilabel task learns several columns; list them in `targets`")
        return target

    @model_validator(mode="after")
    def _fit_the_labels(self) -> Self:
        if self.thresholds and len(self.thresholds) != len(self.targets):
            raise ValueError(
                f"`thresholds` has {len(self.thresholds)} numbers for {len(self.targets)} `targets`; give one for each"
            )
        return self

    @property
    def target_names(self) -> tuple[str, ...]:
        """The columns."""
        return self.targets

    @property
    def primary(self) -> tuple[str, bool]:
        """Mean AUROC, in which rare labels count as much as frequent ones and which needs no threshold."""
        return ("auroc", True)

    @property
    def comparison_score(self) -> tuple[str, bool]:
        """Accuracy, which for a single case is the share of its known labels that is right."""
        return ("accuracy", True)

    def comparison_values(self, cases: pd.DataFrame) -> NDArray[np.float64]:
        """Return the share of known labels of each case that is right, in 0..1."""
        return self._outcomes(cases).accuracy_by_case()

    def adapt(self, train: Dataset) -> "Multilabel":
        """Return the task with the classes of the description and their counts in train."""
        classes = self._find_classes(train.description)
        pairs = zip(self.targets, classes, strict=True)
        counts = tuple(count_classes(train, target, pair, self.name) for target, pair in pairs)
        return self.model_copy(update={"classes": classes, "counts": counts})

    def _find_classes(self, description: Description) -> tuple[tuple[str, str], ...]:
        described = {name: self._find_described("column", description.columns, name) for name in self.targets}
        return tuple(require_pair(column, name, self.name) for name, column in described.items())

    def read(self, record: Record, description: Description) -> Truth | None:
        """Return 1, 0 or 255 (unknown) for each label; None if all are unknown."""
        if (classes := self._find_classes(description)) != self.classes:
            raise DataError(f"task {self.name!r} learned {self.classes}, the data set has {classes}")
        return read_truth(record, self.targets, self.classes) if self.is_labelled(record) else None

    def encode(self, truth: Truth | None, size: tuple[int, int]) -> tuple[Truth, float]:
        """Return the labels, weighted by the share that is known, so that every known label counts equally."""
        target = np.full(len(self.targets), UNKNOWN, np.uint8) if truth is None else truth
        return target, float((target != UNKNOWN).mean())

    def build_head(self, features: Features) -> Any:
        """Build a dense layer with a sigmoid for each label: (B, labels)."""
        from unet_mtl.nn.heads import dense_head

        return dense_head(features.pooled, len(self.targets), "sigmoid", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Return the mean binary cross-entropy of the known labels."""
        weights = [balance_classes(pair) for pair in self.counts] if self.class_weights else None
        return LOSSES[self.kind]["cross_entropy"].build(weights, label_smoothing=self.label_smoothing)

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Return AUROC and F1 as means over the labels, from the known labels only."""
        from metrics import streaming

        options: dict[str, Any] = {"n_classes": len(self.targets), "multilabel": True, "ignore": UNKNOWN}
        f1 = streaming.F1(per="pooled", threshold=self.threshold, name=f"{self.name}_f1", **options)
        return [streaming.AUROC(name=f"{self.name}_auroc", **options), f1]

    def decode(self, raw: NDArray[np.float32]) -> MultilabelPrediction:
        """Return each label by itself, by its threshold."""
        raw = temper(raw, self.temperature, exclusive=False)
        present = raw >= (np.asarray(self.thresholds, np.float32) if self.thresholds else self.threshold)
        answers = tuple(pair[int(yes)] for pair, yes in zip(self.classes, present, strict=True))
        return MultilabelPrediction(self.name, self.targets, answers, present, raw)

    def score_case(
        self, truth: Truth, prediction: MultilabelPrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Return the facts that the scores of the set need; the truth of an unknown label is empty."""
        return CaseScores(facts=collect_facts(truth, self.classes, prediction))

    def pool_images(self, facts: pd.DataFrame, how: Pooling) -> PatientAnswer:
        """Return the labels of a patient from those of several images; see `AnswersPatients`.

        A label that differs between the images is unknown for the patient.
        """
        outcomes = self._outcomes(facts)
        labels = [common_label(facts[f"{key}_truth"]) for key in outcomes.keys]
        known = [
            pair.index(label) if label else UNKNOWN for pair, label in zip(self.classes, labels, strict=True)
        ]
        truth = None if set(known) == {UNKNOWN} else np.array(known, np.uint8)
        pooled = pool_findings(outcomes.probabilities, how).astype(np.float32)
        return PatientAnswer(truth, self.decode(pooled), None in labels)

    def _outcomes(self, facts: pd.DataFrame) -> LabelOutcomes:
        return LabelOutcomes.from_facts(facts, keys_of(self.targets), self.classes)

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Return scores of each label over its known cases, their means, and how often all labels are right."""
        return self._outcomes(facts).scores()

    def score_samples(self, facts: pd.DataFrame) -> dict[str, metrics.Sample]:
        """Return the samples of shares and AUROC of each label, and of the exact match."""
        return self._outcomes(facts).samples()

    def labelled_cases(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Return the cases where the label of each score is known; for an exact match, all labels."""
        return self._outcomes(facts).labelled_cases()

    def score_label(self, score: str) -> str:
        """Return the name of a score for tables that people read; means over labels are marked."""
        return f"{score} (mean of labels)" if score in LABEL_SCORES else score

    def is_headline(self, score: str) -> bool:
        """Return whether a score is a mean, or one of the decisions or the ranking of a single label."""
        return not score.startswith(("accuracy_", "f1_", "average_precision_"))

    def truth_title(self, truth: Truth) -> str:
        """Return the labels that hold; unknown ones are followed by a question mark."""
        return list_present(self.targets, truth)

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Draw sensitivity and specificity of each label, with the numbers of cases."""
        self._outcomes(facts).draw(axes, self.targets)
