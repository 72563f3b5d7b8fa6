"""P-values of differences from random permutations, for any score of a set of cases."""

import numpy as np
from numpy.typing import NDArray

FEW_EXTREMES = 10
"""With fewer permutations beyond the observed difference, their share is too coarse for Holm's correction."""


def p_value_of_draws(observed: float, draws: NDArray[np.float64]) -> float:
    """Return the two-sided p-value of a difference under random permutations of the labels that it compares.

    It is the share of permutations with a difference at least as far from their mean as the observed one, where the
    observed one counts as a permutation (Phipson and Smyth 2010, doi:10.2202/1544-6115.1585). If fewer than
    `FEW_EXTREMES` are, the tail of a normal distribution with their mean and standard deviation takes the place of
    the share, since the number of permutations would else limit how small the p-value can be.

    Args:
        observed: The observed difference.
        draws: The differences under permutations, (permutations,), NaN where the score is undefined.

    Returns:
        A number in 0..1; 1 if all differences are equal; NaN if the observed difference or more than half of the
        draws are undefined.
    """
    defined = draws[~np.isnan(draws)]
    if np.isnan(observed) or 2 * defined.size < draws.size or defined.size == 0:
        return float("nan")
    distance = np.abs(defined - defined.mean())
    beyond = abs(observed - defined.mean())
    rounding = 1e-9 * max(float(np.abs(defined).max()), abs(observed))
    n_extreme = int(np.count_nonzero(distance >= beyond - rounding))
    deviation = float(defined.std())
    if n_extreme >= FEW_EXTREMES or deviation <= rounding:
        return (1 + n_extreme) / (1 + defined.size)
    from scipy.stats import norm  # slow to import

    return float(2 * norm.sf(beyond / deviation))


def shuffle_groups(
    member: NDArray[np.bool_], codes: NDArray[np.intp], n: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return random divisions of cases into a group and the rest, as they could be if the group had no influence.

    Patients are exchanged as a whole, since their cases are alike. The cases of a patient who is both in the group and
    in the rest are exchanged with each other.

    Args:
        member: Whether each case is in the group, (cases,).
        codes: Patient number of each case, (cases,), from 0 on without gaps.
        n: Number of divisions.
        rng: Source of random numbers.

    Returns:
        Memberships (n, cases).
    """
    n_patients = int(codes.max()) + 1
    share = np.bincount(codes, member, n_patients) / np.bincount(codes, minlength=n_patients)
    whole = np.flatnonzero((share == 0) | (share == 1))
    divided = [np.flatnonzero(codes == patient) for patient in np.setdiff1d(np.arange(n_patients), whole)]
    rows = np.empty((n, member.size), bool)
    for row in rows:
        of_patient = share == 1
        of_patient[whole] = rng.permutation(of_patient[whole])
        row[:] = of_patient[codes]
        for cases in divided:
            row[cases] = rng.permutation(member[cases])
    return rows
