"""Scores of masks from any program, in the same table as those of a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unet_mtl.data.images import IGNORE
from unet_mtl.evaluation.summary import (
    Evaluation,
    case_columns,
    describe_few_patients,
    facts_of,
    make_table,
    summarise_task,
    write_tables,
)
from unet_mtl.scoring.class_mapping import ClassMapping, read_indices
from unet_mtl.scoring.names import MOST_NAMES, count_files
from unet_mtl.scoring.pairs import Missing, Pairs
from unet_mtl.scoring.patients import CaseDetails
from unet_mtl.tasks import CaseScores, Segmentation
from unet_mtl.wording import count_of, name_some

TASK = "masks"
"""The name of the task in the table."""

RIM = "2 % of the image diagonal, at least one pixel"
"""The width of the rim of boundary_iou in `metrics.score_mask`."""

FAILED = "a missed or hallucinated structure counts as the image diagonal in distances and as 0 in Dice"


@dataclass(frozen=True)
class MaskEvaluation(Evaluation):
    """The scores of the masks in two folders; their task is "masks".

    Attributes:
        missing_predictions: Cases with a true mask and no prediction.
        empty_predictions: Cases with a predicted mask that has no foreground, whether that is correct or not.
        extra_predictions: Cases with a prediction and no true mask, which are not measured.
        n_patients: The number of patients with measured cases.
        remarks: How files, pixel values, distances and patients were read, and notes on the scores.
        warnings: What is missing or extra and how it was treated, and what may be wrong.
    """

    missing_predictions: tuple[str, ...] = ()
    empty_predictions: tuple[str, ...] = ()
    extra_predictions: tuple[str, ...] = ()
    n_patients: int = 0
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def score_pairs(
    pairs: Pairs,
    mapping: ClassMapping,
    details: CaseDetails,
    *,
    tolerance: float | None = None,
    missing: Missing = "empty",
    seed: int = 0,
    on_case: Callable[[], None] = lambda: None,
) -> MaskEvaluation:
    """Measure each case.

    Args:
        pairs: The two folders.
        mapping: The class of each pixel value.
        details: The patients and spacings of the cases.
        tolerance: The tolerance of the surface Dice in mm or, without a spacing, in pixels; None to leave that score
            out.
        missing: "empty": a true mask without a prediction counts as an empty prediction. "leave-out": it is not
            measured, and its row of cases.csv is empty.
        seed: Seed of the bootstrap.
        on_case: A function to call after each case.

    Raises:
        ConfigError: `missing` is another word.
        DataError: A mask has become unreadable since its pixel values were collected.
    """
    task = Segmentation(name=TASK, classes=mapping.classes, tolerance=tolerance)
    scored: dict[str, CaseScores] = {}
    empty: dict[str, bool] = {}
    for case in pairs.measured(missing):
        truth = read_indices(pairs.truth.files[case], mapping.truth)
        predicted = pairs.prediction.files.get(case)
        mask = np.zeros_like(truth) if predicted is None else read_indices(predicted, mapping.prediction)
        scored[case] = task.score_mask(truth, mask, details.spacings[case])
        if predicted is not None and not mask.any():
            empty[case] = bool(((truth > 0) & (truth != IGNORE)).any())
        on_case()
    scores = make_table(summarise_task(task, scored, details.patients, seed))
    notes = (
        *_describe_empty(empty, len(pairs.missing)),
        *_describe_failures(scores),
        *describe_few_patients(details.count_patients(scored)),
    )
    return MaskEvaluation(
        scores=scores,
        cases=_case_table(pairs, details, scored, empty),
        facts={TASK: facts_of(scored)},
        title=_title(pairs, missing),
        seed=seed,
        missing_predictions=tuple(pairs.missing),
        empty_predictions=tuple(empty),
        extra_predictions=tuple(pairs.extra),
        n_patients=details.count_patients(scored),
        remarks=(
            *_describe_ignored(pairs),
            *mapping.remarks,
            details.describe_patients(scored),
            *details.unused,
            details.distances,
            *notes,
        ),
        warnings=(
            *_describe_unpaired(pairs, missing),
            *mapping.warnings,
            *details.warn_of_spellings(scored),
        ),
    )


def write_scores(folder: Path, evaluation: MaskEvaluation, *, facts: Mapping[str, Any]) -> MaskEvaluation:
    """Write cases.csv and summary.json.

    Args:
        folder: The folder, which is made if it does not exist; older files of the same names are replaced.
        evaluation: The scores.
        facts: Entries for the beginning of summary.json.

    Returns:
        The evaluation with its folder.

    Raises:
        WriteError: The operating system refused the write.
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
    pairs: Pairs, details: CaseDetails, scored: Mapping[str, CaseScores], empty: Mapping[str, bool]
) -> pd.DataFrame:
    states = dict.fromkeys(pairs.missing, "missing") | dict.fromkeys(empty, "empty")
    table = pd.DataFrame(
        [
            {"case": case, "patient": details.patients[case], "prediction": states.get(case, "found")}
            for case in pairs.cases
        ]
    )
    columns = case_columns(scored)
    # Pixel counts stay whole numbers although the cells of a case that was left out are empty.
    whole = dict.fromkeys(columns.select_dtypes("integer"), "Int64")
    return table.join(columns.astype(whole), on="case")


def _title(pairs: Pairs, missing: Missing) -> str:
    n_pairs, n_missing = len(pairs.paired), len(pairs.missing)
    title = f"{count_of(n_pairs, 'pair')} of masks"
    if n_missing and missing == "empty":
        title += f", and {count_of(n_missing, 'missing prediction')} counted as empty"
    return title


def _describe_ignored(pairs: Pairs) -> list[str]:
    sides = (pairs.truth, pairs.prediction)
    return [f"{side.path}: ignored {side.ignored}" for side in sides if side.ignored]


def _describe_empty(empty: Mapping[str, bool], n_missing: int) -> list[str]:
    """Describe predicted masks without foreground, as distinct from missing files."""
    wrong = [case for case, is_missed in empty.items() if is_missed]
    right = len(empty) - len(wrong)
    parts = []
    if wrong:
        files = count_files({"though the true mask has a foreground": len(wrong)})
        parts.append(f"{files} ({name_some(wrong, MOST_NAMES)})")
    if right:
        parts.append(count_files({"correctly": right}))
    if empty and n_missing:
        has = "has" if n_missing == 1 else "have"
        parts.append(f"in addition, {count_of(n_missing, 'true mask')} {has} no predicted file")
    return [f"nothing predicted: in {'; '.join(parts)}"] if parts else []


def _describe_failures(scores: pd.DataFrame) -> list[str]:
    return [FAILED] if (scores[["n_missed", "n_hallucinated"]] > 0).to_numpy().any() else []


def _describe_unpaired(pairs: Pairs, missing: Missing) -> list[str]:
    warnings = []
    if pairs.missing:
        n, total = len(pairs.missing), len(pairs.cases)
        treatment = "counted as empty predictions" if missing == "empty" else "LEFT OUT of all scores"
        names = name_some(pairs.missing, MOST_NAMES)
        warnings.append(f"{n:,} of {count_of(total, 'true mask')} have no prediction, {treatment}: {names}")
    if pairs.extra:
        n, total = len(pairs.extra), len(pairs.prediction.files)
        names = name_some(pairs.extra, MOST_NAMES)
        warnings.append(f"{n:,} of {count_of(total, 'prediction')} have no true mask, not measured: {names}")
    if pairs.hint:
        warnings.append(f"are these the same cases under other names? Then {pairs.hint}")
    return warnings
