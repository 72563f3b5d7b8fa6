"""What each part of a split should get in like shares: classes, presence of a mask, quarters of a number."""

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
    """The columns to stratify by; None: the first column with classes, where there is one.

    Raises:
        DataError: A column or mask is not described; all of them are named.
    """
    described = dataset.description
    if stratify is None:
        return tuple(name for name, column in described.columns.items() if column.classes)[:1]
    chosen = (stratify,) if isinstance(stratify, str) else tuple(dict.fromkeys(stratify))
    known = [*described.columns, *(MASK + target for target in described.masks)]
    problems = [
        f"split.stratify: no column {name!r}; there is {', '.join(known) or 'none'}"
        for name in chosen
        if name not in known
    ]
    if problems:
        raise DataError(problems)
    return chosen


def read_strata(dataset: Dataset, columns: Sequence[str], *, workers: int = 4) -> dict[str, list[str]]:
    """Reads the word of every case in each column.

    Args:
        dataset: All cases.
        columns: From `choose_columns`. Of `mask:TARGET` the masks are opened: "with" or "without" a pixel that
            is no background. Numbers become quarters of the cases that have one. What is not known is "unknown".
        workers: Threads that open masks.

    Raises:
        DataError: Masks that cannot be read, a line each.
    """
    return {name: _read_column(dataset, name, workers) for name in columns}


def _read_column(dataset: Dataset, name: str, workers: int) -> list[str]:
    described = dataset.description.columns.get(name)
    if described is None:
        return _mask_presence(dataset, name.removeprefix(MASK), workers)
    if described.classes:
        return [str(record.labels.get(name, UNKNOWN)) for record in dataset]
    return _quantiles([float(record.labels.get(name, "nan")) for record in dataset])


def _quantiles(numbers: Sequence[float]) -> list[str]:
    values = pd.Series(numbers, dtype=float)
    if values.nunique() < 2:
        return [UNKNOWN if missing else f"{numbers[i]:g}" for i, missing in enumerate(values.isna())]
    cut = pd.qcut(values, QUANTILES, duplicates="drop")
    # An interval's left end is below its cases: the smallest and largest of them are plainer words.
    ends = values.groupby(cut, observed=True).agg(["min", "max"])
    words = {interval: f"{low:g}..{high:g}" for interval, low, high in ends.itertuples()}
    return [words.get(interval, UNKNOWN) for interval in cut]


def _mask_presence(dataset: Dataset, target: str, workers: int) -> list[str]:
    def look(record: Record) -> str | DataError:
        try:
            mask = read_case_mask(record, target, dataset.description.masks[target])
        except DataError as error:
            return error
        if mask is None:
            return UNKNOWN
        return "with" if np.any((mask != 0) & (mask != IGNORE)) else "without"

    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(look, dataset))
    problems = [line for error in found if isinstance(error, DataError) for line in error.problems]
    if problems:
        raise DataError(problems)
    return [str(word) for word in found]
