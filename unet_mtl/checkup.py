"""What stands in a data set for the tasks at hand, and whether a training could start."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet_mtl.data.description import Description
from unet_mtl.data.doctor import Inspection, count_classes, count_labels, inspect_dataset
from unet_mtl.data.records import Dataset, scan_dataset
from unet_mtl.data.splits import SplitName, SplitSettings, split_dataset
from unet_mtl.errors import DataError
from unet_mtl.tasks import Task, adapt_tasks

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Checkup:
    """What was found.

    Attributes:
        dataset: What could be read of it.
        inspection: Of its files.
        parts: Its splits; empty where it cannot be split.
        problems: A line each; empty if training may start.
    """

    dataset: Dataset
    inspection: Inspection
    parts: dict[SplitName, Dataset]
    problems: list[str]

    def tables(self) -> dict[str, Rows]:
        """Rows by title: the data set, its images, labels, classes, mask pixels and splits."""
        description, cases = self.dataset.description, len(self.dataset)
        name = (description.name or description.root.name) + (
            " (SYNTHETIC data)" if description.synthetic else ""
        )
        spacing = sum(record.spacing_mm is not None for record in self.dataset)
        patients = len({record.patient for record in self.dataset}) if description.patient else "not named"
        tables: dict[str, Rows] = {
            f"data set {name}": [{"cases": cases, "patients": patients, "with pixel spacing": spacing}],
            "images": self._images(),
            "labels": [
                {"target": target, "labelled": n, "missing": cases - n, "share": f"{n / max(cases, 1):.0%}"}
                for target, n in count_labels(self.dataset).items()
            ],
            "classes": [
                {"target": target, "class": word, "cases": n}
                for target, counts in count_classes(self.dataset).items()
                for word, n in counts.items()
            ],
            "mask classes": self._mask_classes(),
            "splits": [
                {"split": part, "cases": len(part_cases), "patients": len({r.patient for r in part_cases})}
                | {target: n for target, n in count_labels(part_cases).items()}
                for part, part_cases in self.parts.items()
            ],
        }
        return tables

    def _images(self) -> Rows:
        sizes = self.inspection.sizes
        types = ", ".join(f"{n} {kind}" for kind, n in self.inspection.types.most_common())
        if not sizes:
            return []
        heights, widths = {height for height, _ in sizes}, {width for _, width in sizes}
        common, n = sizes.most_common(1)[0]
        return [
            {
                "types": types,
                "sizes": len(sizes),
                "height": _range(heights),
                "width": _range(widths),
                "most common": f"{common[0]}x{common[1]} ({n})",
            }
        ]

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
    problems = problems + inspection.problems
    parts: dict[SplitName, Dataset] = {}
    try:
        parts = split_dataset(dataset, split)
        adapt_tasks(tasks, parts["train"])
    except DataError as error:
        problems = problems + error.problems
    return Checkup(dataset, inspection, parts, problems)
