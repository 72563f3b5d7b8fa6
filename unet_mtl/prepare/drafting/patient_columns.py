"""The columns of the patient, the split and the cross-validation folds."""

from collections import defaultdict
from collections.abc import Collection

import pandas as pd

from unet_mtl.data.description import MISSING_WORDS
from unet_mtl.data.split_words import read_split_word
from unet_mtl.prepare.drafting.headers import Headers
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.vocabulary import (
    FOLD_WORDS,
    PATIENT_IF_REPEATED,
    PATIENT_WORDS,
    SPLIT_COLUMNS,
    has_word,
    words_of,
)
from unet_mtl.wording import count_of, name_some


def find_patient(rows: pd.DataFrame, used: Collection[str], notes: Notes) -> str | None:
    """Find the column of the patient by its name and its repeated values."""
    for names, must_repeat in ((PATIENT_WORDS, False), (PATIENT_IF_REPEATED, True)):
        for name in (name for name in rows.columns if name not in used):
            if not _is_called(name, names):
                continue
            cells = rows[name]
            n, several_rows = cells.nunique(), int((cells.value_counts() > 1).sum())
            if n < 2 or (must_repeat and (several_rows < 2 or n < len(rows) / 20)):
                continue
            n_missing = sum(cell.lower() in MISSING_WORDS for cell in cells)
            if n_missing:
                notes.doubt(
                    f"{name} seems to be the patient, but is empty in {count_of(n_missing, 'row')}. Fill these in, "
                    f"then add `patient: {name}`."
                )
                continue
            because = f"its name; {count_of(n, 'patient')}, of whom {several_rows:,} have several rows"
            notes.guess("patient", name, because)
            return name
    return None


def note_no_patient(cases: Collection[str], notes: Notes, headers: Headers | None = None) -> None:
    """Add to the notes that the patients are unknown, and what suggests that several images show one patient.

    Args:
        cases: The names of the cases, which may be alike.
        notes: Receives a note.
        headers: The headers of the images, which may name patients.
    """
    unknown = "No column or folder names the patient, so each case counts as a patient of its own."
    named = [] if headers is None else [header for header in headers.headers if header.patient is not None]
    if headers is not None and 1 < len(headers.patients) < len(named):
        notes.doubt(
            f"{unknown} The headers of {count_of(len(named), 'image')}{headers.sample} hold {len(headers.patients):,} "
            "different values of PatientID. To keep the cases of a patient together, give the patient of each case in "
            "a column of a table, and name the column with `patient`."
        )
        return
    shared: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        for mark in "_-":
            start, _, rest = case.rpartition(mark)
            if any(letter.isdigit() for letter in start) and len(rest) <= 3:
                shared[start].append(case)
    views = [names for names in shared.values() if len(names) > 1]
    alike = f" Names such as {name_some(views[0], 3)} may be images of one patient." if views else ""
    notes.doubt(f"{unknown}{alike}")


def _is_called(name: str, names: tuple[str, ...]) -> bool:
    words = words_of(name)
    return "".join(words) in names or (names is PATIENT_WORDS and not set(words).isdisjoint(names))


def find_split(rows: pd.DataFrame, used: Collection[str], notes: Notes) -> str | None:
    """Find the column of train, val and test."""
    for name in (name for name in rows.columns if name not in used):
        words = set(rows[name])
        parts = {read_split_word(word) for word in words}
        if len(words) > 1 and None not in parts:
            notes.guess("split", name, f"its values are {name_some(sorted(words))}")
            return name
        if has_word(name, SPLIT_COLUMNS) and any(parts):
            notes.doubt(
                f"{name} seems to be the split, but its values are {name_some(sorted(words), 6)}. Only train, val "
                "and test are accepted."
            )
    return None


def find_folds(rows: pd.DataFrame, used: Collection[str], patient: str | None, notes: Notes) -> str | None:
    """Find the column of cross-validation folds."""
    for name in (name for name in rows.columns if name not in used):
        if not has_word(name, FOLD_WORDS):
            continue
        folds = set(rows[name])
        if not all(fold.isdigit() for fold in folds) or not 3 <= len(folds) <= 20:
            notes.doubt(
                f"{name} seems to be the fold, but its values are {name_some(sorted(folds))}. "
                "Use 3 to 20 whole numbers."
            )
            continue
        divided = 0 if patient is None else int((rows.groupby(patient)[name].nunique() > 1).sum())
        if divided:
            notes.doubt(
                f"{name} is not used as the fold: {count_of(divided, 'patient')} ({patient}) in several folds."
            )
            continue
        notes.guess(
            "split.fold_column",
            name,
            f"its name; the whole numbers {name_some(map(str, sorted(map(int, folds))), 6)}",
        )
        return name
    return None
