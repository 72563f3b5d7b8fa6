"""Description -> Dataset of frozen Records: which files and labels each case has. Opens the table, no image."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unet_mtl.data.description import ColumnDescription, Description, MaskDescription, read_description
from unet_mtl.data.images import IGNORE, image_size, read_mask
from unet_mtl.errors import DataError

Label = str | float


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of one case.

    Attributes:
        case: Its name, unique in the data set.
        patient: Cases of one patient never stand on two sides of a split.
        image: Path of the image.
        masks: Paths by target name; an absent mask has no entry.
        labels: Words and numbers by column; an unknown one has no entry.
        spacing_mm: (row, column) distance between pixels of the original image; None: unknown.
        split: As the table says it, if it does; "training", "valid" and "validation" are train and val.
    """

    case: str
    patient: str
    image: Path
    masks: Mapping[str, Path]
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
            for path in (record.image, *(record.masks[name] for name in sorted(record.masks))):
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def read_case_mask(record: Record, target: str, description: MaskDescription) -> NDArray[np.uint8] | None:
    """Reads the mask of one case as class indices.

    Returns:
        `(height, width)` uint8 at the image's own size, 255 where nobody labelled; None: there is no mask.

    Raises:
        DataError: Unreadable, of another size than the image, or a value is outside the classes.
    """
    path = record.masks.get(target)
    if path is None:
        return None
    stored = read_mask(path)
    if stored.shape != image_size(record.image):
        height, width = image_size(record.image)
        raise DataError(
            f"{path}: the mask is {stored.shape[0]}x{stored.shape[1]} pixels, its image {record.image.name!r} is "
            f"{height}x{width}; export both at one size"
        )
    return _class_indices(stored, path, target, description)


def _class_indices(
    stored: NDArray[np.int32], path: Path, target: str, description: MaskDescription
) -> NDArray[np.uint8]:
    values = description.values or {index: index for index in range(len(description.classes))}
    if description.ignore is not None:
        values = {description.ignore: description.ignore} | values
    found = np.unique(stored)
    unknown = [int(value) for value in found if value not in values]
    if unknown:
        raise DataError(
            f"{path}: mask value {', '.join(map(str, unknown[:5]))}{' ...' if len(unknown) > 5 else ''} is outside "
            f"the classes of {target!r} ({_known_values(values, description)}); say what it means in dataset.yaml, "
            f"for 0/255 masks `masks.{target}.values: {{0: 0, 255: 1}}`"
        )
    indices = np.zeros(stored.shape, np.uint8)
    for value in found:
        index = values[int(value)]
        indices[stored == value] = IGNORE if index == description.ignore else index
    return indices


def _known_values(values: Mapping[int, int], description: MaskDescription) -> str:
    named = {value: index for value, index in values.items() if index != description.ignore}
    return ", ".join(f"{value} {description.classes[index]}" for value, index in sorted(named.items()))


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
    table = _table_of_files(description) if description.table is None else _read_csv(description)
    _require_columns(table, description)
    _require_different_cases(table, description)
    return table


def _read_csv(description: Description) -> pd.DataFrame:
    path = _table_path(description)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except OSError as error:
        raise DataError(
            f"{path}: the table cannot be read ({error.strerror}); correct `table` in the description of the data set"
        ) from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: not a readable CSV table ({str(error).strip()}); save it as UTF-8"
        ) from error
    if table.empty:
        raise DataError(f"{path}: the table has no rows; it needs one row a case")
    if not isinstance(table.index, pd.RangeIndex):
        raise DataError(
            f"{path}: its rows have more cells than the {len(table.columns)} columns of the head line; name them all, "
            "or remove the commas at the ends of the rows"
        )
    return table.rename(columns=str.strip).map(str.strip)


def _table_path(description: Description) -> Path:
    return description.root / (description.table or "")


def _require_columns(table: pd.DataFrame, description: Description) -> None:
    patterns = [description.images, *(mask.path for mask in description.masks.values())]
    in_patterns = [name for pattern in patterns for _, name, _, _ in Formatter().parse(pattern) if name]
    spacing = description.spacing_mm if isinstance(description.spacing_mm, str) else None
    named = [description.patient, description.split, *description.columns, *in_patterns, spacing]
    known = {"case", *table.columns}
    absent = [name for name in dict.fromkeys(named) if name and name not in known]
    if description.case not in table.columns:
        absent.insert(0, description.case)
    if absent and description.table is None:
        raise DataError(
            [
                f"{description.root}: no column {name!r}, since the description names no `table`"
                for name in absent
            ]
        )
    if absent:
        path, columns = _table_path(description), ", ".join(map(repr, table.columns))
        raise DataError([f"{path}: no column {name!r}; it has {columns}" for name in dict.fromkeys(absent)])


def _require_different_cases(table: pd.DataFrame, description: Description) -> None:
    path, cases = _table_path(description), table[description.case]
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
    """The names in place of `{case}`; a name may stand in the path more than once."""
    pieces = re.split(r"\{case\}|\{" + re.escape(description.case) + r"\}", description.images)
    first, *others = map(re.escape, pieces)
    fits = re.compile(first + "(?P<case>[^/]+)" + "(?P=case)".join(others))
    root = description.root
    paths = [path.relative_to(root).as_posix() for path in root.glob("*".join(map(escape, pieces)))]
    cases = sorted(found["case"] for found in map(fits.fullmatch, paths) if found)
    # Masks that lie beside the images, x.png and x_mask.png, fit the pattern of the images as well.
    masks = {_fill(mask.path, case, description) for mask in description.masks.values() for case in cases}
    cases = [case for case in cases if _fill(description.images, case, description) not in masks]
    if not cases:
        raise DataError(f"{root}: no file fits `images: {description.images}`; correct the pattern")
    return pd.DataFrame({description.case: cases}, dtype=str)


def _fill(pattern: str, case: str, description: Description) -> str:
    """A path, of the case alone; a pattern that needs a table stays as it is."""
    try:
        return pattern.format_map({"case": case, description.case: case})
    except KeyError:
        return pattern


def _make_record(row: Mapping[Any, Any], description: Description, problems: list[str]) -> Record:
    case = row[description.case]
    fields = {**row, "case": case}
    image = description.root / description.images.format_map(fields)
    if not image.is_file():
        problems.append(f"case {case!r}: no image at {image}")
    masks = {
        name: description.root / mask.path.format_map(fields) for name, mask in description.masks.items()
    }
    for name, path in masks.items():
        if description.masks[name].required and not path.is_file():
            problems.append(f"case {case!r}: no mask {name!r} at {path}, which the description requires")
    return Record(
        case=case,
        patient=_read_patient(row, description, problems),
        image=image,
        masks={name: path for name, path in masks.items() if path.is_file()},
        labels=_read_labels(row, description, problems),
        spacing_mm=_read_spacing(row, description, problems),
        split=_read_split(row[description.split]) if description.split else None,
    )


def _read_patient(row: Mapping[Any, Any], description: Description, problems: list[str]) -> str:
    case = str(row[description.case])
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
        if word.lower() in description.missing_words and word not in (column.classes or ()):
            continue
        try:
            labels[name] = _read_label(word, column)
        except ValueError as error:
            problems.append(f"case {row[description.case]!r}: {name} is {word!r}, which {error}")
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
        problems.append(f"case {row[description.case]!r}: spacing is {word!r}; expected millimetres above 0")
        return None
    return (millimetres, millimetres)
