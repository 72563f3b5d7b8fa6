"""Numbers of columns as a network learns them."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from unet_mtl.data.description import ColumnDescription
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.settings import Settings
from unet_mtl.tasks.predictions import Value, keys_of, list_values

Scale = Literal["linear", "log"]

_Z = 1.959963984540054  # deviations to either side that hold 95 % of a normal distribution


class Number(Settings):
    """One number column, with what is known of it from the train cases.

    Attributes:
        column: Its name.
        unit: As the data set describes it.
        scale: "log": the network learns log(1 + value).
        mean: Of the train values on that scale.
        deviation: Their standard deviation.
        median: Of the train values in their unit.
    """

    column: str
    unit: str = ""
    scale: Scale = "linear"
    mean: float = 0.0
    deviation: float = Field(default=1.0, gt=0)
    median: float = 0.0

    def fit(self, values: Sequence[float]) -> "Number":
        """The same number with the constants of its train values, of which there is at least one."""
        found = np.asarray(values, np.float64)
        scaled = np.log1p(found) if self.scale == "log" else found
        # Of equal values, rounding leaves a deviation that is not quite 0.
        deviation = float(scaled.std()) if np.ptp(scaled) else 1.0
        constants = {"mean": float(scaled.mean()), "deviation": deviation, "median": float(np.median(found))}
        return self.model_copy(update=constants)

    def standardise(self, value: float) -> float:
        """From the unit to train standard deviations around the train mean."""
        scaled = np.log1p(value) if self.scale == "log" else value
        return float((scaled - self.mean) / self.deviation)

    def restore(self, standardised: float) -> float:
        """Back to the unit."""
        scaled = standardised * self.deviation + self.mean
        return float(np.expm1(scaled) if self.scale == "log" else scaled)

    def answer(self, mean: float, log_variance: float | None = None) -> Value:
        """What the network's output says, in the unit.

        Args:
            mean: Standardised. On a log scale the answer is the median of what the network thinks possible.
            log_variance: As `GaussianLoss` reads it; None: no interval. On a log scale the interval has a longer
                upper arm, since its ends are transformed back.
        """
        if log_variance is None:
            return Value(self.restore(mean), self.unit)
        from unet_mtl.losses import bound_log_variance

        half = _Z * np.exp(bound_log_variance(log_variance, lambda x: np.logaddexp(0.0, x)) / 2)
        return Value(self.restore(mean), self.unit, self.restore(mean - half), self.restore(mean + half))


def check_columns(columns: Sequence[str]) -> None:
    """Makes sure that names made of the columns differ.

    Raises:
        ValueError: They would not.
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
    """The numbers by what stands behind the names of their scores and facts: nothing, where there is only one."""
    if len(numbers) == 1:
        return {"": numbers[0]}
    keys = keys_of([number.column for number in numbers])
    return {f"_{key}": number for key, number in zip(keys, numbers, strict=True)}


def fit(
    task: str, columns: Mapping[str, ColumnDescription], scale: Scale, train: Dataset
) -> tuple[Number, ...]:
    """Units from the description, means and deviations from the train values.

    Args:
        task: Named in errors.
        columns: By name.
        scale: Of all numbers.
        train: The train cases; each column is known of some.

    Raises:
        ConfigError: A column holds words, or a number that the scale cannot take.
        DataError: A column is known of no case.
    """
    for name, described in columns.items():
        if not described.is_number:
            raise ConfigError(f"task {task!r}: column {name!r} holds words; make it a classification")
    found = {name: [float(r.labels[name]) for r in train if name in r.labels] for name in columns}
    absent = " or ".join(repr(name) for name, values in found.items() if not values)
    if absent:
        raise DataError(f"task {task!r}: none of the {len(train)} train cases has a {absent}")
    for name, values in found.items():
        if scale == "log" and min(values) <= -1:
            raise ConfigError(
                f"task {task!r}: scale: log needs values above -1, received {min(values):g} in {name!r}"
            )
    return tuple(Number(column=n, unit=columns[n].unit, scale=scale).fit(found[n]) for n in columns)


def read(
    task: str, numbers: Sequence[Number], columns: Mapping[str, ColumnDescription], record: Record
) -> dict[str, float]:
    """The known numbers of one case, by column.

    Raises:
        DataError: A column is in another unit than was learned.
    """
    for number in numbers:
        unit = columns[number.column].unit
        if unit != number.unit:
            raise DataError(
                f"task {task!r} learned {number.column!r} in {number.unit!r}, the data set gives {unit!r}"
            )
    return {n.column: float(record.labels[n.column]) for n in numbers if n.column in record.labels}


def encode(numbers: Sequence[Number], known: Mapping[str, float]) -> NDArray[np.float32]:
    """(n, 2): each number standardised with 1 behind it, or 0 and 0 where it is unknown."""
    pairs = [(n.standardise(known[n.column]), 1.0) if n.column in known else (0.0, 0.0) for n in numbers]
    return np.asarray(pairs, np.float32)


def decode(numbers: Sequence[Number], raw: NDArray[np.float32]) -> dict[str, Value]:
    """Answers by column.

    Args:
        numbers: n of them.
        raw: (n,) means; or (2n,), with a log-variance for each behind all means.
    """
    parts = raw.reshape(-1, len(numbers)).T.tolist()
    return {n.column: n.answer(*part) for n, part in zip(numbers, parts, strict=True)}


def describe(numbers: Sequence[Number], known: Mapping[str, float]) -> str:
    """The known numbers in a few words."""
    values = {n.column: Value(known[n.column], n.unit) for n in numbers if n.column in known}
    return list_values(values, columns=len(numbers) > 1)
