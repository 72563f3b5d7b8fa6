"""From one score a case to a number that can be printed: mean, interval over patients, and what is missing.

Cases of one patient are alike, so intervals resample patients, never images (Efron and Tibshirani 1993,
doi:10.1201/9780429246593, percentile method). With few patients a percentile interval is too narrow: below
about 30 read it as a lower bound of the uncertainty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BLOCK = 4_000_000


@dataclass(frozen=True)
class Summary:
    """What is reported of one score over a set of cases.

    Attributes:
        mean: Mean of the defined values, in the score's unit; NaN if none is.
        low: Lower end of the bootstrap interval of the mean; NaN with fewer than 2 patients.
        high: Its upper end.
        median: Median of the defined values; NaN if none is.
        n: Number of defined values.
        n_undefined: Number of NaN, left out of everything above.
        n_missed: Cases whose truth has the structure and whose prediction has not.
        n_hallucinated: Cases whose prediction has the structure and whose truth has not.
    """

    mean: float
    low: float
    high: float
    median: float
    n: int
    n_undefined: int
    n_missed: int
    n_hallucinated: int

    def to_dict(self) -> dict[str, float | int]:
        """Plain Python numbers by field name (NaN stays a float NaN)."""
        return asdict(self)


def summarise(
    values: ArrayLike,
    patients: Sequence[object] | NDArray[np.generic] | None = None,
    *,
    missed: ArrayLike | None = None,
    hallucinated: ArrayLike | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Summary:
    """Summarise one score over cases, with a percentile bootstrap interval over patients.

    Args:
        values: float of shape (cases,), NaN where undefined.
        patients: One patient a case, all strings or all integers; None: each case is its own.
        missed: bool of shape (cases,), or None for none.
        hallucinated: bool of shape (cases,), or None for none.
        resamples: Number of bootstrap resamples.
        seed: Same seed, same interval, whatever the order of the cases.
        level: Coverage of the interval, between 0 and 1.

    Returns:
        A `Summary`. The mean is over cases; the interval resamples the patients with a defined value.

    Raises:
        ValueError: lengths differ, patients cannot be compared, or `level` or `resamples` is out of range.

    Example:
        >>> summary = summarise([0.9, 0.7, float("nan"), 0.8], ["a", "a", "b", "c"], missed=[0, 0, 0, 1])
        >>> round(summary.mean, 6), summary.n, summary.n_undefined, summary.n_missed
        (0.8, 3, 1, 1)
    """
    scores = np.asarray(values, np.float64)
    if scores.ndim != 1:
        raise ValueError(f"values must be one number a case, got shape {scores.shape}")
    defined = ~np.isnan(scores)
    codes = _patient_codes(np.arange(scores.size) if patients is None else patients, scores.size)
    low, high = _mean_interval(scores[defined], codes[defined], resamples, seed, _tails(level, resamples))
    return Summary(
        mean=_quiet(np.mean, scores[defined]),
        low=low,
        high=high,
        median=_quiet(np.median, scores[defined]),
        n=int(defined.sum()),
        n_undefined=int((~defined).sum()),
        n_missed=_flagged(missed, "missed", scores.size),
        n_hallucinated=_flagged(hallucinated, "hallucinated", scores.size),
    )


def bootstrap_interval(
    statistic: Callable[[NDArray[np.intp]], Mapping[str, float]],
    patients: Sequence[object] | NDArray[np.generic],
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Interval of any statistic that exists only over a set (AUROC, R2, pooled Dice), over patients.

    Args:
        statistic: Takes case indices, integers of shape (drawn cases,) with repeats, and gives named scores.
        patients: One patient a case, all strings or all integers; `range(cases)`: each case its own.
        resamples: Number of bootstrap resamples.
        seed: Same seed, same intervals.
        level: Coverage of the interval, between 0 and 1.

    Returns:
        Name to (low, high), for the names that all cases together give. NaN resamples are left out;
        (NaN, NaN) where fewer than half are defined or there are fewer than 2 patients.

    Raises:
        ValueError: patients cannot be compared, or `level` or `resamples` is out of range.

    Example:
        >>> age = np.array([40.0, 50.0, 60.0, 70.0])
        >>> bootstrap_interval(lambda cases: {"mean": float(age[cases].mean())}, ["a", "a", "b", "b"])
        {'mean': (45.0, 65.0)}
    """
    tails = _tails(level, resamples)
    codes = _patient_codes(patients, len(patients))
    names = list(statistic(np.arange(codes.size)))
    if codes.size == 0 or codes.max() < 1:
        return dict.fromkeys(names, (float("nan"), float("nan")))
    rows = [statistic(cases) for cases in _draw_cases(codes, resamples, seed)]
    return {name: _defined_interval([row.get(name, np.nan) for row in rows], tails) for name in names}


def _mean_interval(
    values: NDArray[np.float64], codes: NDArray[np.intp], resamples: int, seed: int, tails: list[float]
) -> tuple[float, float]:
    # only patients with a defined value take part, so no resample is without a value
    used, codes = np.unique(codes, return_inverse=True)
    if used.size < 2 or not np.isfinite(values).all():
        return float("nan"), float("nan")
    sums, sizes = np.bincount(codes, weights=values), np.bincount(codes)
    order = np.lexsort((sizes, sums))
    sums, sizes = sums[order], sizes[order]
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // used.size)
    means = []
    for start in range(0, resamples, block):
        drawn = rng.integers(used.size, size=(min(block, resamples - start), used.size))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), tails)
    return float(low), float(high)


def _draw_cases(codes: NDArray[np.intp], resamples: int, seed: int) -> Iterator[NDArray[np.intp]]:
    by_patient = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = rng.integers(sizes.size, size=sizes.size)
        lengths = sizes[drawn]
        # position in by_patient: start of the drawn patient plus 0, 1, ... up to its number of cases
        offsets = np.repeat(starts[drawn] - np.cumsum(lengths) + lengths, lengths)
        yield by_patient[offsets + np.arange(offsets.size)]


def _defined_interval(values: list[float], tails: list[float]) -> tuple[float, float]:
    scores = np.asarray(values, np.float64)
    defined = scores[~np.isnan(scores)]
    if 2 * defined.size < scores.size:
        return float("nan"), float("nan")
    low, high = _quiet(np.quantile, defined, tails[0]), _quiet(np.quantile, defined, tails[1])
    return low, high


def _patient_codes(patients: Sequence[object] | NDArray[np.generic], n_cases: int) -> NDArray[np.intp]:
    ids = np.asarray(patients)
    if ids.shape != (n_cases,):
        raise ValueError(f"patients must name one patient a case: {n_cases} cases, got shape {ids.shape}")
    try:
        codes = np.unique(ids, return_inverse=True)[1]
    except TypeError:  # a string against None or NaN
        codes = None
    if codes is None or (ids.dtype.kind == "f" and np.isnan(ids).any()):
        raise ValueError("patients must be all strings or all integers, none missing")
    return codes


def _tails(level: float, resamples: int) -> list[float]:
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(f"level must be between 0 and 1, resamples 1 or more; got {level}, {resamples}")
    return [(1 - level) / 2, (1 + level) / 2]


def _flagged(flags: ArrayLike | None, name: str, n_cases: int) -> int:
    if flags is None:
        return 0
    if np.shape(flags) != (n_cases,):
        raise ValueError(f"{name} must be one bool a case: {n_cases} cases, got shape {np.shape(flags)}")
    return int(np.count_nonzero(np.asarray(flags)))


def _quiet(function: Callable[..., np.floating], values: NDArray[np.float64], *arguments: float) -> float:
    if values.size == 0:
        return float("nan")
    with np.errstate(invalid="ignore"):  # infinite values of both signs
        return float(function(values, *arguments))
