"""The plan of a repaired copy: its cases, the repairs of each, and the errors that cannot be repaired."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from unet_mtl.data.description import Description
from unet_mtl.data.duplicates import DuplicateGroup, find_duplicates
from unet_mtl.data.inspection import Inspection, inspect_dataset
from unet_mtl.data.observations import Observation
from unet_mtl.data.patterns import leaves
from unet_mtl.data.readers.intensity import Intensity
from unet_mtl.data.records import Dataset, Record
from unet_mtl.prepare.doctor.catalogue import KINDS
from unet_mtl.prepare.doctor.checkup import Checkup
from unet_mtl.prepare.doctor.images import check_images
from unet_mtl.prepare.doctor.mask_names import RenamedMask, find_renamed_masks
from unet_mtl.prepare.doctor.masks import find_inverted
from unet_mtl.prepare.repair.table import (
    LEFT_OUT,
    Repair,
    RepairedTable,
    find_contradicting,
    repair_table,
    unite_patients,
)

ABOUT_TRAINING = ("split", "patient-split", "identical-split", "near-split", "task")
"""Errors of the split and of settings, which no copy of the data can repair."""

_TRIED = ("row-unnamed", "class-spelling", "mask-unturned", "mask-stray", "mask-antialiased")
_CHECKED_IN_COPY = ("masks-empty",)  # masks with a foreground may be among those that become readable
_UNUSED_FILES = ("image-without-row", "mask-without-case")


@dataclass
class RepairPlan:
    """The contents of the copy.

    Attributes:
        description: The description of the original.
        table: The repaired rows, and the log.
        records: The record of each case, with the image that exists even if its name differs.
        inspection: The inspection of all files.
        intensity: The reading of intensities in the training.
        inverted_images: The cases with an image to invert.
        inverted_masks: The cases with a mask to invert, by target.
        unrepaired: The errors that cannot be repaired.
    """

    description: Description
    table: RepairedTable
    records: dict[str, Record]
    inspection: Inspection
    intensity: Intensity
    inverted_images: frozenset[str] = frozenset()
    inverted_masks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unrepaired: list[Observation] = field(default_factory=list)

    def name_of(self, path: Path) -> str:
        """Return the path relative to the root, for the log."""
        root = self.description.root
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    def log(self, case: str, file: Path | str, kind: str, was: str, now: str) -> None:
        """Add one line to the log."""
        name = self.name_of(file) if isinstance(file, Path) else file
        self.table.repairs.append(Repair(case, name, kind, was, now))

    def drop(self, cases: Iterable[str]) -> None:
        """Remove cases from the records and the table, without a line in the log."""
        dropped = set(cases)
        for case in dropped:
            self.records.pop(case, None)
        self.table.drop(dropped)

    def drop_unrepaired(self) -> None:
        """Remove every case with an error that cannot be repaired, and logs it."""
        for error in self.unrepaired:
            for case in error.cases:
                if case in self.records:
                    self.log(case, self.records[case].require_image(), error.kind, error.text, LEFT_OUT)
        self.drop([case for error in self.unrepaired for case in error.cases])
        self.unrepaired = [error for error in self.unrepaired if not error.cases]


def make_plan(
    checkup: Checkup, table: pd.DataFrame, mend: frozenset[str], intensity: Intensity
) -> RepairPlan:
    """Plan all repairs; only files with a guessed name are opened.

    Args:
        checkup: The checkup of the original.
        table: The rows of the original, in the form that `read_rows` returns.
        mend: The kinds of findings that are repaired on request.
        intensity: The reading of intensities in the training.
    """
    description = checkup.dataset.description
    observations = [seen for finding in checkup.findings for seen in finding.observations]
    repaired = repair_table(table, description)
    renamed_patients = unite_patients(repaired, description) if "patient-spelling" in mend else {}
    records = {
        record.case: replace(record, patient=renamed_patients.get(record.patient, record.patient))
        for record in checkup.dataset
    }
    plan = RepairPlan(description, repaired, records, checkup.inspection, intensity)
    renamed = find_renamed_masks(checkup.dataset, table)
    inspection, duplicates = _use_renamed(plan, observations, renamed, checkup)
    plan.inspection = inspection
    contradicting = find_contradicting(table)
    used = {record.require_image() for record in plan.records.values()}
    for seen in observations:
        if KINDS[seen.kind].severity == "error" and not _is_repaired(seen, plan, contradicting):
            plan.unrepaired.append(seen)
        elif seen.kind in _UNUSED_FILES and seen.path is not None and seen.path not in used:
            plan.log("", seen.path, seen.kind, "no row of the table names it", LEFT_OUT)
    unrepaired = {case for error in plan.unrepaired for case in error.cases}
    _drop_copies(plan, duplicates, unrepaired)
    _find_inverted(plan, mend)
    return plan


def _find_inverted(plan: RepairPlan, mend: Collection[str]) -> None:
    """Find images and masks that look like negatives, if their repair was requested."""
    if "image-inverted" in mend:
        dataset = Dataset(plan.description, tuple(plan.records.values()))
        images = {case: facts for case, facts in plan.inspection.images.items() if case in plan.records}
        observations = check_images(dataset, replace(plan.inspection, images=images))
        plan.inverted_images = frozenset(
            case for seen in observations if seen.kind == "image-inverted" for case in seen.cases
        )
    if "mask-inverted" in mend:
        masks = plan.inspection.masks
        plan.inverted_masks = {target: frozenset(find_inverted(masks[target])) for target in masks}


def _is_repaired(seen: Observation, plan: RepairPlan, contradicting: set[str]) -> bool:
    """Whether an error is repaired already, may be repaired later, or is not about the data."""
    if seen.kind == "case-repeated":
        return not set(seen.cases) & contradicting
    if seen.kind == "image-renamed":
        return seen.cases[0] in plan.records and plan.records[seen.cases[0]].image == seen.path
    if seen.kind == "mask-missing":
        masks, case = plan.description.masks, seen.cases[0]
        needed = {target for target in masks if masks[target].required}
        return case in plan.records and needed <= plan.records[case].masks.keys()
    return seen.kind in (*_TRIED, *_CHECKED_IN_COPY, *ABOUT_TRAINING)


def _use_renamed(
    plan: RepairPlan,
    observations: Sequence[Observation],
    renamed: Sequence[RenamedMask],
    checkup: Checkup,
) -> tuple[Inspection, Sequence[DuplicateGroup]]:
    """Give each record the file that is meant, and inspects these files, which the checkup did not open."""
    description = plan.description
    changed: dict[str, None] = {}
    for seen in observations:
        if seen.kind != "image-renamed" or seen.path is None:
            continue
        if leaves(description.root, seen.path) and not description.links:
            continue
        record = plan.records[seen.cases[0]]
        plan.log(
            record.case,
            seen.path,
            seen.kind,
            f"the table has {record.require_image().name}",
            "this file is used",
        )
        plan.records[record.case] = replace(record, image=seen.path)
        changed[record.case] = None
    outside = {case for seen in observations if seen.kind == "path-outside" for case in seen.cases}
    reported = {seen.path for seen in observations if seen.kind == "mask-renamed"}
    for mask in (mask for mask in renamed if mask.file.path in reported and mask.case not in outside):
        record, was = plan.records[mask.case], f"{mask.expected.name} is expected"
        plan.log(mask.case, mask.file.path, "mask-renamed", was, "this file is used")
        files = (*record.masks.get(mask.target, ()), mask.file)
        order = sorted(files, key=lambda file: file.index or 0)
        plan.records[mask.case] = replace(record, masks={**record.masks, mask.target: tuple(order)})
        changed[mask.case] = None
    if not changed:
        return checkup.inspection, checkup.duplicates
    again = Dataset(description, tuple(plan.records[case] for case in changed))
    fresh = inspect_dataset(again, intensity=plan.intensity)
    known = set(observations)
    plan.unrepaired += [seen for seen in fresh.observations if seen.kind not in _TRIED and seen not in known]
    before = checkup.inspection
    inspection = Inspection(
        images=before.images | fresh.images,
        masks={target: masks | fresh.masks[target] for target, masks in before.masks.items()},
        fingerprints=before.fingerprints | fresh.fingerprints,
    )
    return inspection, find_duplicates(inspection.fingerprints)


def _drop_copies(plan: RepairPlan, duplicates: Sequence[DuplicateGroup], unrepaired: Collection[str]) -> None:
    """Keep only the first of identical images with equal labels, patients and masks."""
    copies = []
    for group in (group for group in duplicates if group.kind == "identical"):
        first: dict[object, str] = {}
        for case in (case for case in group.cases if case in plan.records and case not in unrepaired):
            facts = _facts(case, plan)
            if facts is not None and first.setdefault(facts, case) != case:
                was = f"image, labels, patient and masks are those of case {first[facts]!r}"
                plan.log(case, plan.records[case].require_image(), "identical", was, LEFT_OUT)
                copies.append(case)
    plan.drop(copies)


def _facts(case: str, plan: RepairPlan) -> object:
    """Return everything besides the image that copies must share; None if a mask cannot be read unrepaired."""
    record, masks = plan.records[case], plan.inspection.masks
    if any(case not in masks[target] for target in record.masks):
        return None
    labels = dict(record.labels) | plan.table.meant.get(case, {})
    patient = record.patient if plan.description.patient is not None else ""
    digests = tuple(sorted((target, masks[target][case].digest) for target in record.masks))
    return tuple(sorted(labels.items())), patient, digests, record.spacing_mm
