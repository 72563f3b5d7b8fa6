"""Masks from any program against the true ones: the same scores and the same table as for a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unet_mtl.data.images import IGNORE
from unet_mtl.errors import WriteError
from unet_mtl.evaluation.summary import (
    Evaluation,
    case_columns,
    facts_of,
    make_table,
    summarise_task,
    write_tables,
)
from unet_mtl.scoring.names import MOST_NAMES, count_files
from unet_mtl.scoring.pairs import Missing, Pairs
from unet_mtl.scoring.patients import Owners
from unet_mtl.scoring.values import Coding, read_indices
from unet_mtl.tasks import CaseScores, Segmentation
from unet_mtl.wording import name_some

TASK = "masks"
"""What stands in the column `task` of the table."""

FEW_PATIENTS = 30
"""With fewer, bootstrap intervals are too narrow."""

RIM = "2 % of the picture's diagonal, at least one pixel"
"""Width of the rim of boundary_iou, as `metrics.score_mask` has it."""

FAILED = "a missed or hallucinated structure counts as the picture's diagonal in distances and 0 in Dice"


@dataclass(frozen=True)
class MaskEvaluation(Evaluation):
    """What was measured of masks in two folders; its task is "masks".

    Attributes:
        missing_predictions: Cases with a truth and no prediction.
        empty_predictions: Cases whose prediction is a file without any foreground, right or wrong.
        extra_predictions: Cases with a prediction and no truth, not measured.
        n_patients: Whose cases were measured.
        remarks: How files, numbers, distances and patients were read, and what to know of the figures.
        warnings: What was missing or extra, and what became of it; what looks wrong.
    """

    missing_predictions: tuple[str, ...] = ()
    empty_predictions: tuple[str, ...] = ()
    extra_predictions: tuple[str, ...] = ()
    n_patients: int = 0
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def score_pairs(
    pairs: Pairs,
    coding: Coding,
    owners: Owners,
    *,
    tolerance: float | None = None,
    missing: Missing = "empty",
    seed: int = 0,
    on_case: Callable[[], None] = lambda: None,
) -> MaskEvaluation:
    """Measures each case.

    Args:
        pairs: Of masks.
        coding: What their numbers mean.
        owners: Patients and spacings.
        tolerance: Of the surface Dice, in mm or, without spacing, pixels; None leaves that score out.
        missing: "empty": a truth without a prediction counts as if nothing had been found. "leave-out": it is
            not measured, and its row of cases.csv is empty.
        seed: Of the bootstrap.
        on_case: Called after each case, for a progress bar.

    Raises:
        ConfigError: Another word for `missing`.
        DataError: A mask has become unreadable since its numbers were looked at.
    """
    task = Segmentation(name=TASK, classes=coding.classes, tolerance=tolerance)
    found: dict[str, CaseScores] = {}
    empty: dict[str, bool] = {}
    for case in pairs.measured(missing):
        truth = read_indices(pairs.truth.files[case], coding.truth)
        predicted = pairs.prediction.files.get(case)
        mask = np.zeros_like(truth) if predicted is None else read_indices(predicted, coding.prediction)
        found[case] = task.score_mask(truth, mask, owners.spacings[case])
        if predicted is not None and not mask.any():
            empty[case] = bool(((truth > 0) & (truth != IGNORE)).any())
        on_case()
    scores = make_table(summarise_task(task, found, owners.patients, seed))
    notes = (
        *_empty_ones(empty, len(pairs.missing)),
        *_failures(scores),
        *_few_patients(owners.count_patients(found)),
    )
    return MaskEvaluation(
        scores=scores,
        cases=_case_table(pairs, owners, found, empty),
        facts={TASK: facts_of(found)},
        title=_title(pairs, missing),
        seed=seed,
        missing_predictions=tuple(pairs.missing),
        empty_predictions=tuple(empty),
        extra_predictions=tuple(pairs.extra),
        n_patients=owners.count_patients(found),
        remarks=(
            *_rests(pairs),
            *coding.remarks,
            owners.describe_patients(found),
            owners.distances,
            *notes,
        ),
        warnings=(*_left_over(pairs, missing), *coding.warnings),
    )


def require_folder(path: Path) -> None:
    """Makes sure that scores may be written below a path, before hours are spent on them.

    Raises:
        WriteError: A file is in the way.
    """
    there = next((part for part in (path, *path.parents) if part.exists()), None)
    if there is not None and not there.is_dir():
        raise WriteError(
            f"cannot write into {path}: {there} is a file; name a folder with --out, for cases.csv and summary.json"
        )


def write_scores(folder: Path, evaluation: MaskEvaluation, *, facts: Mapping[str, Any]) -> MaskEvaluation:
    """Writes cases.csv and summary.json.

    Args:
        folder: Made where absent; older files of the same names are replaced.
        evaluation: What was measured.
        facts: For the head of summary.json.

    Returns:
        The evaluation, which knows its folder now.

    Raises:
        WriteError: The disk refused.
    """
    head = {
        "version": version("unet-mtl"),
        **facts,
        "n_pairs": len(evaluation.cases) - len(evaluation.missing_predictions),
        "n_patients": evaluation.n_patients,
        "missing_predictions": list(evaluation.missing_predictions),
        "empty_predictions": list(evaluation.empty_predictions),
        "extra_predictions": list(evaluation.extra_predictions),
        "remarks": list(evaluation.remarks),
        "warnings": list(evaluation.warnings),
        "boundary_iou_rim": RIM,
    }
    write_tables(folder, evaluation, head)
    return replace(evaluation, folder=folder)


def _case_table(
    pairs: Pairs, owners: Owners, found: Mapping[str, CaseScores], empty: Mapping[str, bool]
) -> pd.DataFrame:
    states = dict.fromkeys(pairs.missing, "missing") | dict.fromkeys(empty, "empty")
    table = pd.DataFrame(
        [
            {"case": case, "patient": owners.patients[case], "prediction": states.get(case, "found")}
            for case in pairs.cases
        ]
    )
    columns = case_columns(found)
    # Pixels stay whole numbers beside the empty cells of a case that was left out.
    whole = dict.fromkeys(columns.select_dtypes("integer"), "Int64")
    return table.join(columns.astype(whole), on="case")


def _title(pairs: Pairs, missing: Missing) -> str:
    n_pairs, n_missing = len(pairs.paired), len(pairs.missing)
    title = f"{n_pairs:,} {'pair' if n_pairs == 1 else 'pairs'} of masks measured"
    if n_missing and missing == "empty":
        title += (
            f", and {n_missing:,} {'truth' if n_missing == 1 else 'truths'} without a prediction as empty"
        )
    return title


def _rests(pairs: Pairs) -> list[str]:
    return [f"{side.path}: passed over {side.rest}" for side in (pairs.truth, pairs.prediction) if side.rest]


def _empty_ones(empty: Mapping[str, bool], n_missing: int) -> list[str]:
    """Files without any foreground, apart from files that are missing."""
    wrong = [case for case, is_missed in empty.items() if is_missed]
    right = len(empty) - len(wrong)
    said = []
    if wrong:
        said.append(
            f"{count_files({'though the truth has something': len(wrong)})} ({name_some(wrong, MOST_NAMES)})"
        )
    if right:
        said.append(count_files({"rightly": right}))
    if empty and n_missing:
        said.append(f"besides, {n_missing:,} {'truth has' if n_missing == 1 else 'truths have'} no file")
    return [f"nothing predicted: in {'; '.join(said)}"] if said else []


def _failures(scores: pd.DataFrame) -> list[str]:
    return [FAILED] if (scores[["n_missed", "n_hallucinated"]] > 0).to_numpy().any() else []


def _few_patients(n: int) -> list[str]:
    if n >= FEW_PATIENTS:
        return []
    if n < 2:
        return ["intervals: none, since they need 2 patients"]
    return [
        f"intervals: of only {n} patients, and so too narrow; read them as a lower bound of the uncertainty"
    ]


def _left_over(pairs: Pairs, missing: Missing) -> list[str]:
    warnings = []
    if pairs.missing:
        n, total = len(pairs.missing), len(pairs.cases)
        what = "counted as empty predictions" if missing == "empty" else "LEFT OUT of all scores"
        warnings.append(
            f"{n:,} of {total:,} truths have no prediction, {what}: {name_some(pairs.missing, MOST_NAMES)}"
        )
    if pairs.extra:
        n, total = len(pairs.extra), len(pairs.prediction.files)
        warnings.append(
            f"{n:,} of {total:,} predictions have no truth, not measured: {name_some(pairs.extra, MOST_NAMES)}"
        )
    if pairs.hint:
        warnings.append(f"are these the same cases under other names? Then {pairs.hint}")
    return warnings
