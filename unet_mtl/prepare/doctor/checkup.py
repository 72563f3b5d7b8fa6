"""What stands in a data set for the tasks at hand, and whether a training could start."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet_mtl.data.counts import count_classes, count_labels, count_masks, count_patients
from unet_mtl.data.description import Description
from unet_mtl.data.duplicates import DuplicateGroup, find_duplicates
from unet_mtl.data.images import IGNORE
from unet_mtl.data.inspection import Inspection, inspect_dataset
from unet_mtl.data.observations import Observation, observe
from unet_mtl.data.readers.intensity import Intensity
from unet_mtl.data.records import Dataset, scan_dataset
from unet_mtl.data.rows import read_rows
from unet_mtl.data.splits import (
    SplitName,
    SplitSettings,
    assign_parts,
    find_absent_classes,
    keeps_duplicates_together,
    split_problems,
)
from unet_mtl.errors import DataError
from unet_mtl.prepare.doctor.copies import check_copies
from unet_mtl.prepare.doctor.files import check_files
from unet_mtl.prepare.doctor.findings import Finding, gather
from unet_mtl.prepare.doctor.images import check_images
from unet_mtl.prepare.doctor.leaks import find_leaks
from unet_mtl.prepare.doctor.mask_names import find_renamed_masks
from unet_mtl.prepare.doctor.masks import check_masks
from unet_mtl.prepare.doctor.tables import check_table
from unet_mtl.tasks import Task, adapt_tasks

Rows = list[dict[str, Any]]

MOST_DUPLICATES = 20
"""Groups of look-alikes on the screen."""


@dataclass(frozen=True)
class Checkup:
    """What was found.

    Attributes:
        dataset: What could be read of it.
        inspection: Of its files.
        parts: Its splits; empty where it cannot be split.
        findings: What is wrong or odd, the worst first.
        duplicates: Groups of images that are identical or nearly so, the most alike first.
    """

    dataset: Dataset
    inspection: Inspection
    parts: dict[SplitName, Dataset]
    findings: Sequence[Finding]
    duplicates: Sequence[DuplicateGroup] = ()

    @property
    def problems(self) -> list[str]:
        """What forbids to train, a line each; empty if training may start."""
        errors = (finding for finding in self.findings if finding.kind.severity == "error")
        return [seen.text for finding in errors for seen in finding.observations]

    def tables(self) -> dict[str, Rows]:
        """Rows by title: the data set, its images, labels, classes, mask pixels and splits."""
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
                {"target": target, "class": word, "cases": n}
                for target, counts in count_classes(self.dataset).items()
                for word, n in counts.items()
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
            "most common": f"{height}x{width} ({n} images)",
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
        """A row a target, not a column: there may be more targets than a screen is wide."""
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
            rows.append({"cases": f"and {n} more groups", "images are": "", "distance": "", "in": ""})
        return rows

    def _mask_classes(self) -> Rows:
        rows = []
        for target, description in self.dataset.description.masks.items():
            pixels, present = self.inspection.pixels(target), self.inspection.present(target)
            words = dict(enumerate(description.classes)) | (
                {IGNORE: "not labelled"} if pixels[IGNORE] else {}
            )
            masks = self.inspection.masks[target].values()
            total = sum(mask.labelled for mask in masks) + pixels[IGNORE]
            for index, word in words.items():
                share = f"{pixels[index] / total:.2%}" if total else ""
                row = {"target": target, "class": word, "cases with it": present[index]}
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
) -> Checkup:
    """Opens every file inside of the data set, splits the cases, and tries each task on the train split.

    Args:
        source: A folder with dataset.yaml, or a description.
        tasks: May be none.
        split: How cases are dealt out.
        intensity: As the training will read the images.

    Raises:
        DataError: The table cannot be used at all.
    """
    dataset, seen = scan_dataset(source)
    table = read_rows(dataset.description)
    renamed = find_renamed_masks(dataset, table)
    seen = check_files(dataset, seen, renamed)
    elsewhere = {mask.target for mask in renamed}
    outside = {case for one in seen if one.kind == "path-outside" for case in one.cases}
    inside = dataset.only([record for record in dataset if record.case not in outside])
    inspection = inspect_dataset(inside, intensity=intensity)
    seen += inspection.observations
    duplicates = find_duplicates(inspection.fingerprints)
    parts = _deal(dataset, split, duplicates, seen)
    seen += check_copies(duplicates, parts, dataset, inspection)
    seen += [*check_table(dataset, table), *find_leaks(dataset, table)]
    seen += [*check_images(dataset, inspection), *check_masks(dataset, inspection, duplicates, elsewhere)]
    try:
        adapt_tasks(tasks, parts.get("train", dataset))
    except DataError as error:
        seen += observe(error, "task")
    return Checkup(dataset, inspection, parts, gather(seen), duplicates)


def _deal(
    dataset: Dataset, split: SplitSettings, duplicates: Sequence[DuplicateGroup], seen: list[Observation]
) -> dict[SplitName, Dataset]:
    """The parts, or none; what is wrong with them is added to what was seen."""
    try:
        together = duplicates if keeps_duplicates_together(dataset, split) else []
        parts = assign_parts(dataset, split, [group.cases for group in together])
    except DataError as error:
        seen += observe(error, "split")
        return {}
    seen += split_problems(parts, split)
    seen += find_absent_classes(parts)
    return parts
