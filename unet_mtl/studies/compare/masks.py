"""Masks of another program for the cases of a run, scored against the same true masks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import IGNORE
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation.case_records import CaseRecords, fingerprint
from unet_mtl.scoring.class_mapping import read_indices
from unet_mtl.scoring.names import common_affix
from unet_mtl.scoring.pairs import find_masks
from unet_mtl.scoring.pixel_values import list_values, read_values
from unet_mtl.studies.compare.entrants import Entrant
from unet_mtl.tasks import Segmentation, Task
from unet_mtl.wording import name_some

WHITE = 255


@dataclass(frozen=True)
class OtherMasks:
    """The masks of another program.

    Attributes:
        folder: The folder of the masks; folders below it are not searched.
        name: The name of the program in tables.
        names: The pattern of file names without suffix, with `{case}` for the case name.
        values: Class index by number in the files; None: numbers are class indices, but 255 is the foreground if
            there are two classes and no numbers but 0 and 255.
    """

    folder: Path
    name: str
    names: str = "{case}"
    values: Mapping[int, int] | None = None


def choose_mask_task(tasks: Sequence[Task[Any, Any]], name: str | None) -> Segmentation:
    """Return the task to which the masks belong.

    Args:
        tasks: Tasks of the run.
        name: Name of the task; None for the only one that predicts masks of classes that exclude each other.

    Raises:
        ConfigError: There is no such task, or there are several and none is named.
    """
    able = {task.name: task for task in tasks if isinstance(task, Segmentation)}
    if name is None and len(able) == 1:
        return next(iter(able.values()))
    if name is None or name not in able:
        wanted = "is not given" if name is None else f"is {name!r}"
        raise ConfigError(
            f"`task` {wanted}; expected one of the run's tasks of kind segmentation: {', '.join(able) or 'it has none'}"
        )
    return able[name]


def score_other_masks(
    masks: OtherMasks,
    task: Segmentation,
    dataset: Dataset,
    *,
    on_case: Callable[[], None] = lambda: None,
) -> tuple[Entrant, list[str]]:
    """Score the masks of another program like those of the run.

    Args:
        masks: The masks.
        task: The task of the run, with its classes and tolerance.
        dataset: The cases of the run that are measured.
        on_case: Callback after each case, for a progress bar.

    Returns:
        The entrant; and notes on missing predictions, which count as empty masks, and on files without a case.

    Raises:
        ConfigError: The pattern of names is wrong.
        DataError: No file belongs to a case, a file is unreadable or has another size than the true mask, or its
            numbers are not those of the classes.
    """
    files = find_masks(masks.folder, masks.names, "prediction_names").files
    labelled = [record for record in dataset if task.is_labelled(record)]
    found = [record for record in labelled if record.case in files]
    if not found:
        raise DataError(_no_file(masks.folder, [r.case for r in labelled], list(files)))
    numbers = {int(n) for record in found for n in np.unique(read_values(files[record.case]))}
    values = _values(masks, numbers, len(task.classes), task.classes)
    records = CaseRecords.of_tasks([task])
    for record in labelled:
        truth = task.read(record, dataset.description)
        if truth is None:
            continue
        mask = _read_mask(files.get(record.case), values, truth, record)
        records.scores[task.name][record.case] = task.score_mask(truth, mask, record.spacing_mm)
        records.truths[task.name][record.case] = fingerprint(truth)
        on_case()
    notes = []
    missing = [record.case for record in labelled if record.case not in files]
    if missing:
        notes.append(
            f"cases without a mask of {masks.name}, which count as empty masks: {len(missing)} ({name_some(missing)})"
        )
    extra = sorted(set(files) - {record.case for record in labelled})
    if extra:
        notes.append(
            f"files of {masks.name} that belong to no measured case: {len(extra)} ({name_some(extra)})"
        )
    patients = {record.case: record.patient for record in dataset}
    return Entrant(masks.name, {task.name: task}, records, patients), notes


def _read_mask(
    path: Path | None, values: Mapping[int, int], truth: NDArray[np.uint8], record: Record
) -> NDArray[np.uint8]:
    if path is None:
        return np.zeros_like(truth)
    mask = read_indices(path, values)
    if mask.shape != truth.shape:
        raise DataError(
            f"{path}: {mask.shape[0]}x{mask.shape[1]} pixels (rows x columns), but the true mask of case "
            f"{record.case!r} has {truth.shape[0]}x{truth.shape[1]}; export it at the size of the original image"
        )
    return mask


def _values(
    masks: OtherMasks, numbers: set[int], n_classes: int, classes: Sequence[str]
) -> Mapping[int, int]:
    values = masks.values
    if values is None:
        is_white = n_classes == 2 and numbers <= {0, WHITE}
        values = {0: 0, WHITE: 1} if is_white else {index: index for index in range(n_classes)}
    unknown = numbers - set(values)
    wrong = [index for index in values.values() if not 0 <= index < n_classes or index == IGNORE]
    if unknown or wrong:
        problem = (
            f"the numbers {list_values(unknown)}, which belong to no class"
            if unknown
            else f"class {wrong[0]}"
        )
        raise DataError(
            f"{masks.folder}: the masks have {problem}; expected 0 to {n_classes - 1} ({', '.join(classes)}), or give "
            "the class of each number with `values={0: 0, 255: 1}`"
        )
    return values


def _no_file(folder: Path, cases: Sequence[str], files: Sequence[str]) -> str:
    affix = common_affix(cases, files)
    cure = (
        f"give the pattern of their names: `prediction_names='{affix[0]}{{case}}{affix[1]}'`"
        if affix
        else "give the pattern of their names with `prediction_names`, as in `prediction_names='{case}_pred'`"
    )
    return (
        f"{folder}: no mask belongs to a measured case: the cases are {name_some(cases)}, the files "
        f"{name_some(files)}; {cure}"
    )
