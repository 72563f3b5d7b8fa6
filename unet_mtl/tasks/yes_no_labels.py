"""Yes-or-no labels of single cases, read from the columns of a record."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from unet_mtl.data.description import ColumnDescription
from unet_mtl.data.images import IGNORE
from unet_mtl.data.records import Record
from unet_mtl.errors import ConfigError

UNKNOWN = IGNORE
"""The value of an unknown label, in place of 0 and 1."""

Truth = NDArray[np.uint8]
"""(labels,) 0, 1 or `UNKNOWN`."""


def _check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise ValueError(f"column {repeated[0]!r} is listed twice")
    return names


Targets = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_check_distinct)]
"""One or more distinct columns."""


def read_truth(record: Record, targets: Sequence[str], classes: Sequence[tuple[str, str]]) -> Truth:
    """Return the labels of a case.

    Args:
        record: The case.
        targets: The columns.
        classes: The two classes of each column, "no" first.
    """
    labels = map(record.labels.get, targets)
    values = [UNKNOWN if y is None else pair.index(str(y)) for pair, y in zip(classes, labels, strict=True)]
    return np.array(values, np.uint8)


def require_pair(described: ColumnDescription, column: str, task: str) -> tuple[str, str]:
    """Return the two classes of a column; the second one means "yes".

    Raises:
        ConfigError: The column has no classes or not two of them. The message names `task`.
    """
    if described.classes is None or len(described.classes) != 2:
        received = "no `classes`" if described.classes is None else f"{len(described.classes)} classes"
        raise ConfigError(
            f"task {task!r}: column {column!r} has {received}, but a yes-or-no label needs two; describe the column "
            "as `type: yes/no` or with two `classes`, the second for yes, or give it a task of its own"
        )
    no, yes = described.classes
    return no, yes


def list_present(names: Sequence[str], truth: Truth) -> str:
    """Return the names of the labels that hold; unknown ones are followed by a question mark."""
    marks = {1: "", UNKNOWN: "?"}
    pairs = zip(names, truth.tolist(), strict=True)
    return ", ".join(name + marks[value] for name, value in pairs if value in marks) or "none"
