"""An evaluation on disk: tables, set pictures, and overlays of the best, the middle and the worst cases."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from unet_mtl.data.records import Dataset, Record
from unet_mtl.evaluation.summary import Evaluation, write_tables
from unet_mtl.inference.overlays import draw_overlay, make_overlay
from unet_mtl.inference.predictor import Predictor
from unet_mtl.plots.overlay import new_figure, save_figure
from unet_mtl.tasks import Task

SYNTHETIC = "SYNTHETIC data"


def write_evaluation(
    folder: Path, evaluation: Evaluation, predictor: Predictor, dataset: Dataset, *, facts: dict[str, Any]
) -> Evaluation:
    """Writes cases.csv, summary.json, a picture for each task, and overlays.

    Args:
        folder: Made where absent; older files of the same names are replaced.
        evaluation: What was measured.
        predictor: Draws the overlays' answers.
        dataset: The cases that were measured.
        facts: Of the run and the data, for the head of summary.json.

    Returns:
        The evaluation, which knows its folder now.

    Raises:
        WriteError: The disk refused.
    """
    write_tables(folder, evaluation, facts | {"n_cases": len(dataset)})
    mark = SYNTHETIC if dataset.description.synthetic else ""
    for task in predictor.tasks:
        path = folder / f"{task.name}_{task.picture}.png"
        if len(evaluation.facts[task.name]):
            _write_set_picture(path, task, evaluation.facts[task.name], mark)
        else:  # or one of other cases would stay
            path.unlink(missing_ok=True)
    if dataset.description.images is not None:
        _write_overlays(folder / "overlays", evaluation, predictor, dataset, mark)
    return replace(evaluation, folder=folder)


def _write_set_picture(path: Path, task: Task[Any, Any], facts: pd.DataFrame, mark: str) -> None:
    figure = new_figure(5.0, 4.2)
    axes = figure.subplots()
    task.draw_set(axes, facts)
    axes.set_title(f"{task.name}, n={len(facts)}" + (f" ({mark})" if mark else ""), fontsize=10)
    save_figure(figure, path)


def _write_overlays(
    folder: Path, evaluation: Evaluation, predictor: Predictor, dataset: Dataset, mark: str
) -> None:
    chosen = choose_cases(evaluation.cases, predictor.tasks)
    for old in folder.glob("*.png"):
        old.unlink()
    if not chosen:
        return
    records = {record.case: record for record in dataset}
    sheet = new_figure(4.0 * 3, 5.3 * -(-len(chosen) // 3), images=True)
    panels = sheet.subplots(-(-len(chosen) // 3), 3, squeeze=False).ravel()
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    for axes, (place, case, value) in zip(panels, chosen, strict=False):
        heading = f"{place}: {case}, {value}" + (f" ({mark})" if mark else "")
        image, answers, truths = _overlay_parts(predictor, dataset, records[case])
        verdicts = predictor.check(answers, records[case].spacing_mm)
        parts = (predictor.tasks, image, answers, truths, heading, verdicts)
        draw_overlay(axes, *parts)
        save_figure(make_overlay(*parts), folder / f"{place.replace(' ', '_')}_{case}.png")
    sheet.suptitle(_describe_ranking(evaluation.cases, predictor.tasks), fontsize=10)
    save_figure(sheet, folder / "overview.png")


def _overlay_parts(predictor: Predictor, dataset: Dataset, record: Record) -> tuple[Any, Any, Any]:
    truths = {task.name: task.read(record, dataset.description) for task in predictor.tasks}
    image = predictor.preprocess.open(record.require_image(), record.frame)
    return image, predictor(record.image, record.frame, predictor.inputs.columns_of(record)), truths


def choose_cases(
    cases: pd.DataFrame, tasks: Sequence[Task[Any, Any]], each: int = 3
) -> list[tuple[str, str, str]]:
    """The worst, the middle and the best cases by the ranking score of the first task that has one.

    Returns:
        (place, case, the score in words), the worst first; fewer than 3 * each where there are fewer cases.
    """
    ranking = _find_ranking(cases, tasks)
    if ranking is None:
        return []
    column, score, higher = ranking
    order = cases.dropna(subset=[column]).sort_values(column, ascending=higher, kind="stable")
    return _places(order, column, score, each)


def _find_ranking(cases: pd.DataFrame, tasks: Sequence[Task[Any, Any]]) -> tuple[str, str, bool] | None:
    """(column of cases, its score, whether higher is better) of the first task that any case has a score of."""
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
    return f"by {ranking[0]}, n={n} of {len(cases)} cases"


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
