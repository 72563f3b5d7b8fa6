"""Read the rows of a data set from its table, or from the names of its files. Every cell is text."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from unet_mtl.data.description import Description
from unet_mtl.data.file_listing import CLOSED, find_reason, is_utf8
from unet_mtl.data.observations import Observation
from unet_mtl.data.patterns import (
    fields_of,
    glob_files,
    glob_pattern,
    is_folder,
    is_stray,
    is_there,
    leaves,
    match_pattern,
)
from unet_mtl.data.readers import split_suffix
from unet_mtl.data.spacing import spacing_columns
from unet_mtl.data.tables import read_table
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of, name_some

CASE = "\0case"
"""The column of case names in the result of `read_rows`; no column of a file can have this name."""

LEAVES = "leads out of `root`; move the file there, or allow it with `links: true`"


def read_rows(description: Description) -> pd.DataFrame:
    """Read the table, or make it from the names of the files.

    Args:
        description: The description of the data set.

    Returns:
        A table of strings with every column, and with the case names in `CASE`, which may be empty or repeated.

    Raises:
        DataError: The table is absent, empty, or lacks a column that the description names.
    """
    if not is_folder(description.root):
        raise DataError(
            f"{description.root}: no such folder; correct `root` in the description of the data set"
        )
    if description.table is None and description.images is not None:
        table = _table_of_files(description)
    else:
        table = _table_of_rows(description)
    _require_columns(table, description)
    return table


def _table_of_rows(description: Description) -> pd.DataFrame:
    path = _table_path(description)
    if leaves(description.root, path) and not description.links:
        raise DataError(f"{path}: the table {LEAVES}")
    if not is_there(path):
        raise DataError(
            f"{path}: the table cannot be read (no such file); correct `table` in the description of the data set"
        )
    table = read_table(path, decimal=description.decimal, sheet=description.sheet)
    if description.case not in table.columns:
        return table
    return table.assign(**{CASE: _names_in(table[description.case], description)})


def _names_in(cells: "pd.Series[str]", description: Description) -> list[str]:
    """Extract the case names from the cells of their column."""
    if description.names == "{case}":
        return cells.to_list()
    matches = [match_pattern(description.names, cell) if cell else {"case": ""} for cell in cells]
    unmatched = [cell for cell, match in zip(cells, matches, strict=True) if match is None]
    if unmatched:
        windows = description.names.replace("/", "\\")
        fits = all(match_pattern(windows, cell) for cell in unmatched)
        raise DataError(
            f"{_table_path(description)}: `names: {description.names}` does not fit {count_of(len(unmatched), 'cell')} "
            f"of {description.case!r}: {name_some(map(repr, unmatched), 3)}; "
            + (f"they have backslashes: write `names: {windows}`" if fits else "correct the pattern")
        )
    return [match["case"] for match in matches if match is not None]


def _table_path(description: Description) -> Path:
    return description.root / (description.table or "")


def _require_columns(table: pd.DataFrame, description: Description) -> None:
    patterns = list(description.image_patterns.values())
    patterns += [pattern for mask in description.masks.values() for pattern in mask.patterns.values()]
    in_patterns = [name for pattern in patterns for name in fields_of(pattern)]
    spacing = spacing_columns(description, table.columns)
    frames = [description.frame, *(channel.frame for channel in description.channels.values())]
    frames = [frame for frame in frames if isinstance(frame, str)]
    named = [description.patient, description.split, *description.columns, *in_patterns, *spacing, *frames]
    known = {"case", *table.columns}
    absent = [name for name in dict.fromkeys(named) if name and name not in known]
    if description.case not in table.columns:
        absent.insert(0, description.case)
    if absent and description.table is None:
        raise DataError(
            [
                f"{description.root}: no column {name!r}; the description names no `table`, and `images` has no "
                f"{{{name}}}: add one of them"
                for name in absent
            ]
        )
    if absent:
        path = _table_path(description)
        columns = ", ".join(map(repr, table.columns.drop(CASE, errors="ignore")))
        raise DataError([f"{path}: no column {name!r}; it has {columns}" for name in dict.fromkeys(absent)])


def find_unnamed_and_repeated(table: pd.DataFrame, description: Description) -> list[Observation]:
    """Find the rows of `read_rows` without a case name, and the cases that several rows name."""
    path, cases = _table_path(description), table[CASE]
    unnamed = [
        Observation(
            "row-unnamed",
            f"{path}: row {row} below the header row has no {description.case!r}; each case needs a name",
        )
        for row in np.flatnonzero(cases == "") + 1
    ]
    repeated = [
        Observation(
            "case-repeated",
            f"{path}: case {case!r} is in several rows; give each case a name of its own",
            (case,),
        )
        for case in cases[cases.duplicated() & (cases != "")].unique()
    ]
    return unnamed + repeated


def _table_of_files(description: Description) -> pd.DataFrame:
    """Make a table of the text in place of the names in braces, with a row for each case that has a file."""
    root = description.root
    files_of: dict[tuple[str, ...], set[str]] = {}
    matches: dict[str, dict[str, str]] = {}
    for channel, pattern in description.image_patterns.items():
        for file, values in _find_images(description, channel, pattern).items():
            files_of.setdefault(_key(values), set()).add(file)
            matches[file] = values
    files = sorted(matches, key=lambda file: (_key(matches[file]) if description.channels else (), file))
    rows = {_key(matches[f]): matches[f] for f in files if not _is_mask(f, files_of, description)}
    if not rows:
        patterns = " or ".join(
            f"`{_place(channel)}: {p}`" for channel, p in description.image_patterns.items()
        )
        raise DataError(f"{root}: no file fits the pattern {patterns}; correct it")
    table = pd.DataFrame(list(rows.values()), dtype=str)
    name = description.case if description.case in table else "case"
    cases = table[name] if name in table else pd.Series("", index=table.index)
    return table.assign(**{description.case: cases, CASE: cases})


def _place(channel: str) -> str:
    return f"images.{channel}" if channel else "images"


def _key(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts in the order of their names, which is the same for the patterns of all channels."""
    return tuple(values[name] for name in sorted(values))


def _find_images(description: Description, channel: str, pattern: str) -> dict[str, dict[str, str]]:
    """Return the texts in place of the names in braces, by file that fits the pattern of a channel."""
    root = description.root
    paths = (path for path in glob_files(root, glob_pattern(pattern)) if not path.is_dir())
    files = sorted(path.relative_to(root).as_posix() for path in paths)
    files = [f for f in files if not is_stray(f, pattern) and _may_be_image(root / f, pattern, description)]
    matches = {file: values for file in files if (values := match_pattern(pattern, file))}
    others = [other for name, other in description.image_patterns.items() if name != channel]
    return {
        file: values
        for file, values in matches.items()
        if not any(_fits_better(file, values, other) for other in others)
    }


def _fits_better(file: str, values: Mapping[str, str], other: str) -> bool:
    """Return whether another pattern says more about a file, as `{case}_t2.png` says more than `{case}.png`."""
    found = match_pattern(other, file)
    return found is not None and sum(map(len, found.values())) < sum(map(len, values.values()))


def _may_be_image(path: Path, pattern: str, description: Description) -> bool:
    """Return whether a file may be an image. If the pattern leaves the suffix open, it may fit other files too."""
    suffix = split_suffix(pattern.rpartition("/")[2])[1]
    if (suffix and "{" not in suffix) or (leaves(description.root, path) and not description.links):
        return is_utf8(str(path))
    return find_reason(path, description.root) in (None, CLOSED)  # reading a closed file reports the problem


def _is_mask(file: str, files_of: Mapping[tuple[str, ...], set[str]], description: Description) -> bool:
    """Return whether a file is the mask of another image, since x_mask.png may fit the pattern of images too."""
    names = {name for pattern in description.image_patterns.values() for name in fields_of(pattern)}
    for mask in description.masks.values():
        for pattern in mask.patterns.values():
            values = match_pattern(pattern, file)
            if values is None:
                continue
            if not names <= values.keys():
                return True  # the folder matched a name: train_masks/x.png for {split}/{case}.png
            if files_of.get(_key({name: values[name] for name in names}), set()) - {file}:
                return True
    return False
