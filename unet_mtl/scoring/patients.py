"""The patient and the pixel spacing of each case, for masks that have no dataset.yaml."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
from numpy.typing import NDArray

from unet_mtl.data.description import MISSING_WORDS
from unet_mtl.data.numbers import is_number
from unet_mtl.data.patients import describe_spellings, group_spellings
from unet_mtl.data.spacing import Spacing, parse_spacing
from unet_mtl.data.tables import read_table
from unet_mtl.data.workbooks import describe_sheets
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.scoring.names import ANY_NAME, MOST_NAMES
from unet_mtl.scoring.table import CASE, TableSource, find_column, rows_of
from unet_mtl.wording import count_of, name_some

CASE_COLUMNS = (
    *("case", "case_id", "case_name", "image", "image_id", "image_name", "image_filename", "image_file"),
    *("id", "file", "filename", "file_name", "name"),
)
PATIENT_COLUMNS = ("patient", "patient_id", "patient_name", "patient_number", "subject", "subject_id")

AnySpacing: TypeAlias = float | str | Sequence[float] | Sequence[str] | NDArray[Any] | None


@dataclass(frozen=True)
class CaseDetails:
    """The patients and pixel spacings of the cases.

    Attributes:
        patients: The patient of each case.
        spacings: The `(row, column)` spacing of each case in mm; None for a case that is measured in pixels.
        source: A description of where the patients come from; empty if each case is its own patient.
        distances: A description of how distances are measured.
        case_column: The column of cases in the table; None without a table.
        patient_column: The column of patients in the table; None without a table.
        unused: Descriptions of what is not used of the table: rows that belong to no true mask, and sheets.
    """

    patients: dict[str, str]
    spacings: dict[str, Spacing | None]
    source: str
    distances: str
    case_column: str | None = None
    patient_column: str | None = None
    unused: Sequence[str] = ()

    def describe_patients(self, cases: Iterable[str]) -> str:
        """Return a remark with the number of patients and where it comes from."""
        if not self.source:
            return "patients: each case counts as its own patient; give a table of patients with `patients`"
        return f"patients: {self.count_patients(cases):,}, from {self.source}"

    def warn_of_spellings(self, cases: Iterable[str]) -> list[str]:
        """Return a warning for each patient of the table who seems to have several names."""
        groups = group_spellings(self.patients[case] for case in cases) if self.source else []
        return [describe_spellings(names) for names in groups]

    def count_patients(self, cases: Iterable[str]) -> int:
        """Return the number of patients of the cases."""
        return len({self.patients[case] for case in cases})


def name_table(
    path: Path | None, case_column: str | None, patient_column: str | None, names: str
) -> TableSource | None:
    """Return the source of patients and spacings if there is a table.

    Args:
        path: The path of the table, or None.
        case_column: The column of cases, or None for the usual names.
        patient_column: The column of patients, or None for the usual names.
        names: The pattern of the names in the column of cases.

    Raises:
        ConfigError: A column or a pattern is given without a table.
    """
    if path is not None:
        return TableSource(path, case_column, patient_column, names)
    if case_column is not None or patient_column is not None or names != ANY_NAME:
        raise ConfigError(
            "`case_column`, `patient_column` and `table_names` describe a table; give its path with `patients`"
        )
    return None


def find_details(
    cases: Sequence[str], source: TableSource | None, spacing: AnySpacing, tolerance: float | None
) -> CaseDetails:
    """Find the patient and the pixel spacing of each case.

    Args:
        cases: The names of the cases.
        source: The table of patients; None if each case is its own patient.
        spacing: The spacing of all cases in mm, one number or `(row, column)`; or the name of a column of the table,
            or two names "row,column"; None if it is unknown.
        tolerance: The tolerance of the surface Dice, which must have the same unit in all cases.

    Raises:
        ConfigError: The spacing or the tolerance is not above 0, or a column is given without a table.
        DataError: The table is unreadable, lacks a column or a case, or has contradictory rows; every problem is
            listed.
    """
    if tolerance is not None and not 0 < tolerance < inf:
        raise ConfigError(
            f"`tolerance` is {tolerance:g}; expected a number above 0 (millimetres, or pixels without a spacing)"
        )
    steps = read_spacing(spacing)
    if source is not None:
        return _from_table(cases, source, steps, tolerance)
    if isinstance(steps, str):
        raise ConfigError(
            f"`spacing` is {steps!r}; expected millimetres, such as 0.2 or 0.2,0.3 (row, column), or a column of the "
            "table, which is given with `patients`"
        )
    spacings: dict[str, Spacing | None] = dict.fromkeys(cases, steps)
    return CaseDetails(
        {case: case for case in cases}, spacings, "", _describe_distances(steps, spacings, tolerance)
    )


def read_spacing(spacing: AnySpacing) -> Spacing | str | None:
    """Convert a spacing to `(row, column)` in mm, or to the name of its column, or two names with a comma.

    Args:
        spacing: One or two numbers or names, in any sequence or array; None if it is unknown.

    Raises:
        ConfigError: The spacing is neither text nor one or two numbers above 0.

    >>> read_spacing(0.5), read_spacing([1, 2]), read_spacing(["row", "column"])
    ((0.5, 0.5), (1.0, 2.0), 'row,column')
    """
    if spacing is None:
        return None
    if isinstance(spacing, Sequence) and spacing and all(isinstance(part, str) for part in spacing):
        text = spacing if isinstance(spacing, str) else ",".join(map(str, spacing))
        if not _is_numeric(text):
            return text
        spacing = text
    try:
        return parse_spacing(spacing)
    except ValueError as error:
        raise ConfigError(f"`spacing`{str(error).removeprefix('spacing')}") from None


def _is_numeric(text: str) -> bool:
    return all(is_number(part.strip()) for part in text.split(","))


def _from_table(
    cases: Sequence[str], source: TableSource, spacing: Spacing | str | None, tolerance: float | None
) -> CaseDetails:
    path = source.path
    if not path.is_file():
        problem = "is a folder" if path.exists() else "no such file"
        raise DataError(
            f"{path}: {problem}; `patients` is a table with one row for each case, its cells separated by commas, "
            "semicolons or tabs"
        )
    table = read_table(path)
    problems: list[str] = []
    with _collecting(problems):
        column = find_column(table, path, source.case_column, CASE_COLUMNS, "case_column")
        rows = rows_of(table, column, source, cases)
    with _collecting(problems):
        patient_column = find_column(table, path, source.patient_column, PATIENT_COLUMNS, "patient_column")
    with _collecting(problems):
        columns = _spacing_columns(table, path, spacing) if isinstance(spacing, str) else []
    if problems:
        raise DataError(problems)
    patients, spacings = _read_rows(
        rows, path, patient_column, columns, None if isinstance(spacing, str) else spacing
    )
    unknown = [case for case, known in spacings.items() if known is None]
    if tolerance is not None and 0 < len(unknown) < len(spacings):
        raise DataError(
            f"{path}: {count_of(len(unknown), 'case')} without a spacing ({name_some(unknown, MOST_NAMES)}), so that "
            "`tolerance` would be in mm for some cases and in pixels for others; fill the cells, or leave out "
            "`tolerance`"
        )
    distances = _describe_distances(spacing, spacings, tolerance)
    sheets = describe_sheets(path)
    others = table[column][~table.index.isin(rows.index)]
    return CaseDetails(
        patients,
        spacings,
        f"column {patient_column!r} of {path}",
        distances,
        column,
        patient_column,
        [*_describe_unused(list(others), len(table), path), *([f"{path}: {sheets}"] if sheets else [])],
    )


def _describe_unused(others: Sequence[str], n_rows: int, path: Path) -> list[str]:
    if not others:
        return []
    names = name_some(map(repr, dict.fromkeys(others)), MOST_NAMES)
    belong = "belongs" if len(others) == 1 else "belong"
    return [f"{path}: {len(others):,} of {count_of(n_rows, 'row')} {belong} to no true mask: {names}"]


@contextmanager
def _collecting(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        problems += error.problems


def _spacing_columns(table: pd.DataFrame, path: Path, spacing: str) -> list[str]:
    names = [spacing] if spacing in table.columns else [name.strip() for name in spacing.split(",")]
    if len(names) > 2:
        raise ConfigError(f"`spacing` is {spacing!r}; expected one column or two (row,column)")
    return [find_column(table, path, name, (), "spacing") for name in names]


def _describe_distances(
    spacing: Spacing | str | None, spacings: Mapping[str, Spacing | None], tolerance: float | None
) -> str:
    unknown = [case for case, known in spacings.items() if known is None]
    if spacing is None:
        remark = "distances: in pixels (_px), since no `spacing` was given"
    elif isinstance(spacing, tuple):
        remark = (
            f"distances: in mm; pixels are {spacing[0]:g} mm high (row to row) and {spacing[1]:g} mm wide"
        )
    elif len(unknown) == len(spacings):
        remark = f"distances: in pixels (_px), since column {spacing!r} is empty"
    else:
        steps = [step for known in spacings.values() if known is not None for step in known]
        remark = f"distances: in mm; pixels are {min(steps):g} to {max(steps):g} mm, from column {spacing!r}"
        if unknown:
            remark += (
                f"; in pixels (_px) for {count_of(len(unknown), 'case')} without a spacing: "
                f"{name_some(unknown, MOST_NAMES)}"
            )
    if tolerance is None:
        return remark
    return f"{remark}; surface_dice with a tolerance of {tolerance:g} {'px' if unknown else 'mm'}"


def _read_rows(
    rows: pd.DataFrame, path: Path, patient_column: str, columns: Sequence[str], spacing: Spacing | None
) -> tuple[dict[str, str], dict[str, Spacing | None]]:
    """Read patients and spacings; a case may have several rows, such as one for each lesion, if they agree."""
    problems: list[str] = []
    patients: dict[str, str] = {}
    spacings: dict[str, Spacing | None] = {}
    for row in rows.to_dict("records"):
        case, patient = row[CASE], row[patient_column]
        step = _read_steps(row, columns, path, problems) if columns else spacing
        if patient.lower() in MISSING_WORDS:
            problems.append(f"{path}: case {case!r}: {patient_column} is {patient!r}; fill in the patient")
        if patients.setdefault(case, patient) != patient or spacings.setdefault(case, step) != step:
            problems.append(f"{path}: case {case!r} has several rows that contradict each other; keep one")
    if problems:
        raise DataError(problems)
    return patients, spacings


def _read_steps(
    row: Mapping[Any, str], columns: Sequence[str], path: Path, problems: list[str]
) -> Spacing | None:
    cells = [row[column] for column in columns]
    if all(cell.lower() in MISSING_WORDS for cell in cells):
        return None
    try:
        return parse_spacing(cells, decimal=None)
    except ValueError as error:
        problems.append(f"{path}: case {row[CASE]!r}: {error}")
        return None
