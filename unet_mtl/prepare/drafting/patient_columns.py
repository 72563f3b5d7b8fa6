"""Which columns say whose image it is, and on which side of a split it stands."""

from collections import defaultdict
from collections.abc import Collection

import pandas as pd

from unet_mtl.data.description import MISSING_WORDS
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.vocabulary import (
    FOLD_WORDS,
    PATIENT_IF_REPEATED,
    PATIENT_WORDS,
    SPLIT_COLUMNS,
    SPLIT_WORDS,
    says,
    words_of,
)
from unet_mtl.wording import name_some


def find_patient(rows: pd.DataFrame, used: Collection[str], notes: Notes) -> str | None:
    """Finds the column by its name and by what it repeats."""
    for names, must_repeat in ((PATIENT_WORDS, False), (PATIENT_IF_REPEATED, True)):
        for name in (name for name in rows.columns if name not in used):
            if not _is_called(name, names):
                continue
            cells = rows[name]
            n, several_rows = cells.nunique(), int((cells.value_counts() > 1).sum())
            if n < 2 or (must_repeat and (several_rows < 2 or n < len(rows) / 20)):
                continue
            unsaid = sum(cell.lower() in MISSING_WORDS for cell in cells)
            if unsaid:
                notes.doubt(
                    f"{name} seems to be the patient, but {unsaid} rows do not say whose they are; fill them in, "
                    f"then write `patient: {name}`"
                )
                continue
            because = f"its name; {n:,} of them, {several_rows:,} with several rows"
            notes.guess("patient", name, because)
            return name
    return None


def note_no_patient(cases: Collection[str], notes: Notes) -> None:
    """Says that nobody knows the patients, and which names look like several views of one."""
    shared: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        for mark in "_-":
            start, _, rest = case.rpartition(mark)
            if any(letter.isdigit() for letter in start) and len(rest) <= 3:
                shared[start].append(case)
    views = [names for names in shared.values() if len(names) > 1]
    alike = f"; names such as {name_some(views[0], 3)} may be views of one patient" if views else ""
    notes.doubt(
        f"whose images these are: no column or folder says it, so each case counts as a patient{alike}"
    )


def _is_called(name: str, names: tuple[str, ...]) -> bool:
    words = words_of(name)
    return "".join(words) in names or (names is PATIENT_WORDS and not set(words).isdisjoint(names))


def find_split(rows: pd.DataFrame, used: Collection[str], notes: Notes) -> str | None:
    """Finds the column of train, val and test."""
    for name in (name for name in rows.columns if name not in used):
        words = set(rows[name])
        sides = {SPLIT_WORDS.get(word.lower()) for word in words}
        if len(words) > 1 and None not in sides:
            notes.guess("split", name, f"its words are {name_some(sorted(words))}")
            return name
        if says(name, SPLIT_COLUMNS) and any(side for side in sides):
            notes.doubt(
                f"{name} seems to be the split, but has {name_some(sorted(words), 6)}; only train, val and test are "
                "known"
            )
    return None


def find_folds(rows: pd.DataFrame, used: Collection[str], patient: str | None, notes: Notes) -> str | None:
    """Finds the column of folds."""
    for name in (name for name in rows.columns if name not in used):
        if not says(name, FOLD_WORDS):
            continue
        folds = set(rows[name])
        if not all(fold.isdigit() for fold in folds) or not 3 <= len(folds) <= 20:
            notes.doubt(
                f"{name} seems to be the fold, but has {name_some(sorted(folds))}; 3 or more whole numbers will do"
            )
            continue
        torn = 0 if patient is None else int((rows.groupby(patient)[name].nunique() > 1).sum())
        if torn:
            notes.doubt(f"{name} is not used as the fold: {torn} patients ({patient}) are in several folds")
            continue
        notes.guess(
            "split.fold_column",
            name,
            f"its name; whole numbers {name_some(map(str, sorted(map(int, folds))), 6)}",
        )
        return name
    return None
