"""Read the table of a data set and find the files and labels of each case, without reading images."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from unet_mtl.arguments import check_types
from unet_mtl.data.case_files import find_channel_files, read_frame
from unet_mtl.data.channel_files import ChannelFile, missing_names
from unet_mtl.data.claims import Claim, find_claims
from unet_mtl.data.description import (
    ColumnDescription,
    Description,
    MaskDescription,
    read_description,
)
from unet_mtl.data.file_hashes import FileHashes
from unet_mtl.data.numbers import Decimal, parse_number, suggest_number
from unet_mtl.data.observations import Observation, texts
from unet_mtl.data.patterns import (
    find_files,
    is_there,
    leaves,
)
from unet_mtl.data.rows import CASE, LEAVES, find_unnamed_and_repeated, read_rows
from unet_mtl.data.spacing import read_case_spacing
from unet_mtl.data.split_words import read_split_word
from unet_mtl.errors import DataError
from unet_mtl.near_names import find_same_letters, find_typo

Label = str | float


@dataclass(frozen=True)
class MaskFile:
    """One file of a mask.

    Attributes:
        path: The path of the file.
        index: The class index of every pixel that is not 0; None if the file holds several classes.
    """

    path: Path
    index: int | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """One case: its name, its files and its labels.

    Attributes:
        case: The name of the case, unique in the data set.
        patient: The patient of the case. Cases of one patient are always in one split.
        image: The path of the image; None in a data set without images. If the channels are separate files, this is the
            first one that exists.
        masks: Files by target name; an absent mask has no entry.
        labels: Class names and numbers by column; an unknown label has no entry.
        frame: The index of the picture in a file that has several; None for the default one.
        channels: The files of the channels, in order, if they are separate files; otherwise empty.
        spacing_mm: The distance between pixels (row, column) of the original image in millimetres; None if unknown.
        split: The value of the split column, if there is one; the usual words, such as "training", become train, val
            or test.
    """

    case: str
    patient: str
    image: Path | None
    masks: Mapping[str, tuple[MaskFile, ...]]
    labels: Mapping[str, Label]
    frame: int | None = None
    channels: tuple[ChannelFile, ...] = ()
    spacing_mm: tuple[float, float] | None = None
    split: str | None = None

    @property
    def image_files(self) -> tuple[Path, ...]:
        """The files of the image, without those of missing channels."""
        if self.channels:
            return tuple(channel.path for channel in self.channels if not channel.missing)
        return () if self.image is None else (self.image,)

    @property
    def missing_channels(self) -> tuple[str, ...]:
        """The names of the channels that the case lacks."""
        return missing_names(self.channels)

    def require_image(self) -> Path:
        """Return the path of the image.

        Raises:
            DataError: The data set has no images.
        """
        if self.image is None:
            raise DataError(
                f"case {self.case!r} has no image: the description of its data set names no `images`"
            )
        return self.image


@dataclass(frozen=True)
class Dataset:
    """The cases of a data set.

    Attributes:
        description: The description of the data set.
        records: The cases.
    """

    description: Description
    records: tuple[Record, ...]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def only(self, records: Sequence[Record]) -> "Dataset":
        """Return a data set of the same description with other records."""
        return replace(self, records=tuple(records))

    def fingerprint(self, hashes: FileHashes | None = None) -> str:
        """Return the SHA-256 hash of names, labels, frames, spacings and the content of all images and masks.

        Args:
            hashes: Digests of files, shared with other users of the same files; None: each file is read.
        """
        digest = hashlib.sha256()
        # A volume may hold many cases, and is hashed once even where its time stamps cannot be trusted.
        digest_of = cache((hashes or FileHashes()).digest)
        for record in sorted(self.records, key=lambda record: record.case):
            digest.update(repr((record.case, record.patient, sorted(record.labels.items()))).encode())
            if record.spacing_mm is not None:
                digest.update(repr(record.spacing_mm).encode())
            if record.frame is not None:
                digest.update(repr(("frame", record.frame)).encode())
            for channel in record.channels:
                digest.update(repr((channel.name, channel.frame, channel.missing)).encode())
            masks = (file.path for name in sorted(record.masks) for file in record.masks[name])
            for path in (*record.image_files, *masks):
                digest.update(digest_of(path))
        return digest.hexdigest()


@check_types
def read_dataset(source: Path | str | Description) -> Dataset:
    """Read the table of a data set and find the files of every case.

    Args:
        source: A folder with dataset.yaml, or a description.

    Returns:
        The data set, with the cases in the order of the table or, without a table, of their names.

    Raises:
        DataError: The table is absent, empty or lacks a column, a case is repeated, an image or a required mask is
            missing, a class is not declared, or a number is invalid. The error lists all problems.
    """
    dataset, observations = scan_dataset(source)
    if observations:
        raise DataError(texts(observations))
    return dataset


def scan_dataset(source: Path | str | Description) -> tuple[Dataset, list[Observation]]:
    """Read a data set like `read_dataset`, but return the problems of single cases instead of raising an error.

    Rows without a name, and all but the first row of a case, are left out.

    Args:
        source: A folder with dataset.yaml, or a description.

    Returns:
        The data set, and an observation for each problem.

    Raises:
        DataError: The table cannot be used at all.
    """
    description = source if isinstance(source, Description) else read_description(Path(source))
    table = read_rows(description)
    observations = find_unnamed_and_repeated(table, description)
    usable = table[(table[CASE] != "") & ~table[CASE].duplicated()]
    rows = usable.to_dict("records")
    records = [_make_record(row, description, observations) for row in rows]
    observations += find_claims(_uses(zip(records, rows, strict=True), description), description)
    return Dataset(description, tuple(records)), observations


def _uses(
    cases: Iterable[tuple[Record, Mapping[Any, Any]]], description: Description
) -> Iterator[tuple[Path, int | None, Claim]]:
    for record, row in cases:
        for channel in record.channels:
            if not channel.missing:
                yield channel.path, channel.frame, Claim(row, record.patient, channel=channel.name)
        if record.image is not None and not record.channels:
            yield record.image, record.frame, Claim(row, record.patient)
        for target, files in record.masks.items():
            classes = description.masks[target].classes
            for file in files:
                name = "" if file.index is None else classes[file.index]
                yield file.path, record.frame, Claim(row, record.patient, target, name)


def _make_record(row: Mapping[Any, Any], description: Description, observations: list[Observation]) -> Record:
    case = row[CASE]
    values = {**row, "case": case}
    frame = read_frame(row, description.frame, description, observations)
    channels, missing = find_channel_files(row, description, frame)
    observations += missing
    image = None
    if channels:
        first = next((channel for channel in channels if not channel.missing), channels[0])
        image, frame = first.path, first.frame
    elif isinstance(description.images, str):
        image = description.root / description.images.format_map(values)
        if not is_there(image):
            observations.append(Observation("image-missing", f"case {case!r}: no image at {image}", (case,)))
    masks = {name: _find_masks(mask, values, description) for name, mask in description.masks.items()}
    for name, mask in description.masks.items():
        if mask.required and not masks[name]:
            where = " or ".join(str(description.root / p.format_map(values)) for p in mask.patterns.values())
            text = f"case {case!r}: no mask {name!r} at {where}, which the description requires"
            observations.append(Observation("mask-missing", text, (case,)))
    outside: list[Path] = []
    if not description.links:
        paths = [file.path for files in masks.values() for file in files]
        paths += [channel.path for channel in channels] or ([] if image is None else [image])
        outside = [path for path in paths if leaves(description.root, path)]
        observations += [
            Observation("path-outside", f"case {case!r}: {path} {LEAVES}", (case,)) for path in outside
        ]
    patient = _read_patient(row, description, observations)
    labels, unreadable = read_labels(row, description, case)
    observations += unreadable
    return Record(
        case=case,
        patient=patient,
        image=image,
        masks={name: files for name, files in masks.items() if files},
        labels=labels,
        frame=frame,
        channels=channels,
        spacing_mm=None
        if image is None or image in outside
        else _read_spacing(row, description, image, frame, observations),
        split=read_split_word(row[description.split]) or row[description.split].lower()
        if description.split
        else None,
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
    if description.patient is None and isinstance(description.frame, str) and description.image_patterns:
        # Slices of one volume are as similar as pictures of one patient.
        return next(iter(description.image_patterns.values())).format_map({**row, "case": case})
    if description.patient is None:
        return case
    patient = str(row[description.patient])
    if patient.lower() in description.missing_words:
        text = (
            f"case {case!r}: {description.patient} is {patient!r}; fill in the patient, since cases of one patient "
            "must stay together"
        )
        observations.append(Observation("patient-missing", text, (case,)))
    return patient


def read_labels(
    row: Mapping[Any, Any], description: Description, case: str
) -> tuple[dict[str, Label], list[Observation]]:
    """Read the labels in a row of the table.

    Args:
        row: The text of each cell, by column.
        description: The description of the data set.
        case: The case name, for messages.

    Returns:
        Class names and numbers by the columns of the description, without entries for unknown labels; and an
        observation for each cell that cannot be read.
    """
    labels: dict[str, Label] = {}
    observations: list[Observation] = []
    missing = description.missing_words
    for name, column in description.columns.items():
        word = column.find_meaning(row[name], missing, description.decimal)
        if word is None:
            continue
        try:
            labels[name] = _read_label(word, column, description.decimal)
        except DataError as error:
            text = f"case {case!r}: {name} is {word!r}, which {error}"
            observations.append(Observation(error.kind, text, (case,)))
    return labels, observations


def _read_label(word: str, column: ColumnDescription, decimal: Decimal) -> Label:
    if column.classes is not None:
        if word not in column.classes:
            known = f"is not among its classes ({', '.join(column.classes)}); "
            intended = find_same_letters(word, column.classes)
            if intended is not None:
                advice = f"it is {intended!r} in another spelling: correct the cell, or set "
                raise DataError(f"{known}{advice}`values: {{{word}: {intended}}}`", kind="class-spelling")
            similar = find_typo(word, column.classes)
            question = f"did you mean {similar!r}? " if similar else ""
            raise DataError(f"{known}{question}declare it or correct the cell", kind="class-unknown")
        return word
    if not column.is_number:
        return word
    try:
        number = parse_number(word, decimal)
    except ValueError:
        text = (
            suggest_number(word, decimal) or "is not a number; correct the cell, or list it under `missing`"
        )
        raise DataError(text, kind="number-invalid") from None
    if not np.isfinite(number):
        text = "is not finite; leave the cell empty if the number is unknown"
        raise DataError(text, kind="number-invalid")
    return number


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
