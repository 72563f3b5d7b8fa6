"""Facts of yes-or-no labels of single cases, and their scores over a set of cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import metrics
from unet_mtl.tasks.classes import sensitivity_and_specificity
from unet_mtl.tasks.predictions import MultilabelPrediction, keys_of
from unet_mtl.tasks.score_samples import share_of, yes_no_samples
from unet_mtl.tasks.yes_no_labels import UNKNOWN, Truth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABEL_SCORES = ("accuracy", "f1", "sensitivity", "specificity", "auroc", "average_precision")
"""Scores of each label. Under these names alone, they are means over the labels for which they are defined."""


def collect_facts(
    truth: Truth, classes: Sequence[tuple[str, str]], prediction: MultilabelPrediction
) -> dict[str, str | float]:
    """Return `<key>_truth` (empty: unknown), `<key>_predicted` and `<key>_probability` of each label of a case."""
    facts: dict[str, str | float] = {}
    for index, key in enumerate(keys_of(prediction.labels)):
        value = int(truth[index])
        facts[f"{key}_truth"] = "" if value == UNKNOWN else classes[index][value]
        facts[f"{key}_predicted"] = prediction.answers[index]
        facts[f"{key}_probability"] = round(float(prediction.probabilities[index]), 6)
    return facts


@dataclass(frozen=True)
class LabelOutcomes:
    """True and predicted yes-or-no labels of a set of cases.

    Attributes:
        keys: The key of each label, as part of names of scores.
        truth: 0, 1 or `UNKNOWN`, (cases, labels) uint8.
        predicted: Whether each label is predicted to hold, (cases, labels).
        probabilities: The predicted probability that each label holds, (cases, labels).
    """

    keys: Sequence[str]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.bool_]
    probabilities: NDArray[np.float64]

    @classmethod
    def from_facts(cls, facts: pd.DataFrame, keys: Sequence[str], classes: Sequence[tuple[str, str]]) -> Self:
        """Return the outcomes from the facts that `collect_facts` made, one row per case."""
        truth = np.full((len(facts), len(keys)), UNKNOWN, np.uint8)
        predicted = np.zeros(truth.shape, bool)
        for index, (key, pair) in enumerate(zip(keys, classes, strict=True)):
            for value, name in enumerate(pair):
                truth[facts[f"{key}_truth"].to_numpy(object) == name, index] = value
            predicted[:, index] = facts[f"{key}_predicted"].to_numpy(object) == pair[1]
        return cls(keys, truth, predicted, facts[[f"{key}_probability" for key in keys]].to_numpy(float))

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether each label is known, (cases, labels)."""
        return np.not_equal(self.truth, UNKNOWN)

    def matrices(self) -> dict[str, NDArray[np.int64]]:
        """Return the confusion matrix of each label over its known cases: rows are the truth, "no" is first."""
        return {
            key: metrics.confusion_matrix(
                self.truth[known, index], self.predicted[known, index].astype(int), 2
            )
            for index, (key, known) in enumerate(zip(self.keys, self.known.T, strict=True))
        }

    def accuracy_by_case(self) -> NDArray[np.float64]:
        """Return the share of known labels of each case that is right, (cases,); NaN where none is known."""
        rows = zip(self.truth, self.predicted.astype(int), self.known, strict=True)
        return np.array(
            [metrics.accuracy(truth[known], predicted[known]) for truth, predicted, known in rows]
        )

    def scores(self) -> dict[str, float]:
        """Return means over the labels, the share of fully known cases with all labels right, and single scores."""
        by_label = {
            key: self._score(index, matrix) for index, (key, matrix) in enumerate(self.matrices().items())
        }
        means = {score: _mean_of_defined(by_label, score) for score in LABEL_SCORES}
        complete = self.known.all(axis=1)
        exact = metrics.exact_match(self.truth[complete], self.predicted[complete].astype(int))
        single = {
            f"{score}_{key}": value for key, scores in by_label.items() for score, value in scores.items()
        }
        return {**means, "exact_match": exact, **single}

    def samples(self) -> dict[str, metrics.Sample]:
        """Return the samples of shares and AUROC of each label, and of the exact match."""
        labels = zip(
            self.keys, self.truth.T, self.predicted.T, self.probabilities.T, self.known.T, strict=True
        )
        single = {
            f"{score}_{key}": sample
            for key, *columns in labels
            for score, sample in yes_no_samples(*columns).items()
        }
        right = np.equal(self.truth, self.predicted).all(axis=1)
        complete: NDArray[np.bool_] = np.asarray(self.known.all(axis=1))
        return single | {"exact_match": share_of(np.asarray(right), complete)}

    def labelled_cases(self) -> dict[str, NDArray[np.bool_]]:
        """Return, for each score but the means over labels, the cases that have the label or labels."""
        single = {
            f"{score}_{key}": known
            for key, known in zip(self.keys, self.known.T, strict=True)
            for score in LABEL_SCORES
        }
        return {"exact_match": self.known.all(axis=1), **single}

    def draw(self, axes: "Axes", names: Sequence[str]) -> None:
        """Draw bars of sensitivity and specificity, named by `names` in place of the keys."""
        from unet_mtl.plots.scores import draw_findings

        draw_findings(axes, dict(zip(names, self.matrices().values(), strict=True)))

    def _score(self, index: int, matrix: NDArray[np.int64]) -> dict[str, float]:
        known = self.known[:, index]
        truth, probabilities = self.truth[known, index], self.probabilities[known, index]
        sensitivity, specificity = sensitivity_and_specificity(matrix)
        return {
            "accuracy": metrics.accuracy(truth, self.predicted[known, index].astype(int)),
            "f1": float(metrics.f1(metrics.counts_from_confusion(matrix))[1]),
            "sensitivity": sensitivity,
            "specificity": specificity,
            "auroc": metrics.auroc(truth, probabilities),
            "average_precision": metrics.average_precision(truth, probabilities),
        }


def _mean_of_defined(by_label: Mapping[str, Mapping[str, float]], score: str) -> float:
    values = np.array([scores[score] for scores in by_label.values()])
    return float(values[~np.isnan(values)].mean()) if not np.isnan(values).all() else float("nan")
