"""Columns that reveal a target: those filled in once the target was known, or a recoding of it."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unet_mtl.data.numbers import Decimal, parse_number
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset
from unet_mtl.data.rows import CASE
from unet_mtl.data.spacing import spacing_columns

_FEWEST = 20  # cases
_FEWEST_A_CLASS = 5
_SHARE_EXPLAINED = 0.98
_CASES_A_VALUE = 3.0  # a column of names or dates determines every target without meaning anything


def find_leaks(dataset: Dataset, table: pd.DataFrame) -> Iterator[Observation]:
    """Report each column of the table, described or not, that determines a target with classes.

    Args:
        dataset: The cases that could be read.
        table: The rows with all columns, in the form that `read_rows` returns.
    """
    columns = {str(name): cells.to_list() for name, cells in table.items()}
    cases = columns.pop(CASE)
    columns |= _presence(dataset, cases)
    position = {case: i for i, case in reversed(list(enumerate(cases)))}
    structure = _structural_columns(dataset, columns)
    for target, column in dataset.description.columns.items():
        labels = {r.case: str(r.labels[target]) for r in dataset if target in r.labels}
        if column.classes is None or not _is_testable(list(labels.values())):
            continue
        for name in (name for name in columns if name != target and name not in structure):
            known = [columns[name][position[case]] for case in labels]
            meanings = dataset.description.find_meanings(name, known)
            pairs = zip(known, labels.values(), meanings, strict=True)
            filled = [(cell, label) for cell, label, meaning in pairs if meaning is not None]
            if not _is_testable([label for _, label in filled]):
                continue
            cells, classes = zip(*filled, strict=True)
            reason = _find_reason(cells, np.array(classes), dataset.description.decimal)
            if reason:
                yield Observation("leak", f"{name!r} reveals {target!r}: {reason}")


def _presence(dataset: Dataset, cases: Sequence[str]) -> dict[str, list[str]]:
    """Return, for each channel that cases may lack, whether they have it, since the network is told."""
    presence = {}
    for name in dataset.description.optional_channels:
        without = {record.case for record in dataset if name in record.missing_channels}
        presence[f"presence of channel {name}"] = ["no" if case in without else "yes" for case in cases]
    return presence


def _structural_columns(dataset: Dataset, columns: Collection[str]) -> set[str]:
    """Return the columns of case, patient, split, frame and spacing, which may determine a target."""
    description = dataset.description
    frame = description.frame if isinstance(description.frame, str) else None
    special = (description.case, description.patient, description.split, frame)
    return {name for name in special if name} | set(spacing_columns(description, columns))


def _is_testable(labels: Sequence[str]) -> bool:
    """Return whether there are enough labels, of at least two classes."""
    counts = Counter(labels).most_common(2)
    return len(labels) >= _FEWEST and len(counts) > 1 and counts[1][1] >= _FEWEST_A_CLASS


def _find_reason(cells: Sequence[str], classes: NDArray[np.str_], decimal: Decimal) -> str | None:
    """Return how the classes follow from the cells, or None if they do not."""
    if len(set(cells)) * _CASES_A_VALUE > len(cells):
        return _cut(cells, classes, decimal)
    table = _count_pairs(cells, classes)
    n, right = len(cells), int(table.max(axis=1).sum())
    majority = int(table.sum(axis=0).max())
    # share of what is left to explain after always choosing the most frequent class
    explained = (right - majority) / (n - majority)
    if explained >= _SHARE_EXPLAINED:
        return f"its {len(table)} different values determine the class in {right} of {n} cases"
    return _cut(cells, classes, decimal)


def _count_pairs(cells: Sequence[str], classes: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return how often each value meets each class, of shape `(values, classes)`."""
    (rows, n_rows), (columns, n_columns) = (
        (codes, len(known)) for codes, known in (pd.factorize(np.asarray(side)) for side in (cells, classes))
    )
    pairs = np.bincount(rows * n_columns + columns, minlength=n_rows * n_columns)
    return pairs.reshape(n_rows, n_columns)


def _cut(cells: Sequence[str], classes: NDArray[np.str_], decimal: Decimal) -> str | None:
    """Return the ranges by which numbers separate all classes without an error, or None if they do not."""
    try:
        numbers = np.array([parse_number(cell, decimal) for cell in cells])
    except ValueError:
        return None
    if not np.isfinite(numbers).all():
        return None
    ranges = [(numbers[classes == name], str(name)) for name in np.unique(classes)]
    ranges.sort(key=lambda pair: float(pair[0].min()))
    if any(lower.max() >= upper.min() for (lower, _), (upper, _) in pairwise(ranges)):
        return None
    (lowest, first), *between, (highest, last) = ranges
    middle = [f"every {name!r} is from {values.min():g} to {values.max():g}" for values, name in between]
    ends = f"every {first!r} is at most {lowest.max():g}", f"every {last!r} is at least {highest.min():g}"
    return ", ".join([ends[0], *middle, ends[1]])
