"""Patients whose names mean the same, written differently, such as 12 and 12.0."""

from collections import Counter
from collections.abc import Iterable

from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Record
from unet_mtl.near_names import name_key


def group_spellings(patients: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the groups of different names that mean the same, the most frequent name of each group first.

    >>> group_spellings(["12", "P01", "12.0", "12", "P-1", "7"])
    [('12', '12.0'), ('P01', 'P-1')]
    """
    groups: dict[str, list[str]] = {}
    for patient, _ in Counter(patients).most_common():
        groups.setdefault(name_key(patient), []).append(patient)
    return [tuple(names) for key, names in groups.items() if key and len(names) > 1]


def describe_spellings(names: Iterable[str]) -> str:
    """Return the warning about one group of names."""
    return (
        f"patients {' and '.join(map(repr, names))} differ in spelling only, but count as different patients"
    )


def find_patient_spellings(records: Iterable[Record]) -> list[Observation]:
    """Report patients whose names differ in spelling only, which a split treats as different patients."""
    cases: dict[str, list[str]] = {}
    for record in records:
        cases.setdefault(record.patient, []).append(record.case)
    groups = group_spellings(patient for patient, several in cases.items() for _ in several)
    return [
        Observation(
            "patient-spelling",
            describe_spellings(names),
            tuple(case for name in names for case in cases[name]),
        )
        for names in groups
    ]
