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

Limits: TypeAlias = tuple[float, float]

UNLIMITED: Limits = (-np.inf, np.inf)
NOT_NEGATIVE: Limits = (0.0, np.inf)
SHARE: Limits = (0.0, 1.0)

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
        The interval and its method. Of a score within two limits whose values all lie on these limits, it is that
        of a share, also for a Dice of 1 in every case.

    Example:
        >>> estimate = interval_of(Mean(np.ones(99), SHARE), np.arange(99), 0.95)
        >>> round(estimate.low, 3), estimate.high, estimate.method
        (0.963, 1.0, 'Clopper-Pearson by patient')
    """
    if isinstance(sample, Ranking):
        return Estimate(*_auroc_interval(sample.y_true, sample.scores, codes, level), OF_AUROC)
    defined = ~np.isnan(sample.values)
    values, codes = sample.values[defined], codes[defined]
    low, high = sample.limits
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
    values = _numbers(hits, level)
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
    numbers = _numbers(values, level)
    require_within(numbers, limits, "values")
    return interval_of(Mean(numbers, limits), patient_codes(patients, numbers.size), level)[:2]


def auroc_interval(
    y_true: ArrayLike, scores: ArrayLike, patients: Patients | None = None, *, level: float = 0.95
) -> Interval:
    """Return an interval of the AUROC, for cases clustered in patients.

    The variance is that of DeLong et al. 1988 (doi:10.2307/2531595) for clusters (Obuchowski 1997,
    doi:10.2307/2533958), from ranks (Sun and Xu 2014, doi:10.1109/LSP.2014.2337313). The interval is symmetric
    in log-odds, with a t distribution whose degrees of freedom combine those of patients with positive and with
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
    truth, numbers = _numbers(y_true, level), np.asarray(scores, np.float64)
    if truth.shape != numbers.shape:
        raise ValueError(f"y_true has shape {truth.shape} but scores have {numbers.shape}: they must agree")
    if not np.isin(truth[~np.isnan(truth)], (0, 1)).all():
        raise ValueError("y_true must be 0, 1 or NaN")
    return _auroc_interval(truth, numbers, patient_codes(patients, truth.size), level)


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


def require_within(values: NDArray[np.float64], limits: Limits, name: str) -> None:
    """Raise a ValueError if a value is beyond the limits, or if these are no interval.

    Example:
        >>> require_within(np.array([0.5, np.nan]), SHARE, "dice")
    """
    low, high = limits
    if not low < high:
        raise ValueError(f"limits must be (smallest, largest) possible value, got {limits}")
    beyond = values[(values < low) | (values > high)]
    if beyond.size:
        raise ValueError(f"{name}: {beyond[0]:g} is beyond the limits {low:g}..{high:g} of the score")


def _numbers(values: ArrayLike, level: float) -> NDArray[np.float64]:
    numbers = np.asarray(values, np.float64)
    if numbers.ndim != 1:
        raise ValueError(f"expected one number a case, got shape {numbers.shape}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    return numbers


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
    return _on_a_scale(mean, np.sqrt(variance) * _t_quantile(level, freedom), limits)


def _on_a_scale(mean: float, half: float, limits: Limits) -> Interval:
    """Return mean ± half as seen on the scale of the limits (delta method)."""
    low, high = limits
    if np.isfinite(high - low):
        from scipy.special import expit, logit  # slow to import

        share = (mean - low) / (high - low)
        half = half / (high - low) / (share * (1 - share))
        ends = expit(logit(share) + np.array([-half, half]))
        return float(low + (high - low) * ends[0]), float(low + (high - low) * ends[1])
    if low == 0:
        with np.errstate(over="ignore"):  # of two patients, the upper end may be infinite
            ratio = np.exp(half / mean)
        return float(mean / ratio), float(mean * ratio)
    return float(mean - half), float(mean + half)


def _share_interval(hits: NDArray[np.float64], codes: NDArray[np.intp], level: float) -> Interval:
    n_patients = np.unique(codes).size
    if n_patients < 2:
        return _UNDEFINED
    share, variance, _ = _jackknife(hits, codes)
    n = float(hits.size)
    if 0 < share < 1:
        effect = variance / (share * (1 - share) / (n - 1))
        ratio = _t_quantile(level, n - 1) / _t_quantile(level, n_patients - 1)
        n = n / max(effect, 1.0) * ratio**2
    else:
        n = float(n_patients)
    return _clopper_pearson(share * n, n, level)


def _clopper_pearson(successes: float, n: float, level: float) -> Interval:
    from scipy.special import betaincinv  # slow to import

    failures, tail = n - successes, (1 - level) / 2
    low = betaincinv(successes, failures + 1, tail) if successes > 0 else 0.0
    high = betaincinv(successes + 1, failures, 1 - tail) if failures > 0 else 1.0
    return float(low), float(high)


def _auroc_interval(
    y_true: NDArray[np.float64], scores: NDArray[np.float64], codes: NDArray[np.intp], level: float
) -> Interval:
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
        return _clopper_pearson(area * pairs, pairs, level)
    parts = np.array([np.sum(of_positives**2), np.sum(of_negatives**2)]) * n_with / (n_with - 1)
    n = of_positives.size
    shared = 2 * n / (n - 1) * np.sum(of_positives * of_negatives)
    variance = parts.sum() + shared if parts.sum() + shared > 0 else parts.sum()
    if variance == 0:
        return area, area
    freedom = parts.sum() ** 2 / np.sum(parts**2 / (n_with - 1))
    return _on_a_scale(area, np.sqrt(variance) * _t_quantile(level, freedom), SHARE)


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
    return (
        area,
        np.bincount(codes[positive], (above - area) / n_positive, n),
        np.bincount(codes[~positive], (below - area) / n_negative, n),
    )


def _t_quantile(level: float, freedom: float) -> float:
    from scipy.special import stdtrit  # slow to import

    return float(stdtrit(max(freedom, 1e-3), (1 + level) / 2))
