"""Paired comparison of the scores of two models on the same cases.

All results are based on the difference within each case, second minus first, so that the difficulty of a case cancels
out. Whether a positive difference is an improvement depends on the score. Patients, not cases, are the
independent units of the interval and of the test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.aggregate import Scores, Table, score_columns
from metrics.bootstrap import Method, Patients, Resampling, patient_codes
from metrics.interval_ends import UNLIMITED
from metrics.intervals import Estimate, intervals_of_means

_ROUNDING_DIGITS = 12  # relative to the largest score, so that 0.3 - 0.2 and 0.2 - 0.1 are equal


@dataclass(frozen=True)
class Comparison:
    """Comparison of two sets of scores; all fields except `n_undefined*` refer to the compared cases.

    Attributes:
        mean_first: Mean of the first scores, in their unit; NaN if no case can be compared.
        mean_second: Mean of the second scores.
        difference: Mean over cases of second minus first: above 0 where the second scores are higher.
        low: Lower end of the interval of the difference over patients; NaN with fewer than 2 patients.
        high: Upper end of the interval.
        p_value: Two-sided p-value of the Wilcoxon signed-rank test on the mean differences of the patients; 1 if
            all are zero, NaN with fewer than 2 patients.
        p_holm: p_value after Holm's correction over all scores compared together; p_value itself for one.
        n: Number of compared cases, which have both scores defined.
        n_patients: Number of patients of the compared cases.
        n_higher: Number of compared cases in which the second score is above the first.
        n_tied: Number of compared cases in which the scores are exactly equal.
        n_lower: Number of compared cases in which the second score is below the first.
        n_undefined: Number of excluded cases, the sum of the next three.
        n_undefined_first: Number of cases in which only the first score is undefined.
        n_undefined_second: Number of cases in which only the second score is undefined.
        n_undefined_both: Number of cases in which both scores are undefined.
    """

    mean_first: float
    mean_second: float
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float
    n: int
    n_patients: int
    n_higher: int
    n_tied: int
    n_lower: int
    n_undefined: int
    n_undefined_first: int
    n_undefined_second: int
    n_undefined_both: int

    def to_dict(self) -> dict[str, float | int]:
        """Return the fields as plain Python numbers; NaN stays a float NaN."""
        return asdict(self)


def compare_paired(
    first: ArrayLike,
    second: ArrayLike,
    patients: Patients | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "t",
) -> Comparison:
    """Compare two sets of one score, case by case.

    Args:
        first: float of shape (cases,), NaN where undefined; for example the reference.
        second: float of shape (cases,), the same cases in the same order.
        patients: Patient of each case, all strings or all integers; None: every case is its own patient.
        resamples: Number of resamples of patients of a bootstrap.
        seed: Random seed of a bootstrap. The same seed gives the same interval, regardless of the order of the cases.
        level: Coverage of the interval, between 0 and 1.
        method: "t", the t interval over patients of `metrics.mean_interval`; or a bootstrap, "percentile", "expanded"
            or "bca" (see `metrics.bootstrap`).

    Returns:
        A `Comparison`. Wilcoxon 1945 (doi:10.2307/3001968), as `scipy.stats.wilcoxon` with method "auto":
        zero differences are dropped before ranking, and differences that are equal up to rounding are tied.
        Averaging over the cases of each patient first prevents correlated cases from counting as evidence.

    Raises:
        ValueError: lengths or pandas indexes differ, scores are infinite or not numeric, patients cannot be
            compared, or `level`, `resamples` or `method` is out of range.

    Example:
        >>> result = compare_paired([0.5, 0.5, 0.25, float("nan")], [0.75, 0.5, 1.0, 0.75])
        >>> round(result.difference, 6), result.n, result.n_undefined_first
        (0.333333, 3, 1)
        >>> result.n_higher, result.n_tied, result.n_lower, result.p_value
        (2, 1, 0, 0.5)
    """
    _check_same_rows(first, second)
    one, other = {"score": first}, {"score": second}
    return compare_tables(one, other, patients, resamples=resamples, seed=seed, level=level, method=method)[
        "score"
    ]


def compare_tables(
    first: Table,
    second: Table,
    patients: Patients | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "t",
) -> dict[str, Comparison]:
    """Compare two tables of scores of the same cases, with p-values corrected for the number of scores.

    Args:
        first: Name to float of shape (cases,), NaN where undefined: a dict, or a DataFrame of score columns.
        second: The same names, the same cases in the same order.
        patients: Patient of each case, all strings or all integers; None: every case is its own patient.
        resamples: Number of resamples of patients of a bootstrap.
        seed: Random seed of a bootstrap. The same seed gives the same intervals, regardless of the order of the cases.
        level: Coverage of the intervals, between 0 and 1. The intervals are not corrected for the number of scores.
        method: "t", the t interval over patients of `metrics.mean_interval`; or a bootstrap, "percentile", "expanded"
            or "bca" (see `metrics.bootstrap`).

    Returns:
        Name to `Comparison`, in the order of `first`; each equals the result of `compare_paired` except for `p_holm`.

    Raises:
        ValueError: as for `compare_paired`, or a score is in one table only.

    Example:
        >>> first = {"dice": [0.5, 0.5, 0.25], "iou": [0.25, 0.75, 0.5]}
        >>> second = {"dice": [0.75, 1.0, 1.0], "iou": [0.25, 0.75, 0.5]}
        >>> results = compare_tables(first, second)
        >>> {name: (result.difference, result.p_value, result.p_holm) for name, result in results.items()}
        {'dice': (0.5, 0.25, 0.5), 'iou': (0.0, 1.0, 1.0)}
    """
    plan = Resampling(resamples, seed, level, method)
    _check_same_rows(first, second)
    pairs = _pairs(score_columns(first), score_columns(second))
    if not pairs:
        return {}
    codes = patient_codes(patients, len(next(iter(pairs.values()))[0]))
    differences = [second - first for first, second in pairs.values()]
    intervals = intervals_of_means(differences, codes, plan, [UNLIMITED] * len(differences))
    results = [
        _compare(*pair, codes, low_high) for pair, low_high in zip(pairs.values(), intervals, strict=True)
    ]
    adjusted = holm([result.p_value for result in results]).tolist()
    return {name: replace(result, p_holm=p) for name, result, p in zip(pairs, results, adjusted, strict=True)}


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values for multiple testing by the step-down procedure of Holm.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6:65-70: the
    family-wise error rate is controlled under any dependence of the tests.

    Args:
        p_values: Numbers in 0..1 of shape (tests,); NaN marks a test that was not performed and is not counted.

    Returns:
        float64 of shape (tests,), in 0..1 and never below `p_values`; NaN stays NaN.

    Raises:
        ValueError: a value is outside 0..1, or the shape is not (tests,).

    Example:
        >>> holm([0.01, 0.04, 0.03, float("nan")]).tolist()
        [0.03, 0.06, 0.06, nan]
    """
    p = np.asarray(p_values, np.float64)
    if p.ndim != 1:
        raise ValueError(f"p_values must be one number a test, got shape {p.shape}")
    if (p < 0).any() or (p > 1).any():
        raise ValueError(f"p-values must be between 0 and 1, got {p.tolist()}")
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN are sorted to the end
    steps = p[order] * np.arange(order.size, 0, -1)
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _check_same_rows(first: object, second: object) -> None:
    # pairing DataFrames or Series with different indexes by position would silently compare different cases
    rows, others = getattr(first, "index", None), getattr(second, "index", None)
    equals = getattr(rows, "equals", None)
    if equals is not None and hasattr(others, "equals") and not equals(others):
        raise ValueError(
            "first and second have different indexes: put the cases in one order first, "
            "second = second.loc[first.index], or reset_index(drop=True) where the order is the same"
        )


def _pairs(first: Mapping[str, Scores], second: Mapping[str, Scores]) -> dict[str, tuple[Scores, Scores]]:
    single = sorted(map(str, first.keys() ^ second.keys()))
    if single:
        raise ValueError(f"both tables must have the same scores: {single} in one of them only")
    for name, scores in first.items():
        if scores.size != second[name].size:
            raise ValueError(
                f"both tables must be of the same cases: first has {scores.size} cases, second {second[name].size}"
            )
        if np.isinf(scores).any() or np.isinf(second[name]).any():
            raise ValueError(f"{name} has infinite scores: put the worst finite value in their place, or NaN")
    return {name: (scores, second[name]) for name, scores in first.items()}


def _compare(first: Scores, second: Scores, codes: NDArray[np.intp], interval: Estimate) -> Comparison:
    lacks_first, lacks_second = np.isnan(first), np.isnan(second)
    both = ~(lacks_first | lacks_second)
    one, other = first[both], second[both]
    p_value = _wilcoxon(one, other, codes[both])
    return Comparison(
        mean_first=_mean(one),
        mean_second=_mean(other),
        difference=_mean(other - one),
        low=interval.low,
        high=interval.high,
        p_value=p_value,
        p_holm=p_value,
        n=one.size,
        n_patients=np.unique(codes[both]).size,
        n_higher=int(np.count_nonzero(other > one)),
        n_tied=int(np.count_nonzero(other == one)),
        n_lower=int(np.count_nonzero(other < one)),
        n_undefined=int(np.count_nonzero(~both)),
        n_undefined_first=int(np.count_nonzero(lacks_first & ~lacks_second)),
        n_undefined_second=int(np.count_nonzero(lacks_second & ~lacks_first)),
        n_undefined_both=int(np.count_nonzero(lacks_first & lacks_second)),
    )


def _wilcoxon(first: Scores, second: Scores, codes: NDArray[np.intp]) -> float:
    codes = np.unique(codes, return_inverse=True)[1]
    if codes.size == 0 or codes.max() < 1:
        return float("nan")
    largest = max(np.abs(first).max(), np.abs(second).max()) or 1.0
    means = np.bincount(codes, weights=(second - first) / largest) / np.bincount(codes)
    means = np.round(means, _ROUNDING_DIGITS)
    # dropped here because SciPy does not compute the exact p-value if there is a zero
    means = means[means != 0]
    if means.size == 0:
        return 1.0
    from scipy.stats import wilcoxon  # slow to import

    return float(wilcoxon(means).pvalue)


def _mean(values: Scores) -> float:
    return float(np.sort(values).mean()) if values.size else float("nan")
