"""Masks from any program against the true ones: the same scores and the same table as for a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from unet_mtl.errors import ConfigError
from unet_mtl.evaluation.names import name_some
from unet_mtl.evaluation.owners import Owners
from unet_mtl.evaluation.pairs import Pairs
from unet_mtl.evaluation.summary import (
    Evaluation,
    case_columns,
    facts_of,
    make_table,
    summarise_task,
    write_tables,
)
from unet_mtl.evaluation.values import Coding, read_indices
from unet_mtl.tasks import CaseScores, Segmentation

Missing = Literal["empty", "leave-out"]

TASK = "masks"
"""What stands in the column `task` of the table."""


@dataclass(frozen=True)
class MaskEvaluation(Evaluation):
    """What was measured of masks in two folders; its task is "masks".

    Attributes:
        missing_predictions: Cases with a truth and no prediction.
        extra_predictions: Cases with a prediction and no truth, not measured.
        remarks: How files, numbers, distances and patients were read.
        warnings: What was missing or extra, and what became of it.
    """

    missing_predictions: tuple[str, ...] = ()
    extra_predictions: tuple[str, ...] = ()
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
    if missing not in get_args(Missing):
        raise ConfigError(f"missing is {missing!r}; there is {' and '.join(map(repr, get_args(Missing)))}")
    task = Segmentation(name=TASK, classes=coding.classes, tolerance=tolerance)
    found: dict[str, CaseScores] = {}
    for case, path in pairs.truth.files.items():
        predicted = pairs.prediction.files.get(case)
        if predicted is not None or missing == "empty":
            truth = read_indices(path, coding.truth)
            mask = np.zeros_like(truth) if predicted is None else read_indices(predicted, coding.prediction)
            found[case] = task.score_mask(truth, mask, owners.spacings[case])
        on_case()
    sides = (pairs.truth, pairs.prediction)
    rests = [f"{side.path}: passed over {side.rest}" for side in sides if side.rest]
    return MaskEvaluation(
        scores=make_table(summarise_task(task, found, owners.patients, seed)),
        cases=_case_table(pairs, owners, found),
        facts={TASK: facts_of(found)},
        title=_title(pairs, missing),
        missing_predictions=tuple(pairs.missing),
        extra_predictions=tuple(pairs.extra),
        remarks=(*rests, *coding.remarks, owners.describe_patients(found), owners.distances),
        warnings=tuple(_warnings(pairs, missing)),
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
        "n_pairs": len(evaluation.cases) - len(evaluation.missing_predictions),
        "missing_predictions": list(evaluation.missing_predictions),
        "extra_predictions": list(evaluation.extra_predictions),
        "remarks": list(evaluation.remarks),
    }
    write_tables(folder, evaluation, {**facts, **head})
    return replace(evaluation, folder=folder)


def _case_table(pairs: Pairs, owners: Owners, found: Mapping[str, CaseScores]) -> pd.DataFrame:
    absent = set(pairs.missing)
    table = pd.DataFrame(
        [
            {
                "case": case,
                "patient": owners.patients[case],
                "prediction": "missing" if case in absent else "found",
            }
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


def _warnings(pairs: Pairs, missing: Missing) -> list[str]:
    warnings = []
    if pairs.missing:
        n, total = len(pairs.missing), len(pairs.cases)
        what = "counted as empty predictions" if missing == "empty" else "LEFT OUT of all scores"
        warnings.append(f"{n:,} of {total:,} truths have no prediction, {what}: {name_some(pairs.missing)}")
    if pairs.extra:
        n, total = len(pairs.extra), len(pairs.prediction.files)
        warnings.append(
            f"{n:,} of {total:,} predictions have no truth, not measured: {name_some(pairs.extra)}"
        )
    if pairs.hint:
        warnings.append(f"are these the same cases under other names? Then give {pairs.hint}")
    return warnings
