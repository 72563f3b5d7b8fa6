"""The evaluation of all folds together: every case is measured once, by the network that never saw its patient."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from unet_mtl.data.records import Dataset
from unet_mtl.errors import ConfigError
from unet_mtl.evaluation.analyses import Analyses
from unet_mtl.evaluation.evaluator import evaluate_cases, with_tolerance
from unet_mtl.evaluation.files import write_evaluation
from unet_mtl.evaluation.summary import Evaluation
from unet_mtl.progress import case_bar
from unet_mtl.runs.folds import FoldsFolder
from unet_mtl.studies.folds.out_of_fold import OutOfFold, load_out_of_fold, read_cases
from unet_mtl.studies.folds.spread import COLUMNS, add_spread, score_folds, write_by_fold
from unet_mtl.tasks import MaskTask, Pooling


@dataclass(frozen=True)
class FoldsEvaluation(Evaluation):
    """The result of an evaluation out of fold.

    The value and the interval of each score are those of the cases of all folds together. `scores` also has the mean
    over folds (mean_over_folds), its standard deviation (sd_over_folds) and the number of folds in which the score is
    defined (n_folds); `cases` has the fold.

    Attributes:
        by_fold: One row for each score and fold: task, score, label, fold, value, and the numbers of cases (n) and of
            patients that it is computed from.
    """

    by_fold: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COLUMNS)))


def pool_folds(
    predictor: OutOfFold, dataset: Dataset, *, seed: int = 0, on_case: Callable[[], None] = lambda: None
) -> FoldsEvaluation:
    """Predict every case out of fold, and measure all cases together and fold by fold.

    Args:
        predictor: The predictors of all folds.
        dataset: The cases of all folds; those of one fold should follow each other, which is faster.
        seed: Seed of the bootstrap.
        on_case: Callback after each case, for a progress bar.

    Raises:
        DataError: A case is in no fold, or a file is unreadable.
    """
    evaluation = evaluate_cases(predictor, dataset, seed=seed, on_case=on_case)
    tasks = {number: member.tasks for number, member in predictor.predictors.items()}
    by_fold = score_folds(evaluation, tasks, predictor.fold_of)
    evaluation = add_spread(evaluation, by_fold, tasks, predictor.fold_of)
    content = {part.name: getattr(evaluation, part.name) for part in fields(evaluation)}
    return FoldsEvaluation(**content, by_fold=by_fold)


def evaluate_folds(
    folder: FoldsFolder,
    *,
    split: str | None,
    data: Path | str | None,
    tolerance: float | None,
    by: Sequence[str] = (),
    per_patient: Pooling | None = None,
    untuned: bool = False,
    progress: bool,
) -> FoldsEvaluation:
    """Measure all folds out of fold and write `evaluation/out_of_fold/` into their folder.

    Args:
        folder: The folder of the folds.
        split: None, since every case is measured.
        data: None, since every network may have seen other patients of other data.
        tolerance: Accepted distance of an outline for the score surface_dice; None for that in the config.
        by: Columns by which the cases are grouped; see `unet_mtl.evaluate`.
        per_patient: How answers are pooled over the images of a patient; None for no answers for patients.
        untuned: Whether the decisions that `tune` stored in the runs are left out.
        progress: Whether to show a progress bar.

    Raises:
        ConfigError: A split or other data were requested, or a group or `per_patient` does not suit the runs.
        RunError: The folder or one of its runs is unfinished, damaged, or does not fit the others.
        DataError: The data are unreadable, missing, or changed since the training.
    """
    if split is not None or data is not None:
        wanted = f"`split` {split}" if data is None else f"`data` {data}"
        raise ConfigError(
            f"{folder.path} has the runs of all folds, which are measured on the cases that each left out; for "
            f"{wanted} give one of its runs, such as {folder.path / 'fold1'}"
        )
    folder = FoldsFolder.open(folder)
    dataset = read_cases(folder)
    predictor = load_out_of_fold(folder, tuned=not untuned)
    if tolerance is not None:
        for member in predictor.predictors.values():
            member.tasks = with_tolerance(member.tasks, tolerance)
    analyses = Analyses.plan(dataset, predictor.tasks, by, per_patient)
    with case_bar("evaluating", len(dataset), shown=progress) as advance:
        evaluation = pool_folds(predictor, dataset, on_case=advance)
    evaluation = analyses.add_to(evaluation, predictor.tasks, progress=progress)
    written = write_evaluation(
        folder.evaluation(),
        evaluation,
        predictor,
        dataset,
        facts=_describe(folder, dataset, predictor),
        splits=dict.fromkeys((record.case for record in dataset), "out_of_fold"),
        digest="" if untuned else folder.digest(),
    )
    write_by_fold(folder.evaluation(), evaluation.by_fold)
    return written


def _describe(folder: FoldsFolder, dataset: Dataset, predictor: OutOfFold) -> dict[str, Any]:
    table = folder.read_folds()
    return {
        "run": str(folder.path),
        "split": "out_of_fold",
        "data": str(dataset.description.root),
        "folds": {str(number): int(n) for number, n in table["fold"].value_counts().sort_index().items()},
        "tolerance": {task.name: task.tolerance for task in predictor.tasks if isinstance(task, MaskTask)},
    }
