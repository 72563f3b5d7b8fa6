"""Patients and groups of similar cases that a split divides."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset, Record


def find_divided_patients(parts: Mapping[Any, Dataset]) -> list[Observation]:
    """Report each patient with cases in several parts of a split, by the name of the part."""
    splits = _splits_by(parts, lambda record: record.patient)
    divided = {patient: names for patient, names in splits.items() if len(names) > 1}
    cases: dict[str, list[str]] = {patient: [] for patient in divided}
    for record in (record for part in parts.values() for record in part if record.patient in divided):
        cases[record.patient].append(record.case)
    return [
        Observation(
            "patient-split",
            f"patient {patient!r} has cases in {' and '.join(sorted(names))}; a patient belongs in one split",
            tuple(cases[patient]),
        )
        for patient, names in divided.items()
    ]


def find_divided_groups(
    parts: Mapping[Any, Dataset], keep_together: Sequence[Collection[str]]
) -> list[Observation]:
    """Report each group of cases that must stay together and is in several parts of a split."""
    splits = _splits_by(parts, lambda record: record.case)
    return [
        Observation(
            "near-split",
            f"cases {', '.join(map(repr, group))} belong together and are in {' and '.join(sorted(names))}; move them "
            "to one split, or remove all but one",
            tuple(group),
        )
        for group in keep_together
        if len(names := set[str]().union(*(splits.get(case, ()) for case in group))) > 1
    ]


def _splits_by(parts: Mapping[Any, Dataset], key: Callable[[Record], str]) -> dict[str, set[str]]:
    splits: dict[str, set[str]] = {}
    for name, part in parts.items():
        for record in part:
            splits.setdefault(key(record), set()).add(name)
    return splits
