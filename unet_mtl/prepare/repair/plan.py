"""What is to be done for a repaired copy: which cases go in, what is mended in them, what nobody can mend."""

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
from unet_mtl.prepare.repair.table import LEFT_OUT, MendedTable, Repair, contradicting, mend_table

ABOUT_TRAINING = ("split", "patient-split", "identical-split", "near-split", "task")
"""Errors of the split and of settings, which no copy of the data can be free of."""

_TRIED = ("row-unnamed", "class-spelling", "mask-unturned", "mask-stray", "mask-antialiased")
_LOOKED_AT_LATER = ("masks-empty",)  # where the masks that show something could not be read, that may be all
_WITHOUT = ("image-without-row", "mask-without-case")


@dataclass
class RepairPlan:
    """What goes into the copy.

    Attributes:
        description: Of the original.
        table: Its rows as they will be, and the log.
        records: By case; the images that are there, whatever their names.
        inspection: Of all files.
        intensity: As the training will read the images.
        inverted_images: Cases.
        inverted_masks: Cases by target.
        wrong: Errors that nothing here mends.
    """

    description: Description
    table: MendedTable
    records: dict[str, Record]
    inspection: Inspection
    intensity: Intensity
    inverted_images: frozenset[str] = frozenset()
    inverted_masks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    wrong: list[Observation] = field(default_factory=list)

    def name_of(self, path: Path) -> str:
        """The path below the root, for the log."""
        root = self.description.root
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    def tell(self, case: str, file: Path | str, kind: str, was: str, now: str) -> None:
        """Writes one line of the log."""
        name = self.name_of(file) if isinstance(file, Path) else file
        self.table.repairs.append(Repair(case, name, kind, was, now))

    def take_out(self, cases: Iterable[str]) -> None:
        """Leaves cases out of records and table; whoever calls it writes the log."""
        gone = set(cases)
        for case in gone:
            self.records.pop(case, None)
        self.table.drop(gone)

    def leave_out_wrong(self) -> None:
        """Leaves out every case with an error, and says so in the log."""
        for seen in self.wrong:
            for case in seen.cases:
                if case in self.records:
                    self.tell(case, self.records[case].require_image(), seen.kind, seen.text, LEFT_OUT)
        self.take_out([case for seen in self.wrong for case in seen.cases])
        self.wrong = [seen for seen in self.wrong if not seen.cases]


def make_plan(
    checkup: Checkup, table: pd.DataFrame, mend: frozenset[str], intensity: Intensity
) -> RepairPlan:
    """Decides what is done; opens files alone whose names had to be guessed.

    Args:
        checkup: Of the original.
        table: Its rows, as `read_rows` gives them.
        mend: Kinds to be mended that are mended on request only.
        intensity: As the training will read the images.
    """
    description = checkup.dataset.description
    observations = [seen for finding in checkup.findings for seen in finding.observations]
    mended = mend_table(table, description)
    records = {record.case: record for record in checkup.dataset}
    plan = RepairPlan(description, mended, records, checkup.inspection, intensity)
    renamed = find_renamed_masks(checkup.dataset, table)
    inspection, duplicates = _use_renamed(plan, observations, renamed, checkup)
    plan.inspection = inspection
    unequal = contradicting(table)
    used = {record.require_image() for record in plan.records.values()}
    for seen in observations:
        if KINDS[seen.kind].severity == "error" and not _is_mended(seen, plan, unequal):
            plan.wrong.append(seen)
        elif seen.kind in _WITHOUT and seen.path is not None and seen.path not in used:
            plan.tell("", seen.path, seen.kind, "no row of the table names it", LEFT_OUT)
    wrong = {case for seen in plan.wrong for case in seen.cases}
    _drop_copies(plan, duplicates, wrong)
    _find_inverted(plan, mend)
    return plan


def _find_inverted(plan: RepairPlan, mend: Collection[str]) -> None:
    """What the doctor takes for negatives, as far as somebody asked for it."""
    if "image-inverted" in mend:
        dataset = Dataset(plan.description, tuple(plan.records.values()))
        known = {case: facts for case, facts in plan.inspection.images.items() if case in plan.records}
        seen = check_images(dataset, replace(plan.inspection, images=known))
        odd = (case for one in seen if one.kind == "image-inverted" for case in one.cases)
        plan.inverted_images = frozenset(odd)
    if "mask-inverted" in mend:
        masks = plan.inspection.masks
        plan.inverted_masks = {target: frozenset(find_inverted(masks[target])) for target in masks}


def _is_mended(seen: Observation, plan: RepairPlan, unequal: set[str]) -> bool:
    """Whether an error is mended, will be tried, belongs elsewhere, or is looked at later."""
    if seen.kind == "case-repeated":
        return not set(seen.cases) & unequal
    if seen.kind == "image-renamed":
        return seen.cases[0] in plan.records and plan.records[seen.cases[0]].image == seen.path
    if seen.kind == "mask-missing":
        masks, case = plan.description.masks, seen.cases[0]
        needed = {target for target in masks if masks[target].required}
        return case in plan.records and needed <= plan.records[case].masks.keys()
    return seen.kind in (*_TRIED, *_LOOKED_AT_LATER, *ABOUT_TRAINING)


def _use_renamed(
    plan: RepairPlan,
    observations: Sequence[Observation],
    renamed: Sequence[RenamedMask],
    checkup: Checkup,
) -> tuple[Inspection, Sequence[DuplicateGroup]]:
    """Gives each record the file that is meant, and looks into these files, which the checkup could not."""
    description = plan.description
    found: dict[str, None] = {}
    for seen in observations:
        if seen.kind != "image-renamed" or seen.path is None:
            continue
        if leaves(description.root, seen.path) and not description.links:
            continue
        record = plan.records[seen.cases[0]]
        plan.tell(
            record.case,
            seen.path,
            seen.kind,
            f"the table says {record.require_image().name}",
            "this file is used",
        )
        plan.records[record.case] = replace(record, image=seen.path)
        found[record.case] = None
    outside = {case for seen in observations if seen.kind == "path-outside" for case in seen.cases}
    told = {seen.path for seen in observations if seen.kind == "mask-renamed"}
    for mask in (mask for mask in renamed if mask.file.path in told and mask.case not in outside):
        record, was = plan.records[mask.case], f"{mask.expected.name} is expected"
        plan.tell(mask.case, mask.file.path, "mask-renamed", was, "this file is used")
        files = (*record.masks.get(mask.target, ()), mask.file)
        order = sorted(files, key=lambda file: file.index or 0)
        plan.records[mask.case] = replace(record, masks={**record.masks, mask.target: tuple(order)})
        found[mask.case] = None
    if not found:
        return checkup.inspection, checkup.duplicates
    again = Dataset(description, tuple(plan.records[case] for case in found))
    fresh = inspect_dataset(again, intensity=plan.intensity)
    known_before = set(observations)
    plan.wrong += [s for s in fresh.observations if s.kind not in _TRIED and s not in known_before]
    known = checkup.inspection
    inspection = Inspection(
        images=known.images | fresh.images,
        masks={target: masks | fresh.masks[target] for target, masks in known.masks.items()},
        fingerprints=known.fingerprints | fresh.fingerprints,
    )
    return inspection, find_duplicates(inspection.fingerprints)


def _drop_copies(plan: RepairPlan, duplicates: Sequence[DuplicateGroup], wrong: Collection[str]) -> None:
    """Of identical images whose labels, patient and masks are equal, the first stays."""
    copies = []
    for group in (group for group in duplicates if group.kind == "identical"):
        first: dict[object, str] = {}
        for case in (case for case in group.cases if case in plan.records and case not in wrong):
            facts = _facts(case, plan)
            if facts is not None and first.setdefault(facts, case) != case:
                was = f"image, labels, patient and masks are those of case {first[facts]!r}"
                plan.tell(case, plan.records[case].require_image(), "identical", was, LEFT_OUT)
                copies.append(case)
    plan.take_out(copies)


def _facts(case: str, plan: RepairPlan) -> object:
    """What must be equal beside the image; None where a mask is there that cannot be read as it is."""
    record, masks = plan.records[case], plan.inspection.masks
    if any(case not in masks[target] for target in record.masks):
        return None
    labels = dict(record.labels) | plan.table.meant.get(case, {})
    patient = record.patient if plan.description.patient is not None else ""
    digests = tuple(sorted((target, masks[target][case].digest) for target in record.masks))
    return tuple(sorted(labels.items())), patient, digests, record.spacing_mm
