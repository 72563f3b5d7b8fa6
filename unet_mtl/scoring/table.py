"""A table that any program has written: its columns, and the rows of the cases that are measured."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from unet_mtl.data.readers import without_suffix
from unet_mtl.errors import DataError
from unet_mtl.scoring.names import (
    ANY_NAME,
    MOST_NAMES,
    ZEROS,
    check_pattern,
    common_affix,
    find_lookalikes,
    fit_name,
)
from unet_mtl.wording import name_some

CASE = "\0case"
"""The added column of case names; no column of a file has this name."""


@dataclass(frozen=True)
class TableSource:
    """The path of a table and how to read it.

    Attributes:
        path: A text file with cells separated by commas, semicolons or tabs.
        case_column: The column of cases; None for the first of the usual names that the table has.
        patient_column: The column of patients; None for the first of the usual names that the table has.
        names: The pattern of the names in the column of cases, with `{case}` for the case name.
    """

    path: Path
    case_column: str | None = None
    patient_column: str | None = None
    names: str = ANY_NAME


def find_column(
    table: pd.DataFrame, path: Path, name: str | None, usual: Sequence[str], argument: str
) -> str:
    """Return the requested column or, if there is no request, the first one with a usual name.

    Upper and lower case, blanks, dashes and underscores are ignored when usual names are looked for.

    Args:
        table: The table.
        path: The path of the table, for the error message.
        name: The requested column, or None.
        usual: The usual names, in order of preference.
        argument: The argument that names the column, for the error message.

    Raises:
        DataError: The table has no such column.
    """
    columns = {_plain(column): column for column in reversed(list(table.columns))}
    matches = [columns[_plain(word)] for word in usual if _plain(word) in columns] if name is None else [name]
    if matches and matches[0] in table.columns:
        return matches[0]
    wanted = repr(name) if name is not None else f"{', '.join(map(repr, usual[:-1]))} or {usual[-1]!r}"
    note = "; it may be the column of cases" if argument == "patient_column" else ""
    if len(table.columns) == 1:
        note += "; only one column was read: separate cells by commas, semicolons or tabs"
    raise DataError(
        f"{path}: no column {wanted}; it has {', '.join(map(repr, table.columns))}: name one with `{argument}`{note}"
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def rows_of(table: pd.DataFrame, column: str, source: TableSource, cases: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the cases, with the case names in the column `CASE`.

    Args:
        table: The table.
        column: The column of cases.
        source: The path of the table and the pattern of its names.
        cases: The names of the cases that are measured.

    Raises:
        ConfigError: The pattern does not contain `{case}` exactly once.
        DataError: A case has no row; the message says how to find it.
    """
    pattern = check_pattern(source.names, "table_names")
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
    "Add rows for them, name another column with `case_column`, or give the pattern of its names, as in "
    f"`table_names='{ANY_NAME}_left'`"
)


def _cure_of_names(column: Sequence[str], absent: Sequence[str]) -> str | None:
    alike = find_lookalikes(absent, {without_suffix(name) for name in column})
    if alike is None:
        return None
    difference, case, cell = alike
    reason = " (Excel removes them: import the column as text)" if difference == ZEROS else ""
    return f"{case} and {cell} differ only in {difference}{reason}; use the same name in both places"


def _cure_of_columns(table: pd.DataFrame, column: str, cases: Sequence[str]) -> str | None:
    """Return the arguments that find most of the cases, or the pattern that file names need."""
    best: tuple[int, str] = (0, "")
    for name in table.columns:
        cells = {without_suffix(cell) for cell in table[name]}
        affix = ("", "") if 2 * len(cells & set(cases)) >= len(cases) else common_affix(cases, cells)
        if affix is None:
            continue
        n = sum(f"{affix[0]}{case}{affix[1]}" in cells for case in cases)
        if n > best[0]:
            best = n, " and ".join(_arguments(name, column, affix))
    if best[0]:
        return f"{best[0]} of {len(cases)} are found with {best[1]}"
    affix = common_affix([cell for cell in map(without_suffix, table[column]) if cell], cases)
    if affix is None:
        return None
    pattern = f"{affix[0]}{ANY_NAME}{affix[1]}"
    return f"Give the pattern of the file names: `truth_names={pattern!r}` (or `prediction_names`)"


def _arguments(name: str, column: str, affix: tuple[str, str]) -> list[str]:
    named = [] if name == column else [f"`case_column={name!r}`"]
    return named + ([f"`table_names={affix[0] + ANY_NAME + affix[1]!r}`"] if any(affix) else [])
