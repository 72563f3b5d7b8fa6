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


def repeated_p_value(first: ArrayLike, second: ArrayLike, patients: Patients | None = None) -> float:
    """Two-sided p-value of the difference between two kinds of network, over trainings and patients.

    Trainings play the role of readers in multi-reader multi-case studies with two modalities: they are a random
    sample. Run i of both kinds forms a pair with the same seed, since much of the randomness is shared, such as the
    order of the cases. Variance and degrees of freedom follow Hillis 2014 (doi:10.1002/sim.5926); the degrees of
    freedom are at most patients - 1. Two pairs are too few to estimate the variance: p would be below 0.05 in up to
    14 % of comparisons without a true difference.

    Args:
        first: Scores of each training, float of shape (runs, cases). A case with NaN in any run of either kind is
            excluded.
        second: Scores of the other kind of network, of the same shape, with seeds and cases in the same order.
        patients: Patient of each case, all strings or all integers; None: every case is its own patient.

    Returns:
        The p-value in 0..1; 1 if all differences are zero, NaN with fewer than 3 runs or 2 patients.

    Raises:
        ValueError: the shapes are not (runs, cases) twice, a score is infinite, or patients do not match the cases.

    Example:
        >>> round(repeated_p_value([[0.0] * 3] * 3, [[1.0, 2.0, 3.0], [2.0, 2.0, 5.0], [3.0, 5.0, 4.0]]), 4)
        0.0565
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
    """Test whether the mean over random runs and patients is 0; for two kinds, Hillis' F test is this t test."""
    runs, patients = differences.shape
    of_runs, of_patients, mean = differences.mean(axis=1), differences.mean(axis=0), differences.mean()
    rest = differences - of_runs[:, None] - of_patients + mean
    square_runs = patients * of_runs.var(ddof=1)
    square_patients = runs * of_patients.var(ddof=1)
    square_rest = (rest**2).sum() / ((runs - 1) * (patients - 1))
    spread = square_runs + max(square_patients - square_rest, 0.0)
    if not differences.any():
        return 1.0
    if spread == 0:
        return 0.0
    share = square_runs / spread
    freedom = min((runs - 1) / share**2 if share > 1e-9 else np.inf, patients - 1)
    from scipy.stats import t  # slow to import

    return float(2 * t.sf(abs(mean) / np.sqrt(spread / (runs * patients)), freedom))
