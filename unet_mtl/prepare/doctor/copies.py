"""Images that are there twice: on one side of the split a nuisance, on two sides a score that is too good."""

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
    """Tells of each group, whether what is known of its cases agrees, and whether they stand on two sides."""
    records = {record.case: record for record in dataset}
    sides = {record.case: name for name, part in parts.items() for record in part}
    for group in groups:
        names = ", ".join(map(repr, group.cases))
        how = (
            "identical" if group.kind == "identical" else f"nearly identical (distance {group.distance:.3f})"
        )
        where = dict.fromkeys(sides[case] for case in group.cases if case in sides)
        kind = group.kind
        its = [records[case] for case in group.cases]
        differ = _differing(its, dataset.description, inspection) if kind == "identical" else []
        but = f", but not their {' and '.join(differ)}" if differ else ""
        yield Observation(kind, f"images of cases {names} are {how}{but}", group.cases)
        if len(where) > 1:
            text = f"images of cases {names} are {how} and stand in {' and '.join(where)}"
            yield Observation(f"{kind}-split", text, group.cases)


def _differing(records: Sequence[Record], description: Description, inspection: Inspection) -> list[str]:
    """What these cases have several answers to: whose they are, masks, columns."""
    known: dict[str, set[Any]] = {
        "patient": {record.patient for record in records} if description.patient else set()
    }
    for target, masks in inspection.masks.items():
        known[f"mask {target}"] = {masks[record.case].digest for record in records if record.case in masks}
    for name in description.columns:
        known[name] = {record.labels[name] for record in records if name in record.labels}
    return [name for name, answers in known.items() if len(answers) > 1]
