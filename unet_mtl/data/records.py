"""Description -> Dataset of frozen Records: which files and labels each case has. Opens the table, no pixels."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unet_mtl.data.description import ColumnDescription, Description, MaskDescription, read_description
from unet_mtl.data.observations import Observation, texts
from unet_mtl.data.patterns import (
    fields_of,
    find_files,
    glob_pattern,
    is_stray,
    is_there,
    leaves,
    match_pattern,
)
from unet_mtl.data.spacing import read_case_spacing, spacing_columns
from unet_mtl.data.spelling import spelled_alike
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
        frame: Which picture of a file that has several, from 0 on; None: the usual one.
        spacing_mm: (row, column) distance between pixels of the original image; None: unknown.
        split: As the table says it, if it does; "training", "valid" and "validation" are train and val.
    """

    case: str
    patient: str
    image: Path
    masks: Mapping[str, tuple[MaskFile, ...]]
    labels: Mapping[str, Label]
    frame: int | None = None
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
        """SHA-256 over names, labels, frames, spacings and the bytes of all images and masks."""
        digest, files = hashlib.sha256(), _Files()
        for record in sorted(self.records, key=lambda record: record.case):
            digest.update(repr((record.case, record.patient, sorted(record.labels.items()))).encode())
            if record.spacing_mm is not None:
                digest.update(repr(record.spacing_mm).encode())
            if record.frame is not None:
                digest.update(repr(("frame", record.frame)).encode())
            masks = (file.path for name in sorted(record.masks) for file in record.masks[name])
            for path in (record.image, *masks):
                digest.update(files[path])
        return digest.hexdigest()


class _Files(dict[Path, bytes]):
    """SHA-256 of files, each read once: a volume may hold many cases."""

    def __missing__(self, path: Path) -> bytes:
        with path.open("rb") as stream:
            self[path] = hashlib.file_digest(stream, "sha256").digest()
        return self[path]


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
    dataset, observations = scan_dataset(source)
    if observations:
        raise DataError(texts(observations))
    return dataset


def scan_dataset(source: Path | str | Description) -> tuple[Dataset, list[Observation]]:
    """Like `read_dataset`, but hands over what is wrong with single cases beside what could be read.

    Rows without a name, and all but the first row of a case, are left out.

    Raises:
        DataError: The table cannot be used at all.
    """
    description = source if isinstance(source, Description) else read_description(Path(source))
    table = read_rows(description)
    observations = _unnamed_and_repeated(table, description)
    usable = table[(table[CASE] != "") & ~table[CASE].duplicated()]
    records = [_make_record(row, description, observations) for row in usable.to_dict("records")]
    return Dataset(description, tuple(records)), observations


def read_rows(description: Description) -> pd.DataFrame:
    """Reads the table, or makes it of the names of the files: all cells are words.

    Returns:
        Every column there is, and `CASE`: the names of the cases, which may be empty or repeated.

    Raises:
        DataError: It cannot be used at all: absent, empty, or without a column that the description names.
    """
    if not description.root.is_dir():
        raise DataError(
            f"{description.root}: no such folder; correct `root` in the description of the data set"
        )
    table = _table_of_files(description) if description.table is None else _table_of_rows(description)
    _require_columns(table, description)
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
    return table.assign(**{CASE: _names_in(table[description.case], description)})


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


CASE = "\0case"
"""Column of the names of the cases in `read_rows`; no column of a file is named so."""

_LEAVES = "leads out of `root`; move it there, or allow it with `links: true`"


def _table_path(description: Description) -> Path:
    return description.root / (description.table or "")


def _require_columns(table: pd.DataFrame, description: Description) -> None:
    patterns = [description.images]
    patterns += [pattern for mask in description.masks.values() for pattern in mask.patterns.values()]
    in_patterns = [name for pattern in patterns for name in fields_of(pattern)]
    spacing = spacing_columns(description, table.columns)
    frame = description.frame if isinstance(description.frame, str) else None
    named = [description.patient, description.split, *description.columns, *in_patterns, *spacing, frame]
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
            ", ".join(map(repr, table.columns.drop(CASE, errors="ignore"))),
        )
        raise DataError([f"{path}: no column {name!r}; it has {columns}" for name in dict.fromkeys(absent)])


def _unnamed_and_repeated(table: pd.DataFrame, description: Description) -> list[Observation]:
    path, cases = _table_path(description), table[CASE]
    unnamed = [
        Observation(
            "row-unnamed",
            f"{path}: row {row} below the head line has no {description.case!r}; each case needs a name",
        )
        for row in np.flatnonzero(cases == "") + 1
    ]
    repeated = [
        Observation(
            "case-repeated",
            f"{path}: case {case!r} stands in several rows; each needs a name of its own",
            (case,),
        )
        for case in cases[cases.duplicated() & (cases != "")].unique()
    ]
    return unnamed + repeated


def _table_of_files(description: Description) -> pd.DataFrame:
    """What stands in place of the names in braces, a row a file."""
    root = description.root
    paths = (path for path in root.glob(glob_pattern(description.images)) if not path.is_dir())
    files = sorted(path.relative_to(root).as_posix() for path in paths)
    files = [file for file in files if not is_stray(file, description.images)]
    found = {file: values for file in files if (values := match_pattern(description.images, file))}
    rows = [values for file, values in found.items() if not _is_mask(file, found, description)]
    if not rows:
        raise DataError(f"{root}: no file fits `images: {description.images}`; correct the pattern")
    table = pd.DataFrame(rows, dtype=str)
    name = description.case if description.case in table else "case"
    cases = table[name] if name in table else pd.Series("", index=table.index)
    return table.assign(**{description.case: cases, CASE: cases})


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


def _make_record(row: Mapping[Any, Any], description: Description, observations: list[Observation]) -> Record:
    case = row[CASE]
    values = {**row, "case": case}
    image = description.root / description.images.format_map(values)
    masks = {name: _find_masks(mask, values, description) for name, mask in description.masks.items()}
    if not is_there(image):
        observations.append(Observation("image-missing", f"case {case!r}: no image at {image}", (case,)))
    for name, mask in description.masks.items():
        if mask.required and not masks[name]:
            where = " or ".join(str(description.root / p.format_map(values)) for p in mask.patterns.values())
            text = f"case {case!r}: no mask {name!r} at {where}, which the description requires"
            observations.append(Observation("mask-missing", text, (case,)))
    outside: list[Path] = []
    if not description.links:
        paths = [image, *(file.path for files in masks.values() for file in files)]
        outside = [path for path in paths if leaves(description.root, path)]
        observations += [
            Observation("path-outside", f"case {case!r}: {path} {_LEAVES}", (case,)) for path in outside
        ]
    frame = _read_frame(row, description, observations)
    return Record(
        case=case,
        patient=_read_patient(row, description, observations),
        image=image,
        masks={name: files for name, files in masks.items() if files},
        labels=_read_labels(row, description, observations),
        frame=frame,
        spacing_mm=None if image in outside else _read_spacing(row, description, image, frame, observations),
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


def _read_patient(row: Mapping[Any, Any], description: Description, observations: list[Observation]) -> str:
    case = str(row[CASE])
    if description.patient is None and isinstance(description.frame, str):
        # slices of one volume are as alike as any two pictures of one patient
        return description.images.format_map({**row, "case": case})
    if description.patient is None:
        return case
    patient = str(row[description.patient])
    if patient.lower() in description.missing_words:
        text = f"case {case!r}: {description.patient} is {patient!r}; say whose it is, since cases of one patient "
        observations.append(Observation("patient-missing", f"{text}stay together", (case,)))
    return patient


def _read_split(word: str) -> str:
    aliases = {"training": "train", "valid": "val", "validation": "val"}
    return aliases.get(word.lower(), word.lower())


def _read_labels(
    row: Mapping[Any, Any], description: Description, observations: list[Observation]
) -> dict[str, Label]:
    labels: dict[str, Label] = {}
    for name, column in description.columns.items():
        word = row[name]
        word = column.values.get(word, word)
        if word.lower() in description.missing_words and word not in (column.classes or ()):
            continue
        try:
            labels[name] = _read_label(word, column)
        except DataError as error:
            text = f"case {row[CASE]!r}: {name} is {word!r}, which {error}"
            observations.append(Observation(error.kind, text, (row[CASE],)))
    return labels


def _read_label(word: str, column: ColumnDescription) -> Label:
    if column.classes is not None:
        if word not in column.classes:
            known = f"is not among its classes ({', '.join(column.classes)}); "
            meant = spelled_alike(word, column.classes)
            if meant is not None:
                cure = f"it is {meant!r} in another spelling: correct the cell, or say `values: {{{word}: {meant}}}`"
                raise DataError(known + cure, kind="class-spelling")
            raise DataError(f"{known}declare it or correct the cell", kind="class-unknown")
        return word
    try:
        number = float(word)
    except ValueError:
        text = "is not a number; correct the cell, or list the word under `missing`"
        raise DataError(text, kind="number-invalid") from None
    if not np.isfinite(number):
        text = "is not finite; leave the cell empty where the number is unknown"
        raise DataError(text, kind="number-invalid")
    return number


def _read_frame(
    row: Mapping[Any, Any], description: Description, observations: list[Observation]
) -> int | None:
    if not isinstance(description.frame, str):
        return description.frame
    word = str(row[description.frame])
    if word.lower() in description.missing_words:
        return None
    if not word.removesuffix(".0").isdecimal():  # workbooks write whole numbers as 3.0
        text = f"case {row[CASE]!r}: frame is {word!r}; expected a whole number from 0 on"
        observations.append(Observation("frame-invalid", text, (row[CASE],)))
        return None
    return int(word.removesuffix(".0"))


def _read_spacing(
    row: Mapping[Any, Any],
    description: Description,
    image: Path,
    frame: int | None,
    observations: list[Observation],
) -> tuple[float, float] | None:
    try:
        return read_case_spacing(row, description, image, frame)
    except ValueError as error:
        observations.append(Observation("spacing-invalid", f"case {row[CASE]!r}: {error}", (row[CASE],)))
        return None
