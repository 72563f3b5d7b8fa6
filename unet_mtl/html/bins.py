"""Sorting numbers into the bars of a histogram, with round edges and outliers gathered at the ends."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 12
"""Maximum number of bars between the two ends; round edges may need one more."""

_FENCE = 8.0  # in interquartile ranges beyond the quartiles; a wrong unit would squeeze all other values into one bar
_FEW = 0.05  # a larger share of the values is a second mode rather than outliers


@dataclass(frozen=True)
class Bins:
    """Adjacent bars of equal width.

    Attributes:
        start: Left edge of the first bar.
        width: Width of each bar.
        counts: Number of values in each bar. A value on an edge belongs to the bar on its right; a fraction on the
            right edge of the last bar belongs to that bar.
        below: Number of outliers below the first bar.
        above: Number of outliers above the last bar.
        single: Whether each bar stands for one whole number, which is at its centre.
    """

    start: float
    width: float
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0
    single: bool = False

    @property
    def end(self) -> float:
        """Right edge of the last bar."""
        return self.edge(len(self.counts))

    def edge(self, index: int) -> float:
        """Return the left edge of a bar."""
        return self.start + index * self.width


def bin_numbers(numbers: Iterable[float], most: int = MOST) -> Bins:
    """Sort numbers into bars with a width of 1, 2 or 5 times a power of ten.

    Args:
        numbers: Finite numbers, at least one.
        most: Maximum number of bars, apart from one more that round edges may need.

    >>> bin_numbers([1, 2, 2, 3]).counts
    (1, 2, 1)
    >>> bin_numbers([0.1, 0.9, 2.5], most=4)
    Bins(start=0.0, width=1.0, counts=(2, 0, 1), below=0, above=0, single=False)
    """
    values = np.fromiter(numbers, np.float64)
    inside = _near(values)
    low, high = float(inside.min()), float(inside.max())
    below, above = int((values < low).sum()), int((values > high).sum())
    whole = bool((inside == np.rint(inside)).all())
    if whole and high - low < most:
        counts = np.bincount((inside - low).astype(np.int64))
        return Bins(low - 0.5, 1.0, tuple(counts.tolist()), below, above, single=True)
    width = nice_step((high - low) / most) if high > low else abs(high) or 1.0
    width = max(width, 1.0) if whole else width
    first = math.floor(low / width)
    # 0.3 / 0.1 is 2.9999999999999996: a value on an edge belongs to the bar on its right
    places = np.maximum(np.floor(inside / width + 1e-9).astype(np.int64) - first, 0)
    if not whole and high <= (first + places.max()) * width * (1 + 1e-12):
        places = np.minimum(places, max(0, places.max() - 1))  # 100 % belongs to the same bar as 99 %
    counts = np.bincount(places)
    return Bins(first * width, width, tuple(counts.tolist()), below, above)


def _near(values: NDArray[np.float64]) -> NDArray[np.float64]:
    lower, upper = np.percentile(values, [25, 75])
    reach = _FENCE * (upper - lower)
    near = np.ones(len(values), np.bool_)
    for far in (values < lower - reach, values > upper + reach):
        if reach and far.mean() <= _FEW:
            near &= ~far
    return np.asarray(values[near])


def nice_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below `least`.

    >>> nice_step(0.3), nice_step(12), nice_step(5)
    (0.5, 20.0, 5.0)
    """
    power = math.floor(math.log10(least))
    # division, because 2 * 0.1 * 3 is not 0.6
    steps = [step * 10.0**power if power >= 0 else step / 10.0**-power for step in (1, 2, 5, 10)]
    return next(step for step in steps if step >= least * (1 - 1e-9))
