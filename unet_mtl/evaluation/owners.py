"""A table that says whose each case is, and its pixel spacing, for masks that have no dataset.yaml."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from unet_mtl.data.description import MISSING_WORDS
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation.names import ANY_NAME, check_pattern, fit_name, name_some, without_suffix

CASE_COLUMNS = ("case", "case_id", "image", "image_id", "id", "file", "filename", "name")
PATIENT_COLUMNS = ("patient", "patient_id", "subject", "subject_id")

Spacing = tuple[float, float]


@dataclass(frozen=True)
class TableSource:
    """Where the table is and how to read it.

    Attributes:
        path: A CSV file.
        case_column: None: the first of `CASE_COLUMNS` that it has, in any case of letters.
        patient_column: None: the first of `PATIENT_COLUMNS`.
        names: What stands in the column of cases, `{case}` for the name of the case.
    """

    path: Path
    case_column: str | None = None
    patient_column: str | None = None
    names: str = ANY_NAME


@dataclass(frozen=True)
class Owners:
    """What is known of the cases beside their masks.

    Attributes:
        patients: By case.
        spacings: By case, (row, column) in mm; None: measured in pixels.
        source: Where the patients come from, in words; empty: each case is its own.
        distances: How distances are measured, in words.
    """

    patients: dict[str, str]
    spacings: dict[str, Spacing | None]
    source: str
    distances: str

    def describe_patients(self, cases: Iterable[str]) -> str:
        """How many patients the cases are of, and who says so."""
        if not self.source:
            return "patients: each case its own; --patients names a table that knows better"
        return f"patients: {len({self.patients[case] for case in cases}):,}, of {self.source}"


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
    cases: Sequence[str], source: TableSource | None, spacing: Spacing | str | None, tolerance: float | None
) -> Owners:
    """Finds the patient and the pixel spacing of each case.

    Args:
        cases: Their names.
        source: None: each case is a patient of its own.
        spacing: Of all cases in mm (row, column), or the column of the table that has it; None: unknown.
        tolerance: Of the surface Dice; it must mean the same in all cases.

    Raises:
        ConfigError: A spacing or tolerance that is none, or a column without a table.
        DataError: The table is unreadable, lacks a column or a case, or contradicts itself.
    """
    _check_settings(spacing, tolerance)
    if source is None:
        if isinstance(spacing, str):
            raise ConfigError(
                f"--spacing {spacing}: neither millimetres, as in 0.2 or 0.2,0.3 (row, column), nor, without "
                "--patients, a column of a table"
            )
        patients = {case: case for case in cases}
        spacings: dict[str, Spacing | None] = dict.fromkeys(cases, spacing)
        return Owners(patients, spacings, "", _describe_distances(spacing, spacings, tolerance))
    table = _read_table(source)
    column = _find_column(table, source.path, source.case_column, CASE_COLUMNS, "--case-column")
    owner = _find_column(table, source.path, source.patient_column, PATIENT_COLUMNS, "--patient-column")
    if isinstance(spacing, str):
        _find_column(table, source.path, spacing, (), "--spacing")
    rows = _rows_of(table, column, source, cases)
    patients, spacings = _read_rows(rows, source.path, owner, spacing)
    unknown = [case for case, known in spacings.items() if known is None]
    if tolerance is not None and 0 < len(unknown) < len(spacings):
        raise DataError(
            f"{source.path}: no spacing of {len(unknown)} cases ({name_some(unknown)}), so that --tolerance would be "
            "mm in some cases and pixels in others; fill the cells, or leave --tolerance out"
        )
    said = f"column {owner!r} of {source.path}"
    return Owners(patients, spacings, said, _describe_distances(spacing, spacings, tolerance))


def _check_settings(spacing: Spacing | str | None, tolerance: float | None) -> None:
    if tolerance is not None and not 0 < tolerance < float("inf"):
        raise ConfigError(f"--tolerance {tolerance:g}: expected millimetres (or pixels) above 0")
    if isinstance(spacing, tuple) and not (
        len(spacing) == 2 and all(0 < step < float("inf") for step in spacing)
    ):
        words = ",".join(f"{step:g}" for step in spacing)
        raise ConfigError(f"--spacing {words}: expected millimetres above 0, one number or two (row, column)")


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
        steps = [known[0] for known in spacings.values() if known is not None]
        said = f"distances: in mm; pixels are {min(steps):g} to {max(steps):g} mm, by column {spacing!r}"
        if unknown:
            n = len(unknown)
            said += (
                f"; of {n} {'case' if n == 1 else 'cases'} without one in pixels (_px): {name_some(unknown)}"
            )
    if tolerance is None:
        return said
    return f"{said}; surface_dice with a tolerance of {tolerance:g} {'px' if unknown else 'mm'}"


def _read_table(source: TableSource) -> pd.DataFrame:
    path = source.path
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except OSError as error:
        raise DataError(f"{path}: the table cannot be read ({error.strerror})") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: not a readable CSV table ({str(error).strip()}); save it as UTF-8"
        ) from error
    if not isinstance(table.index, pd.RangeIndex):
        raise DataError(
            f"{path}: its rows have more cells than the {len(table.columns)} columns of the head line; name them all"
        )
    return table.rename(columns=str.strip).map(str.strip)


def _find_column(
    table: pd.DataFrame, path: Path, given: str | None, usual: Sequence[str], option: str
) -> str:
    columns = {name.lower(): name for name in reversed(list(table.columns))}
    found = [columns[name] for name in usual if name in columns] if given is None else [given]
    if found and found[0] in table.columns:
        return found[0]
    wanted = repr(given) if given is not None else f"{', '.join(map(repr, usual[:-1]))} or {usual[-1]!r}"
    itself = "; it may be the column of cases" if option == "--patient-column" else ""
    raise DataError(
        f"{path}: no column {wanted}; it has {', '.join(map(repr, table.columns))}: name one with {option}{itself}"
    )


def _rows_of(table: pd.DataFrame, column: str, source: TableSource, cases: Sequence[str]) -> pd.DataFrame:
    pattern = check_pattern(source.names, "--table-names")
    names = [fit_name(pattern, without_suffix(name)) for name in table[column]]
    rows = table.copy()
    rows[_CASE] = names
    rows = rows[rows[_CASE].isin(list(cases))]
    absent = [case for case in cases if case not in set(rows[_CASE])]
    if absent:
        known = name_some(list(dict.fromkeys(table[column])), 2)
        raise DataError(
            f"{source.path}: column {column!r} lacks {len(absent)} of {len(cases)} cases: {name_some(absent)}; it has "
            f'{known}. Add them, name another column with --case-column, or say how it names them with --table-names "'
            f'{ANY_NAME}_left"'
        )
    return rows


_CASE = "\0case"
"""No column of a file has that name."""


def _read_rows(
    rows: pd.DataFrame, path: Path, owner: str, spacing: Spacing | str | None
) -> tuple[dict[str, str], dict[str, Spacing | None]]:
    """A case may have several rows, one a lesion, say, as long as they agree."""
    problems: list[str] = []
    patients: dict[str, str] = {}
    spacings: dict[str, Spacing | None] = {}
    for row in rows.to_dict("records"):
        case, patient = row[_CASE], row[owner]
        step = _read_step(row[spacing], case, path, problems) if isinstance(spacing, str) else spacing
        if patient.lower() in MISSING_WORDS:
            problems.append(f"{path}: case {case!r}: {owner} is {patient!r}; say whose it is")
        if patients.setdefault(case, patient) != patient or spacings.setdefault(case, step) != step:
            problems.append(
                f"{path}: case {case!r} stands in several rows that contradict each other; keep one"
            )
    if problems:
        raise DataError(problems)
    return patients, spacings


def _read_step(word: str, case: str, path: Path, problems: list[str]) -> Spacing | None:
    if word.lower() in MISSING_WORDS:
        return None
    try:
        step = float(word)
    except ValueError:
        step = float("nan")
    if not 0 < step < float("inf"):
        problems.append(f"{path}: case {case!r}: spacing is {word!r}; expected millimetres above 0")
        return None
    return (step, step)
