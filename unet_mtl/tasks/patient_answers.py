"""One answer for a patient from those for several images."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unet_mtl.tasks.number import Number, by_suffix
from unet_mtl.tasks.predictions import Prediction, Value

Pooling = Literal["mean", "max", "most_suspicious"]


class PatientAnswer(NamedTuple):
    """The label and the answer for one patient.

    Attributes:
        truth: The label in the form of `Task.read`; None if the labels of the images contradict each other.
        prediction: The answer.
        differing: Whether the labels of the images differ.
    """

    truth: Any
    prediction: Prediction
    differing: bool


@runtime_checkable
class AnswersPatients(Protocol):
    """A task that has an answer for a patient with several images."""

    def pool_images(self, facts: pd.DataFrame, how: Pooling) -> PatientAnswer:
        """Return label and answer for one patient.

        Args:
            facts: Facts of the patient's labelled images, one row each, from `score_case`.
            how: The way in which probabilities are pooled; numbers are averaged.
        """


def pool_probabilities(
    probabilities: NDArray[np.float64], how: Pooling, suspicion: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the probabilities of one patient from those of the patient's images.

    Args:
        probabilities: Probabilities (images, classes), which sum to 1.
        how: "mean": the mean over images. "max": the lowest probability of the first class and the highest one of each
            other, divided by their sum; for two classes this is the highest probability of the second.
            "most_suspicious": the probabilities of the image with the highest suspicion, the first one of several.
        suspicion: A number for each image, (images,).

    Returns:
        Probabilities (classes,), which sum to 1.
    """
    if how == "mean":
        pooled = probabilities.mean(axis=0)
    elif how == "most_suspicious":
        pooled = probabilities[int(np.argmax(suspicion))]
    else:
        pooled = probabilities.max(axis=0)
        pooled[0] = probabilities[:, 0].min()
    total = pooled.sum()
    return np.asarray(pooled / total if total > 0 else probabilities.mean(axis=0), np.float64)


def pool_findings(probabilities: NDArray[np.float64], how: Pooling) -> NDArray[np.float64]:
    """Return the probability of each yes-or-no label: the mean over images, or else the highest, (labels,).

    The most suspicious image is another one for each label.
    """
    return np.asarray(probabilities.mean(axis=0) if how == "mean" else probabilities.max(axis=0))


def pool_numbers(
    numbers: Sequence[Number], facts: pd.DataFrame
) -> tuple[dict[str, float], dict[str, Value], bool]:
    """Return means over images of known numbers, predicted numbers, and ends of their intervals.

    Args:
        numbers: All numbers of the task.
        facts: Facts of the labelled images of one patient, from `number_scores.score_case`. A number is averaged over
            the images for which it is known; undefined predictions are left out of the mean.

    Returns:
        Known numbers by column, predicted numbers by column, and whether known numbers of the images differ.
    """
    truth: dict[str, float] = {}
    answers: dict[str, Value] = {}
    differing = False
    for suffix, number in by_suffix(numbers).items():
        names = {name: f"{name}{suffix}" for name in ("truth", "predicted", "low", "high")}
        if names["truth"] not in facts or not facts[names["truth"]].notna().any():
            answers[number.column] = Value(np.nan, number.unit)
            continue
        known = facts[facts[names["truth"]].notna()]
        true = known[names["truth"]].to_numpy(float)
        differing |= bool(np.ptp(true) > 0)
        truth[number.column] = float(true.mean())
        low, high = (_mean(known, names[end]) for end in ("low", "high"))
        predicted = _mean(known, names["predicted"])
        answers[number.column] = Value(np.nan if predicted is None else predicted, number.unit, low, high)
    return truth, answers, differing


def _mean(facts: pd.DataFrame, column: str) -> float | None:
    """Return the mean of the defined values; None without one."""
    if column not in facts or not facts[column].notna().any():
        return None
    return float(facts[column].dropna().to_numpy(float).mean())


def common_label(labels: "pd.Series[str]") -> str | None:
    """Return the label that all images with a known one share; "" if none is known, None if they differ."""
    known = set(labels.dropna()) - {""}
    return None if len(known) > 1 else next(iter(known), "")
