"""A table that any program wrote: its separator, its columns, and the rows of the cases that are measured."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from unet_mtl.errors import DataError
from unet_mtl.scoring.names import (
    ANY_NAME,
    MOST_NAMES,
    ZEROS,
    check_pattern,
    common_affix,
    find_lookalikes,
    fit_name,
    without_suffix,
)
from unet_mtl.wording import name_some

CASE = "\0case"
"""Column of the cases' own names; no column of a file has that name."""


@dataclass(frozen=True)
class TableSource:
    """Where the table is and how to read it.

    Attributes:
        path: A text file, its cells apart by commas, semicolons or tabs.
        case_column: None: the first of the usual names that it has.
        patient_column: None: the first of the usual names.
        names: What stands in the column of cases, `{case}` for the name of the case.
    """

    path: Path
    case_column: str | None = None
    patient_column: str | None = None
    names: str = ANY_NAME


def find_column(table: pd.DataFrame, path: Path, given: str | None, usual: Sequence[str], option: str) -> str:
    """The column that was named, or else the first usual one; capitals, blanks and underscores do not matter.

    Raises:
        DataError: There is none.
    """
    columns = {_plain(name): name for name in reversed(list(table.columns))}
    found = [columns[_plain(name)] for name in usual if _plain(name) in columns] if given is None else [given]
    if found and found[0] in table.columns:
        return found[0]
    wanted = repr(given) if given is not None else f"{', '.join(map(repr, usual[:-1]))} or {usual[-1]!r}"
    itself = "; it may be the column of cases" if option == "--patient-column" else ""
    if len(table.columns) == 1:
        itself += "; only one column was read: cells must be apart by commas, semicolons or tabs"
    raise DataError(
        f"{path}: no column {wanted}; it has {', '.join(map(repr, table.columns))}: name one with {option}{itself}"
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def rows_of(table: pd.DataFrame, column: str, source: TableSource, cases: Sequence[str]) -> pd.DataFrame:
    """The rows of the cases, each case's name in the column `CASE`.

    Raises:
        ConfigError: A pattern without `{case}`.
        DataError: A case has no row; says what would find it.
    """
    pattern = check_pattern(source.names, "--table-names")
    rows = table.copy()
    rows[CASE] = [fit_name(pattern, without_suffix(name)) for name in table[column]]
    rows = rows[rows[CASE].isin(list(cases))]
    known = set(rows[CASE])
    absent = [case for case in cases if case not in known]
    if absent:
        some = name_some(list(dict.fromkeys(table[column])), 2)
        cure = _cure_of_names(list(table[column]), absent) or (
            None if known else _cure_of_columns(table, column, cases)
        )
        raise DataError(
            f"{source.path}: column {column!r} lacks {len(absent)} of {len(cases)} cases: "
            f"{name_some(absent, MOST_NAMES)}; it has {some}. {cure or _ANY_CURE}"
        )
    return rows


_ANY_CURE = (
    "Add them, name another column with --case-column, or say how it names them with --table-names "
    f'"{ANY_NAME}_left"'
)


def _cure_of_names(column: Sequence[str], absent: Sequence[str]) -> str | None:
    alike = find_lookalikes(absent, {without_suffix(name) for name in column})
    if alike is None:
        return None
    what, case, cell = alike
    blame = " (Excel takes them off: import the column as text)" if what == ZEROS else ""
    return f"{case} and {cell} differ in {what} alone{blame}; make them one"


def _cure_of_columns(table: pd.DataFrame, column: str, cases: Sequence[str]) -> str | None:
    """The options that name most of the cases, or what is too much in the names of files."""
    best: tuple[int, str] = (0, "")
    for name in table.columns:
        cells = {without_suffix(cell) for cell in table[name]}
        affix = ("", "") if 2 * len(cells & set(cases)) >= len(cases) else common_affix(cases, cells)
        if affix is None:
            continue
        n = sum(f"{affix[0]}{case}{affix[1]}" in cells for case in cases)
        if n > best[0]:
            best = n, " ".join(_options(name, column, affix))
    if best[0]:
        return f"This finds {best[0]} of {len(cases)}: {best[1]}"
    affix = common_affix([cell for cell in map(without_suffix, table[column]) if cell], cases)
    if affix is None:
        return None
    pattern = f'"{affix[0]}{ANY_NAME}{affix[1]}"'
    return f"Say what is the name of the case in those of the files: --truth-names {pattern} (or --prediction-names)"


def _options(name: str, column: str, affix: tuple[str, str]) -> list[str]:
    named = [] if name == column else [f'--case-column "{name}"' if " " in name else f"--case-column {name}"]
    return named + ([f'--table-names "{affix[0]}{ANY_NAME}{affix[1]}"'] if any(affix) else [])
