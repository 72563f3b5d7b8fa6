"""The pixel spacing of new images: from rows of a table, from headers, or one value for all other images."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from unet_mtl.data.description import Description
from unet_mtl.data.images import read_spacing
from unet_mtl.data.spacing import Spacing, parse_spacing, read_case_spacing, spacing_columns
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.inference.case_result import Case
from unet_mtl.inference.columns import read_case_rows


@dataclass(frozen=True)
class Spacings:
    """The sources of the pixel spacing of images, in the order in which they are asked: row, header, default.

    Attributes:
        rows: Spacing by case, from a table.
        otherwise: Spacing of images without a row and without a spacing in their header; None if unknown.
    """

    rows: Mapping[str, Spacing] = field(default_factory=dict)
    otherwise: Spacing | None = None

    def find(self, path: Path, name: str) -> Spacing | None:
        """Return the spacing of an image; None if it is unknown.

        Args:
            path: Path of the image. Its header is read unless a row names the image. An unreadable header is no error
                here, since reading the pixels raises a better one.
            name: Name of the image without its suffix, with slashes between folders.
        """
        row = self.rows.get(name, self.rows.get(PurePosixPath(name).name))
        if row is not None:
            return row
        try:
            return read_spacing(path) or self.otherwise
        except DataError:
            return self.otherwise

    def fill(self, cases: Iterable[Case], *, needed: bool) -> Iterator[Case]:
        """Yield the cases with the spacing of each image, where it is needed and the case has none yet.

        Args:
            cases: The cases; read lazily.
            needed: Whether the run uses a spacing.
        """
        for case in cases:
            if needed and case.spacing_mm is None and case.image is not None:
                yield replace(case, spacing_mm=self.find(case.image, case.name))
            else:
                yield case


def find_spacings(
    spacing_mm: float | Sequence[float] | None,
    table: Path | str | None = None,
    description: Description | None = None,
    case_column: str | None = None,
    *,
    needed: bool,
    required: bool = False,
) -> Spacings:
    """Collect the sources of the pixel spacing.

    Args:
        spacing_mm: Millimetres, one number or (row, column), for images with no other source; None if unknown.
        table: Table with columns for the spacing; None if there is none.
        description: Description of the data that the run was trained on; needed with `table`.
        case_column: Column that names the cases; None for its name in the training.
        needed: Whether the run uses a spacing.
        required: Whether `table` must have the columns of the spacing.

    Raises:
        ConfigError: `spacing_mm` is not a spacing, or the run uses none.
        DataError: The table cannot be used; see `read_spacings`.
    """
    if spacing_mm is not None and not needed:
        raise ConfigError(
            "the run measures nothing, and no rule of its `consistency` compares a diameter; leave `spacing_mm` out"
        )
    rows: Mapping[str, Spacing] = {}
    if table is not None and description is not None:
        rows = read_spacings(Path(table), description, case_column, required=required)
    try:
        return Spacings(rows, None if spacing_mm is None else parse_spacing(spacing_mm))
    except ValueError as error:
        raise ConfigError(f"`spacing_mm`: {error}") from None


def has_spacing_columns(description: Description) -> bool:
    """Return whether columns of a table can give the spacing.

    Args:
        description: Description of the data that the run was trained on.
    """
    return bool(spacing_columns(description, ()))


def read_spacings(
    path: Path, description: Description, case_column: str | None = None, *, required: bool
) -> dict[str, Spacing]:
    """Read the spacing of cases from the columns that a data set has for it.

    Args:
        path: CSV, TSV, Excel or Parquet file.
        description: Description of the data that the run was trained on.
        case_column: Column that names the cases; None for its name in the training.
        required: Whether the columns must be present.

    Returns:
        Spacing by case; cases with an empty cell are absent. Empty if columns are absent and not required.

    Raises:
        DataError: The table cannot be read, lacks a required column, names a case twice or not at all, or has a cell
            that is not a spacing.
    """
    columns = spacing_columns(description, ())
    rows = read_case_rows(path, description, columns if required else (), case_column)
    if any(column not in row for row in rows.values() for column in columns):
        return {}
    spacings: dict[str, Spacing] = {}
    problems = []
    for case, row in rows.items():
        try:
            spacing = read_case_spacing(row, description, Path(), None)
        except ValueError as error:
            problems.append(f"{path}: case {case!r}: {error}")
            continue
        if spacing is not None:
            spacings[case] = spacing
    if problems:
        raise DataError(problems)
    return spacings
