"""Strata of a split: classes, presence of a mask, or quarters of a number, for equal proportions in each split."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from unet_mtl.data.images import IGNORE
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError

MASK = "mask:"
UNKNOWN = "unknown"
QUANTILES = 4


def choose_columns(dataset: Dataset, stratify: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the columns to stratify by.

    Args:
        dataset: All cases.
        stratify: A column, `mask:TARGET`, or several of these; None is the first column with classes, if any.

    Raises:
        DataError: A column or mask is not described; the error lists all of them.
    """
    description = dataset.description
    if stratify is None:
        return tuple(name for name, column in description.columns.items() if column.classes)[:1]
    chosen = (stratify,) if isinstance(stratify, str) else tuple(dict.fromkeys(stratify))
    known = [*description.columns, *(MASK + target for target in description.masks)]
    problems = [
        f"split.stratify: no column {name!r}; there is {', '.join(known) or 'none'}"
        for name in chosen
        if name not in known
    ]
    if problems:
        raise DataError(problems)
    return chosen


def read_strata(dataset: Dataset, columns: Sequence[str], *, workers: int = 4) -> dict[str, list[str]]:
    """Read the stratum of every case in each column.

    Args:
        dataset: All cases.
        columns: The columns, from `choose_columns`. For `mask:TARGET` the masks are read.
        workers: The number of threads that read masks.

    Returns:
        For each column, the stratum of each case: the class; "with" or "without" foreground in a mask; the quarter
        of a number among the known ones; or "unknown".

    Raises:
        DataError: A mask cannot be read; the error lists all of them.
    """
    return {name: _read_column(dataset, name, workers) for name in columns}


def _read_column(dataset: Dataset, name: str, workers: int) -> list[str]:
    column = dataset.description.columns.get(name)
    if column is None:
        return _mask_presence(dataset, name.removeprefix(MASK), workers)
    if column.classes:
        return [str(record.labels.get(name, UNKNOWN)) for record in dataset]
    return _quantiles([float(record.labels.get(name, "nan")) for record in dataset])


def _quantiles(numbers: Sequence[float]) -> list[str]:
    values = pd.Series(numbers, dtype=float)
    if values.nunique() < 2:
        return [UNKNOWN if missing else f"{numbers[i]:g}" for i, missing in enumerate(values.isna())]
    cut = pd.qcut(values, QUANTILES, duplicates="drop")
    # The left end of an interval is below its cases, so the smallest and the largest value name the quarter.
    ends = values.groupby(cut, observed=True).agg(["min", "max"])
    labels = {interval: f"{low:g}..{high:g}" for interval, low, high in ends.itertuples()}
    return [labels.get(interval, UNKNOWN) for interval in cut]


def _mask_presence(dataset: Dataset, target: str, workers: int) -> list[str]:
    def read(record: Record) -> str | DataError:
        try:
            mask = read_case_mask(record, target, dataset.description.masks[target])
        except DataError as error:
            return error
        if mask is None:
            return UNKNOWN
        return "with" if np.any((mask != 0) & (mask != IGNORE)) else "without"

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(read, dataset))
    problems = [line for error in results if isinstance(error, DataError) for line in error.problems]
    if problems:
        raise DataError(problems)
    return [str(result) for result in results]
