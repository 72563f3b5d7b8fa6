"""A data set -> a repaired copy in the layout of this package. The original is only read."""

import csv
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from unet_mtl.data.description import DESCRIPTION_FILE, Description, read_description
from unet_mtl.data.images import write_mask
from unet_mtl.data.observations import observe, texts
from unet_mtl.data.readers.intensity import Intensity
from unet_mtl.data.records import Record, read_dataset
from unet_mtl.data.rows import CASE, read_rows
from unet_mtl.data.setting_types import HEADER
from unet_mtl.data.splits import SplitSettings
from unet_mtl.data.tables import as_text, read_table
from unet_mtl.errors import DataError
from unet_mtl.files import writing_folder
from unet_mtl.prepare.doctor.catalogue import KINDS
from unet_mtl.prepare.doctor.checkup import Checkup, check_dataset
from unet_mtl.prepare.doctor.findings import Finding
from unet_mtl.prepare.doctor.unused import LOG_FILE
from unet_mtl.prepare.exchange.layout import refuse_used
from unet_mtl.prepare.repair.description import TABLE, class_folders, describe_copy, mask_folders
from unet_mtl.prepare.repair.files import repair_mask, write_image
from unet_mtl.prepare.repair.plan import ABOUT_TRAINING, RepairPlan, make_plan
from unet_mtl.prepare.repair.table import LEFT_OUT, Repair
from unet_mtl.progress import case_bar
from unet_mtl.tasks import Task
from unet_mtl.wording import count_of


@dataclass(frozen=True)
class Repaired:
    """The repaired copy that was written.

    Attributes:
        folder: The folder with dataset.yaml.
        cases: The number of cases.
        repairs: Every change, as in repairs.csv.
        before: The checkup of the original.
        left: The findings in the copy.
    """

    folder: Path
    cases: int
    repairs: Sequence[Repair]
    before: Checkup
    left: Sequence[Finding]

    def summary(self) -> list[dict[str, Any]]:
        """Return one row for each kind of change: the number of changes, and the case or file of the first one."""
        groups: dict[tuple[str, str], list[Repair]] = {}
        for repair in self.repairs:
            action = repair.now if repair.now == LEFT_OUT else "repaired"
            groups.setdefault((repair.kind, action), []).append(repair)
        return [
            {"kind": kind, "action": action, "n": len(group), "first": group[0].case or group[0].file}
            for (kind, action), group in groups.items()
        ]


def repair_dataset(
    source: Path | str | Description,
    out: Path,
    *,
    tasks: Sequence[Task[Any, Any]] = (),
    split: SplitSettings | None = None,
    intensity: Intensity = "auto",
    mend: Collection[str] = (),
    leave_out: bool = False,
    progress: bool = False,
) -> Repaired:
    """Write a copy of a data set with all possible repairs. The copy is complete or not written at all.

    Args:
        source: A folder with dataset.yaml, or a description.
        out: The new folder, which must be absent or empty.
        tasks: The tasks that the original and the copy are checked for.
        split: The split that the original and the copy are checked for.
        intensity: The reading of intensities in the training.
        mend: The kinds of findings that are repaired on request.
        leave_out: Whether to leave out cases with errors that cannot be repaired. If False, such errors are raised.
        progress: Whether to show a progress bar.

    Returns:
        The copy, its changes, and the findings before and after.

    Raises:
        DataError: Errors cannot be repaired, or `out` or `mend` is not usable; every problem is listed.
        WriteError: The operating system refused the write.
    """
    _require_on_request(mend)
    description = source if isinstance(source, Description) else read_description(Path(source))
    _require_apart(out, description.root)
    if not isinstance(source, Description):
        _require_apart(out, Path(source))
    refuse_used(out)
    if description.images is None:
        raise DataError(f"{description.root}: has only a table and no images to repair; correct its cells")
    if description.channels:
        raise DataError(
            f"{description.root}: its images are several files each, which a repaired copy cannot hold; correct the "
            "files that `unet-mtl check` names"
        )
    split = split or SplitSettings()
    before = check_dataset(description, tasks, split, intensity)
    table = read_rows(description)
    plan = make_plan(before, table, frozenset(mend), intensity)
    _settle(plan, leave_out)
    with writing_folder(out) as folder:
        with case_bar("copying", len(plan.records), shown=progress) as advance:
            images = _write_files(folder, plan, advance)
        _settle(plan, leave_out)
        repairs = plan.table.repairs
        _write_table(folder, plan, images)
        _write_log(folder / LOG_FILE, repairs)
        read_dataset(folder)  # a copy that cannot be read again must not be written
        after = check_dataset(folder, tasks, split if split.table is None else SplitSettings(), intensity)
        _require_repaired(after, folder, out)
    left = [_with_final_paths(finding, folder, out) for finding in after.findings]
    return Repaired(out, len(after.dataset), repairs, before, left)


def _require_on_request(mend: Collection[str]) -> None:
    known = [name for name, kind in KINDS.items() if kind.repair == "on request"]
    unknown = [name for name in mend if name not in known]
    if unknown:
        raise DataError(
            f"`mend` contains {unknown[0]!r}, which is not repaired on request; expected one of {', '.join(known)}"
        )


def _require_apart(out: Path, root: Path) -> None:
    copy, original = out.resolve(), root.resolve()
    if copy.is_relative_to(original):
        raise DataError(f"{out}: is inside the data set {root}; choose a folder beside it")
    if original.is_relative_to(copy):
        raise DataError(f"{out}: contains the data set {root}; choose a new folder")


def _settle(plan: RepairPlan, leave_out: bool) -> None:
    """Drop the cases with errors that cannot be repaired.

    Raises:
        DataError: Such cases are not to be left out, errors concern no single case, or no case is left.
    """
    general = [error for error in plan.unrepaired if not error.cases]
    if plan.unrepaired and not leave_out:
        n = len({case for error in plan.unrepaired for case in error.cases})
        cure = f"give `leave_out=True` to write a copy without {count_of(n, 'case')}"
        last = cure if n and not general else "correct them first"
        raise DataError(
            [*texts(plan.unrepaired), f"nothing was written: these errors cannot be repaired; {last}"]
        )
    if general:
        raise DataError([*texts(general), "nothing was written: correct this first"])
    plan.drop_unrepaired()
    if not plan.records:
        raise DataError(f"{plan.description.root}: no case is left, since all of them have errors")


def _write_files(folder: Path, plan: RepairPlan, advance: Callable[[], None]) -> dict[str, str]:
    """Write images and masks, add the errors of cases that fail to the plan, and return the image names."""
    images = {}
    for case, record in plan.records.items():
        try:
            images[case] = _write_case(folder, record, plan)
        except DataError as error:
            plan.unrepaired += observe(error, "mask-unreadable", case)
        advance()
    return images


def _write_case(folder: Path, record: Record, plan: RepairPlan) -> str:
    case, changes = record.case, []

    def log(path: Path, kind: str, was: str, now: str) -> None:
        changes.append((path, kind, was, now))

    name = _portable(case)
    stem = folder / "images" / name
    if not stem.resolve().is_relative_to((folder / "images").resolve()):
        raise DataError(f"case {case!r}: the name cannot be a file name; rename it", kind="path-outside")
    masks = {}
    for target, description in plan.description.masks.items():
        invert = case in plan.inverted_masks.get(target, ())
        masks[target] = repair_mask(record, target, description, invert=invert, log=log)
    stem.parent.mkdir(parents=True, exist_ok=True)
    facts = plan.inspection.images[case]
    invert = case in plan.inverted_images
    image = write_image(stem, record, facts, invert=invert, intensity=plan.intensity, log=log)
    for target, below in mask_folders(plan.description).items():
        mask = masks[target]
        if mask is not None and mask.ndim == 2:
            write_mask(folder / "masks" / below / f"{name}.png", mask)
        elif mask is not None:
            for index, part in enumerate(class_folders(plan.description.masks[target]).values()):
                write_mask(folder / "masks" / below / part / f"{name}.png", mask[..., index])
    for path, kind, was, now in changes:
        plan.log(case, path, kind, was, now)
    return image.relative_to(folder / "images").as_posix()


def _write_table(folder: Path, plan: RepairPlan, images: Mapping[str, str]) -> None:
    rows, description = plan.table.rows, plan.description
    cases = rows[CASE].to_list()
    records = [plan.records[case] for case in cases]
    table = rows.drop(columns=CASE)
    table[description.case] = [
        cell.replace(case, _portable(case)) for cell, case in zip(table[description.case], cases, strict=True)
    ]
    image = _free("image", table)
    table[image] = [images[case] for case in cases]
    patient = spacing = None
    if description.patient is None and any(record.patient != record.case for record in records):
        patient = _free("patient", table)
        table[patient] = [record.patient for record in records]
    if description.spacing_mm == HEADER and HEADER not in rows:
        spacing = _free("spacing_row_mm", table), _free("spacing_column_mm", table)
        for axis, name in enumerate(spacing):
            table[name] = [
                "" if r.spacing_mm is None else _cell(r.spacing_mm[axis], description) for r in records
            ]
    path = folder / TABLE
    table.to_csv(path, index=False, lineterminator="\n")
    if read_table(path).to_numpy().tolist() != table.to_numpy().tolist():
        raise DataError(
            f"{description.table}: cannot be written as CSV; rename columns that contain quotes or line breaks"
        )
    text = describe_copy(
        description, image=image, patient=patient, spacing=spacing, spelled=plan.table.spelled
    )
    (folder / DESCRIPTION_FILE).write_text(text, encoding="utf-8")


def _portable(case: str) -> str:
    """Return the name of a case with slashes between folders, also if its table comes from Windows."""
    return case.replace("\\", "/")


def _cell(number: float, description: Description) -> str:
    return repr(float(number)).replace(".", description.decimal)


def _free(name: str, table: pd.DataFrame) -> str:
    """Return a name that no column has."""
    while name in table.columns:
        name += "_of_copy"
    return name


def _write_log(path: Path, repairs: Sequence[Repair]) -> None:
    names = [field.name for field in fields(Repair)]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([as_text(getattr(repair, name)) for name in names] for repair in repairs)


def _require_repaired(after: Checkup, folder: Path, out: Path) -> None:
    """Raise if the copy still has errors: leaving out cases may, for example, leave a class without pixels."""
    errors = [
        seen.text.replace(str(folder), str(out))
        for finding in after.findings
        if finding.kind.severity == "error" and finding.name not in ABOUT_TRAINING
        for seen in finding.observations
    ]
    if errors:
        raise DataError([*errors, "nothing was written: the copy would still have these errors"])


def _with_final_paths(finding: Finding, folder: Path, out: Path) -> Finding:
    """Replace the temporary folder in a finding by the final one."""
    observations = [
        replace(seen, text=seen.text.replace(str(folder), str(out)), path=None)
        for seen in finding.observations
    ]
    return replace(finding, observations=observations)
