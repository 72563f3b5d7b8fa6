"""Tables as words: CSV, TSV, Excel and Parquet, read so that no cell is guessed at."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from unet_mtl.data.numbers import Decimal
from unet_mtl.errors import DataError

_SEPARATORS = (",", ";", "\t")
_FORMULA = re.compile(r"[=+\-@\t\r]")


def read_table(path: Path, *, decimal: Decimal = ".") -> pd.DataFrame:
    """Reads a table; every cell is a word without blanks around it, an empty one the empty word.

    Args:
        path: Text whose head line tells what separates its cells (commas, semicolons or tabs), an Excel workbook
            (its first sheet) or a Parquet file. Whole numbers stay whole: 3, not 3.0.
        decimal: What numbers that a workbook or Parquet file holds as such are written with, as its texts are.

    Raises:
        DataError: Unreadable, without a row, or with rows that have more cells than the head line.
    """
    read = _READERS.get(path.suffix.lower(), _read_text)
    try:
        table = read(path)
        if decimal == ",":
            table = table.map(lambda cell: str(cell).replace(".", ",") if isinstance(cell, float) else cell)
        table = table.map(_word)
    except OSError as error:
        raise DataError(f"{path}: the table cannot be read ({error.strerror or error})") from error
    except ImportError as error:
        extra = "parquet" if path.suffix.lower() == ".parquet" else "excel"
        raise DataError(
            f'{path}: a package is missing that reads such tables; pip install "unet-mtl[{extra}]", or save it as CSV'
        ) from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: not a readable {_kind(path)} table ({str(error).strip()}); save it as UTF-8 text with commas"
        ) from error
    if table.empty:
        raise DataError(f"{path}: the table has no rows; it needs one row a case")
    return table.rename(columns=lambda name: str(name).strip()).map(str.strip)


def runs_as_formula(cell: str) -> bool:
    """Whether a spreadsheet would run a cell instead of showing it.

    >>> runs_as_formula("=1+1"), runs_as_formula("-1.5"), runs_as_formula("-")
    (True, False, False)
    """
    return len(cell) > 1 and bool(_FORMULA.match(cell)) and not _is_number(cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", ".", 1))  # to a German spreadsheet 7,6 is a number as well
    except ValueError:
        return False
    return True


def as_text(cell: str) -> str:
    """The cell with an apostrophe in front where a spreadsheet would run it."""
    return f"'{cell}" if runs_as_formula(cell) else cell


def guard_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """A table to be written as CSV: an apostrophe in front of each word or column that a spreadsheet would run."""
    return _each_word(table, _guarded)


def unguard_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """The table that `guard_formulas` was given, read from the file again."""
    return _each_word(table, lambda word: word[1:] if word[:1] == "'" and _guarded(word) != word else word)


def _guarded(word: str) -> str:
    # one that has apostrophes already gets one more, so that the way back is certain
    return f"'{word}" if runs_as_formula(word.lstrip("'")) else word


def _each_word(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
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
            f"{path}: its rows have more cells than the {len(table.columns)} columns of the head line; name them all, "
            "or remove the separators at the ends of the rows"
        )
    return table


def _read_excel(path: Path) -> pd.DataFrame:
    return pd.read_excel(path, dtype=object, keep_default_na=False, na_values=[])


def _read_parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).astype(object)


def _word(cell: object) -> str:
    """A cell as a person would write it."""
    if cell is None or cell is pd.NaT or cell is pd.NA or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a column of whole numbers with a gap is stored as floating point
    return str(cell)


def _kind(path: Path) -> str:
    return {".xlsx": "Excel", ".xls": "Excel", ".parquet": "Parquet"}.get(path.suffix.lower(), "CSV")


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".xlsx": _read_excel,
    ".xls": _read_excel,
    ".parquet": _read_parquet,
}
