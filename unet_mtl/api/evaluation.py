"""Measuring a run, or the runs of all folds, on labelled cases."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unet_mtl.arguments import check_types
from unet_mtl.progress import case_bar
from unet_mtl.runs import FoldsFolder, RunFolder
from unet_mtl.tasks import MaskTask, Pooling

if TYPE_CHECKING:
    from unet_mtl.evaluation.summary import Evaluation


@check_types
def evaluate(
    run: RunFolder | FoldsFolder | Path | str,
    *,
    split: str | None = None,
    data: Path | str | None = None,
    tolerance: float | None = None,
    by: Sequence[str] = (),
    per_patient: Pooling | None = None,
    untuned: bool = False,
    progress: bool = True,
) -> "Evaluation":
    """Measure a run on labelled cases and write `evaluation/<split>/` into it.

    A folder of folds is measured out of fold: each case by the network that did not learn from its patient, all cases
    together. The tables are in `evaluation/out_of_fold/`, and the result also has the scores of each fold, `by_fold`.

    Args:
        run: A trained run, or the folder of the runs of all folds from `train_folds`.
        split: "train", "val" or "test", as saved with the run (default: "test"); "all" for every case. None for folds.
        data: Folder of another data set with dataset.yaml; the default split is "all" then.
        tolerance: Accepted distance of an outline for the score surface_dice of all masks, in mm, or in pixels for
            cases without a spacing; None for the setting in the run's config.
        by: Columns by which the cases are grouped, so that each group is compared with the rest: any column of the
            table, "age:40,60" for bands of numbers with these limits, "age:tertiles", or "lesion_size" for the area of
            the foreground in the true mask.
        per_patient: How answers are pooled over the images of a patient, "mean", "max" or "most_suspicious", for
            further scores over patients; None for no such scores.
        untuned: Whether the thresholds, temperatures and clean-up that `tune` stored in the run are left out.
        progress: Whether to show a progress bar.

    Returns:
        The evaluation: one row for each task and score, with its interval, n, and the numbers of undefined, missed and
        hallucinated cases; `subgroups` and `by_patient` have what was requested. For a run that `tune` was called on,
        the scores without its decisions stand beside.

    Raises:
        RunError: `run` is not a trained run, or not all of its folds are.
        ConfigError: A group or `per_patient` does not suit the run, or a split or other data are requested of a folder
            of folds.
        DataError: The data are unreadable, missing, or changed since the training, or a group cannot be made of them.
    """
    from unet_mtl.evaluation.analyses import Analyses
    from unet_mtl.evaluation.evaluator import (
        evaluate_beside_untuned,
        evaluate_cases,
        with_tolerance,
    )
    from unet_mtl.evaluation.files import write_evaluation
    from unet_mtl.evaluation.source import cases_to_measure, splits_of
    from unet_mtl.evaluation.tuning import beside_untuned
    from unet_mtl.inference.predictor import Predictor
    from unet_mtl.studies.folds.evaluation import evaluate_folds

    if isinstance(run, FoldsFolder) or FoldsFolder.is_one(run):
        folds = (
            run
            if isinstance(run, FoldsFolder)
            else FoldsFolder(run.path if isinstance(run, RunFolder) else run)
        )
        return evaluate_folds(
            folds,
            split=split,
            data=data,
            tolerance=tolerance,
            by=by,
            per_patient=per_patient,
            untuned=untuned,
            progress=progress,
        )
    run = RunFolder.open(run)
    name, dataset = cases_to_measure(run, split, data)
    predictor = Predictor.load(run, tuned=not untuned)
    without = predictor.untuned()
    if tolerance is not None:
        for one in (predictor, without):
            one.tasks = with_tolerance(one.tasks, tolerance)
    analyses = Analyses.plan(dataset, predictor.tasks, by, per_patient)
    with case_bar("evaluating", len(dataset), shown=progress) as advance:
        if predictor.decisions.tasks:
            both = evaluate_beside_untuned(predictor, without, dataset, on_case=advance)
            evaluation = beside_untuned(*both, predictor.decisions)
        else:
            evaluation = evaluate_cases(predictor, dataset, on_case=advance)
    evaluation = analyses.add_to(evaluation, predictor.tasks, progress=progress)
    facts: dict[str, Any] = {"run": str(run.path), "split": name, "data": str(dataset.description.root)}
    facts["tolerance"] = {task.name: task.tolerance for task in predictor.tasks if isinstance(task, MaskTask)}
    return write_evaluation(
        run.evaluation(name),
        evaluation,
        predictor,
        dataset,
        facts=facts,
        splits=splits_of(run, dataset),
        digest="" if untuned else run.digest(),  # `compare` reads evaluations of the run with its decisions
    )
