"""Is a difference more than chance, where the networks themselves were trained several times?

A test over patients alone answers for the very networks that were trained. Two trainings of one network that differ in
their seed differ too, and a test set that is large enough shows it. Here both, patients and trainings, are a sample.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.bootstrap import Patients, patient_codes

LEAST_RUNS = 3


def repeated_p_value(first: ArrayLike, second: ArrayLike, patients: Patients | None = None) -> float:
    """Two-sided p-value of the difference of two kinds of network, over trainings and patients.

    Trainings are to patients what readers are in studies of several readers who each read with both of two methods: a
    random sample. Run i of both kinds is a pair, of one seed: it has much of its chance in common, such as the order of
    the cases. Variance and degrees of freedom after Hillis 2014 (doi:10.1002/sim.5926), the latter at most
    patients - 1. Two pairs tell too little of their spread: p would be below 0.05 in up to 14 % of comparisons of
    equals.

    Args:
        first: float of shape (runs, cases), the scores of each training; NaN in one run of either kind leaves the
            case out of all.
        second: The other kind of network, of the same shape: the same seeds and cases in the same order.
        patients: One patient a case, all strings or all integers; None: each case is its own.

    Returns:
        In 0..1; 1 where patients' means do not differ at all; NaN with fewer than 3 runs or 2 patients.

    Raises:
        ValueError: the shapes are not (runs, cases) twice, a score is infinite, or patients are of another number.

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
    """(runs, patients)."""
    if not codes.size:
        return values[:, :0]
    codes = np.unique(codes, return_inverse=True)[1]
    return np.apply_along_axis(lambda row: np.bincount(codes, weights=row), 1, values) / np.bincount(codes)


def _crossed(differences: NDArray[np.float64]) -> float:
    """Is the mean of (runs, patients) 0, where both are random? For two kinds Hillis' F test is this t test."""
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
