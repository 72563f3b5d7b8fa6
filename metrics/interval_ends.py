"""What intervals have in common: limits of scores, and their ends from an estimate and its variance."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.bootstrap import Interval

Limits: TypeAlias = tuple[float, float]

UNLIMITED: Limits = (-np.inf, np.inf)
NOT_NEGATIVE: Limits = (0.0, np.inf)
SHARE: Limits = (0.0, 1.0)

_ROUNDING = 1e-9  # an MCC of 1 may exceed 1 by rounding


def require_within(values: NDArray[np.float64], limits: Limits, name: str) -> None:
    """Raise a ValueError if a value is beyond the limits, or if these are no interval.

    Example:
        >>> require_within(np.array([0.5, np.nan]), SHARE, "dice")
    """
    low, high = limits
    if not low < high:
        raise ValueError(f"limits must be (smallest, largest) possible value, got {limits}")
    beyond = values[(values < low - _ROUNDING) | (values > high + _ROUNDING)]
    if beyond.size:
        raise ValueError(f"{name}: {beyond[0]:g} is beyond the limits {low:g}..{high:g} of the score")


def numbers_of(values: ArrayLike, level: float) -> NDArray[np.float64]:
    """Return one number a case, and check the level.

    Raises:
        ValueError: the shape is not (cases,), or the level not between 0 and 1.

    Example:
        >>> numbers_of([True, False], 0.95).tolist()
        [1.0, 0.0]
    """
    numbers = np.asarray(values, np.float64)
    if numbers.ndim != 1:
        raise ValueError(f"expected one number a case, got shape {numbers.shape}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    return numbers


def with_margin(mean: float, half: float, limits: Limits) -> Interval:
    """Return the interval of a mean, symmetric on a scale on which the limits are infinitely far away.

    The scale is that of log-odds between two limits, and of logarithms above a lower limit of 0.

    Args:
        mean: The mean, between the limits and not on one of them.
        half: Half the width of the symmetric interval, above 0; the delta method converts it to the scale.
        limits: Smallest and largest possible value.

    Example:
        >>> [round(end, 3) for end in with_margin(0.9, 0.1, (0, 1))]
        [0.748, 0.965]
    """
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


def clopper_pearson(successes: float, n: float, level: float) -> Interval:
    """Return the interval of Clopper and Pearson 1934 (doi:10.1093/biomet/26.4.404); n need not be a whole number.

    Example:
        >>> [round(end, 3) for end in clopper_pearson(9, 10, 0.95)]
        [0.555, 0.997]
    """
    from scipy.special import betaincinv  # slow to import

    failures, tail = n - successes, (1 - level) / 2
    low = betaincinv(successes, failures + 1, tail) if successes > 0 else 0.0
    high = betaincinv(successes + 1, failures, 1 - tail) if failures > 0 else 1.0
    return float(low), float(high)


def t_quantile(level: float, freedom: float) -> float:
    """Return the t quantile of a two-sided interval of this level.

    Example:
        >>> round(t_quantile(0.95, 9), 3)
        2.262
    """
    from scipy.special import stdtrit  # slow to import

    return float(stdtrit(max(freedom, 1e-3), (1 + level) / 2))
