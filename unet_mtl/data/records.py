"""Description -> Dataset of frozen Records: which files and labels each case has. Opens the table, no image."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unet_mtl.data.description import ColumnDescription, Description, MaskDescription, read_description
from unet_mtl.data.patterns import fields_of, find_files, glob_pattern, leaves, match_pattern
from unet_mtl.data.tables import read_table
from unet_mtl.errors import DataError

Label = str | float


@dataclass(frozen=True)
class MaskFile:
    """One file of a mask.

    Attributes:
        path: Where.
        index: The class of all that is not 0 in it; None: it holds the numbers of the classes.
    """

    path: Path
    index: int | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of one case.

    Attributes:
        case: Its name, unique in the data set.
        patient: Cases of one patient never stand on two sides of a split.
        image: Path of the image.
        masks: Files by target name; an absent mask has no entry.
        labels: Words and numbers by column; an unknown one has no entry.
        spacing_mm: (row, column) distance between pixels of the original image; None: unknown.
        split: As the table says it, if it does; "training", "valid" and "validation" are train and val.
    """

    case: str
    patient: str
    image: Path
    masks: Mapping[str, tuple[MaskFile, ...]]
    labels: Mapping[str, Label]
    spacing_mm: tuple[float, float] | None = None
    split: str | None = None


@dataclass(frozen=True)
class Dataset:
    """Records and what their labels mean."""

    description: Description
    records: tuple[Record, ...]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def only(self, records: Sequence[Record]) -> "Dataset":
        """The same description with fewer records."""
        return replace(self, records=tuple(records))

    def fingerprint(self) -> str:
        """SHA-256 over names, labels, spacings and the bytes of all images and masks: changes when they do."""
        digest = hashlib.sha256()
        for record in sorted(self.records, key=lambda record: record.case):
            digest.update(repr((record.case, record.patient, sorted(record.labels.items()))).encode())
            if record.spacing_mm is not None:
                digest.update(repr(record.spacing_mm).encode())
            masks = (file.path for name in sorted(record.masks) for file in record.masks[name])
            for path in (record.image, *masks):
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def read_dataset(source: Path | str | Description) -> Dataset:
    """Reads the table and finds the files of every case.

    Args:
        source: A folder with dataset.yaml, or a description.

    Returns:
        The data set, cases in the order of the table (or of their names, without a table).

    Raises:
        DataError: With every problem, a line each: table absent, empty or without a named column, a case
            twice, an image that is not there, a required mask that is not there, a class that is not
            declared, a number that is none.
    """
    dataset, problems = scan_dataset(source)
    if problems:
        raise DataError(problems)
    return dataset


def scan_dataset(source: Path | str | Description) -> tuple[Dataset, list[str]]:
    """Like `read_dataset`, but hands over the problems of single cases beside what could be read.

    Raises:
        DataError: The table cannot be used at all.
    """
    description = source if isinstance(source, Description) else read_description(Path(source))
    table = _read_table(description)
    problems: list[str] = []
    records = [_make_record(row, description, problems) for row in table.to_dict("records")]
    return Dataset(description, tuple(records)), problems


def _read_table(description: Description) -> pd.DataFrame:
    if not description.root.is_dir():
        raise DataError(
            f"{description.root}: no such folder; correct `root` in the description of the data set"
        )
    table = _table_of_files(description) if description.table is None else _table_of_rows(description)
    _require_columns(table, description)
    _require_different_cases(table, description)
    return table


def _table_of_rows(description: Description) -> pd.DataFrame:
    path = _table_path(description)
    if leaves(description.root, path) and not description.links:
        raise DataError(f"{path}: the table {_LEAVES}")
    if not path.is_file():
        raise DataError(
            f"{path}: the table cannot be read (no such file); correct `table` in the description of the data set"
        )
    table = read_table(path)
    if description.case not in table.columns:
        return table
    return table.assign(**{_CASE: _names_in(table[description.case], description)})


def _names_in(cells: "pd.Series[str]", description: Description) -> list[str]:
    """The names of the cases inside the cells of their column."""
    if description.names == "{case}":
        return cells.to_list()
    found = [match_pattern(description.names, cell) if cell else {"case": ""} for cell in cells]
    strange = [cell for cell, name in zip(cells, found, strict=True) if name is None]
    if strange:
        raise DataError(
            f"{_table_path(description)}: {len(strange)} cells of {description.case!r} do not fit "
            f"`names: {description.names}`: {', '.join(map(repr, strange[:3]))}; correct the pattern"
        )
    return [name["case"] for name in found if name is not None]


_MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001}

_CASE = "\0case"
"""Column of the cases' own names; no column of a file has that name."""

_LEAVES = "leads out of `root`; move it there, or allow it with `links: true`"


def _table_path(description: Description) -> Path:
    return description.root / (description.table or "")


def _require_columns(table: pd.DataFrame, description: Description) -> None:
    patterns = [description.images]
    patterns += [pattern for mask in description.masks.values() for pattern in mask.patterns.values()]
    in_patterns = [name for pattern in patterns for name in fields_of(pattern)]
    spacing = description.spacing_mm if isinstance(description.spacing_mm, str) else None
    named = [description.patient, description.split, *description.columns, *in_patterns, spacing]
    known = {"case", *table.columns}
    absent = [name for name in dict.fromkeys(named) if name and name not in known]
    if description.case not in table.columns:
        absent.insert(0, description.case)
    if absent and description.table is None:
        raise DataError(
            [
                f"{description.root}: no column {name!r}, since the description names no `table` and `images` has no "
                f"{{{name}}}"
                for name in absent
            ]
        )
    if absent:
        path, columns = (
            _table_path(description),
            ", ".join(map(repr, table.columns.drop(_CASE, errors="ignore"))),
        )
        raise DataError([f"{path}: no column {name!r}; it has {columns}" for name in dict.fromkeys(absent)])


def _require_different_cases(table: pd.DataFrame, description: Description) -> None:
    path, cases = _table_path(description), table[_CASE]
    problems = [
        f"{path}: row {row} below the head line has no {description.case!r}; each case needs a name"
        for row in np.flatnonzero(cases == "") + 1
    ]
    problems += [
        f"{path}: case {case!r} stands in several rows; each needs a name of its own"
        for case in cases[cases.duplicated() & (cases != "")].unique()
    ]
    if problems:
        raise DataError(problems)


def _table_of_files(description: Description) -> pd.DataFrame:
    """What stands in place of the names in braces, a row a file."""
    root = description.root
    files = (path.relative_to(root).as_posix() for path in root.glob(glob_pattern(description.images)))
    found = {file: values for file in sorted(files) if (values := match_pattern(description.images, file))}
    rows = [values for file, values in found.items() if not _is_mask(file, found, description)]
    if not rows:
        raise DataError(f"{root}: no file fits `images: {description.images}`; correct the pattern")
    table = pd.DataFrame(rows, dtype=str)
    name = description.case if description.case in table else "case"
    cases = table[name] if name in table else pd.Series("", index=table.index)
    return table.assign(**{description.case: cases, _CASE: cases})


def _is_mask(file: str, images: Mapping[str, Mapping[str, str]], description: Description) -> bool:
    """Whether it is the mask of another image: x_mask.png beside x.png fits the pattern of the images as well."""
    for mask in description.masks.values():
        for pattern in mask.patterns.values():
            values = match_pattern(pattern, file)
            if values is None:
                continue
            if not set(fields_of(description.images)) <= values.keys():
                return True  # its folder is a word there: train_masks/x.png beside {split}/{case}.png
            image = description.images.format_map(values)
            if image != file and image in images:
                return True
    return False


def _make_record(row: Mapping[Any, Any], description: Description, problems: list[str]) -> Record:
    case = row[_CASE]
    values = {**row, "case": case}
    image = description.root / description.images.format_map(values)
    masks = {name: _find_masks(mask, values, description) for name, mask in description.masks.items()}
    if not image.is_file():
        problems.append(f"case {case!r}: no image at {image}")
    for name, mask in description.masks.items():
        if mask.required and not masks[name]:
            where = " or ".join(str(description.root / p.format_map(values)) for p in mask.patterns.values())
            problems.append(f"case {case!r}: no mask {name!r} at {where}, which the description requires")
    if not description.links:
        paths = [image, *(file.path for files in masks.values() for file in files)]
        outside = [path for path in paths if leaves(description.root, path)]
        problems += [f"case {case!r}: {path} {_LEAVES}" for path in outside]
    return Record(
        case=case,
        patient=_read_patient(row, description, problems),
        image=image,
        masks={name: files for name, files in masks.items() if files},
        labels=_read_labels(row, description, problems),
        spacing_mm=_read_spacing(row, description, problems),
        split=_read_split(row[description.split]) if description.split else None,
    )


def _find_masks(
    mask: MaskDescription, values: Mapping[str, str], description: Description
) -> tuple[MaskFile, ...]:
    order = sorted(mask.patterns, key=lambda name: mask.classes.index(name) if name else 0)
    return tuple(
        MaskFile(path, mask.classes.index(name) if name else None)
        for name in order
        for path in find_files(description.root, mask.patterns[name], values)
    )


def _read_patient(row: Mapping[Any, Any], description: Description, problems: list[str]) -> str:
    case = str(row[_CASE])
    if description.patient is None:
        return case
    patient = str(row[description.patient])
    if patient.lower() in description.missing_words:
        problems.append(
            f"case {case!r}: {description.patient} is {patient!r}; say whose it is, since cases of one patient stay "
            "together"
        )
    return patient


def _read_split(word: str) -> str:
    aliases = {"training": "train", "valid": "val", "validation": "val"}
    return aliases.get(word.lower(), word.lower())


def _read_labels(row: Mapping[Any, Any], description: Description, problems: list[str]) -> dict[str, Label]:
    labels: dict[str, Label] = {}
    for name, column in description.columns.items():
        word = row[name]
        word = column.values.get(word, word)
        if word.lower() in description.missing_words and word not in (column.classes or ()):
            continue
        try:
            labels[name] = _read_label(word, column)
        except ValueError as error:
            problems.append(f"case {row[_CASE]!r}: {name} is {word!r}, which {error}")
    return labels


def _read_label(word: str, column: ColumnDescription) -> Label:
    if column.classes is not None:
        if word not in column.classes:
            raise ValueError(
                f"is not among its classes ({', '.join(column.classes)}); declare it or correct the cell"
            )
        return word
    try:
        number = float(word)
    except ValueError:
        raise ValueError("is not a number; correct the cell, or list the word under `missing`") from None
    if not np.isfinite(number):
        raise ValueError("is not finite; leave the cell empty where the number is unknown")
    return number


def _read_spacing(
    row: Mapping[Any, Any], description: Description, problems: list[str]
) -> tuple[float, float] | None:
    spacing = description.spacing_mm
    if spacing is None:
        return None
    word = row[spacing] if isinstance(spacing, str) else str(spacing)
    if word.lower() in description.missing_words:
        return None
    try:
        millimetres = float(word)
    except ValueError:
        millimetres = float("nan")
    if not 0 < millimetres < float("inf"):
        problems.append(f"case {row[_CASE]!r}: spacing is {word!r}; expected millimetres above 0")
        return None
    millimetres *= _MILLIMETRES[description.spacing_unit]
    return (millimetres, millimetres)
