"""Test of a difference between two kinds of network that were each trained several times.

A test over patients alone applies only to the networks that were actually trained. Two trainings of the same network
with different seeds differ as well, and a sufficiently large test set shows this. Here, both patients and trainings are
treated as random samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.bootstrap import Patients, patient_codes

LEAST_RUNS = 3

_LEAST = 1e-24  # p-values and relative variances below are rounding


def repeated_p_value(first: ArrayLike, second: ArrayLike, patients: Patients | None = None) -> float:
    """Two-sided p-value of the difference between two kinds of network, over trainings and patients.

    Trainings play the role of readers in multi-reader multi-case studies with two modalities: they are a random
    sample. Run i of both kinds forms a pair with the same seed, since much of the randomness is shared, such as the
    order of the cases. The variance of the mean difference is that of Hillis 2014 (doi:10.1002/sim.5926). Its part due
    to trainings has runs - 1 degrees of freedom, the rest patients - 1, and the quantile of the test is the mean of
    both t quantiles, weighted by these parts, as in Cochran 1964 (doi:10.2307/2282716). The usual effective degrees of
    freedom are too optimistic where a variance has 2 of them: with three runs, up to 4 % of p-values would be
    below 0.05 / 3, the smallest of Holm's levels for three tests.

    p is never below that of the paired t test over patients for the networks that were trained, nor below
    2^(1 - patients), the smallest p of a test that flips the signs of the patients' differences.

    Args:
        first: Scores of each training, float of shape (runs, cases). A case with NaN in any run of either kind is
            excluded.
        second: Scores of the other kind of network, of the same shape, with seeds and cases in the same order.
        patients: Patient of each case, all strings or all integers; None: every case is its own patient.

    Returns:
        The p-value, above 0 and at most 1; 1 if all differences are zero, NaN with fewer than 3 runs or 2 patients. Two
        runs are too few to estimate a variance.

    Raises:
        ValueError: the shapes are not (runs, cases) twice, a score is infinite, or patients do not match the cases.

    Example:
        >>> differences = [[1.0, 2.0, 3.0] * 2, [2.0, 2.0, 5.0] * 2, [3.0, 5.0, 4.0] * 2]
        >>> round(repeated_p_value([[0.0] * 6] * 3, differences), 4)
        0.0365
    """
    values = _stacked(first, second)
    codes = patient_codes(patients, values.shape[2])
    compared = ~np.isnan(values).any(axis=(0, 1))
    differences = _patient_means((values[1] - values[0])[:, compared], codes[compared])
    enough = differences.shape[0] >= LEAST_RUNS and differences.shape[1] >= 2
    return _crossed(differences) if enough else float("nan")


def _stacked(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.ndim != 2 or one.shape != other.shape:
        raise ValueError(f"both must be of one shape (runs, cases), got shapes {one.shape} and {other.shape}")
    values = np.stack([one, other])
    if np.isinf(values).any():
        raise ValueError("scores are infinite: put the worst finite value in their place, or NaN")
    return values


def _patient_means(values: NDArray[np.float64], codes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the mean of each patient, shape (runs, patients)."""
    if not codes.size:
        return values[:, :0]
    codes = np.unique(codes, return_inverse=True)[1]
    return np.apply_along_axis(lambda row: np.bincount(codes, weights=row), 1, values) / np.bincount(codes)


def _crossed(differences: NDArray[np.float64]) -> float:
    """Test whether the mean over random runs and patients is 0."""
    runs, patients = differences.shape
    if not differences.any():
        return 1.0
    of_runs, of_patients, mean = differences.mean(axis=1), differences.mean(axis=0), differences.mean()
    rest = differences - of_runs[:, None] - of_patients + mean
    square_runs = patients * of_runs.var(ddof=1)
    square_patients = runs * of_patients.var(ddof=1)
    square_rest = (rest**2).sum() / ((runs - 1) * (patients - 1))
    spread = square_runs + max(square_patients - square_rest, 0.0)
    size = abs(mean) * np.sqrt(runs * patients)
    over_patients = _p_value(size, square_patients, 0.0, runs, patients)
    over_both = _p_value(size, spread, square_runs, runs, patients)
    return float(max(over_both, over_patients, 2.0 ** (1 - patients)))


def _p_value(size: float, spread: float, of_runs: float, runs: int, patients: int) -> float:
    """Return the p-value at which the weighted mean of the two t quantiles equals the size of the difference.

    Args:
        size: Absolute mean difference, times the square root of runs * patients.
        spread: Variance of the signed size.
        of_runs: The part of `spread` that is due to trainings.
        runs: Number of runs.
        patients: Number of patients.
    """
    from scipy.optimize import brentq  # slow to import
    from scipy.special import stdtrit

    if size**2 * _LEAST >= spread:  # no variance but that of rounding
        return 0.0
    statistic, share = size / np.sqrt(spread), of_runs / spread

    def excess(log_p: float) -> float:
        tail = np.exp(log_p) / 2
        quantiles = stdtrit([runs - 1, patients - 1], tail)
        return float(statistic + share * quantiles[0] + (1 - share) * quantiles[1])

    lowest = np.log(_LEAST)
    return 0.0 if excess(lowest) > 0 else float(np.exp(brentq(excess, lowest, 0.0, xtol=1e-12)))
