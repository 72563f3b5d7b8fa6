"""An evaluation on disk: tables, set pictures, and overlays of the worst, the middle and the best cases."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from unet_mtl.data.records import Dataset
from unet_mtl.data.tables import guard_formulas
from unet_mtl.evaluation.case_records import tabulate_scores
from unet_mtl.evaluation.patients import write_patients
from unet_mtl.evaluation.stored import write_records
from unet_mtl.evaluation.summary import Evaluation, write_tables
from unet_mtl.files import writing
from unet_mtl.inference.case_predictor import CasePredictor
from unet_mtl.inference.case_result import cases_of
from unet_mtl.inference.overlays import make_overlay
from unet_mtl.plots.overlay import new_figure, save_figure
from unet_mtl.plots.picture_grid import draw_grid, render_png
from unet_mtl.tasks import Task
from unet_mtl.wording import count_of

SYNTHETIC = "SYNTHETIC data"
SUBGROUPS = "subgroups.csv"

_Evaluated = TypeVar("_Evaluated", bound=Evaluation)


def write_evaluation(
    folder: Path,
    evaluation: _Evaluated,
    predictor: CasePredictor,
    dataset: Dataset,
    *,
    facts: dict[str, Any],
    splits: Mapping[str, str],
    digest: str,
) -> _Evaluated:
    """Write the tables, a picture for each task, and overlays.

    Args:
        folder: Folder for the files; created if it is absent. Older files of the same names are replaced.
        evaluation: The evaluation to write.
        predictor: The predictor of the run, which predicts the cases of the overlays once more.
        dataset: The cases that were measured.
        facts: Facts about the run and the data, for the head of summary.json.
        splits: Split by case; cases without an entry have none.
        digest: Digest of the run, by which `compare` knows whether the evaluation is that of the run as it is then.

    Returns:
        The evaluation with its folder.

    Raises:
        WriteError: The system refused to write a file.
    """
    write_tables(folder, evaluation, facts | {"n_cases": len(dataset)})
    evaluation = write_case_tables(folder, evaluation, predictor.tasks, splits=splits, digest=digest)
    mark = f" ({SYNTHETIC})" if dataset.description.synthetic else ""
    for task in predictor.tasks:
        path = folder / f"{task.name}_{task.picture}.png"
        if len(evaluation.facts[task.name]):
            _write_set_picture(path, task, evaluation.facts[task.name], mark)
        else:  # A picture of an earlier evaluation would remain.
            path.unlink(missing_ok=True)
    if dataset.description.images is not None:
        _write_overlays(folder / "overlays", evaluation, predictor, dataset, mark)
    return replace(evaluation, folder=folder)


def write_case_tables(
    folder: Path,
    evaluation: _Evaluated,
    tasks: Sequence[Task[Any, Any]],
    *,
    splits: Mapping[str, str],
    digest: str,
) -> _Evaluated:
    """Write scores.csv and records.json and, where they were requested, subgroups.csv, patients.csv and patients.json.

    Files of an earlier evaluation that were not requested again are removed.

    Args:
        folder: Folder for the files.
        evaluation: The evaluation to write; without records, nothing is written.
        tasks: Tasks of the run.
        splits: Split by case.
        digest: Digest of the run.

    Returns:
        The evaluation, with the folder in that of the patients.

    Raises:
        WriteError: The system refused to write a file.
    """
    records, by_patient = evaluation.records, evaluation.by_patient
    if records is None:
        return evaluation
    for name in (SUBGROUPS, "patients.csv", "patients.json"):
        (folder / name).unlink(missing_ok=True)
    with writing(folder / "scores.csv") as temporary:
        table = tabulate_scores(tasks, records, evaluation.cases, splits)
        guard_formulas(table).to_csv(temporary, index=False)
        write_records(folder, records, evaluation.cases, digest)
    if not evaluation.subgroups.empty:
        with writing(folder / SUBGROUPS) as temporary:
            guard_formulas(evaluation.subgroups).to_csv(temporary, index=False)
    if by_patient is None:
        return evaluation
    return replace(evaluation, by_patient=write_patients(folder, by_patient))


def _write_set_picture(path: Path, task: Task[Any, Any], facts: pd.DataFrame, mark: str) -> None:
    figure = new_figure(5.0, 4.2)
    axes = figure.subplots()
    task.draw_set(axes, facts)
    axes.set_title(f"{task.name}, n={len(facts)}{mark}", fontsize=10)
    save_figure(figure, path)


def _write_overlays(
    folder: Path, evaluation: Evaluation, predictor: CasePredictor, dataset: Dataset, mark: str
) -> None:
    chosen = choose_cases(evaluation.cases, predictor.tasks)
    for old in folder.glob("*.png"):
        old.unlink()
    if not chosen:
        return
    records = {record.case: record for record in dataset}
    # The images and outputs of the measured cases are not kept: the few that are drawn are predicted once more.
    cases = cases_of(dataset.only([records[case] for _, case, _ in chosen]), predictor.inputs)
    pictures = []
    for (place, case, value), result in zip(chosen, predictor.predict(cases), strict=True):
        figure = make_overlay(predictor.tasks, result.require(), f"{place}: {case}, {value}{mark}")
        picture = render_png(figure)
        with writing(folder / f"{place.replace(' ', '_')}_{case}.png") as temporary:
            temporary.write_bytes(picture)
        pictures.append(picture)
    title = _describe_ranking(evaluation.cases, predictor.tasks)
    save_figure(draw_grid(pictures, columns=3, title=title), folder / "overview.png")


def choose_cases(
    cases: pd.DataFrame, tasks: Sequence[Task[Any, Any]], each: int = 3
) -> list[tuple[str, str, str]]:
    """Choose the worst, the middle and the best cases by the ranking score of the first task that has one.

    Args:
        cases: Scores by case, in the form of `Evaluation.cases`.
        tasks: Tasks of the run.
        each: Number of cases of each kind.

    Returns:
        (place, case, name and value of the score), the worst first; fewer than 3 * `each` if there are fewer cases.
    """
    ranking = _find_ranking(cases, tasks)
    if ranking is None:
        return []
    column, score, higher = ranking
    order = cases.dropna(subset=[column]).sort_values(column, ascending=higher, kind="stable")
    return _places(order, column, score, each)


def _find_ranking(cases: pd.DataFrame, tasks: Sequence[Task[Any, Any]]) -> tuple[str, str, bool] | None:
    """Return (column of cases, its score, whether higher is better) for the first task with a score for any case."""
    for task in tasks:
        score, higher = task.ranking
        column = f"{task.name}_{score}"
        if column in cases and cases[column].notna().any():
            return column, score, higher
    return None


def _describe_ranking(cases: pd.DataFrame, tasks: Sequence[Task[Any, Any]]) -> str:
    ranking = _find_ranking(cases, tasks)
    if ranking is None:
        return ""
    n = int(cases[ranking[0]].notna().sum())
    return f"by {ranking[0]}, n={n} of {count_of(len(cases), 'case')}"


def _places(order: pd.DataFrame, column: str, score: str, each: int) -> list[tuple[str, str, str]]:
    n = len(order)
    each = min(each, max(n // 3, 1))
    middle = (n - each) // 2
    positions = {
        "worst": range(each),
        "middle": range(middle, middle + each),
        "best": range(n - 1, n - 1 - each, -1),
    }
    return [
        (f"{place} {rank}", str(order["case"].iloc[row]), f"{score} {order[column].iloc[row]:.3f}")
        for place, rows in positions.items()
        for rank, row in enumerate(rows, start=1)
    ]
