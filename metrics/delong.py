"""Interval of the AUROC for cases clustered in patients."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.bootstrap import Interval, Patients, patient_codes
from metrics.interval_ends import SHARE, clopper_pearson, numbers_of, t_quantile, with_margin

_UNDEFINED = (float("nan"), float("nan"))


def auroc_interval(
    y_true: ArrayLike, scores: ArrayLike, patients: Patients | None = None, *, level: float = 0.95
) -> Interval:
    """Return an interval of the AUROC, for cases clustered in patients.

    The variance is that of DeLong et al. 1988 (doi:10.2307/2531595) for clusters (Obuchowski 1997,
    doi:10.2307/2533958), from ranks (Sun and Xu 2014, doi:10.1109/LSP.2014.2337313). The interval is symmetric
    in log-odds, with a t distribution with degrees of freedom that combine those of patients with positive and with
    negative cases (Satterthwaite 1946, doi:10.2307/3002019).

    An AUROC of 1 has no variance. Then, k patients with a positive case can be paired with k other patients with a
    negative one, these pairs are independent, and all are ranked correctly: the lower end is that of Clopper and
    Pearson for k of k, and correspondingly for an AUROC of 0.

    Args:
        y_true: 0/1 or bool of shape (cases,); NaN: the case is excluded.
        scores: float of shape (cases,), in any unit; higher means more likely positive.
        patients: Patient of each case, all strings or all integers; None: every case is its own patient.
        level: Coverage of the interval, between 0 and 1.

    Returns:
        (low, high) in 0..1; (NaN, NaN) with fewer than 2 patients with positive or with negative cases.

    Raises:
        ValueError: shapes differ, y_true is not binary, `level` is out of range, or patients do not match the cases.

    Example:
        >>> low, high = auroc_interval([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])
        >>> round(low, 3), round(high, 3)
        (0.088, 0.998)
    """
    truth, numbers = numbers_of(y_true, level), np.asarray(scores, np.float64)
    if truth.shape != numbers.shape:
        raise ValueError(f"y_true has shape {truth.shape} but scores have {numbers.shape}: they must agree")
    if not np.isin(truth[~np.isnan(truth)], (0, 1)).all():
        raise ValueError("y_true must be 0, 1 or NaN")
    return interval_of_auroc(truth, numbers, patient_codes(patients, truth.size), level)


def interval_of_auroc(
    y_true: NDArray[np.float64], scores: NDArray[np.float64], codes: NDArray[np.intp], level: float
) -> Interval:
    """Return `auroc_interval` for numbered patients.

    Args:
        y_true: 0, 1 or NaN, (cases,).
        scores: (cases,); NaN: the case is excluded.
        codes: Patient number of each case, from `patient_codes`.
        level: Coverage of the interval.

    Example:
        >>> low, high = interval_of_auroc(np.array([0.0, 0.0, 1.0, 1.0]), np.arange(4.0), np.arange(4), 0.95)
        >>> round(low, 3), high
        (0.158, 1.0)
    """
    known = ~(np.isnan(y_true) | np.isnan(scores))
    positive, scores = y_true[known] == 1, scores[known]
    codes = np.unique(codes[known], return_inverse=True)[1]
    patients = (np.unique(codes[positive]), np.unique(codes[~positive]))
    n_with = np.array([side.size for side in patients])
    if n_with.min() < 2:
        return _UNDEFINED
    area, of_positives, of_negatives = _influences(positive, scores, codes)
    if area in (0.0, 1.0):
        pairs = min(*n_with.tolist(), np.union1d(*patients).size // 2)
        return clopper_pearson(area * pairs, pairs, level)
    parts = np.array([np.sum(of_positives**2), np.sum(of_negatives**2)]) * n_with / (n_with - 1)
    n = of_positives.size
    shared = 2 * n / (n - 1) * np.sum(of_positives * of_negatives)
    variance = parts.sum() + shared if parts.sum() + shared > 0 else parts.sum()
    if variance == 0:
        return area, area
    freedom = parts.sum() ** 2 / np.sum(parts**2 / (n_with - 1))
    return with_margin(area, np.sqrt(variance) * t_quantile(level, freedom), SHARE)


def _influences(
    positive: NDArray[np.bool_], scores: NDArray[np.float64], codes: NDArray[np.intp]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the AUROC, and how far the positive and the negative cases of each patient move it, (patients,)."""
    from scipy.stats import rankdata  # slow to import

    ranks = rankdata(scores)
    n_positive, n_negative = np.count_nonzero(positive), np.count_nonzero(~positive)
    above = (
        ranks[positive] - rankdata(scores[positive])
    ) / n_negative  # share of negatives below each positive
    below = 1 - (ranks[~positive] - rankdata(scores[~positive])) / n_positive
    # Twice the sum of ranks is a whole number, so that a perfect AUROC is exactly 1.
    twice = np.sum(2 * ranks[positive]) - n_positive * (n_positive + 1)
    area = float(twice / (2 * n_positive * n_negative))
    n = codes.max() + 1
    of_positives = np.bincount(codes[positive], (above - area) / n_positive, n).astype(np.float64)
    return (
        area,
        of_positives,
        np.bincount(codes[~positive], (below - area) / n_negative, n).astype(np.float64),
    )
