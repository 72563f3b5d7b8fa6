"""The table of a repaired copy: which rows stay, and what their cells become."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import pandas as pd

from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.data.rows import CASE
from unet_mtl.data.tables import as_text
from unet_mtl.near_names import find_same_letters

LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that differs between the original and its copy.

    Attributes:
        case: Whose; "" where it is nobody's.
        file: Below the root of the original.
        kind: Of `unet_mtl.prepare.doctor.catalogue.KINDS`, or "values": a word that `values` of dataset.yaml replaces,
            "frame": one picture out of a file of several, or "dicom": pixels without the header.
        was: What is in the original.
        now: What is in the copy.
    """

    case: str
    file: str
    kind: str
    was: str
    now: str


@dataclass
class MendedTable:
    """The table on its way into the copy.

    Attributes:
        rows: Every column of the original, and `CASE`.
        name: Of its file, for the log.
        repairs: What was changed so far.
        meant: By case and column, the words that stand for others now.
        spelled: By column, other spellings of its classes; of columns whose cells must stay as they are.
    """

    rows: pd.DataFrame
    name: str
    repairs: list[Repair] = field(default_factory=list)
    meant: dict[str, dict[str, str]] = field(default_factory=dict)
    spelled: dict[str, dict[str, str]] = field(default_factory=dict)

    def drop(self, cases: Collection[str]) -> None:
        """Takes the rows of cases out."""
        self.rows = self.rows[~self.rows[CASE].isin(cases)]


def mend_table(table: pd.DataFrame, description: Description) -> MendedTable:
    """Mends what can be told without a file.

    Rows without a name go, of rows that are equal in every cell one stays, words become the class that is meant,
    and cells of columns that nobody described lose their power over spreadsheets.

    Args:
        table: As `read_rows` gives it.
        description: Of the data set.
    """
    mended = MendedTable(table, description.table or "names of the files")
    _drop_unnamed(mended)
    _drop_repeated(mended)
    kept = structural_columns(description)
    for name, column in description.columns.items():
        _mend_words(mended, name, column, description.missing_words, in_place=name not in kept)
    for name in mended.rows.columns.drop(CASE):
        if name not in kept and name not in description.columns:
            _disarm(mended, name)
    return mended


def structural_columns(description: Description) -> set[str]:
    """Columns whose cells name cases, patients, splits or spacings: changed, they would name others."""
    spacing = description.spacing_mm
    parts = spacing if isinstance(spacing, tuple) else (spacing,)
    names = (description.case, description.patient, description.split, description.frame, *parts)
    return {name for name in names if isinstance(name, str)}


def contradicting(table: pd.DataFrame) -> set[str]:
    """Cases that stand in several rows which are not equal in every cell."""
    different = table[table[CASE] != ""].drop_duplicates()
    return set(different[CASE][different[CASE].duplicated()])


def _drop_unnamed(mended: MendedTable) -> None:
    unnamed = mended.rows[CASE] == ""
    for number, row in _numbered(mended.rows[unnamed]):
        mended.repairs.append(Repair("", mended.name, "row-unnamed", f"row {number}: {row}", LEFT_OUT))
    mended.rows = mended.rows[~unnamed]


def _drop_repeated(mended: MendedTable) -> None:
    again = mended.rows.duplicated()
    for case, (number, _) in zip(mended.rows[CASE][again], _numbered(mended.rows[again]), strict=True):
        was = f"row {number}: equal to the first row of this case in every cell"
        mended.repairs.append(Repair(case, mended.name, "case-repeated", was, LEFT_OUT))
    mended.rows = mended.rows[~again]


def _numbered(rows: pd.DataFrame) -> Iterator[tuple[int, str]]:
    """Each row's number below the head line, and its cells."""
    for number, cells in zip(rows.index, rows.drop(columns=CASE).to_numpy(), strict=True):
        yield int(number) + 1, ", ".join(map(str, cells))


def _mend_words(
    mended: MendedTable, name: str, column: ColumnDescription, missing: frozenset[str], *, in_place: bool
) -> None:
    """The words that are meant; where the cells must stay, dataset.yaml is told of other spellings."""
    new: dict[str, tuple[str, str]] = {}
    for word in mended.rows[name].unique():
        kind, meant = _meant(word, column, missing)
        if meant != word and (in_place or kind == "class-spelling"):
            new[word] = (kind, meant)
    for case, word in zip(mended.rows[CASE], mended.rows[name], strict=True):
        if word in new:
            kind, meant = new[word]
            mended.meant.setdefault(case, {})[name] = meant
            now = f"{name}: {meant}" if in_place else f"dataset.yaml says that it means {meant}"
            mended.repairs.append(Repair(case, mended.name, kind, f"{name}: {word}", now))
    words = {word: meant for word, (_, meant) in new.items()}
    if in_place:
        mended.rows = mended.rows.assign(**{name: mended.rows[name].map(lambda word: words.get(word, word))})
    elif words:
        mended.spelled[name] = words


def _meant(word: str, column: ColumnDescription, missing: frozenset[str]) -> tuple[str, str]:
    """The kind of the repair, and the word that stands for the given one."""
    meant = column.values.get(word, word)
    classes = column.classes
    if classes is None or meant in classes or meant.lower() in missing:
        return "values", meant
    alike = find_same_letters(meant, classes)
    return ("values", meant) if alike is None else ("class-spelling", alike)


def _disarm(mended: MendedTable, name: str) -> None:
    cells = mended.rows[name]
    safe = cells.map(as_text)
    for case, was, now in zip(mended.rows[CASE], cells, safe, strict=True):
        if was != now:
            mended.repairs.append(Repair(case, mended.name, "formula", f"{name}: {was}", f"{name}: {now}"))
    mended.rows = mended.rows.assign(**{name: safe})
