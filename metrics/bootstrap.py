"""Bootstrap intervals that resample patients: percentile, expanded percentile and BCa.

Cases of one patient are correlated, so whole patients are drawn, never single images. "percentile": Efron and
Tibshirani 1993 (doi:10.1201/9780429246593). "expanded": percentiles further out, at the normal tail of
-sqrt(n / (n - 1)) times the t quantile of n - 1 degrees of freedom for n patients, which corrects the narrowness of
"percentile" for few patients (Hesterberg 2015, doi:10.1080/00031305.2015.1089789). "bca", bias-corrected and
accelerated: Efron 1987 (doi:10.1080/01621459.1987.10478410), for skewed scores. With few patients, all are too narrow
for scores near their limit. Means and AUROC have better intervals in `metrics.intervals`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

Method: TypeAlias = Literal["t", "percentile", "expanded", "bca"]
Patients: TypeAlias = Sequence[object] | NDArray[np.generic]
Interval: TypeAlias = tuple[float, float]

_UNDEFINED = (float("nan"), float("nan"))
_BLOCK = 1_000_000  # draws held at a time
_ROUNDING = 1e-12  # relative: sums of the same numbers in another order differ by less


@dataclass(frozen=True)
class Resampling:
    """Settings of an interval.

    Attributes:
        resamples: Number of bootstrap resamples, 1 or more.
        seed: Random seed; the same seed gives the same interval.
        level: Nominal coverage, between 0 and 1.
        method: "percentile", "expanded" or "bca"; "t" for an interval without resampling (`metrics.intervals`).

    Raises:
        ValueError: one of them is out of range.
    """

    resamples: int
    seed: int
    level: float
    method: Method

    def __post_init__(self) -> None:
        if not 0 < self.level < 1 or self.resamples < 1:
            raise ValueError(
                f"level must be between 0 and 1, resamples 1 or more; got {self.level}, {self.resamples}"
            )
        if self.method not in get_args(Method):
            raise ValueError(f"method must be one of {get_args(Method)}, got {self.method!r}")

    def tails(self, n_patients: int) -> NDArray[np.float64]:
        """Return the two quantile levels of a percentile interval, which are further out if it is "expanded"."""
        tail = (1 - self.level) / 2
        if self.method == "expanded":
            from scipy.special import ndtr, stdtrit  # slow to import

            tail = float(ndtr(np.sqrt(n_patients / (n_patients - 1)) * stdtrit(n_patients - 1, tail)))
        return np.array([tail, 1 - tail])


def bootstrap_interval(
    statistic: Callable[[NDArray[np.intp]], Mapping[str, float]],
    patients: Patients,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "expanded",
) -> dict[str, Interval]:
    """Return bootstrap intervals over patients for statistics of a set, such as F1, R2 or pooled Dice.

    Args:
        statistic: Function from case indices, integers of shape (drawn cases,) with repeats, to named scores.
        patients: Patient of each case, all strings or all integers; `range(cases)` if each case is its own
            patient.
        resamples: Number of bootstrap resamples, each one call of `statistic`.
        seed: Random seed; the same seed gives the same intervals.
        level: Coverage of the interval, between 0 and 1.
        method: "expanded", "percentile", or "bca", which also calls `statistic` once with each patient left out.

    Returns:
        Name to (low, high), for the names that `statistic` returns for all cases. NaN resamples are excluded.
        The interval is (NaN, NaN) if fewer than half of the resamples are defined or if there are fewer than 2
        patients. With "bca" it is also (NaN, NaN) if the score is NaN without one of the patients (the only
        positive case, for example), if it is infinite with all patients, without one of them or in a
        resample, or if all resamples lie on one side of the estimate.

    Raises:
        ValueError: patients cannot be compared, or `level`, `resamples` or `method` is out of range.
        TypeError: `statistic` does not return a mapping from names to scores.

    Example:
        >>> age = np.array([40.0, 50.0, 60.0, 70.0])
        >>> bootstrap_interval(lambda cases: {"mean": float(age[cases].mean())}, ["a", "a", "b", "b"])
        {'mean': (45.0, 65.0)}
    """
    plan = Resampling(resamples, seed, level, method)
    if method == "t":
        raise ValueError("method 't' needs one number a case (metrics.mean_interval); resample by 'expanded'")
    codes = patient_codes(patients, len(patients))
    estimates = statistic(np.arange(codes.size))
    if not isinstance(estimates, Mapping):
        raise TypeError(f'statistic must give names and scores, {{"auroc": 0.9}}, got {estimates!r}')
    if codes.size == 0 or codes.max() < 1:
        return dict.fromkeys(estimates, _UNDEFINED)
    rows = [statistic(cases) for cases in _draw_cases(codes, plan)]
    left_out = [statistic(cases) for cases in _leave_out(codes)] if method == "bca" else []
    return {
        name: _interval(
            _column(rows, name), float(estimate), _column(left_out, name), plan, int(codes.max()) + 1
        )
        for name, estimate in estimates.items()
    }


def mean_intervals(
    columns: Sequence[NDArray[np.float64]], codes: NDArray[np.intp], plan: Resampling
) -> list[Interval]:
    """Return intervals of the mean over cases for several scores of the same cases.

    Only patients with a defined value of a score are resampled for it, so that no resample is empty. Scores
    with the same number of such patients share the draws. Patients are sorted by their values first, so that
    the result depends neither on the order of the cases nor on the names of the patients.

    Args:
        columns: One array of shape (cases,) per score, NaN where undefined.
        codes: Patient number of each case, from `patient_codes`.
        plan: Settings of the bootstrap.

    Returns:
        One (low, high) per column; (NaN, NaN) with fewer than 2 patients or with infinite values.

    Example:
        >>> dice, iou = np.array([1.0, 0.5, 0.5]), np.array([1.0, np.nan, np.nan])
        >>> mean_intervals([dice, iou], np.array([0, 1, 1]), Resampling(1000, 0, 0.95, "percentile"))
        [(0.5, 1.0), (nan, nan)]
    """
    totals = [_patient_totals(column, codes) for column in columns]
    intervals = [_UNDEFINED] * len(totals)
    for n_patients in {total.sums.size for total in totals} - {0, 1}:
        alike = [index for index, total in enumerate(totals) if total.sums.size == n_patients]
        drawn = _resampled_means([totals[index] for index in alike], n_patients, plan)
        for index, means in zip(alike, drawn, strict=True):
            total = totals[index]
            intervals[index] = _interval(means, total.mean, total.left_out, plan, n_patients)
    return intervals


def patient_codes(patients: Patients | None, n_cases: int) -> NDArray[np.intp]:
    """Number the patients from 0.

    Args:
        patients: Patient of each case, all strings or all integers; None: every case is its own patient.
        n_cases: Number of cases.

    Returns:
        int of shape (cases,).

    Raises:
        ValueError: the length is not `n_cases`, a patient is missing (NaN or None), or strings and numbers are
            mixed.

    Example:
        >>> patient_codes(["b", "a", "b"], 3).tolist()
        [1, 0, 1]
    """
    if patients is None:
        return np.arange(n_cases)
    ids = np.asarray(patients, object)  # as strings, several missing patients would become one named "nan"
    if ids.shape != (n_cases,):
        raise ValueError(f"patients must name one patient a case: {n_cases} cases, got shape {ids.shape}")
    strings = [patient for patient in ids if isinstance(patient, str)]
    others = [patient for patient in ids if not isinstance(patient, str)]
    wrong = [patient for patient in others if not (isinstance(patient, Real) and patient == patient)]
    if wrong or (strings and others):
        raise ValueError(
            "patients must be all strings or all integers, none missing; got "
            + (repr(wrong[0]) if wrong else f"{strings[0]!r} and {others[0]!r}")
        )
    return np.unique(ids, return_inverse=True)[1]


class _Totals(NamedTuple):
    """Sum and number of the defined values of each patient; sums are relative to `lowest`."""

    lowest: float
    sums: NDArray[np.float64]
    sizes: NDArray[np.float64]

    @property
    def mean(self) -> float:
        return float(self.lowest + self.sums.sum() / self.sizes.sum())

    @property
    def left_out(self) -> NDArray[np.float64]:
        kept: NDArray[np.float64] = (self.sums.sum() - self.sums) / (self.sizes.sum() - self.sizes)
        return self.lowest + kept


def _patient_totals(values: NDArray[np.float64], codes: NDArray[np.intp]) -> _Totals:
    defined = ~np.isnan(values)
    values, codes = values[defined], codes[defined]
    if values.size == 0 or np.isinf(values).any():
        return _Totals(0.0, np.empty(0), np.empty(0))
    order = np.lexsort((values, codes))  # by value within a patient, so that rounding is reproducible
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    # relative to the lowest value, so that a constant score is reproduced exactly
    sums = np.add.reduceat(values[order] - values.min(), starts)
    sizes = np.diff(starts, append=values.size).astype(np.float64)
    rank = np.lexsort((sums, sizes, np.add.reduceat(values[order], starts)))
    return _Totals(float(values.min()), sums[rank], sizes[rank])


def _resampled_means(totals: list[_Totals], n_patients: int, plan: Resampling) -> NDArray[np.float64]:
    means = np.empty((len(totals), plan.resamples))
    start = 0
    for times in _draw_times(n_patients, plan):
        for row, (lowest, sums, sizes) in zip(means, totals, strict=True):
            row[start : start + len(times)] = lowest + (times @ sums) / (times @ sizes)
        start += len(times)
    return means


def _draw_times(n_patients: int, plan: Resampling) -> Iterator[NDArray[np.float64]]:
    # multiplicities of each patient in each resample turn a sum over drawn patients into a matrix product
    rng = np.random.default_rng(plan.seed)
    block = max(1, _BLOCK // n_patients)
    for start in range(0, plan.resamples, block):
        rows = min(block, plan.resamples - start)
        drawn = rng.integers(n_patients, size=(rows, n_patients))
        drawn += np.arange(rows)[:, None] * n_patients
        times = np.bincount(drawn.ravel(), minlength=rows * n_patients)
        yield times.reshape(rows, n_patients).astype(np.float64)


def _draw_cases(codes: NDArray[np.intp], plan: Resampling) -> Iterator[NDArray[np.intp]]:
    by_patient = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    rng = np.random.default_rng(plan.seed)
    for _ in range(plan.resamples):
        drawn = rng.integers(sizes.size, size=sizes.size)
        lengths = sizes[drawn]
        # position in by_patient: start of the drawn patient plus 0, 1, ... up to its number of cases
        offsets = np.repeat(starts[drawn] - np.cumsum(lengths) + lengths, lengths)
        yield by_patient[offsets + np.arange(offsets.size)]


def _leave_out(codes: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for patient in range(codes.max() + 1):
        yield np.flatnonzero(codes != patient)


def _column(rows: list[Mapping[str, float]], name: str) -> NDArray[np.float64]:
    return np.array([row.get(name, np.nan) for row in rows], np.float64)


def _interval(
    resampled: NDArray[np.float64],
    estimate: float,
    left_out: NDArray[np.float64],
    plan: Resampling,
    n_patients: int,
) -> Interval:
    defined = resampled[~np.isnan(resampled)]
    if 2 * defined.size < resampled.size:
        return _UNDEFINED
    tails = plan.tails(n_patients)
    if plan.method == "bca":
        tails = _bca_tails(defined, estimate, left_out, tails)
    if np.isnan(tails).any():
        return _UNDEFINED
    with np.errstate(invalid="ignore"):  # infinite values of both signs
        low, high = np.quantile(defined, tails)
    return float(low), float(high)


def _bca_tails(
    resampled: NDArray[np.float64], estimate: float, left_out: NDArray[np.float64], tails: NDArray[np.float64]
) -> NDArray[np.float64]:
    from scipy.special import ndtr, ndtri  # slow to import

    undefined = np.full(2, np.nan)
    if not (np.isfinite(resampled).all() and np.isfinite(left_out).all()):
        return undefined
    bias = ndtri(_share_below(resampled, estimate))
    if np.isinf(bias):  # all resamples are on one side
        return undefined
    shifted = bias + ndtri(tails)
    room = 1 - _acceleration(left_out) * shifted
    if (room <= 0).any():  # beyond the pole of the formula, where it is meaningless
        return undefined
    moved: NDArray[np.float64] = ndtr(bias + shifted / room)
    return moved


def _share_below(resampled: NDArray[np.float64], estimate: float) -> float:
    """Return the share of resamples below the estimate; ties up to rounding count one half."""
    tied = np.abs(resampled - estimate) <= _ROUNDING * np.abs(resampled).max()
    return float(np.mean(np.where(tied, 0.5, resampled < estimate)))


def _acceleration(left_out: NDArray[np.float64]) -> float:
    deviations = left_out.mean() - left_out
    largest = np.abs(deviations).max()
    if largest == 0:
        return 0.0
    deviations = deviations / largest  # avoids underflow of the powers
    return float(np.sum(deviations**3) / (6 * np.sum(deviations**2) ** 1.5))
