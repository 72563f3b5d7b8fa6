"""Export of a data set to nnU-Net v2."""

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
from unet_mtl.wording import count_of


@dataclass(frozen=True)
class Exported:
    """The exported data set.

    Attributes:
        folder: The folder DatasetXXX_Name.
        training: The number of cases in imagesTr.
        test: The number of cases in imagesTs.
        notes: The parts that were not exported and other remarks, one line each.
    """

    folder: Path
    training: int
    test: int
    notes: list[str]


def to_nnunet(
    dataset: Dataset, out: Path, *, target: str | None = None, number: int = 501, name: str | None = None
) -> Exported:
    """Write one mask of a data set as PNG files, with labels as grey values and pixels to ignore as the highest one.

    If the description names a split column, test cases are written into imagesTs and labelsTs, and train and val into
    splits_final.json. Other columns, patients and spacings are not exported.

    Args:
        dataset: The data set, as `read_dataset` returns it.
        out: The folder nnUNet_raw, in which DatasetXXX_Name is made.
        target: The name of the mask; None for the only one.
        number: The number XXX, 1 to 999; no data set in `out` may have it.
        name: The name after the number; None for the name of the data set or of its folder.

    Returns:
        The folder and its contents.

    Raises:
        DataError: There is no mask or none was chosen, classes overlap or are named ignore, or a case cannot be read;
            every problem is listed.
        WriteError: The operating system refused the write.
    """
    target = _target(dataset, target)
    folder = _folder(out, number, name or dataset.description.title)
    problems: list[str] = []
    classes = dataset.description.masks[target].classes
    if dataset.description.masks[target].overlap:
        problems.append(
            f"mask {target!r} has classes that overlap, and nnU-Net stores one class for each pixel; choose another "
            f"target, or remove `masks.{target}.overlap` from dataset.yaml, so that the last class counts"
        )
    if "ignore" in classes or "background" in classes[1:]:
        problems.append(
            f"mask {target!r} has a class 'ignore', or a 'background' that is not first; nnU-Net reserves these names"
        )
    if dataset.description.channels:
        problems.append(
            "the channels of the images are separate files, which are not exported; copy them as <case>_0000, "
            "<case>_0001 and so on"
        )
    parts = _parts(dataset)
    training = [r for name in ("train", "val") for r in parts[name] if target in r.masks]
    if not training:
        problems.append(
            f"no case with a mask {target!r} outside the test split; nnU-Net needs training cases"
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
            f"`target` is {target!r}; expected one of the masks {', '.join(masks) or '(there are none)'}"
        )
    return target


def _folder(out: Path, number: int, name: str) -> Path:
    if not 1 <= number <= 999:
        raise DataError(f"`number` is {number}; expected 1 to 999")
    head = f"Dataset{number:03d}_"
    taken = sorted(out.glob(f"{head}*"))
    if taken:
        raise DataError(f"{taken[0]}: already uses `number` {number}; choose another")
    return out / (head + plain_key(name))


def _parts(dataset: Dataset) -> dict[str, list[Record]]:
    if dataset.description.split is None:
        return {"train": list(dataset), "val": [], "test": []}
    return {name: list(part) for name, part in assign_parts(dataset, SplitSettings()).items()}


def _names(records: Iterable[Record], problems: list[str]) -> list[str]:
    return name_cases([f"{record.case}.png" for record in records], problems)


def _channels(records: Iterable[Record], problems: list[str]) -> int:
    """Return 3 if any image has colours, since nnU-Net needs the same channels in all images."""
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
    """Write the image and mask of one case; returns whether the mask has pixels to ignore."""
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
    """Copy a PNG if nnU-Net reads the same pixels from it; returns whether it did."""
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
            f"{path}: 16-bit or floating-point grey among colour images; convert it, since nnU-Net needs one kind"
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
        f"{count_of(len(dataset) - n_written, 'case')} without a mask left out": len(dataset) > n_written,
        f"not exported: {', '.join(others)}": others,
        "not exported: spacing, which PNG files do not contain": description.spacing_mm is not None,
        f"class 0, {first!r}, is named background": first != "background",
        f"{count_of(renamed, 'case')} renamed to valid file names": renamed,
        f"copy {SPLITS_FILE} to nnUNet_preprocessed before training": description.split is not None,
    }
    return [note for note, applies in notes.items() if applies]
