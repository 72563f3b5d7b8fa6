"""Whose each case is, and its pixel spacing, for masks that have no dataset.yaml."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
from numpy.typing import NDArray

from unet_mtl.data.description import MISSING_WORDS
from unet_mtl.data.spacing import Spacing, parse_spacing
from unet_mtl.data.tables import read_table
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
class Owners:
    """What is known of the cases beside their masks.

    Attributes:
        patients: By case.
        spacings: By case, (row, column) in mm; None: measured in pixels.
        source: Where the patients come from, in words; empty: each case is its own.
        distances: How distances are measured, in words.
        case_column: Of the table; None: there is no table.
        patient_column: Likewise.
    """

    patients: dict[str, str]
    spacings: dict[str, Spacing | None]
    source: str
    distances: str
    case_column: str | None = None
    patient_column: str | None = None

    def describe_patients(self, cases: Iterable[str]) -> str:
        """How many patients the cases are of, and who says so."""
        if not self.source:
            return "patients: each case its own; --patients names a table that knows better"
        return f"patients: {self.count_patients(cases):,}, of {self.source}"

    def count_patients(self, cases: Iterable[str]) -> int:
        """How many patients the cases are of."""
        return len({self.patients[case] for case in cases})


def name_table(
    path: Path | None, case_column: str | None, patient_column: str | None, names: str
) -> TableSource | None:
    """The table, if there is one.

    Raises:
        ConfigError: Something is said of a table that is not named.
    """
    if path is not None:
        return TableSource(path, case_column, patient_column, names)
    if case_column is not None or patient_column is not None or names != ANY_NAME:
        raise ConfigError(
            "--case-column, --patient-column and --table-names need a table: name it with --patients"
        )
    return None


def find_owners(
    cases: Sequence[str], source: TableSource | None, spacing: AnySpacing, tolerance: float | None
) -> Owners:
    """Finds the patient and the pixel spacing of each case.

    Args:
        cases: Their names.
        source: None: each case is a patient of its own.
        spacing: Of all cases in mm, one number or (row, column); or the column of the table that has it, or two
            columns "row,column"; None: unknown.
        tolerance: Of the surface Dice; it must mean the same in all cases.

    Raises:
        ConfigError: A spacing or tolerance that is none, or a column without a table.
        DataError: The table is unreadable, lacks a column or a case, or contradicts itself; every problem.
    """
    if tolerance is not None and not 0 < tolerance < inf:
        raise ConfigError(f"--tolerance {tolerance:g}: expected millimetres (or pixels) above 0")
    steps = read_spacing(spacing)
    if source is not None:
        return _from_table(cases, source, steps, tolerance)
    if isinstance(steps, str):
        raise ConfigError(
            f"--spacing {steps}: neither millimetres, as in 0.2 or 0.2,0.3 (row, column), nor, without "
            "--patients, a column of a table"
        )
    spacings: dict[str, Spacing | None] = dict.fromkeys(cases, steps)
    return Owners(
        {case: case for case in cases}, spacings, "", _describe_distances(steps, spacings, tolerance)
    )


def read_spacing(given: AnySpacing) -> Spacing | str | None:
    """Whatever a spacing was given as -> (row, column) in mm, or the name of its column, or two with a comma.

    Raises:
        ConfigError: Not one or two numbers above 0.

    >>> read_spacing(0.5), read_spacing([1, 2]), read_spacing(["row", "column"])
    ((0.5, 0.5), (1.0, 2.0), 'row,column')
    """
    if given is None:
        return None
    if isinstance(given, Sequence) and given and all(isinstance(part, str) for part in given):
        text = given if isinstance(given, str) else ",".join(map(str, given))
        if not _is_numeric(text):
            return text
        given = text
    try:
        return parse_spacing(given)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _is_numeric(text: str) -> bool:
    try:
        return [float(part) for part in text.split(",")] != []
    except ValueError:
        return False


def _from_table(
    cases: Sequence[str], source: TableSource, spacing: Spacing | str | None, tolerance: float | None
) -> Owners:
    path = source.path
    if not path.is_file():
        what = "a folder" if path.exists() else "no such file"
        raise DataError(
            f"{path}: {what}; --patients takes a table with a row a case (CSV, semicolons or tabs)"
        )
    table = read_table(path)
    problems: list[str] = []
    with _collecting(problems):
        column = find_column(table, path, source.case_column, CASE_COLUMNS, "--case-column")
        rows = rows_of(table, column, source, cases)
    with _collecting(problems):
        owner = find_column(table, path, source.patient_column, PATIENT_COLUMNS, "--patient-column")
    with _collecting(problems):
        columns = _spacing_columns(table, path, spacing) if isinstance(spacing, str) else []
    if problems:
        raise DataError(problems)
    patients, spacings = _read_rows(rows, path, owner, columns, None if isinstance(spacing, str) else spacing)
    unknown = [case for case, known in spacings.items() if known is None]
    if tolerance is not None and 0 < len(unknown) < len(spacings):
        raise DataError(
            f"{path}: no spacing of {len(unknown)} cases ({name_some(unknown, MOST_NAMES)}), so that --tolerance "
            "would be mm in some cases and pixels in others; fill the cells, or leave --tolerance out"
        )
    distances = _describe_distances(spacing, spacings, tolerance)
    return Owners(patients, spacings, f"column {owner!r} of {path}", distances, column, owner)


@contextmanager
def _collecting(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        problems += error.problems


def _spacing_columns(table: pd.DataFrame, path: Path, spacing: str) -> list[str]:
    names = [spacing] if spacing in table.columns else [name.strip() for name in spacing.split(",")]
    if len(names) > 2:
        raise ConfigError(f"--spacing {spacing}: expected one column or two (row,column)")
    return [find_column(table, path, name, (), "--spacing") for name in names]


def _describe_distances(
    spacing: Spacing | str | None, spacings: Mapping[str, Spacing | None], tolerance: float | None
) -> str:
    unknown = [case for case, known in spacings.items() if known is None]
    if spacing is None:
        said = "distances: in pixels (_px), since no --spacing was given"
    elif isinstance(spacing, tuple):
        said = f"distances: in mm; pixels are {spacing[0]:g} mm high (row to row) and {spacing[1]:g} mm wide"
    elif len(unknown) == len(spacings):
        said = f"distances: in pixels (_px), since column {spacing!r} is empty"
    else:
        steps = [step for known in spacings.values() if known is not None for step in known]
        said = f"distances: in mm; pixels are {min(steps):g} to {max(steps):g} mm, by column {spacing!r}"
        if unknown:
            n = len(unknown)
            said += (
                f"; of {count_of(n, 'case')} without one in pixels (_px): {name_some(unknown, MOST_NAMES)}"
            )
    if tolerance is None:
        return said
    return f"{said}; surface_dice with a tolerance of {tolerance:g} {'px' if unknown else 'mm'}"


def _read_rows(
    rows: pd.DataFrame, path: Path, owner: str, columns: Sequence[str], spacing: Spacing | None
) -> tuple[dict[str, str], dict[str, Spacing | None]]:
    """A case may have several rows, one a lesion, say, as long as they agree."""
    problems: list[str] = []
    patients: dict[str, str] = {}
    spacings: dict[str, Spacing | None] = {}
    for row in rows.to_dict("records"):
        case, patient = row[CASE], row[owner]
        step = _read_steps(row, columns, path, problems) if columns else spacing
        if patient.lower() in MISSING_WORDS:
            problems.append(f"{path}: case {case!r}: {owner} is {patient!r}; say whose it is")
        if patients.setdefault(case, patient) != patient or spacings.setdefault(case, step) != step:
            problems.append(
                f"{path}: case {case!r} stands in several rows that contradict each other; keep one"
            )
    if problems:
        raise DataError(problems)
    return patients, spacings


def _read_steps(
    row: Mapping[Any, str], columns: Sequence[str], path: Path, problems: list[str]
) -> Spacing | None:
    words = [row[column] for column in columns]
    if all(word.lower() in MISSING_WORDS for word in words):
        return None
    try:
        return parse_spacing(words, decimal=None)
    except ValueError as error:
        problems.append(f"{path}: case {row[CASE]!r}: {error}")
        return None
