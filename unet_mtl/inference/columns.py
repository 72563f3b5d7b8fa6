"""The columns of new cases, from a table that a user gives beside the images."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from unet_mtl.batches.inputs.columns import Labels
from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.data.description import Description
from unet_mtl.data.observations import texts
from unet_mtl.data.patterns import match_pattern
from unet_mtl.data.readers import without_suffix
from unet_mtl.data.records import read_labels
from unet_mtl.data.tables import read_table
from unet_mtl.data.workbooks import list_sheets
from unet_mtl.errors import DataError
from unet_mtl.near_names import name_key
from unet_mtl.wording import count_of, name_some

Rows = Mapping[str, Labels | DataError]
"""Columns of each case, or the error in its row, by case name."""


def read_case_rows(
    path: Path, description: Description, columns: Sequence[str], case_column: str | None = None
) -> dict[str, dict[str, str]]:
    """Read a table of cases as text.

    Args:
        path: CSV, TSV, Excel or Parquet file.
        description: Description of the data that the run was trained on, which says how a table names cases.
        columns: Columns that the table must have.
        case_column: Column that names the cases; None for its name in the training.

    Returns:
        Cells by column, by case name, in the table's order.

    Raises:
        DataError: The table cannot be read, lacks a column, or names a case twice or not at all.
    """
    table = read_table(path, decimal=description.decimal, sheet=sheet_of(path, description))
    case = case_column or description.case
    absent = [name for name in (case, *columns) if name not in table.columns]
    if absent:
        cure = (
            "name the column of cases with `case_column`"
            if absent[0] == case
            else "empty cells are unknown values"
        )
        raise DataError(
            f"{path}: no column {', '.join(map(repr, absent))}; it has {', '.join(map(repr, table.columns))}; {cure}"
        )
    rows: dict[str, dict[str, str]] = {}
    problems = []
    for number, row in enumerate(table.to_dict("records"), start=1):
        name = _name_of(str(row[case]), description)
        if not name:
            problems.append(f"{path}: row {number} below the header has no {case!r}")
        elif name in rows:
            problems.append(f"{path}: case {name!r} has several rows; keep one of them")
        rows[name] = {str(column): str(cell) for column, cell in row.items()}
    if problems:
        raise DataError(problems)
    return rows


def sheet_of(path: Path, description: Description) -> str | None:
    """Return the sheet of a workbook that the data of the training had, if it has one of that name."""
    return description.sheet if description.sheet in list_sheets(path) else None


def read_columns(
    path: Path, description: Description, inputs: Inputs, case_column: str | None = None
) -> Rows:
    """Read the columns that a run needs.

    Args:
        path: CSV, TSV, Excel or Parquet file.
        description: Description of the data that the run was trained on, which says how the table names cases and what
            its columns mean.
        inputs: Inputs of the run.
        case_column: Column that names the cases; None for its name in the training.

    Returns:
        Columns of each case, or the error in its row, in the table's order.

    Raises:
        DataError: The table cannot be read, lacks a column, or names a case twice or not at all.
    """
    wanted = description.model_copy(
        update={"columns": {name: description.columns[name] for name in inputs.columns}}
    )
    rows: dict[str, Labels | DataError] = {}
    for name, row in read_case_rows(path, description, tuple(inputs.columns), case_column).items():
        labels, unreadable = read_labels(row, wanted, name)
        rows[name] = DataError(texts(unreadable)) if unreadable else labels
    return rows


def _name_of(cell: str, description: Description) -> str:
    matched = match_pattern(description.names, cell)
    return without_suffix(matched["case"] if matched else cell)


def row_of(rows: Rows, name: str) -> Labels | DataError:
    """Return the columns of an image, from the row with its name, with or without its folders.

    Args:
        rows: Columns by case name, in the form that `read_columns` returns.
        name: Name of the image without its suffix, with slashes between folders.

    Returns:
        The columns, or the error in the row; empty if there is no row.
    """
    return rows.get(_row_name(rows, name), {})


def _row_name(rows: Rows, name: str) -> str:
    return name if name in rows else PurePosixPath(name).name


def _last_key(name: str) -> str:
    return name_key(name.replace("\\", "/").rpartition("/")[2])


def describe_unmatched(path: Path, rows: Rows, names: Sequence[str]) -> str:
    """Describe the rows of a table that belong to no image.

    Args:
        path: The table.
        rows: Columns by case name, in the form that `read_columns` returns.
        names: Names of the images without their suffixes, with slashes between folders.

    Returns:
        One line, with a similar name where there is one; empty if every row belongs to an image.

    Raises:
        DataError: No row belongs to an image.
    """
    used = {_row_name(rows, name) for name in names}
    unused = [case for case in rows if case not in used]
    if not unused:
        return ""
    without_row = {_last_key(name): name for name in names if _row_name(rows, name) not in rows}
    near = [(case, without_row[_last_key(case)]) for case in unused if _last_key(case) in without_row]
    hint = f"; {near[0][0]!r} may be image {near[0][1]!r}" if near else ""
    counts = f"{len(unused)} of {count_of(len(rows), 'row')} without an image"
    text = f"{path}: {counts}: {name_some(map(repr, unused))}{hint}"
    if len(unused) == len(rows):
        raise DataError(f"{text}; correct the names, or name the column of cases with `case_column`")
    return text


def missing_input_error(inputs: Inputs, row: Labels | DataError) -> DataError | None:
    """Return the error of a case that lacks all columns of an input, unless the run was trained to do without them.

    Args:
        inputs: Inputs of the run.
        row: Columns of the case, or the error in its row.

    Returns:
        The error; None if the case can be predicted, or if `row` is an error already.
    """
    needed = [] if isinstance(row, DataError) else [t for t in inputs.missing(row) if not t.input_dropout]
    if not needed:
        return None
    columns = ", ".join(map(repr, needed[0].names))
    return DataError(
        f"none of the columns {columns} is known, and the run was not trained to do without them (input_dropout 0)"
    )


def require_use(
    path: Path, inputs: Inputs, rows: Mapping[str, Mapping[str, str]], frame: str, *, spacing: bool
) -> None:
    """Require that something of a table is read.

    Args:
        path: The table.
        inputs: Inputs of the run.
        rows: Cells by column, by case name, in the form that `read_case_rows` returns.
        frame: Name of the column with the index of the picture.
        spacing: Whether the run can use columns of the pixel spacing.

    Raises:
        DataError: The run reads no column of the table.
    """
    if inputs.tables or spacing or any(frame in row for row in rows.values()):
        return
    raise DataError(
        f"{path}: the run reads no columns of a table, and there is no column {frame!r}, which selects a picture of "
        "files that hold several; leave `table` out"
    )


def require_optional(inputs: Inputs) -> None:
    """Require that the run was trained to answer without its columns.

    Raises:
        DataError: The columns of an input were never hidden in training.
    """
    needed = [table for table in inputs.tables if not table.input_dropout]
    if needed:
        columns = ", ".join(repr(name) for table in needed for name in table.names)
        raise DataError(
            f"the run reads columns ({columns}) and was not trained to do without them; give them with `table`, or "
            f"train with `inputs: {{{needed[0].name}: {{columns: [...], input_dropout: 0.2}}}}`"
        )


def require_sources(inputs: Inputs, *, n_paths: int, table: bool) -> None:
    """Require that the user gives what the run reads, and nothing else.

    Args:
        inputs: Inputs of the run.
        n_paths: Number of images and folders.
        table: Whether a table was given.

    Raises:
        DataError: Images or a table are missing, or were given but are not read.
    """
    if n_paths and not inputs.image:
        raise DataError("the run reads no images; leave them out, and give the cases with `table`")
    if inputs.image and not n_paths:
        raise DataError("the run reads images; give some, or a folder of them")
    if not inputs.image and not table:
        raise DataError("the run reads only columns; give the table of the cases with `table`")
    if not table:
        require_optional(inputs)
