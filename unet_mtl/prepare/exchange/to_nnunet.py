"""A data set of ours -> a raw data set folder of nnU-Net v2."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.data.images import IGNORE, read_image, with_channels
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.splits import SplitSettings, assign_parts
from unet_mtl.errors import DataError
from unet_mtl.files import write_json, writing_folder
from unet_mtl.prepare.exchange.nnunet import SPLITS_FILE
from unet_mtl.prepare.exchange.sources import name_cases, plain_key


@dataclass(frozen=True)
class Exported:
    """What went out.

    Attributes:
        folder: DatasetXXX_Name.
        training: Cases in imagesTr.
        test: Cases in imagesTs.
        notes: What nnU-Net does not take, a line each.
    """

    folder: Path
    training: int
    test: int
    notes: list[str]


def to_nnunet(
    dataset: Dataset, out: Path, *, target: str | None = None, number: int = 501, name: str | None = None
) -> Exported:
    """Writes one mask of a data set as nnU-Net wants it: PNG, labels as grey values, ignore as the highest one.

    Where the description names a split column, test cases go into imagesTs and labelsTs, and train and val into
    splits_final.json. Columns of the table, patients and spacing have no place there.

    Args:
        dataset: From `read_dataset`.
        out: nnUNet_raw, the folder that DatasetXXX_Name goes into.
        target: Which mask; None: the only one.
        number: XXX, not taken yet.
        name: None: that of the data set, else of its folder.

    Raises:
        DataError: With every problem: no or several masks, classes that overlap, a class named ignore, a case that
            cannot be read.
        WriteError: The disk refused.
    """
    target = _target(dataset, target)
    folder = _folder(out, number, name or dataset.description.title)
    problems: list[str] = []
    classes = dataset.description.masks[target].classes
    if dataset.description.masks[target].overlap:
        problems.append(
            f"mask {target!r} has classes that overlap, and nnU-Net's files hold one class a pixel; choose another "
            f"target, or leave `masks.{target}.overlap` out of dataset.yaml, so that the last class counts"
        )
    if "ignore" in classes or "background" in classes[1:]:
        problems.append(
            f"mask {target!r} has a class 'ignore' or a later 'background'; nnU-Net gives them a meaning"
        )
    parts = _parts(dataset)
    training = [r for name in ("train", "val") for r in parts[name] if target in r.masks]
    if not training:
        problems.append(
            f"no case with a mask {target!r} outside the test split; nnU-Net would have nothing to learn"
        )
    chosen = [*training, *parts["test"]]
    names = dict(zip((r.case for r in chosen), _names(chosen, problems), strict=True))
    if problems:
        raise DataError(problems)
    channels = _channels(chosen, problems)
    with writing_folder(folder) as temporary:
        ignored, tested = False, {r.case for r in parts["test"]}
        for record in chosen:
            part = "Ts" if record.case in tested else "Tr"
            try:
                ignored |= _write_case(temporary, part, names[record.case], record, dataset, target, channels)
            except DataError as error:
                problems += error.problems
        if problems:
            raise DataError(problems)
        write_json(temporary / "dataset.json", _head(dataset, target, channels, len(training), ignored))
        if dataset.description.split is not None:
            fold = {n: [names[r.case] for r in parts[n] if target in r.masks] for n in ("train", "val")}
            write_json(temporary / SPLITS_FILE, [fold])
    return Exported(folder, len(training), len(parts["test"]), _notes(dataset, target, len(chosen), names))


def _target(dataset: Dataset, target: str | None) -> str:
    masks = list(dataset.description.masks)
    if target is None and len(masks) == 1:
        return masks[0]
    if target not in masks:
        raise DataError(
            f"target is {target!r}; expected one of the masks {', '.join(masks) or '(there are none)'}"
        )
    return target


def _folder(out: Path, number: int, name: str) -> Path:
    if not 1 <= number <= 999:
        raise DataError(f"number is {number}; expected 1 to 999")
    head = f"Dataset{number:03d}_"
    taken = sorted(out.glob(f"{head}*"))
    if taken:
        raise DataError(f"{taken[0]}: number {number} is taken; choose another")
    return out / (head + plain_key(name))


def _parts(dataset: Dataset) -> dict[str, list[Record]]:
    if dataset.description.split is None:
        return {"train": list(dataset), "val": [], "test": []}
    return {name: list(part) for name, part in assign_parts(dataset, SplitSettings()).items()}


def _names(records: Iterable[Record], problems: list[str]) -> list[str]:
    return name_cases([f"{record.case}.png" for record in records], problems)


def _channels(records: Iterable[Record], problems: list[str]) -> int:
    """3 if any image has colour: nnU-Net wants the same channels everywhere."""
    counts = set()
    for record in records:
        try:
            counts.add(read_image(record.require_image(), record.frame).shape[-1])
        except DataError as error:
            problems += error.problems
    return max(counts, default=1)


def _write_case(
    folder: Path, part: str, name: str, record: Record, dataset: Dataset, target: str, channels: int
) -> bool:
    """Returns whether the mask has pixels to ignore."""
    mask = read_case_mask(record, target, dataset.description.masks[target])
    image = folder / f"images{part}" / f"{name}_0000.png"
    image.parent.mkdir(exist_ok=True)
    if not _copied(record.require_image(), image, channels):
        pixels = read_image(record.require_image(), record.frame)
        Image.fromarray(_storable(pixels, record.require_image(), channels)).save(image)
    if mask is None:
        return False
    ignored = mask == IGNORE
    mask[ignored] = len(dataset.description.masks[target].classes)
    label = folder / f"labels{part}" / f"{name}.png"
    label.parent.mkdir(exist_ok=True)
    Image.fromarray(mask).save(label, optimize=True)  # grey, since scikit-image reads a palette as colours
    return bool(ignored.any())


def _copied(source: Path, image: Path, channels: int) -> bool:
    """Copies a PNG that nnU-Net reads as we do."""
    if source.suffix.lower() != ".png":
        return False
    with Image.open(source) as opened:
        mode = {1: ("L", "I;16"), 3: ("RGB",)}[channels]
        plain = opened.format == "PNG" and opened.mode in mode and "transparency" not in opened.info
        if not plain or opened.getexif().get(0x0112, 1) != 1:
            return False
    shutil.copyfile(source, image)
    return True


def _storable(pixels: NDArray[Any], path: Path, channels: int) -> NDArray[Any]:
    if pixels.dtype == np.uint8:
        return with_channels(pixels, channels).reshape(*pixels.shape[:2], *[3] * (channels == 3))
    if channels == 3:
        raise DataError(
            f"{path}: 16-bit or float grey among colour images; nnU-Net wants one kind, so convert it"
        )
    whole: NDArray[np.float32] = np.rint(pixels[..., 0] * 65535)
    if np.abs(whole / 65535 - pixels[..., 0]).max() > 1e-6:
        raise DataError(
            f"{path}: floating-point grey does not fit a 16-bit PNG without loss; convert it first"
        )
    return whole.astype(np.uint16)


def _head(dataset: Dataset, target: str, channels: int, n_training: int, ignored: bool) -> dict[str, Any]:
    classes = ["background", *dataset.description.masks[target].classes[1:]]
    names = ["grey"] if channels == 1 else ["R", "G", "B"]
    return {
        "channel_names": {str(index): name for index, name in enumerate(names)},
        "labels": {name: index for index, name in enumerate([*classes, *["ignore"] * ignored])},
        "numTraining": n_training,
        "file_ending": ".png",
        "name": dataset.description.title,
        "overwrite_image_reader_writer": "NaturalImage2DIO",
    }


def _notes(dataset: Dataset, target: str, n_written: int, names: dict[str, str]) -> list[str]:
    description = dataset.description
    others = [*description.columns, *(name for name in description.masks if name != target)]
    if description.patient is not None:
        others.insert(0, description.patient)
    others = list(dict.fromkeys(others))
    first = description.masks[target].classes[0]
    renamed = sum(case != name for case, name in names.items())
    notes = {
        f"{len(dataset) - n_written} cases without a mask left out": len(dataset) > n_written,
        f"left behind: {', '.join(others)}": others,
        "left behind: spacing, which a PNG does not carry": description.spacing_mm is not None,
        f"class 0, {first!r}, is called background there": first != "background",
        f"{renamed} cases renamed for file names": renamed,
        f"copy {SPLITS_FILE} to nnUNet_preprocessed before training": description.split is not None,
    }
    return [note for note, applies in notes.items() if applies]
