"""Read CSV, TSV, Excel and Parquet tables as text, without guessing the types of cells."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from unet_mtl.data.numbers import Decimal
from unet_mtl.data.readers import is_pointer, pointer_error
from unet_mtl.errors import DataError

_SEPARATORS = (",", ";", "\t")
_FORMULA = re.compile(r"[=+\-@\t\r]")


def read_table(path: Path, *, decimal: Decimal = ".") -> pd.DataFrame:
    """Read a table as text.

    Args:
        path: A text file with commas, semicolons or tabs between its cells, as its header row shows; an Excel
            workbook, of which the first sheet is read; or a Parquet file.
        decimal: The decimal mark for numbers that a workbook or a Parquet file stores as numbers.

    Returns:
        A table of strings without surrounding blanks. An empty cell is an empty string, and whole numbers have no
        decimals: 3, not 3.0.

    Raises:
        DataError: The file cannot be read, has no rows, or has rows with more cells than the header row.
    """
    read = _READERS.get(path.suffix.lower(), _read_text)
    try:
        if is_pointer(path):
            raise pointer_error(path)
        table = read(path)
        if decimal == ",":
            table = table.map(lambda cell: str(cell).replace(".", ",") if isinstance(cell, float) else cell)
        table = table.map(_to_text)
    except OSError as error:
        raise DataError(f"{path}: the table cannot be read ({error.strerror or error})") from error
    except ImportError as error:
        extra = "parquet" if path.suffix.lower() == ".parquet" else "excel"
        raise DataError(
            f'{path}: reading this format needs a further package; pip install "unet-mtl[{extra}]", or save it as CSV'
        ) from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: not a readable {_kind(path)} table ({str(error).strip()}); save it as UTF-8 text with commas"
        ) from error
    if table.empty:
        raise DataError(f"{path}: the table has no rows; expected one row for each case")
    return table.rename(columns=lambda name: str(name).strip()).map(str.strip)


def runs_as_formula(cell: str) -> bool:
    """Return whether a spreadsheet program would run a cell as a formula.

    >>> runs_as_formula("=1+1"), runs_as_formula("-1.5"), runs_as_formula("-")
    (True, False, False)
    """
    return len(cell) > 1 and bool(_FORMULA.match(cell)) and not _is_number(cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", ".", 1))  # spreadsheets with a decimal comma read 7,6 as a number
    except ValueError:
        return False
    return True


def as_text(cell: str) -> str:
    """Return the cell, with an apostrophe in front if a spreadsheet program would run it as a formula."""
    return f"'{cell}" if runs_as_formula(cell) else cell


def guard_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before each cell and column name that a spreadsheet program would run as a formula."""
    return _map_text(table, _guard)


def unguard_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Undo `guard_formulas` on a table that was read from a file."""
    return _map_text(table, lambda word: word[1:] if word[:1] == "'" and _guard(word) != word else word)


def _guard(word: str) -> str:
    # A word that already has apostrophes gets another one, so that the change can be undone.
    return f"'{word}" if runs_as_formula(word.lstrip("'")) else word


def _map_text(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    def changed(cell: Any) -> Any:
        return change(cell) if isinstance(cell, str) else cell

    columns = {
        changed(name): column if is_numeric_dtype(column) else column.map(changed)
        for name, column in table.items()
    }
    return pd.DataFrame(columns, index=table.index)


def _read_text(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        head = stream.readline()
    separator = max(_SEPARATORS, key=lambda mark: len(next(csv.reader([head], delimiter=mark), [])))
    table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True)
    if not isinstance(table.index, pd.RangeIndex):
        raise DataError(
            f"{path}: the rows have more cells than the {len(table.columns)} columns of the header row; name all "
            "columns, or remove the separators at the ends of the rows"
        )
    return table


def _read_excel(path: Path) -> pd.DataFrame:
    return pd.read_excel(path, dtype=object, keep_default_na=False, na_values=[])


def _read_parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).astype(object)


def _to_text(cell: object) -> str:
    """Convert a cell to text; a missing value becomes an empty string."""
    if cell is None or cell is pd.NaT or cell is pd.NA or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # pandas stores whole numbers with missing values as floats
    return str(cell)


def _kind(path: Path) -> str:
    return {".xlsx": "Excel", ".xls": "Excel", ".parquet": "Parquet"}.get(path.suffix.lower(), "CSV")


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".xlsx": _read_excel,
    ".xls": _read_excel,
    ".parquet": _read_parquet,
}
