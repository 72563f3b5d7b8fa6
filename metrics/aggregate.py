"""Summaries of per-case scores: mean, interval over patients, and counts of undefined and missed cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.bootstrap import Method, Patients, Resampling, patient_codes
from metrics.interval_ends import UNLIMITED, Limits, require_within
from metrics.intervals import Estimate, intervals_of_means

Scores = NDArray[np.float64]


class Table(Protocol):
    """A mapping from names to columns: a dict of arrays, or a pandas DataFrame."""

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the column names."""

    def __getitem__(self, name: Any, /) -> Any:
        """Return the column with this name."""


@dataclass(frozen=True)
class Summary:
    """Summary of one score over a set of cases.

    Attributes:
        mean: Mean of the defined values, in the unit of the score; NaN if none is defined.
        low: Lower end of the interval of the mean over patients; NaN with fewer than 2 patients.
        high: Upper end of the interval.
        median: Median of the defined values; NaN if none is defined.
        q1: 25 % quantile of the defined values, interpolated linearly; NaN if none is defined.
        q3: 75 % quantile of the defined values.
        n: Number of defined values.
        n_undefined: Number of undefined (NaN) values, which are excluded from all of the above.
        n_missed: Number of cases in which the structure is present but was not predicted.
        n_hallucinated: Number of cases in which the structure was predicted but is absent.
        method: Name of the method of the interval.
    """

    mean: float
    low: float
    high: float
    median: float
    q1: float
    q3: float
    n: int
    n_undefined: int
    n_missed: int
    n_hallucinated: int
    method: str = ""

    def to_dict(self) -> dict[str, float | int | str]:
        """Return the fields as plain Python numbers and text; NaN stays a float NaN."""
        return asdict(self)


def summarise(
    values: ArrayLike,
    patients: Patients | None = None,
    *,
    missed: ArrayLike | None = None,
    hallucinated: ArrayLike | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "t",
    limits: Limits = UNLIMITED,
) -> Summary:
    """Summarise one score over cases, with an interval over patients.

    Args:
        values: float of shape (cases,), NaN where undefined.
        patients: Patient of each case, all strings or all integers; None: every case is its own patient.
        missed: bool of shape (cases,), or None for none.
        hallucinated: bool of shape (cases,), or None for none.
        resamples: Number of resamples of a bootstrap.
        seed: Random seed of a bootstrap. The same seed gives the same interval, regardless of the order of the cases.
        level: Coverage of the interval, between 0 and 1.
        method: "t", the interval of `metrics.intervals` for scores of this kind; or a bootstrap, "percentile",
            "expanded" or "bca" (see `metrics.bootstrap`).
        limits: Smallest and largest possible value of a case, such as (0, 1) for Dice and (0, inf) for distances. "t"
            needs them to stay between them, and to recognise shares.

    Returns:
        A `Summary`. The mean is taken over cases. The interval is over the patients with a defined value. It is
        (value, value) if all values are equal and not at one of two finite limits.

    Raises:
        ValueError: lengths differ, values are not numbers or beyond the limits, patients cannot be compared, or
            `level`, `resamples` or `method` is out of range.

    Example:
        >>> summary = summarise([0.9, 0.7, float("nan"), 0.8], ["a", "a", "b", "c"], missed=[0, 0, 0, 1])
        >>> round(summary.mean, 6), summary.n, summary.n_undefined, summary.n_missed
        (0.8, 3, 1, 1)
    """
    return summarise_table(
        {"values": values},
        patients,
        missed=None if missed is None else {"values": missed},
        hallucinated=None if hallucinated is None else {"values": hallucinated},
        resamples=resamples,
        seed=seed,
        level=level,
        method=method,
        limits={"values": limits},
    )["values"]


def summarise_table(
    table: Table,
    patients: Patients | None = None,
    *,
    missed: Table | None = None,
    hallucinated: Table | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "t",
    limits: Mapping[str, Limits] | None = None,
) -> dict[str, Summary]:
    """Summarise many scores of the same cases, with the same results as `summarise` for each, but faster.

    Args:
        table: Name to float of shape (cases,), NaN where undefined: a dict, or a DataFrame of score columns.
        patients: Patient of each case, all strings or all integers; None: every case is its own patient. Patients
            and cases are matched by position.
        missed: Name to bool of shape (cases,); scores without an entry have no missed cases.
        hallucinated: Name to bool of shape (cases,); scores without an entry have no hallucinated cases.
        resamples: Number of resamples of a bootstrap.
        seed: Random seed of a bootstrap. The same seed gives the same intervals, regardless of the order of cases and
            scores.
        level: Coverage of each interval, between 0 and 1; not corrected for the number of scores.
        method: "t", the interval of `metrics.intervals` for scores of this kind; or a bootstrap, "percentile",
            "expanded" or "bca" (see `metrics.bootstrap`).
        limits: Name to smallest and largest possible value, as for `summarise`; scores without an entry have none.

    Returns:
        Name to `Summary`, in the order of the table. Each score is summarised over its own defined cases.

    Raises:
        ValueError: as for `summarise`, or `missed`, `hallucinated` or `limits` names a score that the table lacks.

    Example:
        >>> table = {"dice": [1.0, 0.5, 0.75], "assd": [1.0, 3.0, float("nan")]}
        >>> summaries = summarise_table(table, ["a", "b", "b"], missed={"assd": [False, False, True]})
        >>> {name: (summary.mean, summary.n, summary.n_missed) for name, summary in summaries.items()}
        {'dice': (0.75, 3, 0), 'assd': (2.0, 2, 1)}
    """
    plan = Resampling(resamples, seed, level, method)
    columns = score_columns(table)
    if not columns:
        return {}
    n_cases = len(next(iter(columns.values())))
    allowed = _limits(limits or {}, columns)
    intervals = intervals_of_means(list(columns.values()), patient_codes(patients, n_cases), plan, allowed)
    n_missed = _flagged(missed, "missed", columns)
    n_hallucinated = _flagged(hallucinated, "hallucinated", columns)
    return {
        name: _summary(column, interval, n_missed.get(name, 0), n_hallucinated.get(name, 0))
        for (name, column), interval in zip(columns.items(), intervals, strict=True)
    }


def score_columns(table: Table) -> dict[str, Scores]:
    """Read a table of scores.

    Args:
        table: Name to numbers of shape (cases,): a dict, or a DataFrame of score columns.

    Returns:
        Name to float64 of shape (cases,).

    Raises:
        ValueError: a column does not hold one number a case, or the lengths differ.

    Example:
        >>> score_columns({"dice": [0.5, None]})["dice"].tolist()
        [0.5, nan]
    """
    columns = {name: _numbers(table[name], name) for name in table}
    sizes = {name: column.size for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"all scores must be of the same cases, got these numbers of cases: {sizes}")
    return columns


def _numbers(column: ArrayLike, name: str) -> Scores:
    try:
        scores = np.asarray(column, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers, NaN where undefined: {error}") from error
    if scores.ndim != 1:
        raise ValueError(f"{name} must be one number a case, got shape {scores.shape}")
    return scores


def _limits(given: Mapping[str, Limits], columns: Mapping[str, Scores]) -> list[Limits]:
    unknown = sorted(map(str, given.keys() - columns.keys()))
    if unknown:
        raise ValueError(f"limits names scores that the table lacks: {unknown}; it has {list(columns)}")
    for name, limits in given.items():
        require_within(columns[name], limits, name)
    return [given.get(name, UNLIMITED) for name in columns]


def _summary(column: Scores, interval: Estimate, n_missed: int, n_hallucinated: int) -> Summary:
    values = np.sort(column[~np.isnan(column)])  # sorted: the mean rounds alike in any order of the cases
    return Summary(
        mean=_quiet(np.mean, values),
        low=interval.low,
        high=interval.high,
        median=_quiet(np.median, values),
        q1=_quiet(np.quantile, values, 0.25),
        q3=_quiet(np.quantile, values, 0.75),
        n=values.size,
        n_undefined=column.size - values.size,
        n_missed=n_missed,
        n_hallucinated=n_hallucinated,
        method=interval.method,
    )


def _flagged(flags: Table | None, kind: str, columns: Mapping[str, Scores]) -> dict[str, int]:
    given = {} if flags is None else {name: np.asarray(flags[name]) for name in flags}
    unknown = sorted(map(str, given.keys() - columns.keys()))
    if unknown:
        raise ValueError(f"{kind} names scores that the table lacks: {unknown}; it has {list(columns)}")
    for name, column in given.items():
        if column.shape != columns[name].shape:
            raise ValueError(
                f"{kind} must be one bool a case: {columns[name].size} cases, got shape {column.shape}"
            )
    return {name: int(np.count_nonzero(column)) for name, column in given.items()}


def _quiet(function: Callable[..., np.floating], values: Scores, *arguments: float) -> float:
    if values.size == 0:
        return float("nan")
    with np.errstate(invalid="ignore"):  # infinite values of both signs
        return float(function(values, *arguments))
