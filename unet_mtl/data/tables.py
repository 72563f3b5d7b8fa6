"""Read CSV, TSV, Excel and Parquet tables as text, without guessing the types of cells."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from unet_mtl.data.numbers import Decimal, is_number
from unet_mtl.data.readers import is_pointer, pointer_error
from unet_mtl.data.workbooks import WORKBOOKS, Cells, cell_text, list_sheets, read_sheet
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of, name_some

TABLE_SUFFIXES = (".csv", ".tsv", ".xlsx", ".xls", ".parquet")
"""The suffixes of tables, in lower case."""

TABLE_DEPTH = 2
"""Tables of cases are looked for in the folder of a data set and in the folders in it: the parts of their paths."""

_SEPARATORS = (",", ";", "\t")
_FORMULA = re.compile(r"[=+\-@\t\r]")
_LONGEST_CELL = 2**31 - 1


def read_table(path: Path, *, decimal: Decimal = ".", sheet: str | None = None) -> pd.DataFrame:
    """Read a table as text.

    Args:
        path: A text file with commas, semicolons or tabs between its cells, as its header row or a first line such as
            `sep=;` shows; an Excel workbook; or a Parquet file.
        decimal: The decimal mark for numbers that a workbook or a Parquet file stores as numbers.
        sheet: The sheet of a workbook; None for the first one. It is not used for other files.

    Returns:
        A table of strings without surrounding blanks. An empty cell is an empty string, whole numbers have no
        decimals (3, not 3.0) and days have no time (2023-01-31). A number that a workbook shows with leading zeros,
        such as 007, has them.

    Raises:
        DataError: The file cannot be read, has no rows, has two columns of one name, has rows with more or fewer
            cells than the header row, or lacks the sheet.
    """
    suffix = path.suffix.lower()
    try:
        if is_pointer(path):
            raise pointer_error(path)
        if suffix in WORKBOOKS:
            cells = read_sheet(path, sheet)
        else:
            cells = _read_parquet(path) if suffix == ".parquet" else _read_text(path)
        rows = [[cell_text(cell, decimal) for cell in row] for row in cells]
    except OSError as error:
        raise DataError(f"{path}: the table cannot be read ({error.strerror or error})") from error
    except ImportError as error:
        package = {".parquet": '"unet-mtl[parquet]"', ".xls": "xlrd"}.get(suffix, '"unet-mtl[excel]"')
        raise DataError(
            f"{path}: reading this format needs a further package; pip install {package}, or save it as CSV"
        ) from error
    except (pd.errors.ParserError, ValueError, KeyError, csv.Error) as error:
        raise DataError(
            f"{path}: not a readable {_kind(path)} table ({str(error).strip()}); save it as UTF-8 text with commas"
        ) from error
    if len(rows) < 2:
        others = [name for name in list_sheets(path) if name != sheet]
        hint = (
            f"; its other sheets are {name_some(map(repr, others))}: name one of them as `sheet`"
            if others
            else ""
        )
        raise DataError(f"{path}: the table has no rows; expected one row for each case{hint}")
    return pd.DataFrame(rows[1:], columns=_name_columns(rows[0], path), dtype=str)


def _name_columns(header: Sequence[str], path: Path) -> list[str]:
    """Return the names of the columns; those without a name are numbered, since nothing can refer to them."""
    repeated = [name for name, n in Counter(header).items() if name and n > 1]
    if repeated:
        raise DataError([f"{path}: two columns are named {name!r}; rename one of them" for name in repeated])
    return [name or f"Unnamed: {position}" for position, name in enumerate(header)]


def runs_as_formula(cell: str) -> bool:
    """Return whether a spreadsheet program would run a cell as a formula.

    >>> runs_as_formula("=1+1"), runs_as_formula("-1.5"), runs_as_formula("-")
    (True, False, False)
    """
    # Spreadsheets with a decimal comma read 7,6 as a number
    return len(cell) > 1 and bool(_FORMULA.match(cell)) and not is_number(cell.replace(",", ".", 1))


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


def _read_text(path: Path) -> Cells:
    text = path.read_bytes().decode("utf-8-sig")
    head = next(StringIO(text, newline=""), "")
    named = re.fullmatch(r'"?sep=([,;\t])"?[,;\t]*\s*', head, re.IGNORECASE)  # a line that only Excel writes
    if named:
        lines = _read_lines(text[len(head) :], named[1], 1)
    else:
        unquoted = re.sub(r'(?:^|(?<=[,;\t]))\s*"(?:[^"]|"")*"', "", head)
        lines = _read_lines(text, max(_SEPARATORS, key=unquoted.count), 0)
    if not lines:
        raise ValueError("the file is empty")
    _require_equal_lengths(lines, path)
    return [cells for _, cells in lines]


def _read_lines(text: str, separator: str, above: int) -> list[tuple[int, list[str]]]:
    """Return the number of each line that is not empty, and its cells.

    Args:
        text: The text of the table.
        separator: The character between cells.
        above: The number of lines above the text.
    """
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        lines = list(_parse(text, separator, above, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise ValueError("a quotation mark is not closed, so that the cell does not end") from error
        # such as blanks between a quotation mark and the next separator
        lines = list(_parse(text, separator, above, strict=False))
    finally:
        csv.field_size_limit(limit)
    return lines


def _parse(text: str, separator: str, above: int, *, strict: bool) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=strict)
    number = above
    for cells in reader:
        if any(cells) or len(cells) > 1:
            yield number + 1, cells
        number = above + reader.line_num


def _require_equal_lengths(lines: Sequence[tuple[int, list[str]]], path: Path) -> None:
    """Require a cell for each named column in each row, since a separator may be missing anywhere in a shorter one."""
    header = lines[0][1]
    n_named = max((position for position, name in enumerate(header, 1) if name.strip()), default=0)
    width = count_of(len(header), "column")
    longer = [
        f"{path}: line {number} has {count_of(len(cells), 'cell')}, more than the {width} of the header row; name all "
        "columns, or remove the separators at the ends of the rows"
        for number, cells in lines
        if len(cells) > len(header)
    ]
    shorter = [
        f"{path}: line {number} has {count_of(len(cells), 'cell')}, fewer than the {width} of the header row; add the "
        "missing separators, so that it is clear which cells are empty"
        for number, cells in lines
        if len(cells) < n_named
    ]
    if longer or shorter:
        raise DataError([*longer, *shorter])
    for _, cells in lines:
        cells += [""] * (len(header) - len(cells))


def _read_parquet(path: Path) -> Cells:
    table = pd.read_parquet(path)
    return [list(table.columns), *table.astype(object).to_numpy().tolist()]


def _kind(path: Path) -> str:
    return {".xlsx": "Excel", ".xls": "Excel", ".parquet": "Parquet"}.get(path.suffix.lower(), "CSV")
