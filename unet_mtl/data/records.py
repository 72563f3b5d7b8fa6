"""Description -> Dataset of frozen Records: which files and labels each case has. Opens the table, no image."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
        split: As the table says it, if it does.
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
        """SHA-256 over names, labels and the bytes of all images and masks: changes when the data do."""
        digest = hashlib.sha256()
        for record in sorted(self.records, key=lambda record: record.case):
            digest.update(repr((record.case, record.patient, sorted(record.labels.items()))).encode())
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
            f"{path}: the mask is {stored.shape[0]}x{stored.shape[1]} pixels, its image {record.image.name} is "
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
            f"the classes of {target!r} ({', '.join(f'{i} {name}' for i, name in enumerate(description.classes))}); "
            f"say what it means in dataset.yaml, for 0/255 masks `masks.{target}.values: {{0: 0, 255: 1}}`"
        )
    indices = np.zeros(stored.shape, np.uint8)
    for value in found:
        index = values[int(value)]
        indices[stored == value] = IGNORE if index == description.ignore else index
    return indices


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
    if description.table is None:
        return _table_of_files(description)
    path = description.root / description.table
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such table; correct `table` in the description of the data set"
        ) from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable CSV table ({error})") from error
    if table.empty:
        raise DataError(f"{path}: the table has no rows; it needs one row a case")
    _require_columns(table, description, path)
    return table


def _require_columns(table: pd.DataFrame, description: Description, path: Path) -> None:
    patterns = [description.images, *(mask.path for mask in description.masks.values())]
    in_patterns = [name for pattern in patterns for _, name, _, _ in Formatter().parse(pattern) if name]
    named = [description.case, description.patient, description.split, *description.columns, *in_patterns]
    if isinstance(description.spacing_mm, str):
        named.append(description.spacing_mm)
    absent = [name for name in dict.fromkeys(named) if name and name != "case" and name not in table.columns]
    if description.case not in table.columns and description.case not in absent:
        absent.insert(0, description.case)
    if absent:
        raise DataError(
            [f"{path}: no column {name!r}; it has {', '.join(map(repr, table.columns))}" for name in absent]
        )
    repeated = table[description.case][table[description.case].duplicated()].unique()
    if len(repeated):
        raise DataError(
            [
                f"{path}: case {name!r} stands in several rows; each needs a name of its own"
                for name in repeated
            ]
        )


def _table_of_files(description: Description) -> pd.DataFrame:
    before, _, after = description.images.partition("{case}")
    paths = sorted(description.root.glob(f"{before}*{after}"))
    start = len((description.root / before).as_posix() + ("/" if before.endswith("/") else ""))
    cases = [path.as_posix()[start : len(path.as_posix()) - len(after)] for path in paths]
    if not cases:
        raise DataError(
            f"{description.root}: no file fits `images: {description.images}`; correct the pattern"
        )
    return pd.DataFrame({description.case: cases}, dtype=str)


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
        patient=row[description.patient] if description.patient else case,
        image=image,
        masks={name: path for name, path in masks.items() if path.is_file()},
        labels=_read_labels(row, description, problems),
        spacing_mm=_read_spacing(row, description, problems),
        split=row[description.split].strip().lower() if description.split else None,
    )


def _read_labels(row: Mapping[Any, Any], description: Description, problems: list[str]) -> dict[str, Label]:
    labels: dict[str, Label] = {}
    for name, column in description.columns.items():
        word = row[name].strip()
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
    word = row[spacing].strip() if isinstance(spacing, str) else str(spacing)
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
