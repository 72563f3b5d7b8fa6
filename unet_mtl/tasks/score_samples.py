"""Numbers by case from which scores of a set, and their intervals without resampling, are computed."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import metrics
from metrics.interval_ends import NOT_NEGATIVE, SHARE

Booleans = NDArray[np.bool_]


def share_of(hits: Booleans, cases: Booleans | None = None) -> metrics.Mean:
    """Return the sample of a share.

    Args:
        hits: Whether the share counts each case, (cases,).
        cases: The cases that the share is about; None: all of them.
    """
    values = hits.astype(np.float64)
    return metrics.Mean(values if cases is None else np.where(cases, values, np.nan), SHARE)


def errors_of(score: Callable[..., float], *columns: NDArray[Any]) -> metrics.Mean:
    """Return the sample of a score that is the mean of errors of at least 0, such as a log loss.

    Args:
        score: The score of a set.
        columns: Its arguments, one entry a case each.
    """
    rows = (tuple(column[[index]] for column in columns) for index in range(len(columns[0])))
    return metrics.Mean(np.array([score(*row) for row in rows], np.float64), NOT_NEGATIVE)


def yes_no_samples(
    truth: NDArray[np.integer], predicted: Booleans, probabilities: NDArray[np.float64], known: Booleans
) -> dict[str, metrics.Sample]:
    """Return the samples of accuracy, sensitivity, specificity and AUROC of a yes-or-no label.

    Args:
        truth: 1 where the label holds, (cases,).
        predicted: Whether it is predicted to hold, (cases,).
        probabilities: The predicted probability that it holds, (cases,).
        known: Whether the label is known, (cases,).
    """
    holds = truth == 1
    return {
        "accuracy": share_of(holds == predicted, known),
        "sensitivity": share_of(predicted, known & holds),
        "specificity": share_of(~predicted, known & ~holds),
        "auroc": metrics.Ranking(np.where(known, holds, np.nan), probabilities),
    }


def spread(values: NDArray[np.float64], known: Booleans) -> NDArray[np.float64]:
    """Return the values of the known cases in an array of all cases, with NaN for the others."""
    every = np.full(known.shape, np.nan)
    every[known] = values
    return every
