"""Confidence intervals over patients without resampling: of shares, means and the AUROC.

Cases of one patient are correlated, so that patients, not cases, are the independent units of every variance here. The
kind of score decides the method, and `interval_of` is the only place that chooses:

- a share, which is a mean of zeros and ones such as accuracy or sensitivity: Clopper-Pearson with an effective number
  of cases (Korn and Graubard 1998, Survey Methodology 24:193-201). It has a width at 0 and at 1.
- any other mean: t with the variance of the jackknife that leaves out one patient at a time, on a scale on which the
  limits of the score are infinitely far away: log-odds between two limits, the logarithm above a lower limit of 0.
- the AUROC: DeLong's variance by patient (Obuchowski 1997, doi:10.2307/2533958) with t on the scale of log-odds.

docs/metrics.md has a table of how often these intervals contain the truth, made by benchmarks/coverage.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.bootstrap import Interval, Patients, Resampling, mean_intervals, patient_codes
from metrics.delong import interval_of_auroc
from metrics.interval_ends import (
    UNLIMITED,
    Limits,
    clopper_pearson,
    numbers_of,
    require_within,
    t_quantile,
    with_margin,
)

OF_SHARES = "Clopper-Pearson by patient"
OF_MEANS = "t by patient"
OF_AUROC = "DeLong by patient"

_UNDEFINED = (float("nan"), float("nan"))


class Estimate(NamedTuple):
    """An interval and the method that it was computed with.

    Attributes:
        low: Lower end; NaN without an interval.
        high: Upper end.
        method: `OF_SHARES`, `OF_MEANS`, `OF_AUROC`, or the name of a bootstrap.
    """

    low: float
    high: float
    method: str


@dataclass(frozen=True, eq=False)
class Mean:
    """A score that is the mean of one number per case.

    Attributes:
        values: float of shape (cases,), NaN where undefined.
        limits: Smallest and largest possible value of a case: (0, 1) for Dice or for right answers, (0, inf) for
            distances, (-inf, inf) for signed errors.
    """

    values: NDArray[np.float64]
    limits: Limits = UNLIMITED


@dataclass(frozen=True, eq=False)
class Ranking:
    """An AUROC.

    Attributes:
        y_true: 0, 1, or NaN where unknown, float of shape (cases,).
        scores: float of shape (cases,); higher means more likely positive.
    """

    y_true: NDArray[np.float64]
    scores: NDArray[np.float64]


Sample: TypeAlias = Mean | Ranking
"""What a score is computed from, one entry a case."""


def interval_of(sample: Sample, codes: NDArray[np.intp], level: float) -> Estimate:
    """Return the interval of a score by the method for scores of its kind.

    Args:
        sample: What the score is computed from.
        codes: Patient number of each case, from `patient_codes`.
        level: Coverage of the interval, between 0 and 1.

    Returns:
        The interval and its method. If all values of a score with two limits lie on these limits, it is that
        of a share, also for a Dice of 1 in every case.

    Example:
        >>> estimate = interval_of(Mean(np.ones(99), (0, 1)), np.arange(99), 0.95)
        >>> round(estimate.low, 3), estimate.high, estimate.method
        (0.963, 1.0, 'Clopper-Pearson by patient')
    """
    if isinstance(sample, Ranking):
        return Estimate(*interval_of_auroc(sample.y_true, sample.scores, codes, level), OF_AUROC)
    defined = ~np.isnan(sample.values)
    values, codes = sample.values[defined], codes[defined]
    low, high = sample.limits
    values = np.clip(values, low, high)  # an MCC of 1 may exceed 1 by rounding
    if np.isfinite(high - low) and values.size and np.isin(values, (low, high)).all():
        ends = _share_interval((values == high).astype(np.float64), codes, level)
        return Estimate(low + (high - low) * ends[0], low + (high - low) * ends[1], OF_SHARES)
    return Estimate(*_mean_interval(values, codes, level, sample.limits), OF_MEANS)


def share_interval(hits: ArrayLike, patients: Patients | None = None, *, level: float = 0.95) -> Interval:
    """Return an interval of the share of ones, such as an accuracy or a sensitivity, over patients.

    Clopper-Pearson with the number of cases that would be as informative if they were independent (Korn and
    Graubard 1998): the number of cases, divided by the design effect, which is the variance between patients relative
    to that of independent cases and at least 1, times the squared ratio of the t quantiles of cases - 1 and of
    patients - 1 degrees of freedom. If all or none are ones, the design effect is unknown, and each patient counts as
    one case.

    Args:
        hits: 0/1, bool, or float with NaN where undefined, shape (cases,).
        patients: Patient of each case, all strings or all integers; None: every case is its own patient.
        level: Coverage of the interval, between 0 and 1.

    Returns:
        (low, high) in 0..1; (NaN, NaN) with fewer than 2 patients. With one case a patient, it is the interval of
        Clopper and Pearson 1934 (doi:10.1093/biomet/26.4.404).

    Raises:
        ValueError: a value is neither 0, 1 nor NaN, `level` is out of range, or patients do not match the cases.

    Example:
        >>> low, high = share_interval([1] * 99)
        >>> round(low, 3), high
        (0.963, 1.0)
    """
    values = numbers_of(hits, level)
    defined = ~np.isnan(values)
    if not np.isin(values[defined], (0, 1)).all():
        raise ValueError(
            f"a share is a mean of 0 and 1, got values {np.unique(values[defined])[:5].tolist()}"
        )
    codes = patient_codes(patients, values.size)
    return _share_interval(values[defined], codes[defined], level)


def mean_interval(
    values: ArrayLike,
    patients: Patients | None = None,
    *,
    limits: Limits = UNLIMITED,
    level: float = 0.95,
) -> Interval:
    """Return an interval of the mean over cases, with the t distribution over patients.

    The variance is that of the jackknife over patients. Its degrees of freedom are the effective number of patients
    minus 1, n / (1 + c²) with the coefficient of variation c of their numbers of cases, since few patients with many
    cases determine the mean (Carter, Schnepel and Steigerwald 2017, doi:10.1162/REST_a_00639).

    Args:
        values: float of shape (cases,), NaN where undefined.
        patients: Patient of each case, all strings or all integers; None: every case is its own patient.
        limits: Smallest and largest possible value. The interval stays between them. It is computed for the log-odds
            of the mean between two finite limits, and for its logarithm if the lower limit is 0.
        level: Coverage of the interval, between 0 and 1.

    Returns:
        (low, high); (NaN, NaN) with fewer than 2 patients or with infinite values; (value, value) if all values are
        equal, except for values on one of two finite limits: see `interval_of`.

    Raises:
        ValueError: a value is beyond the limits, `level` is out of range, or patients do not match the cases.

    Example:
        >>> low, high = mean_interval([0.7, 0.8, 0.9])
        >>> round(low, 3), round(high, 3)
        (0.552, 1.048)
        >>> low, high = mean_interval([0.7, 0.8, 0.9], limits=(0, 1))
        >>> round(low, 3), round(high, 3)
        (0.459, 0.95)
    """
    numbers = numbers_of(values, level)
    require_within(numbers, limits, "values")
    return interval_of(Mean(numbers, limits), patient_codes(patients, numbers.size), level)[:2]


def intervals_of_means(
    columns: Sequence[NDArray[np.float64]],
    codes: NDArray[np.intp],
    plan: Resampling,
    limits: Sequence[Limits],
) -> list[Estimate]:
    """Return intervals of the mean over cases for several scores of the same cases, by the method of `plan`.

    Args:
        columns: One array of shape (cases,) per score, NaN where undefined.
        codes: Patient number of each case, from `patient_codes`.
        plan: Settings; "t" chooses the method by the values (`interval_of`), the others resample patients.
        limits: Smallest and largest possible value of each score; the bootstrap does not need them.

    Returns:
        One `Estimate` per column.

    Example:
        >>> plan = Resampling(1, 0, 0.95, "t")
        >>> intervals_of_means([np.array([2.0, 2.0])], np.arange(2), plan, [UNLIMITED])
        [Estimate(low=2.0, high=2.0, method='t by patient')]
    """
    if plan.method != "t":
        name = f"bootstrap ({plan.method})"
        return [Estimate(*ends, name) for ends in mean_intervals(columns, codes, plan)]
    return [
        interval_of(Mean(column, allowed), codes, plan.level)
        for column, allowed in zip(columns, limits, strict=True)
    ]


class _Means(NamedTuple):
    """Mean over cases, its variance by the jackknife over patients, and the cases of each patient."""

    mean: float
    variance: float
    sizes: NDArray[np.float64]


def _jackknife(values: NDArray[np.float64], codes: NDArray[np.intp]) -> _Means:
    order = np.lexsort((values, codes))  # by value within a patient, so that rounding is reproducible
    values, codes = values[order], codes[order]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    lowest = values.min()  # sums are relative to it, so that a constant score has exactly no variance
    sums = np.add.reduceat(values - lowest, starts)
    sizes = np.diff(starts, append=values.size).astype(np.float64)
    rank = np.lexsort((sums, sizes))  # names of patients must not influence the rounding either
    sums, sizes = sums[rank], sizes[rank]
    left_out = (sums.sum() - sums) / (sizes.sum() - sizes)
    spread = (sizes.size - 1) * float(np.var(left_out))
    return _Means(float(lowest + sums.sum() / sizes.sum()), spread, sizes)


def _mean_interval(
    values: NDArray[np.float64], codes: NDArray[np.intp], level: float, limits: Limits
) -> Interval:
    if np.unique(codes).size < 2 or np.isinf(values).any():
        return _UNDEFINED
    mean, variance, sizes = _jackknife(values, codes)
    if variance == 0:
        return mean, mean
    freedom = sizes.sum() ** 2 / np.sum(sizes**2) - 1
    return with_margin(mean, np.sqrt(variance) * t_quantile(level, freedom), limits)


def _share_interval(hits: NDArray[np.float64], codes: NDArray[np.intp], level: float) -> Interval:
    n_patients = np.unique(codes).size
    if n_patients < 2:
        return _UNDEFINED
    share, variance, _ = _jackknife(hits, codes)
    n = float(hits.size)
    if 0 < share < 1:
        effect = variance / (share * (1 - share) / (n - 1))
        ratio = t_quantile(level, n - 1) / t_quantile(level, n_patients - 1)
        n = n / max(effect, 1.0) * ratio**2
    else:
        n = float(n_patients)
    return clopper_pearson(share * n, n, level)
