"""What is odd in the table: classes, numbers, spacings, patients, formulas."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from unet_mtl.data.counts import count_classes
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset
from unet_mtl.data.rows import CASE
from unet_mtl.data.tables import runs_as_formula

FEW = 5
"""Cases of a class that are too few to learn or to measure anything of."""

_FAR = 8.0  # robust standard deviations; of normal numbers one in 10^15 is farther
_FACTOR = 5.0  # from the median, at least: another unit makes 10, a small patient 4
_FEWEST_NUMBERS = 10
_PATIENT_WORDS = re.compile(r"patient|subject|person|individual|case|pid\b|subj", re.IGNORECASE)


def check_table(dataset: Dataset, table: pd.DataFrame) -> Iterator[Observation]:
    """Everything that can be told without opening an image.

    Args:
        dataset: The cases that could be read.
        table: All of its columns, as `read_rows` gives it.
    """
    yield from _classes(dataset)
    for name, column in dataset.description.columns.items():
        if column.is_number:
            numbers = {r.case: float(r.labels[name]) for r in dataset if name in r.labels}
            yield from _outliers(numbers, "number-outlier", name)
        yield from _unknown(name, dataset, table)
    yield from _spacings(dataset)
    yield from _patients(dataset, table)
    yield from _formulas(table)


def _classes(dataset: Dataset) -> Iterator[Observation]:
    for name, counts in count_classes(dataset).items():
        for word, n in counts.items():
            cases = tuple(r.case for r in dataset if r.labels.get(name) == word)
            if n == 0:
                yield Observation(
                    "class-unused", f"{name}: no case is {word!r}, which the description declares"
                )
            elif n < FEW:
                yield Observation("class-rare", f"{name}: only {n} cases are {word!r}", cases)


def _unknown(name: str, dataset: Dataset, table: pd.DataFrame) -> Iterator[Observation]:
    """The words that a column says instead of an answer."""
    missing = table[name].str.lower().isin(dataset.description.missing_words) & (table[CASE] != "")
    words = ", ".join(f"{n} {word!r}" for word, n in table[name][missing].value_counts().items())
    if missing.any():
        text = f"{name}: {int(missing.sum())} of {len(table)} cases are unknown ({words})"
        yield Observation("labels-missing", text, tuple(table[CASE][missing]))


def _spacings(dataset: Dataset) -> Iterator[Observation]:
    known = {record.case: record.spacing_mm for record in dataset if record.spacing_mm is not None}
    if dataset.description.spacing_mm is not None and len(known) < len(dataset):
        absent = tuple(record.case for record in dataset if record.case not in known)
        yield Observation(
            "spacing-missing", f"{len(absent)} of {len(dataset)} cases have no pixel spacing", absent
        )
    yield from _outliers({case: mm[0] for case, mm in known.items()}, "spacing-outlier", "spacing in mm")


def _outliers(numbers: Mapping[str, float], kind: str, name: str) -> Iterator[Observation]:
    """Numbers far from the median, on a logarithmic scale where all are above 0: units differ by factors."""
    if len(numbers) < _FEWEST_NUMBERS:
        return
    values = np.array(list(numbers.values()))
    scaled = np.log(values) if values.min() > 0 else values
    away = np.abs(scaled - np.median(scaled))
    # 1.4826 makes a standard deviation of the median absolute deviation of normal numbers; where more than half
    # are equal it is 0, and the mean deviation steps in (Iglewicz and Hoaglin, 1993)
    deviation = 1.4826 * np.median(away) or 1.2533 * away.mean()
    middle = float(np.median(values))
    for case, value, far in zip(numbers, values, away, strict=True):
        if deviation and far > _FAR * deviation and far > (math.log(_FACTOR) if values.min() > 0 else 0):
            yield Observation(kind, f"case {case!r}: {name} is {value:g}, the median is {middle:g}", (case,))


def _patients(dataset: Dataset, table: pd.DataFrame) -> Iterator[Observation]:
    if dataset.description.patient is None:
        yield Observation("no-patient", f"the description names no `patient` column{_patient_columns(table)}")
        return
    views = Counter(record.patient for record in dataset)
    several = [patient for patient, n in views.items() if n > 1]
    if several:
        most = max(views.values())
        cases = tuple(record.case for record in dataset if views[record.patient] > 1)
        yield Observation(
            "patient-views",
            f"{len(several)} of {len(views)} patients have several images, up to {most}: they stay on one side",
            cases,
        )


def _patient_columns(table: pd.DataFrame) -> str:
    """Columns whose name or values say that they may be the patient."""
    likely = []
    for name in map(str, table.columns.drop(CASE)):
        words = table[name][table[name] != ""]
        n = words.nunique()
        if _PATIENT_WORDS.search(name) and len(table) / 20 <= n < len(words):
            likely.append(f"{name!r} ({n} different in {len(words)} rows)")
    return f"; {' or '.join(likely)} looks like one" if likely else ""


def _formulas(table: pd.DataFrame) -> Iterator[Observation]:
    for name in table.columns.drop(CASE):
        starts = table[name].map(runs_as_formula)
        for case, cell in zip(table[CASE][starts], table[name][starts], strict=True):
            text = f"case {case!r}: {name} is {cell[:40]!r}, which a spreadsheet would run as a formula"
            yield Observation("formula", text, (case,))
