"""Numbers of a case between the columns of a record and the arrays of the network."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.description import ColumnDescription
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks.number import Number, Scale
from unet_mtl.tasks.predictions import Value, list_values


def fit(
    task: str, columns: Mapping[str, ColumnDescription], scale: Scale, train: Dataset
) -> tuple[Number, ...]:
    """Return numbers with units from the description and constants from the train values.

    Args:
        task: The name of the task, for error messages.
        columns: Descriptions by column.
        scale: The scale of all numbers.
        train: The train cases; each column must be known for at least one of them.

    Raises:
        ConfigError: A column is not numeric, or has a number that the scale does not admit.
        DataError: A column is known for no case.
    """
    for name, described in columns.items():
        if not described.is_number:
            raise ConfigError(
                f"task {task!r}: column {name!r} contains words, not numbers; make the task a classification"
            )
    values = {name: [float(r.labels[name]) for r in train if name in r.labels] for name in columns}
    absent = " or ".join(repr(name) for name, known in values.items() if not known)
    if absent:
        raise DataError(f"task {task!r}: none of the {len(train)} train cases has a {absent}")
    for name, known in values.items():
        if scale == "log" and min(known) <= -1:
            raise ConfigError(
                f"task {task!r}: scale: log needs values above -1, received {min(known):g} in {name!r}"
            )
    return tuple(Number(column=n, unit=columns[n].unit, scale=scale).fit(values[n]) for n in columns)


def read(
    task: str, numbers: Sequence[Number], columns: Mapping[str, ColumnDescription], record: Record
) -> dict[str, float]:
    """Return the known numbers of one case, by column.

    Raises:
        DataError: The unit of a column differs from the one that was learned.
    """
    for number in numbers:
        unit = columns[number.column].unit
        if unit != number.unit:
            raise DataError(
                f"task {task!r} learned {number.column!r} in {number.unit!r}, the data set gives {unit!r}"
            )
    return {n.column: float(record.labels[n.column]) for n in numbers if n.column in record.labels}


def encode(numbers: Sequence[Number], known: Mapping[str, float]) -> NDArray[np.float32]:
    """Return (n, 2): each number standardised and followed by 1, or 0 and 0 where it is unknown.

    Args:
        numbers: The n numbers of the task.
        known: The known numbers by column, as the network sees them.
    """
    pairs = [
        (n.learned.standardise(known[n.column]), 1.0) if n.column in known else (0.0, 0.0) for n in numbers
    ]
    return np.asarray(pairs, np.float32)


def decode(
    numbers: Sequence[Number], raw: NDArray[np.float32], spreads: Sequence[float] = ()
) -> dict[str, Value]:
    """Return the predicted values by column.

    Args:
        numbers: The n numbers of the task.
        raw: The network's output for one case: (n,) means, or (2n,) means followed by log-variances.
        spreads: The factor of the predicted standard deviation of each number; empty: 1.
    """
    rows = zip(
        numbers, raw.reshape(-1, len(numbers)).T.tolist(), spreads or [1.0] * len(numbers), strict=True
    )
    return {number.column: number.learned.decode(*row, spread=spread) for number, row, spread in rows}


def describe(numbers: Sequence[Number], known: Mapping[str, float]) -> str:
    """Return the known numbers of a case in a few words."""
    values = {n.column: Value(known[n.column], n.unit) for n in numbers if n.column in known}
    return list_values(values, columns=len(numbers) > 1)
