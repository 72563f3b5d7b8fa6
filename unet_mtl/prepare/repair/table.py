"""The table of a repaired copy: which rows are kept, and what is changed in their cells."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import pandas as pd

from unet_mtl.data.description import Description
from unet_mtl.data.patients import group_spellings
from unet_mtl.data.rows import CASE
from unet_mtl.data.tables import as_text
from unet_mtl.near_names import find_same_letters

LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Repair:
    """One difference between the original and its copy.

    Attributes:
        case: The case name, or empty.
        file: The file, relative to the root of the original.
        kind: A kind in `unet_mtl.prepare.doctor.catalogue.KINDS`; or "values" for text that `values` of dataset.yaml
            replaces, "frame" for one picture from a file of several, "dicom" for pixels without their header.
        was: The content of the original.
        now: The content of the copy.
    """

    case: str
    file: str
    kind: str
    was: str
    now: str


@dataclass
class RepairedTable:
    """The table while it is repaired.

    Attributes:
        rows: The rows, with every column of the original and `CASE`.
        name: The name of the table's file, for the log.
        repairs: The changes so far.
        meant: The replaced labels, by case and column.
        spelled: The class of each additional spelling, by column, for columns with cells that must not be changed.
    """

    rows: pd.DataFrame
    name: str
    repairs: list[Repair] = field(default_factory=list)
    meant: dict[str, dict[str, str]] = field(default_factory=dict)
    spelled: dict[str, dict[str, str]] = field(default_factory=dict)

    def drop(self, cases: Collection[str]) -> None:
        """Remove the rows of cases."""
        self.rows = self.rows[~self.rows[CASE].isin(cases)]


def repair_table(table: pd.DataFrame, description: Description) -> RepairedTable:
    """Repair errors of the table for which no file must be opened.

    Rows without a name are removed, equal rows are reduced to one, other spellings of a class become the class, and
    formulas in columns that the description does not list are disarmed.

    Args:
        table: The rows, in the form that `read_rows` returns.
        description: The description of the data set.
    """
    repaired = RepairedTable(table, description.table or "names of the files")
    _drop_unnamed(repaired)
    _drop_repeated(repaired)
    kept = structural_columns(description)
    for name in description.columns:
        _replace_labels(repaired, name, description, in_place=name not in kept)
    for name in repaired.rows.columns.drop(CASE):
        if name not in kept and name not in description.columns:
            _disarm_formulas(repaired, name)
    return repaired


def unite_patients(repaired: RepairedTable, description: Description) -> dict[str, str]:
    """Give patients whose names differ in spelling only the most frequent of these names.

    Args:
        repaired: The table, which is changed.
        description: The description of the data set.

    Returns:
        The new name of each renamed patient; empty if other meanings of the column prevent a change of its cells.
    """
    name = description.patient
    others = structural_columns(description.model_copy(update={"patient": None}))
    if name is None or name in others or name in description.columns:
        return {}
    cells = repaired.rows[name]
    renamed = {other: first for first, *rest in group_spellings(cells) for other in rest}
    for case, patient in zip(repaired.rows[CASE], cells, strict=True):
        if patient in renamed:
            was, now = f"{name}: {patient}", f"{name}: {renamed[patient]}"
            repaired.repairs.append(Repair(case, repaired.name, "patient-spelling", was, now))
    repaired.rows = repaired.rows.assign(**{name: cells.map(lambda patient: renamed.get(patient, patient))})
    return renamed


def structural_columns(description: Description) -> set[str]:
    """Return the columns of cases, patients, splits, frames and spacings, in which cells must not be changed."""
    spacing = description.spacing_mm
    parts = spacing if isinstance(spacing, tuple) else (spacing,)
    names = (description.case, description.patient, description.split, description.frame, *parts)
    return {name for name in names if isinstance(name, str)}


def find_contradicting(table: pd.DataFrame) -> set[str]:
    """Return the cases that have several rows with different cells."""
    different = table[table[CASE] != ""].drop_duplicates()
    return set(different[CASE][different[CASE].duplicated()])


def _drop_unnamed(repaired: RepairedTable) -> None:
    unnamed = repaired.rows[CASE] == ""
    for number, row in _numbered(repaired.rows[unnamed]):
        repaired.repairs.append(Repair("", repaired.name, "row-unnamed", f"row {number}: {row}", LEFT_OUT))
    repaired.rows = repaired.rows[~unnamed]


def _drop_repeated(repaired: RepairedTable) -> None:
    again = repaired.rows.duplicated()
    for case, (number, _) in zip(repaired.rows[CASE][again], _numbered(repaired.rows[again]), strict=True):
        was = f"row {number}: equal to the first row of this case in every cell"
        repaired.repairs.append(Repair(case, repaired.name, "case-repeated", was, LEFT_OUT))
    repaired.rows = repaired.rows[~again]


def _numbered(rows: pd.DataFrame) -> Iterator[tuple[int, str]]:
    """Yield the number of each row, counted below the header line, and its cells."""
    for number, cells in zip(rows.index, rows.drop(columns=CASE).to_numpy(), strict=True):
        yield int(number) + 1, ", ".join(map(str, cells))


def _replace_labels(
    repaired: RepairedTable,
    name: str,
    description: Description,
    *,
    in_place: bool,
) -> None:
    """Replace labels in the cells or, if the cells must not be changed, add their meaning to dataset.yaml."""
    replaced: dict[str, tuple[str, str]] = {}
    for label in repaired.rows[name].unique():
        kind, meant = _find_replacement(label, name, description)
        if meant != label and (in_place or kind == "class-spelling"):
            replaced[label] = (kind, meant)
    for case, label in zip(repaired.rows[CASE], repaired.rows[name], strict=True):
        if label in replaced:
            kind, meant = replaced[label]
            repaired.meant.setdefault(case, {})[name] = meant
            now = f"{name}: {meant}" if in_place else f"dataset.yaml maps it to {meant}"
            repaired.repairs.append(Repair(case, repaired.name, kind, f"{name}: {label}", now))
    meanings = {label: meant for label, (_, meant) in replaced.items()}
    if in_place:
        cells = repaired.rows[name].map(lambda label: meanings.get(label, label))
        repaired.rows = repaired.rows.assign(**{name: cells})
    elif meanings:
        repaired.spelled[name] = meanings


def _find_replacement(label: str, name: str, description: Description) -> tuple[str, str]:
    """Return the kind of the repair, and the label that replaces the given one."""
    column = description.columns[name]
    meant = column.values.get(label, label)
    known = column.classes is None or meant in column.classes
    if known or description.find_meanings(name, [label]) == [None]:
        return "values", meant
    alike = find_same_letters(meant, column.classes or ())
    return ("values", meant) if alike is None else ("class-spelling", alike)


def _disarm_formulas(repaired: RepairedTable, name: str) -> None:
    cells = repaired.rows[name]
    safe = cells.map(as_text)
    for case, was, now in zip(repaired.rows[CASE], cells, safe, strict=True):
        if was != now:
            repaired.repairs.append(
                Repair(case, repaired.name, "formula", f"{name}: {was}", f"{name}: {now}")
            )
    repaired.rows = repaired.rows.assign(**{name: safe})
