"""Columns that give a target away: known only once the answer is known, or another name of it."""

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

_FEWEST = 20  # cases in which anything can be said
_FEWEST_A_CLASS = 5
_SHARE_EXPLAINED = 0.98
_CASES_A_WORD = 3.0  # a column of names and dates determines everything, and means nothing


def find_leaks(dataset: Dataset, table: pd.DataFrame) -> Iterator[Observation]:
    """Each target with classes, against every other column of the table, declared or not.

    Args:
        dataset: The cases that could be read.
        table: All of its columns, as `read_rows` gives it.
    """
    rows = table[~table[CASE].duplicated()].set_index(CASE)
    structure = _not_a_finding(dataset, rows.columns)
    for target, column in dataset.description.columns.items():
        labels = {r.case: str(r.labels[target]) for r in dataset if target in r.labels}
        if column.classes is None or not _worth_a_look(list(labels.values())):
            continue
        known = rows.loc[list(labels)]
        for name in (name for name in rows.columns if name != target and name not in structure):
            words = known[name]
            stated = np.array(~words.str.lower().isin(dataset.description.missing_words))
            classes = np.array(list(labels.values()))[stated]
            if not _worth_a_look(classes.tolist()):
                continue
            how = _gives_away(words[stated].to_list(), classes, dataset.description.decimal)
            if how:
                yield Observation("leak", f"{name!r} gives {target!r} away: {how}")


def _not_a_finding(dataset: Dataset, columns: Collection[str]) -> set[str]:
    description = dataset.description
    frame = description.frame if isinstance(description.frame, str) else None
    named = (description.case, description.patient, description.split, frame)
    return {name for name in named if name} | set(spacing_columns(description, columns))


def _worth_a_look(labels: Sequence[str]) -> bool:
    _, counts = np.unique(labels, return_counts=True) if labels else ([], np.array([0]))
    return len(labels) >= _FEWEST and len(counts) > 1 and int(np.sort(counts)[-2]) >= _FEWEST_A_CLASS


def _gives_away(words: Sequence[str], classes: NDArray[np.str_], decimal: Decimal) -> str | None:
    table = _count_pairs(words, classes)
    n, right = len(words), int(table.max(axis=1).sum())
    majority = int(table.sum(axis=0).max())
    # of what the most frequent class leaves unexplained
    explained = (right - majority) / (n - majority)
    if len(table) * _CASES_A_WORD <= n and explained >= _SHARE_EXPLAINED:
        return f"from its {len(table)} words the class follows in {right} of {n} cases"
    return _cut(words, classes, decimal)


def _count_pairs(words: Sequence[str], classes: NDArray[np.str_]) -> NDArray[np.intp]:
    """How often a word and a class meet: a row a word, a column a class."""
    (rows, n_rows), (columns, n_columns) = (
        (codes, len(known)) for codes, known in (pd.factorize(np.asarray(side)) for side in (words, classes))
    )
    pairs = np.bincount(rows * n_columns + columns, minlength=n_rows * n_columns)
    return pairs.reshape(n_rows, n_columns)


def _cut(words: Sequence[str], classes: NDArray[np.str_], decimal: Decimal) -> str | None:
    """A number that separates all classes without an error."""
    try:
        numbers = np.array([parse_number(word, decimal) for word in words])
    except ValueError:
        return None
    if not np.isfinite(numbers).all():
        return None
    ranges = [(numbers[classes == name], str(name)) for name in np.unique(classes)]
    ranges.sort(key=lambda its: float(its[0].min()))
    if any(lower.max() >= upper.min() for (lower, _), (upper, _) in pairwise(ranges)):
        return None
    (lowest, first), *between, (highest, last) = ranges
    middle = [f"every {name!r} from {its.min():g} to {its.max():g}" for its, name in between]
    ends = f"every {first!r} is at most {lowest.max():g}", f"every {last!r} at least {highest.min():g}"
    return ", ".join([ends[0], *middle, ends[1]])
