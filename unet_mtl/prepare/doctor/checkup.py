"""The contents and problems of a data set, and whether a training on it could start."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet_mtl.data.case_duplicates import find_case_duplicates
from unet_mtl.data.counts import count_classes, count_labels, count_masks, count_patients
from unet_mtl.data.description import Description
from unet_mtl.data.duplicates import DuplicateGroup
from unet_mtl.data.images import IGNORE
from unet_mtl.data.inspection import Inspection, inspect_dataset
from unet_mtl.data.observations import Observation, observe
from unet_mtl.data.readers.intensity import Intensity
from unet_mtl.data.records import Dataset, scan_dataset
from unet_mtl.data.rows import read_rows
from unet_mtl.data.split_risks import describe_val_from_train, find_absent_classes
from unet_mtl.data.split_shares import find_far_shares
from unet_mtl.data.splits import (
    SplitName,
    SplitSettings,
    assign_parts,
    keeps_duplicates_together,
    split_problems,
)
from unet_mtl.errors import DataError
from unet_mtl.prepare.doctor.copies import check_copies
from unet_mtl.prepare.doctor.files import check_files
from unet_mtl.prepare.doctor.findings import Finding, gather
from unet_mtl.prepare.doctor.header_patients import check_header_patients
from unet_mtl.prepare.doctor.images import check_images
from unet_mtl.prepare.doctor.leaks import find_leaks
from unet_mtl.prepare.doctor.mask_names import find_renamed_masks
from unet_mtl.prepare.doctor.masks import check_masks
from unet_mtl.prepare.doctor.tables import check_table
from unet_mtl.prepare.doctor.unused import find_unused_files, find_unused_pictures, find_unused_sheets
from unet_mtl.tasks import Task, adapt_tasks
from unet_mtl.wording import count_of

Rows = list[dict[str, Any]]

MOST_DUPLICATES = 20
"""Maximum number of groups of duplicates in a table."""


@dataclass(frozen=True)
class Checkup:
    """The result of a check.

    Attributes:
        dataset: The cases that could be read.
        inspection: Facts about their files.
        parts: The parts of the split, or empty if the data set cannot be split.
        findings: The findings, most severe first.
        duplicates: Groups of images that are identical or nearly identical, most alike first.
    """

    dataset: Dataset
    inspection: Inspection
    parts: dict[SplitName, Dataset]
    findings: Sequence[Finding]
    duplicates: Sequence[DuplicateGroup] = ()

    @property
    def problems(self) -> list[str]:
        """Return the text of each observation of an error; empty if training may start."""
        errors = (finding for finding in self.findings if finding.kind.severity == "error")
        return [observation.text for finding in errors for observation in finding.observations]

    def tables(self) -> dict[str, Rows]:
        """Return tables as rows by title: data set, images, labels, classes, mask pixels, splits and duplicates."""
        description, cases = self.dataset.description, len(self.dataset)
        title = f"data set {description.title}{' (SYNTHETIC data)' if description.synthetic else ''}"
        patients = count_patients(self.dataset) if description.patient else "not named"
        spacing = sum(record.spacing_mm is not None for record in self.dataset)
        return {
            title: [{"cases": cases, "patients": patients, "with pixel spacing": spacing}],
            "image types": [{"type": kind, "images": n} for kind, n in self.inspection.types.most_common()],
            "image sizes": self._sizes(),
            "labels": self._labels(),
            "classes": [
                {"target": target, "class": name, "cases": n}
                for target, counts in count_classes(self.dataset).items()
                for name, n in counts.items()
            ],
            "mask classes": self._mask_classes(),
            "splits": self._splits(),
            "images that look alike": self._duplicates(),
        }

    def _sizes(self) -> Rows:
        sizes = self.inspection.sizes
        if not sizes:
            return []
        (height, width), n = sizes.most_common(1)[0]
        row = {
            "sizes": len(sizes),
            "height": _range({height for height, _ in sizes}),
            "width": _range({width for _, width in sizes}),
            "most common": f"{height}x{width} ({count_of(n, 'image')})",
        }
        return [row]

    def _labels(self) -> Rows:
        columns, cases = self.dataset.description.columns, len(self.dataset)
        kinds = {
            name: "number" if column.is_number else "class" if column.classes else "words"
            for name, column in columns.items()
        }
        counts = [(name, "mask", n) for name, n in count_masks(self.dataset).items()]
        counts += [(name, kinds[name], n) for name, n in count_labels(self.dataset).items()]
        return [
            {"target": name, "kind": kind, "labelled": n, "missing": cases - n, "share": f"{n / cases:.0%}"}
            for name, kind, n in counts
        ]

    def _splits(self) -> Rows:
        """Return a row for each target rather than a column, since the targets may not fit on a screen side by side."""
        counts = {split: _count_part(part) for split, part in self.parts.items()}
        rows = counts.get("train", {})
        return [{"split": row} | {split: counts[split][row] for split in counts} for row in rows]

    def _duplicates(self) -> Rows:
        sides = {record.case: name for name, part in self.parts.items() for record in part}
        shown = self.duplicates[:MOST_DUPLICATES]
        rows: Rows = [
            {
                "cases": ", ".join(group.cases),
                "images are": group.kind,
                "distance": group.distance,
                "in": " and ".join(dict.fromkeys(sides.get(case, "?") for case in group.cases)),
            }
            for group in shown
        ]
        if len(self.duplicates) > len(shown):
            n = len(self.duplicates) - len(shown)
            rows.append(
                {"cases": f"and {count_of(n, 'more group')}", "images are": "", "distance": "", "in": ""}
            )
        return rows

    def _mask_classes(self) -> Rows:
        rows = []
        for target, description in self.dataset.description.masks.items():
            pixels, present = self.inspection.pixels(target), self.inspection.present(target)
            classes = dict(enumerate(description.classes)) | (
                {IGNORE: "not labelled"} if pixels[IGNORE] else {}
            )
            masks = self.inspection.masks[target].values()
            total = sum(mask.labelled for mask in masks) + pixels[IGNORE]
            for index, name in classes.items():
                share = f"{pixels[index] / total:.2%}" if total else ""
                row = {"target": target, "class": name, "cases with it": present[index]}
                rows.append(row | {"pixels": pixels[index], "share of pixels": share})
        return rows


def _range(values: set[int]) -> str:
    return str(min(values)) if len(values) == 1 else f"{min(values)} .. {max(values)}"


def _count_part(part: Dataset) -> dict[str, int]:
    patients = {"patients": count_patients(part)} if part.description.patient else {}
    masks = {f"with mask {name}": n for name, n in count_masks(part).items()}
    return {"cases": len(part)} | patients | masks | {f"with {k}": n for k, n in count_labels(part).items()}


def check_dataset(
    source: Path | str | Description,
    tasks: Sequence[Task[Any, Any]],
    split: SplitSettings,
    intensity: Intensity = "auto",
    channels: int | None = None,
    further: Callable[[Dataset], Sequence[Observation]] = lambda train: (),
) -> Checkup:
    """Open every file of a data set, split its cases, and adapt each task to the training split.

    Files outside the data set are not opened.

    Args:
        source: A folder with dataset.yaml, or a description.
        tasks: The tasks, possibly none.
        split: How the cases are split.
        intensity: How the training will scale the intensities of the images.
        channels: The number of channels that the network will read; None: that of most images.
        further: Returns observations about other settings of the training for its train cases, which are added to
            the findings.

    Returns:
        The result; problems of single files, cases, splits and tasks are among its findings.

    Raises:
        DataError: The table cannot be used at all.
    """
    dataset, observations = scan_dataset(source)
    table = read_rows(dataset.description)
    renamed = find_renamed_masks(dataset, table)
    observations = check_files(dataset, observations, renamed)
    observations += find_unused_files(dataset, observations, split.table)
    observations += find_unused_sheets(dataset.description)
    elsewhere = {mask.target for mask in renamed}
    outside = {
        case
        for observation in observations
        if observation.kind == "path-outside"
        for case in observation.cases
    }
    inside = dataset.only([record for record in dataset if record.case not in outside])
    inspection = inspect_dataset(inside, intensity=intensity)
    observations += inspection.observations
    duplicates = find_case_duplicates(inspection)
    parts = _split(dataset, split, duplicates, observations)
    observations += check_copies(duplicates, parts, dataset, inspection)
    observations += check_header_patients(dataset, inspection, parts)
    observations += [*check_table(dataset, table), *find_leaks(dataset, table)]
    observations += find_unused_pictures(dataset, inspection)
    observations += [*check_images(dataset, inspection), *inspection.wrong_channels(channels)]
    observations += check_masks(dataset, inspection, duplicates, elsewhere)
    observations += _find_val_from_train(dataset, split, parts)
    train = parts.get("train", dataset)
    observations += further(train.only([record for record in train if record.case not in outside]))
    try:
        adapt_tasks(tasks, train)
    except DataError as error:
        observations += observe(error, "task")
    return Checkup(dataset, inspection, parts, gather(observations), duplicates)


def _find_val_from_train(
    dataset: Dataset, split: SplitSettings, parts: Mapping[SplitName, Dataset]
) -> Iterator[Observation]:
    if parts and (text := describe_val_from_train(dataset, split, parts)):
        yield Observation("split-val", text)


def _split(
    dataset: Dataset,
    split: SplitSettings,
    duplicates: Sequence[DuplicateGroup],
    observations: list[Observation],
) -> dict[SplitName, Dataset]:
    """Return the parts of the split, or none if it fails; its problems are added to the observations."""
    try:
        together = duplicates if keeps_duplicates_together(dataset, split) else []
        groups = [group.cases for group in together]
        parts = assign_parts(dataset, split, groups)
    except DataError as error:
        observations += observe(error, "split")
        return {}
    observations += split_problems(parts, split)
    observations += [*find_far_shares(parts, split, groups), *find_absent_classes(parts)]
    return parts
