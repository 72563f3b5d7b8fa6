"""Duplicate images: redundant in the same part of a split, and a leak into the scores in different parts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from unet_mtl.data.description import Description
from unet_mtl.data.duplicates import DuplicateGroup
from unet_mtl.data.inspection import Inspection
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.splits import SplitName


def check_copies(
    groups: Sequence[DuplicateGroup],
    parts: Mapping[SplitName, Dataset],
    dataset: Dataset,
    inspection: Inspection,
) -> Iterator[Observation]:
    """Report each group of duplicates, whether its labels and masks agree, and whether the split divides it.

    Args:
        groups: The groups of duplicates.
        parts: The parts of the split, possibly none.
        dataset: The cases that could be read.
        inspection: Facts about their files.
    """
    records = {record.case: record for record in dataset}
    part_of = {record.case: name for name, part in parts.items() for record in part}
    for group in groups:
        kind = group.kind
        cases = ", ".join(map(repr, group.cases))
        likeness = "identical" if kind == "identical" else f"nearly identical (distance {group.distance:.3f})"
        text = f"images of cases {cases} are {likeness}"
        different = []
        if kind == "identical":
            group_records = [records[case] for case in group.cases]
            different = _find_differences(group_records, dataset.description, inspection)
        but = f", but their values of {' and '.join(different)} differ" if different else ""
        yield Observation(kind, text + but, group.cases)
        divided = dict.fromkeys(part_of[case] for case in group.cases if case in part_of)
        if len(divided) > 1:
            yield Observation(
                f"{kind}-split",
                f"{text} and are in different parts of the split: {', '.join(divided)}",
                group.cases,
            )


def _find_differences(
    records: Sequence[Record], description: Description, inspection: Inspection
) -> list[str]:
    """Return what differs among the known values of these cases: patient, masks and columns."""
    values: dict[str, set[Any]] = {
        "patient": {record.patient for record in records} if description.patient else set()
    }
    for target, masks in inspection.masks.items():
        values[f"mask {target}"] = {masks[record.case].digest for record in records if record.case in masks}
    for name in description.columns:
        values[name] = {record.labels[name] for record in records if name in record.labels}
    return [name for name, different in values.items() if len(different) > 1]
