"""Problems of the table: classes, numbers, pixel spacings, patients and formulas."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from unet_mtl.data.counts import count_classes
from unet_mtl.data.observations import Observation
from unet_mtl.data.patients import find_patient_spellings
from unet_mtl.data.records import Dataset
from unet_mtl.data.rows import CASE
from unet_mtl.data.tables import runs_as_formula
from unet_mtl.wording import count_of

FEW = 5
"""Minimum number of cases that a class needs for learning and scoring."""

_FAR = 8.0  # robust standard deviations; one in 10^15 normally distributed numbers is farther away
_FACTOR = 5.0  # minimum factor from the median; another unit makes 10, a small patient 4
_FEWEST_NUMBERS = 10
_PATIENT_WORDS = re.compile(r"patient|subject|person|individual|case|pid\b|subj", re.IGNORECASE)


def check_table(dataset: Dataset, table: pd.DataFrame) -> Iterator[Observation]:
    """Report what can be found without opening an image.

    Args:
        dataset: The cases that could be read.
        table: The rows with all columns, in the form that `read_rows` returns.
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
        for class_name, n in counts.items():
            cases = tuple(r.case for r in dataset if r.labels.get(name) == class_name)
            if n == 0:
                yield Observation(
                    "class-unused", f"{name}: the description declares {class_name!r}, but no case has it"
                )
            elif n < FEW:
                yield Observation(
                    "class-rare", f"{name}: only {count_of(n, 'case')} of class {class_name!r}", cases
                )


def _unknown(name: str, dataset: Dataset, table: pd.DataFrame) -> Iterator[Observation]:
    """Report the cells of a column that stand for a missing label."""
    unknown = [meaning is None for meaning in dataset.description.find_meanings(name, table[name])]
    missing = np.array(unknown) & (table[CASE] != "")
    contents = ", ".join(f"{n} {cell!r}" for cell, n in table[name][missing].value_counts().items())
    if missing.any():
        text = f"{name}: {int(missing.sum())} of {len(table)} labels are missing ({contents})"
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
    """Report numbers far from the median, on a logarithmic scale if all are above 0, since units differ by factors."""
    if len(numbers) < _FEWEST_NUMBERS:
        return
    values = np.array(list(numbers.values()))
    scaled = np.log(values) if values.min() > 0 else values
    away = np.abs(scaled - np.median(scaled))
    # 1.4826 times the median absolute deviation estimates the standard deviation of normal numbers; it is 0 if more
    # than half of the numbers are equal, and the mean deviation replaces it then (Iglewicz and Hoaglin, 1993)
    deviation = 1.4826 * np.median(away) or 1.2533 * away.mean()
    middle = float(np.median(values))
    for case, value, far in zip(numbers, values, away, strict=True):
        if deviation and far > _FAR * deviation and far > (math.log(_FACTOR) if values.min() > 0 else 0):
            yield Observation(
                kind, f"case {case!r}: {name} is {value:g}, but the median is {middle:g}", (case,)
            )


def _patients(dataset: Dataset, table: pd.DataFrame) -> Iterator[Observation]:
    if dataset.description.patient is None:
        yield Observation("no-patient", f"the description names no `patient` column{_suggest_columns(table)}")
        return
    yield from find_patient_spellings(dataset)
    views = Counter(record.patient for record in dataset)
    several = [patient for patient, n in views.items() if n > 1]
    if several:
        most = max(views.values())
        cases = tuple(record.case for record in dataset if views[record.patient] > 1)
        yield Observation(
            "patient-views",
            f"{len(several)} of {len(views)} patients have several images, up to {most} each",
            cases,
        )


def _suggest_columns(table: pd.DataFrame) -> str:
    """Return the columns that may name the patient, as the end of a sentence."""
    likely = []
    for name in map(str, table.columns.drop(CASE)):
        cells = table[name][table[name] != ""]
        n = cells.nunique()
        if _PATIENT_WORDS.search(name) and len(table) / 20 <= n < len(cells):
            likely.append(f"{name!r} ({n} different values in {count_of(len(cells), 'row')})")
    return f"; {' or '.join(likely)} may be it" if likely else ""


def _formulas(table: pd.DataFrame) -> Iterator[Observation]:
    for name, cells in table.drop(columns=CASE).items():
        for case, cell in zip(table[CASE], cells, strict=True):
            if runs_as_formula(cell):
                text = f"case {case!r}: a spreadsheet would run {cell[:40]!r} in column {name!r} as a formula"
                yield Observation("formula", text, (case,))
