"""What stands in a data set for the tasks at hand, and whether a training could start."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet_mtl.data.description import Description
from unet_mtl.data.doctor import Inspection, count_classes, count_labels, count_masks, inspect_dataset
from unet_mtl.data.duplicates import DuplicateGroup, find_duplicates
from unet_mtl.data.records import Dataset, scan_dataset
from unet_mtl.data.splits import SplitName, SplitSettings, deal_cases, split_problems
from unet_mtl.errors import DataError
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
        duplicates: Groups of images that are identical or nearly so, the most alike first.
        problems: A line each; empty if training may start.
    """

    dataset: Dataset
    inspection: Inspection
    parts: dict[SplitName, Dataset]
    problems: list[str]
    duplicates: Sequence[DuplicateGroup] = ()

    def tables(self) -> dict[str, Rows]:
        """Rows by title: the data set, its images, labels, classes, mask pixels and splits."""
        description, cases = self.dataset.description, len(self.dataset)
        name = description.name or description.root.name
        title = f"data set {name}{' (SYNTHETIC data)' if description.synthetic else ''}"
        patients = _count_patients(self.dataset) if description.patient else "not named"
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
        kinds = {name: "class" if column.classes else "number" for name, column in columns.items()}
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
        for target, pixels in self.inspection.pixels.items():
            known = (*self.dataset.description.masks[target].classes, "not labelled")
            total = sum(pixels.values())
            for word in (word for word in known if word != "not labelled" or pixels[word]):
                share = f"{pixels[word] / total:.2%}" if total else ""
                row = {
                    "target": target,
                    "class": word,
                    "cases with it": self.inspection.present[target][word],
                }
                rows.append(row | {"pixels": pixels[word], "share of pixels": share})
        return rows


def _range(values: set[int]) -> str:
    return str(min(values)) if len(values) == 1 else f"{min(values)} .. {max(values)}"


def _count_patients(cases: Dataset) -> int:
    return len({record.patient for record in cases})


def _count_part(part: Dataset) -> dict[str, int]:
    patients = {"patients": _count_patients(part)} if part.description.patient else {}
    masks = {f"with mask {name}": n for name, n in count_masks(part).items()}
    return {"cases": len(part)} | patients | masks | {f"with {k}": n for k, n in count_labels(part).items()}


def check_dataset(
    source: Path | str | Description, tasks: Sequence[Task[Any, Any]], split: SplitSettings
) -> Checkup:
    """Opens every file, splits the cases, and tries each task on the train split.

    Args:
        source: A folder with dataset.yaml, or a description.
        tasks: May be none.
        split: How cases are dealt out.

    Raises:
        DataError: The table cannot be used at all.
    """
    dataset, problems = scan_dataset(source)
    inspection = inspect_dataset(dataset)
    problems = [*problems, *_masks_nowhere(dataset), *inspection.problems]
    parts: dict[SplitName, Dataset] = {}
    try:
        parts = deal_cases(dataset, split)
        problems += split_problems(parts, split)
    except DataError as error:
        problems += error.problems
    try:
        adapt_tasks(tasks, parts.get("train", dataset))
    except DataError as error:
        problems += error.problems
    return Checkup(dataset, inspection, parts, problems, find_duplicates(inspection.prints))


def _masks_nowhere(dataset: Dataset) -> list[str]:
    """Masks without one file: far more often a wrong pattern than a data set without masks."""
    described = dataset.description.masks
    return [
        f"{dataset.description.root}: no case has a mask {name!r}: nothing fits `path: {described[name].path}`; "
        "correct it, or remove this mask from the description"
        for name, n in count_masks(dataset).items()
        if n == 0 and not described[name].required
    ]
