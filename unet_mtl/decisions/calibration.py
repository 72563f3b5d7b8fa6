"""Calibration before and after: scores of probabilities, and of predicted intervals, with intervals over patients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import metrics

Numbers: TypeAlias = NDArray[np.float64]

BINS = 15
RESAMPLES = 1000


@dataclass(frozen=True)
class CalibrationSums:
    """Sums of one case from which the scores of a set follow without its single probabilities.

    Attributes:
        n: The number of outcomes, such as pixels.
        log_loss: The sum of -ln(probability of what is true).
        brier: The sum of the Brier scores.
        count: The number of outcomes in each bin of confidence, (bins,).
        confidence: The sum of confidences in each bin.
        right: The number of outcomes in each bin that occurred.
    """

    n: int
    log_loss: float
    brier: float
    count: Numbers
    confidence: Numbers
    right: Numbers

    @classmethod
    def of(cls, y_true: ArrayLike, probabilities: ArrayLike) -> Self:
        """Return the sums of outcomes and probabilities in the forms that `metrics.brier_score` takes.

        Args:
            y_true: 0 and 1 (n,) for binary outcomes, else class indices (n,).
            probabilities: (n,) or (n, classes).
        """
        truth = np.asarray(y_true).astype(np.int64)
        shown = np.asarray(probabilities, np.float64)
        n = truth.size
        if not n:
            empty = np.zeros(BINS)
            return cls(0, 0.0, 0.0, empty, empty, empty)
        curve = metrics.reliability_curve(truth, shown, BINS)
        count = curve.count.astype(np.float64)
        return cls(
            n,
            n * metrics.log_loss(truth, shown),
            n * metrics.brier_score(truth, shown),
            count,
            np.nan_to_num(curve.confidence) * count,
            np.nan_to_num(curve.frequency) * count,
        )


def score_sums(sums: Sequence[CalibrationSums], cases: NDArray[np.intp] | None = None) -> dict[str, float]:
    """Return log loss, Brier score and expected calibration error of cases.

    Args:
        sums: The sums of each case.
        cases: Indices of the cases, with repeats; None: all.

    Returns:
        The scores over all outcomes together; NaN without any.
    """
    return _score(_stack(sums), cases)


def _stack(sums: Sequence[CalibrationSums]) -> Numbers:
    rows = [np.concatenate([[s.n, s.log_loss, s.brier], s.count, s.confidence, s.right]) for s in sums]
    return np.array(rows).reshape(len(sums), 3 + 3 * BINS)


def _score(table: Numbers, cases: NDArray[np.intp] | None) -> dict[str, float]:
    n, log_loss, brier, *bins = (table if cases is None else table[cases]).sum(0)
    if not n:
        return dict.fromkeys(("log_loss", "brier", "calibration_error"), float("nan"))
    _, confidence, right = np.reshape(bins, (3, BINS))
    return {
        "log_loss": float(log_loss / n),
        "brier": float(brier / n),
        "calibration_error": float(np.abs(confidence - right).sum() / n),
    }


def compare_sums(
    before: Sequence[CalibrationSums], after: Sequence[CalibrationSums], patients: Sequence[str], task: str
) -> list[dict[str, Any]]:
    """Return one row for each score before and after, each with a bootstrap interval over patients.

    Args:
        before: The sums of each case before.
        after: The sums of each case afterwards.
        patients: The patient of each case.
        task: The name of the task.
    """
    tables = _stack(before), _stack(after)
    return _rows(task, [lambda cases, t=table: _score(t, cases) for table in tables], patients)


def compare_intervals(
    inside: Mapping[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]], patients: Sequence[str], task: str
) -> list[dict[str, Any]]:
    """Return one row for each number with the share of true values within predicted intervals, before and after.

    Args:
        inside: Whether the true value of each case lies within its interval, before and after, by name of the score.
        patients: The patient of each case.
        task: The name of the task.
    """
    statistics = [
        lambda cases, i=i: {name: float(pair[i][cases].mean()) for name, pair in inside.items()}
        for i in range(2)
    ]
    return _rows(task, statistics, patients)


def _rows(task: str, statistics: Sequence[Any], patients: Sequence[str]) -> list[dict[str, Any]]:
    every = np.arange(len(patients))
    values = [statistic(every) for statistic in statistics]
    intervals = [
        metrics.bootstrap_interval(statistic, list(patients), resamples=RESAMPLES) for statistic in statistics
    ]
    columns = ("before", "before_low", "before_high", "after", "after_low", "after_high")
    return [
        {"task": task, "score": name}
        | dict(
            zip(
                columns,
                (values[0][name], *intervals[0][name], values[1][name], *intervals[1][name]),
                strict=True,
            )
        )
        | {"n": len(patients), "n_patients": len(set(patients))}
        for name in values[0]
    ]
