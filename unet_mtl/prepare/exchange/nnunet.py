"""Import of nnU-Net v2: a raw data set folder of 2-D images."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import IGNORE, image_size, read_image, read_mask
from unet_mtl.data.readers import FORMATS
from unet_mtl.errors import DataError
from unet_mtl.prepare.exchange.layout import Case, Imported, Layout, write_layout
from unet_mtl.prepare.exchange.sources import find_below, name_cases, number_classes, plain_text, read_json
from unet_mtl.wording import name_some

SPLITS_FILE = "splits_final.json"
_ABSENT = "add it, or export the folder again"
_ENDINGS = tuple(suffix for name in ("png", "tiff", "bmp") for suffix in FORMATS[name].suffixes)


def import_nnunet(source: Path, out: Path, *, target: str = "mask") -> Imported:
    """Import imagesTr with labelsTr, and imagesTs with labelsTs if they exist.

    If the folder has splits_final.json, its first fold becomes train and val, and imagesTs becomes test. Otherwise,
    the column `folder` of the table contains the folder of each case.

    Args:
        source: The folder DatasetXXX_Name.
        out: The new folder.
        target: The name of the mask.

    Returns:
        The folder and its contents.

    Raises:
        DataError: The folder is not usable: 3-D formats, labels that are regions, neither one nor three channels, or
            a pixel value outside the labels; every problem is listed with its file.
        WriteError: The operating system refused the write.
    """
    problems: list[str] = []
    head = _find_head(source)
    content = read_json(head)
    ending, channels = _ending_and_channels(content, head)
    classes, values = _labels(content.get("labels"), head)
    cases: list[Case] = []
    for part in ("Tr", "Ts"):
        cases += _cases_of(_Raw(source, ending, channels, values, target), part, problems)
    splits = _splits(source, problems)
    if splits:
        cases = [_with_split(case, splits, source, problems) for case in cases]
    # name_cases removes a suffix, so one is added, since a case may have a dot in its name.
    names = name_cases([f"{case.name}.png" for case in cases], problems)
    cases = [replace(case, name=name) for case, name in zip(cases, names, strict=True)]
    layout = Layout(
        name=plain_text(content.get("name") or source.resolve().name),
        origin=f"nnU-Net, {source}",
        masks={target: classes},
        split="split" if splits else None,
    )
    return write_layout(out, cases, layout, problems, Counter())


def _find_head(source: Path) -> Path:
    """Return dataset.json in a folder; where it is missing, the error names folders below that have it."""
    head = source / "dataset.json"
    if head.is_file():
        return head
    if source.is_file():
        raise DataError(f"{source}: not a folder; give the folder DatasetXXX_Name, such as {source.parent}")
    if not source.is_dir():
        raise DataError(f"{source}: no such folder; give the folder DatasetXXX_Name of nnU-Net")
    below = sorted(
        path.parent for pattern in ("*/", "*/*/") for path in source.glob(f"{pattern}dataset.json")
    )
    near = source.parent / "dataset.json"
    if below:
        have, which = ("has", "give this folder") if len(below) == 1 else ("have", "give one of them")
        raise DataError(f"{source}: no dataset.json; {name_some(below, 3)} {have} it, so {which}")
    if near.is_file():
        raise DataError(f"{source}: no dataset.json; it is in {source.parent}, so give this folder")
    raise DataError(
        f"{source}: no dataset.json; give the folder DatasetXXX_Name of nnU-Net, which has dataset.json, imagesTr and "
        "labelsTr"
    )


def is_nnunet(content: Any) -> bool:
    """Return whether the content of a JSON file is that of nnU-Net's dataset.json."""
    return isinstance(content, dict) and {"labels", "channel_names", "file_ending"} <= content.keys()


def _ending_and_channels(content: Any, head: Path) -> tuple[str, int]:
    if not isinstance(content, dict):
        raise DataError(f"{head}: expected an object with channel_names, labels and file_ending")
    ending, names = content.get("file_ending"), content.get("channel_names")
    problems = []
    if "modality" in content and names is None:
        problems.append(
            f"{head}: the format is that of nnU-Net version 1; convert it with nnUNetv2_convert_old_nnUNet_dataset"
        )
    elif not isinstance(names, dict) or len(names) not in (1, 3):
        n = len(names) if isinstance(names, dict) else names
        problems.append(f"{head}: channel_names has {n} channels; expected 1 (grey) or 3 (colour)")
    if ending not in _ENDINGS:
        problems.append(
            f"{head}: file_ending is {ending!r}; only 2-D images can be imported ({', '.join(_ENDINGS)})"
        )
    if problems:
        raise DataError(problems)
    return str(ending), len(names or {})


def _labels(labels: Any, head: Path) -> tuple[tuple[str, ...], dict[int, int]]:
    """Return the classes, and the class index (or 255) of each pixel value in the files."""
    if not isinstance(labels, dict) or not labels:
        raise DataError(f"{head}: `labels` is {labels!r}; expected name: value")
    regions = [name for name, value in labels.items() if isinstance(value, list)]
    if regions:
        raise DataError(
            f"{head}: labels {', '.join(map(repr, regions))} are regions of several values, and a mask has one class "
            "at each pixel; declare each value as a label of its own"
        )
    if not all(type(value) is int for value in labels.values()):
        raise DataError(f"{head}: `labels` is {labels!r}; expected name: whole number (version 2)")
    plain = {name: value for name, value in labels.items() if name != "ignore"}
    ordered = sorted(plain.items(), key=lambda item: item[1])
    if labels.get("background") != 0 or [value for _, value in ordered] != list(range(len(plain))):
        raise DataError(f"{head}: `labels` is {labels!r}; expected background: 0 and then 1, 2, 3, ...")
    problems: list[str] = []
    classes, index = number_classes({value: name for name, value in ordered}, f"{head}: labels", problems)
    if "ignore" in labels and labels["ignore"] != len(plain):
        problems.append(f"{head}: label 'ignore' is {labels['ignore']}; expected the highest, {len(plain)}")
    if len(classes) < 2:
        problems.append(f"{head}: no label besides the background")
    if problems:
        raise DataError(problems)
    return classes, index | ({labels["ignore"]: IGNORE} if "ignore" in labels else {})


@dataclass(frozen=True)
class _Raw:
    """The folder, and the contents of its dataset.json."""

    folder: Path
    ending: str
    channels: int
    values: Mapping[int, int]
    target: str


def _cases_of(raw: _Raw, part: str, problems: list[str]) -> list[Case]:
    folder, labels = raw.folder / f"images{part}", raw.folder / f"labels{part}"
    images = _channel_files(folder, raw.ending, problems)
    labelled = {path.name.removesuffix(raw.ending) for path in labels.glob(f"*{raw.ending}")}
    without_image = sorted(labelled - images.keys())
    problems += [f"{labels / (case + raw.ending)}: has no image in {folder}" for case in without_image]
    if part == "Tr":
        unlabelled = sorted(images.keys() - labelled)
        problems += [
            f"{labels / (case + raw.ending)}: no such file, although there is an image" for case in unlabelled
        ]
        problems += [] if images else [f"{folder}: no images such as case_0000{raw.ending}"]
    cases = []
    for name, files in images.items():
        try:
            cases.append(_case(raw, part, name, files, labelled=name in labelled))
        except DataError as error:
            problems += error.problems
    return cases


def _channel_files(folder: Path, ending: str, problems: list[str]) -> dict[str, dict[int, str]]:
    """Return file names by case and channel."""
    pattern = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})" + re.escape(ending))
    files: dict[str, dict[int, str]] = {}
    for path in sorted(folder.glob(f"*{ending}")):
        match = pattern.fullmatch(path.name)
        if match is None:
            problems.append(f"{path}: expected a name such as case_0000{ending}")
        else:
            files.setdefault(match["case"], {})[int(match["channel"])] = path.name
    return files


def _case(raw: _Raw, part: str, name: str, files: Mapping[int, str], *, labelled: bool) -> Case:
    folder = f"images{part}"
    if sorted(files) not in ([0], list(range(raw.channels))):
        raise DataError(
            f"{raw.folder / folder}: case {name!r} has channels {sorted(files)}, but dataset.json names "
            f"{raw.channels}; expected one colour image, or one file for each channel"
        )
    paths = [find_below(raw.folder, f"{folder}/{files[channel]}", _ABSENT) for channel in sorted(files)]
    if len(paths) == 1 and read_image(paths[0]).shape[-1] != raw.channels:
        raise DataError(
            f"{paths[0]}: the image does not have the {raw.channels} channels that dataset.json names"
        )
    masks = {}
    if labelled:
        label = find_below(raw.folder, f"labels{part}/{name}{raw.ending}", _ABSENT)
        masks[raw.target] = partial(_read_label, label, image_size(paths[0]), raw.values)
    image = paths[0] if len(paths) == 1 else partial(_stack, paths)
    return Case(name=name, image=image, masks=masks, labels={"folder": folder})


def _stack(paths: Sequence[Path]) -> NDArray[np.uint8]:
    images = [read_image(path) for path in paths]
    if len({image.shape for image in images}) > 1 or any(
        image.shape[-1] != 1 or image.dtype != np.uint8 for image in images
    ):
        names = ", ".join(path.name for path in paths)
        raise DataError(
            f"{paths[0].parent}: {names} cannot form one colour image; expected 8-bit grey images of one size"
        )
    return np.concatenate(images, axis=-1)


def _read_label(path: Path, size: tuple[int, int], values: Mapping[int, int]) -> NDArray[np.uint8]:
    stored = read_mask(path)
    present = np.unique(stored)
    unknown = [int(value) for value in present if int(value) not in values]
    if unknown:
        raise DataError(
            f"{path}: pixel value {name_some(unknown, 5)} is not among the labels of dataset.json"
        )
    if stored.shape != size:
        raise DataError(
            f"{path}: has {stored.shape[1]}x{stored.shape[0]} pixels, but its image has {size[1]}x{size[0]}"
        )
    mask = np.zeros(stored.shape, np.uint8)
    for value in present:
        mask[stored == value] = values[int(value)]
    return mask


def _splits(source: Path, problems: list[str]) -> dict[str, str]:
    """Return train or val for each case of the first fold; empty if the folder has no splits."""
    path = source / SPLITS_FILE
    if not path.is_file():
        return {}
    folds = read_json(path)
    first = folds[0] if isinstance(folds, list) and folds else None
    if not isinstance(first, dict) or not all(isinstance(first.get(name), list) for name in ("train", "val")):
        raise DataError(f"{path}: expected a list of folds, each with lists `train` and `val`")
    splits = {str(case): name for name in ("train", "val") for case in first[name]}
    if len(splits) < len(first["train"]) + len(first["val"]):
        problems.append(f"{path}: the first fold lists a case twice")
    return splits


def _with_split(case: Case, splits: Mapping[str, str], source: Path, problems: list[str]) -> Case:
    split = "test" if case.labels["folder"] == "imagesTs" else splits.get(case.name, "")
    if not split:
        problems.append(f"{source / SPLITS_FILE}: case {case.name!r} is in neither train nor val")
    return replace(case, labels={**case.labels, "split": split})
