"""The pixel spacing of new images: their rows of a table, their headers, or one value for all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from unet_mtl.consistency import Rule
from unet_mtl.data.description import Description
from unet_mtl.data.images import read_spacing
from unet_mtl.data.spacing import Spacing, parse_spacing, read_case_spacing, spacing_columns
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.inference.columns import read_case_rows


@dataclass(frozen=True)
class Spacings:
    """Where the spacing of an image comes from: what speaks of it alone comes first.

    Attributes:
        rows: By case, of a table.
        otherwise: Of all that have no row and whose header says none; None: unknown.
    """

    rows: Mapping[str, Spacing] = field(default_factory=dict)
    otherwise: Spacing | None = None

    def find(self, path: Path, name: str) -> Spacing | None:
        """The spacing of an image; None: unknown.

        Args:
            path: Its header is read unless a row names it; an unreadable one says nothing here, since whoever opens
                its pixels will say what is wrong.
            name: Without its suffix, folders with slashes.
        """
        row = self.rows.get(name, self.rows.get(PurePosixPath(name).name))
        if row is not None:
            return row
        try:
            return read_spacing(path) or self.otherwise
        except DataError:
            return self.otherwise


def find_spacings(
    rules: Sequence[Rule],
    given: float | Sequence[float] | None,
    table: Path | str | None = None,
    description: Description | None = None,
    case_column: str | None = None,
    *,
    required: bool = False,
) -> Spacings:
    """Gathers what a user says of the spacing.

    Args:
        rules: Of the run.
        given: Millimetres, one number or (row, column).
        table: One with columns for it, if any; then `description`, `case_column` and `required` are as of
            `read_spacings`.
        description: As there.
        case_column: As there.
        required: As there.

    Raises:
        ConfigError: What is given is no spacing, or no rule measures.
        DataError: As of `read_spacings`.
    """
    if given is not None and not any(rule.measures for rule in rules):
        raise ConfigError("no rule of `consistency` of the run compares a diameter; leave the spacing out")
    rows: Mapping[str, Spacing] = {}
    if table is not None and description is not None:
        rows = read_spacings(Path(table), description, case_column, required=required)
    try:
        return Spacings(rows, None if given is None else parse_spacing(given))
    except ValueError as error:
        raise ConfigError(str(error)) from None


def has_spacing_columns(rules: Sequence[Rule], description: Description) -> bool:
    """Whether a run can use columns of a table as spacing: a rule measures, and its data set names some."""
    return any(rule.measures for rule in rules) and bool(spacing_columns(description, ()))


def read_spacings(
    path: Path, description: Description, case_column: str | None = None, *, required: bool
) -> dict[str, Spacing]:
    """Reads the spacing of cases from the columns that a data set has for it.

    Args:
        path: CSV, TSV, Excel or Parquet.
        description: Of the data that the run was trained on.
        case_column: The column that names the cases; None: called as in training.
        required: Whether the columns must be there.

    Returns:
        By case; those with an empty cell are not there.

    Raises:
        DataError: The table cannot be read, lacks a required column, names a case twice or not at all, or has a
            cell that is no spacing.
    """
    columns = spacing_columns(description, ())
    rows = read_case_rows(path, description, columns if required else (), case_column)
    if any(column not in row for row in rows.values() for column in columns):
        return {}
    found: dict[str, Spacing] = {}
    problems = []
    for case, row in rows.items():
        try:
            spacing = read_case_spacing(row, description, Path(), None)
        except ValueError as error:
            problems.append(f"{path}: case {case!r}: {error}")
            continue
        if spacing is not None:
            found[case] = spacing
    if problems:
        raise DataError(problems)
    return found
