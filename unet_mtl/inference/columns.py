"""The columns of new cases, of a table that a user gives beside the images."""

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
from unet_mtl.errors import DataError

Rows = Mapping[str, Labels | DataError]
"""By case, its columns, or what is wrong with them."""


def read_case_rows(
    path: Path, description: Description, columns: Sequence[str], case_column: str | None = None
) -> dict[str, dict[str, str]]:
    """Reads a table in its order, its cells as words.

    Args:
        path: CSV, TSV, Excel or Parquet.
        description: Of the data that the run was trained on: how the table names cases.
        columns: Those that it must have.
        case_column: The column that names the cases; None: called as in training.

    Returns:
        By case, the cells by column.

    Raises:
        DataError: The table cannot be read, lacks a column, or names a case twice or not at all.
    """
    table = read_table(path, decimal=description.decimal)
    case = case_column or description.case
    absent = [name for name in (case, *columns) if name not in table.columns]
    if absent:
        cure = (
            "name the column of cases with --case-column"
            if absent[0] == case
            else "empty cells are unknown values"
        )
        raise DataError(
            f"{path}: no column {', '.join(map(repr, absent))}; it has {', '.join(map(repr, table.columns))}; {cure}"
        )
    found: dict[str, dict[str, str]] = {}
    problems = []
    for number, row in enumerate(table.to_dict("records"), start=1):
        name = _name_of(str(row[case]), description)
        if not name:
            problems.append(f"{path}: row {number} below the head line has no {case!r}")
        elif name in found:
            problems.append(f"{path}: case {name!r} stands in several rows; keep one of them")
        found[name] = {str(column): str(cell) for column, cell in row.items()}
    if problems:
        raise DataError(problems)
    return found


def read_columns(
    path: Path, description: Description, inputs: Inputs, case_column: str | None = None
) -> Rows:
    """Reads the columns that a run needs, in the table's order.

    Args:
        path: As of `read_case_rows`.
        description: Of the data that the run was trained on: what the columns mean, how the table names cases.
        inputs: Of the run.
        case_column: As of `read_case_rows`.

    Raises:
        DataError: As of `read_case_rows`.
    """
    wanted = description.model_copy(
        update={"columns": {name: description.columns[name] for name in inputs.columns}}
    )
    found: dict[str, Labels | DataError] = {}
    for name, row in read_case_rows(path, description, tuple(inputs.columns), case_column).items():
        labels, unreadable = read_labels(row, wanted, name)
        found[name] = DataError(texts(unreadable)) if unreadable else labels
    return found


def _name_of(cell: str, description: Description) -> str:
    matched = match_pattern(description.names, cell)
    return without_suffix(matched["case"] if matched else cell)


def row_of(rows: Rows, name: str) -> Labels | DataError:
    """The columns of an image: of the case that is called like it, with or without its folders.

    Args:
        rows: From `read_columns`.
        name: Of the image without its suffix, folders with slashes.

    Returns:
        Nothing where no row names it.
    """
    return rows.get(name, rows.get(PurePosixPath(name).name, {}))


def lacks_needed(inputs: Inputs, row: Labels | DataError) -> DataError | None:
    """Why a case without any column of an input cannot be answered: the run has not learned to do without it."""
    needed = [] if isinstance(row, DataError) else [t for t in inputs.missing(row) if not t.input_dropout]
    if not needed:
        return None
    columns = ", ".join(map(repr, needed[0].names))
    return DataError(
        f"not one of the columns {columns} is known, and the run has not learned to do without (input_dropout 0)"
    )


def require_optional(inputs: Inputs) -> None:
    """Makes sure that a run has learned to answer without its columns.

    Raises:
        DataError: It has not: they were never hidden in training.
    """
    needed = [table for table in inputs.tables if not table.input_dropout]
    if needed:
        columns = ", ".join(repr(name) for table in needed for name in table.names)
        raise DataError(
            f"the run reads columns ({columns}) and has not learned to do without; give them with --table, or train "
            f"with `inputs: {{{needed[0].name}: {{columns: [...], input_dropout: 0.2}}}}`"
        )


def require_sources(inputs: Inputs, *, n_paths: int, table: bool, spacing: bool = False) -> None:
    """Makes sure that what a user gives is what a run reads.

    Args:
        inputs: Of the run.
        n_paths: How many images or folders there are.
        table: Whether there is a table.
        spacing: Whether the run has a use for the columns of the pixel spacing.

    Raises:
        DataError: Images or a table are given in vain, or lacking.
    """
    if n_paths and not inputs.image:
        raise DataError("the run reads no images; leave them out, and give the cases with --table")
    if inputs.image and not n_paths:
        raise DataError("the run reads images; give some, or a folder of them")
    if table and not inputs.tables and not spacing:
        raise DataError("the run reads no columns of a table; leave --table out")
    if not inputs.image and not table:
        raise DataError("the run reads columns alone; give the table of the cases with --table")
    if not table:
        require_optional(inputs)
