"""Sheets of Excel workbooks, and the text of their cells."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from unet_mtl.data.numbers import Decimal
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of, name_some

Cells: TypeAlias = list[list[Any]]
"""The rows of a table, the header row first."""

WORKBOOKS = (".xlsx", ".xls")
"""The suffixes of files that may have several sheets."""

_ROWS_LOOKED_AT = 100
"""Number of rows in which a sheet must have a filled cell, unless it is empty."""


def read_sheet(path: Path, sheet: str | None) -> Cells:
    """Read the cells of a sheet, without empty rows.

    Args:
        path: The workbook.
        sheet: The name of the sheet; None for the first one.

    Raises:
        DataError: The workbook has no such sheet.
        OSError: The file cannot be opened.
        ImportError: A package that reads the format is not installed.
        ValueError: The file is not a workbook.
    """
    if path.suffix.lower() == ".xls":
        with pd.ExcelFile(path) as old:
            name = _find(path, sheet, [str(name) for name in old.sheet_names])
            content = old.parse(name, dtype=object, header=None, na_filter=False)
        return _without_empty(content.to_numpy().tolist())
    with _opened(path) as workbook:
        sheets = {found.title: found for found in workbook.worksheets}
        chosen = sheets[_find(path, sheet, list(sheets))]
        chosen.reset_dimensions()  # some programs write wrong ones
        rows = [[_shown(cell) for cell in row] for row in chosen.iter_rows()]
    return _without_empty(rows)


def list_sheets(path: Path) -> tuple[str, ...]:
    """Return the names of the sheets that have a filled cell; none if the file is no workbook, or cannot be read."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".xls":
            with pd.ExcelFile(path) as old:
                return tuple(str(name) for name in old.sheet_names)
        if suffix not in WORKBOOKS:
            return ()
        with _opened(path) as workbook:
            return tuple(sheet.title for sheet in workbook.worksheets if _is_filled(sheet))
    except (OSError, ImportError, ValueError):
        return ()


def describe_sheets(path: Path, sheet: str | None = None) -> str:
    """Return which sheet of a workbook is read and which are not; empty if there is nothing to choose.

    Args:
        path: The file of a table.
        sheet: The name of the sheet that is read; None for the first one.
    """
    names = list_sheets(path)
    read = sheet or next(iter(names), None)
    others = [name for name in names if name != read]
    if not others:
        return ""
    return f"sheet {read!r} of {count_of(len(names), 'sheet')} is read; left aside: {name_some(map(repr, others))}"


def _find(path: Path, sheet: str | None, names: list[str]) -> str:
    if not names:
        raise ValueError("the workbook has no sheet")
    if sheet is not None and sheet not in names:
        raise DataError(f"{path}: no sheet {sheet!r}; it has {', '.join(map(repr, names))}")
    return sheet or names[0]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import openpyxl

    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            yield workbook
        finally:
            workbook.close()
    except (OSError, DataError):
        raise
    except Exception as error:  # the errors of zipfile, of the XML parser and of openpyxl itself
        raise ValueError(str(error)) from error


def _is_filled(sheet: Any) -> bool:
    sheet.reset_dimensions()
    return any(not _is_empty(cell.value) for row in sheet.iter_rows(max_row=_ROWS_LOOKED_AT) for cell in row)


def _shown(cell: Any) -> Any:
    """Return the value of a cell of a workbook, with the leading zeros that its number format adds."""
    value = cell.value
    if cell.data_type == "e":
        return None
    padded = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    zeros = _PADDED.match(cell.number_format or "") if padded else None
    if zeros is None or value < 0:
        return value
    return re.sub(r'["\\]', "", zeros[1]) + str(int(value)).zfill(len(zeros[2]))


_PADDED = re.compile(r"""((?:"[^"]*"|\\.)*)(0{2,})(?:;|$)""")
"""A number format with leading zeros, and text in front of them: `000`, `"P"000`."""


def _without_empty(rows: Cells) -> Cells:
    """Remove empty rows, and empty columns at the right edge, both of which formatted cells leave."""
    filled = [row for row in rows if any(not _is_empty(cell) for cell in row)]
    width = max((n for row in filled for n, cell in enumerate(row, 1) if not _is_empty(cell)), default=0)
    return [(row + [None] * width)[:width] for row in filled]


def _is_empty(cell: Any) -> bool:
    return cell_text(cell) == ""


def cell_text(cell: Any, decimal: Decimal = ".") -> str:
    """Convert a cell to text; a missing value becomes an empty string."""
    if isinstance(cell, str):
        return cell.strip()
    if cell is None or cell is pd.NaT or cell is pd.NA or cell != cell:
        return ""
    if isinstance(cell, float):
        # pandas stores whole numbers with missing values as floats
        return str(int(cell)) if cell.is_integer() else str(cell).replace(".", decimal)
    if isinstance(cell, datetime) and cell.tzinfo is None and cell.time() == time():
        return cell.date().isoformat()  # workbooks and pandas store days as midnights
    return str(cell).strip()
