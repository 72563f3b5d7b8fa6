"""One number of a regression, with its unit and the constants by which it is standardised."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from unet_mtl.settings import Settings
from unet_mtl.tasks.predictions import Value, keys_of

Scale = Literal["linear", "log"]

_Z = 1.959963984540054
"""The number of standard deviations on either side of the mean that contain 95 % of a normal distribution."""


class Number(Settings):
    """One column of numbers, with constants from the train cases.

    Attributes:
        column: The name of the column.
        unit: The unit in the description of the data set.
        scale: "linear", or "log": the network learns log(1 + value).
        mean: The mean of the train values on that scale.
        deviation: The standard deviation of the train values on that scale.
        median: The median of the train values in their unit.
        seen: The number as the network learns it, in pixels of its input, with constants of its own; None if the
            network learns the number in its unit.
    """

    column: str
    unit: str = ""
    scale: Scale = "linear"
    mean: float = 0.0
    deviation: float = Field(default=1.0, gt=0)
    median: float = 0.0
    seen: "Number | None" = None

    @property
    def learned(self) -> "Number":
        """The number whose constants standardise what the network learns."""
        return self.seen or self

    def fit(self, values: Sequence[float]) -> "Number":
        """Return the number with the constants of one or more train values."""
        array = np.asarray(values, np.float64)
        scaled = np.log1p(array) if self.scale == "log" else array
        # Rounding gives equal values a standard deviation that is not exactly 0.
        deviation = float(scaled.std()) if np.ptp(scaled) else 1.0
        constants = {"mean": float(scaled.mean()), "deviation": deviation, "median": float(np.median(array))}
        return self.model_copy(update=constants)

    def standardise(self, value: float) -> float:
        """Convert a value in its unit to train standard deviations from the train mean."""
        scaled = np.log1p(value) if self.scale == "log" else value
        return float((scaled - self.mean) / self.deviation)

    def restore(self, standardised: float) -> float:
        """Convert a standardised value back to its unit."""
        scaled = standardised * self.deviation + self.mean
        return float(np.expm1(scaled) if self.scale == "log" else scaled)

    def decode(self, mean: float, log_variance: float | None = None, *, spread: float = 1.0) -> Value:
        """Return the predicted value in its unit.

        Args:
            mean: The standardised prediction. On a log scale the result is the median of the predicted distribution.
            log_variance: The network's output for the log-variance, before `bound_log_variance`; None: the result
                has no interval. On a log scale the upper part of the interval is longer, since its ends are
                transformed back.
            spread: The factor of the predicted standard deviation.
        """
        if log_variance is None:
            return Value(self.restore(mean), self.unit)
        from unet_mtl.losses.values import bound_log_variance

        half = spread * _Z * np.exp(bound_log_variance(log_variance, lambda x: np.logaddexp(0.0, x)) / 2)
        return Value(self.restore(mean), self.unit, self.restore(mean - half), self.restore(mean + half))


def check_columns(columns: Sequence[str]) -> None:
    """Check that the columns, and the names of results that are derived from them, are distinct.

    Raises:
        ValueError: A column is repeated, or two results would have the same name.
    """
    repeated = [column for column in columns if columns.count(column) > 1]
    if repeated:
        raise ValueError(f"targets has {repeated[0]!r} twice; name each column once")
    names = [key + end for key in keys_of(columns) for end in ("", "_low", "_high")]
    shared = [name for name in names if names.count(name) > 1]
    if shared:
        raise ValueError(
            f"two results would be called {shared[0]!r}; rename a column of {', '.join(columns)}"
        )


def by_suffix(numbers: Sequence[Number]) -> dict[str, Number]:
    """Return the numbers by the suffix of their scores and facts, which is empty for a single number."""
    if len(numbers) == 1:
        return {"": numbers[0]}
    keys = keys_of([number.column for number in numbers])
    return {f"_{key}": number for key, number in zip(keys, numbers, strict=True)}
