"""Yes-or-no findings of a set of cases, read from their facts, and what they score. It knows no kind of task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

import metrics
from unet_mtl.data.description import ColumnDescription
from unet_mtl.data.records import Record
from unet_mtl.errors import ConfigError
from unet_mtl.tasks.classes import sensitivity_and_specificity
from unet_mtl.tasks.predictions import MultilabelPrediction, keys_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNKNOWN = 255
"""In place of 0 and 1: nobody said whether the finding is there."""

FINDING_SCORES = ("accuracy", "f1", "sensitivity", "specificity", "auroc", "average_precision")
"""Of one finding; under these names alone, the mean over the findings that have them."""


Truth = NDArray[np.uint8]
"""(findings,) 0, 1 or `UNKNOWN`."""


def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("one column is named twice")
    return names


Targets = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_different)]
"""Columns, each once."""


def refuse_single(target: str) -> str:
    """An empty `target`, or a ValueError that says what is to be set instead."""
    if target:
        raise ValueError("a multilabel task learns several columns; list them in `targets`")
    return target


def nothing_known(n: int) -> Truth:
    """Of a case without a label."""
    return np.full(n, UNKNOWN, np.uint8)


def read_truth(record: Record, targets: Sequence[str], classes: Sequence[tuple[str, str]]) -> Truth:
    """What is known of a case; `classes` are the two words of each column."""
    labels = map(record.labels.get, targets)
    known = [UNKNOWN if y is None else words.index(str(y)) for words, y in zip(classes, labels, strict=True)]
    return np.array(known, np.uint8)


def words_of(described: ColumnDescription, column: str, task: str) -> tuple[str, str]:
    """The two classes of a column; the second is the finding.

    Raises:
        ConfigError: It has no classes, or another number of them; names the task.
    """
    if described.classes is None or len(described.classes) != 2:
        has = "no `classes`" if described.classes is None else f"{len(described.classes)} classes"
        raise ConfigError(
            f"task {task!r}: column {column!r} has {has}, a finding two; make it `type: yes/no` or two `classes`, the "
            "finding second, or give it a task of its own"
        )
    no, yes = described.classes
    return no, yes


def name_findings(names: Sequence[str], truth: Truth) -> str:
    """Those that are there; those that nobody knows have a question mark."""
    marks = {1: "", UNKNOWN: "?"}
    pairs = zip(names, truth.tolist(), strict=True)
    return ", ".join(name + marks[value] for name, value in pairs if value in marks) or "none"


def facts_of(
    truth: Truth, classes: Sequence[tuple[str, str]], prediction: MultilabelPrediction
) -> dict[str, str | float]:
    """`<key>_truth` (an empty word is unknown), `<key>_predicted` and `<key>_probability` of one case."""
    facts: dict[str, str | float] = {}
    for place, key in enumerate(keys_of(prediction.findings)):
        value = int(truth[place])
        facts[f"{key}_truth"] = "" if value == UNKNOWN else classes[place][value]
        facts[f"{key}_predicted"] = prediction.words[place]
        facts[f"{key}_probability"] = round(float(prediction.probabilities[place]), 6)
    return facts


@dataclass(frozen=True)
class Findings:
    """What is true and what was answered.

    Attributes:
        keys: Of the findings, as parts of the names of scores.
        truth: (cases, findings) uint8: 0, 1 or `UNKNOWN`.
        found: (cases, findings) bool.
        probabilities: (cases, findings) of being there.
    """

    keys: Sequence[str]
    truth: NDArray[np.uint8]
    found: NDArray[np.bool_]
    probabilities: NDArray[np.float64]

    @classmethod
    def from_facts(cls, facts: pd.DataFrame, keys: Sequence[str], classes: Sequence[tuple[str, str]]) -> Self:
        """What `facts_of` wrote, one row a case."""
        truth = np.full((len(facts), len(keys)), UNKNOWN, np.uint8)
        found = np.zeros(truth.shape, bool)
        for place, (key, words) in enumerate(zip(keys, classes, strict=True)):
            for value, word in enumerate(words):
                truth[facts[f"{key}_truth"].to_numpy(object) == word, place] = value
            found[:, place] = facts[f"{key}_predicted"].to_numpy(object) == words[1]
        return cls(keys, truth, found, facts[[f"{key}_probability" for key in keys]].to_numpy(float))

    @property
    def known(self) -> NDArray[np.bool_]:
        """(cases, findings)."""
        return np.not_equal(self.truth, UNKNOWN)

    def draw(self, axes: "Axes", targets: Sequence[str]) -> None:
        """Bars of sensitivity and specificity, under the names of the columns."""
        from unet_mtl.plots.scores import draw_findings

        draw_findings(axes, dict(zip(targets, self.matrices().values(), strict=True)))

    def matrices(self) -> dict[str, NDArray[np.int64]]:
        """The confusion matrix of each finding over the cases where it is known, rows the truth, no before yes."""
        return {
            key: metrics.confusion_matrix(self.truth[known, place], self.found[known, place].astype(int), 2)
            for place, (key, known) in enumerate(zip(self.keys, self.known.T, strict=True))
        }

    def accuracy_by_case(self) -> NDArray[np.float64]:
        """Of each case's known findings, the share that is right; NaN where none is known."""
        rows = zip(self.truth, self.found.astype(int), self.known, strict=True)
        return np.array([metrics.accuracy(truth[known], found[known]) for truth, found, known in rows])

    def scores(self) -> dict[str, float]:
        """Means over the findings, the share of fully known cases that are all right, and each finding's scores."""
        single = {
            key: self._score(place, matrix) for place, (key, matrix) in enumerate(self.matrices().items())
        }
        means = {score: _mean_of_defined(single, score) for score in FINDING_SCORES}
        whole = self.known.all(axis=1)
        exact = metrics.exact_match(self.truth[whole], self.found[whole].astype(int))
        named = {f"{score}_{key}": value for key, own in single.items() for score, value in own.items()}
        return {**means, "exact_match": exact, **named}

    def labelled(self) -> dict[str, NDArray[np.bool_]]:
        """Of each score but the means, the cases that have the labels."""
        columns = zip(self.keys, self.known.T, strict=True)
        named = {f"{score}_{key}": known for key, known in columns for score in FINDING_SCORES}
        return {"exact_match": self.known.all(axis=1), **named}

    def _score(self, place: int, matrix: NDArray[np.int64]) -> dict[str, float]:
        known = self.known[:, place]
        truth, probabilities = self.truth[known, place], self.probabilities[known, place]
        sensitivity, specificity = sensitivity_and_specificity(matrix)
        return {
            "accuracy": metrics.accuracy(truth, self.found[known, place].astype(int)),
            "f1": float(metrics.f1(metrics.counts_from_confusion(matrix))[1]),
            "sensitivity": sensitivity,
            "specificity": specificity,
            "auroc": metrics.auroc(truth, probabilities),
            "average_precision": metrics.average_precision(truth, probabilities),
        }


def _mean_of_defined(single: Mapping[str, Mapping[str, float]], score: str) -> float:
    values = np.array([own[score] for own in single.values()])
    return float(values[~np.isnan(values)].mean()) if not np.isnan(values).all() else float("nan")
