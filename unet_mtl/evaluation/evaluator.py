"""Measures all tasks of a run on labelled cases."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from unet_mtl.data.records import Dataset
from unet_mtl.errors import ConfigError
from unet_mtl.evaluation.case_records import CaseRecords
from unet_mtl.evaluation.summary import (
    Evaluation,
    case_columns,
    facts_of,
    make_table,
    summarise_cases,
    summarise_task,
)
from unet_mtl.inference.case_predictor import CasePredictor
from unet_mtl.inference.case_result import Extra, cases_of
from unet_mtl.tasks import CaseScores, MaskTask, Task
from unet_mtl.wording import count_of


def evaluate_cases(
    predictor: CasePredictor, dataset: Dataset, *, seed: int = 0, on_case: Callable[[], None] = lambda: None
) -> Evaluation:
    """Predict every case and measure each task on the cases with its label.

    Scores, facts and extras of all cases are kept, images and outputs are not.

    Args:
        predictor: The predictor of a run, or one that leaves each case to another run.
        dataset: The cases; masks are compared at the original size.
        seed: Seed of the bootstrap.
        on_case: Callback after each case, for a progress bar.

    Raises:
        DataError: A file is unreadable, or the data set describes columns or masks otherwise than the run's.
    """
    for table in predictor.inputs.tables:
        table.require_described(dataset.description)
    records = CaseRecords.of_tasks(predictor.tasks)
    scores = records.scores
    extras: list[Mapping[str, Extra]] = []  # One mapping for each case.
    for result in predictor.predict(cases_of(dataset, predictor.inputs)):
        records.add(result.require(), predictor.tasks_of(result.case))
        extras.append(result.extras)
        del result  # releases the image and the masks before those of the next case are made
        on_case()
    patients = {record.case: record.patient for record in dataset}
    rows = [
        row for task in predictor.tasks for row in summarise_task(task, scores[task.name], patients, seed)
    ]
    facts = {name: facts_of(cases) for name, cases in scores.items()}
    mark = " (SYNTHETIC data)" if dataset.description.synthetic else ""
    title = f"{count_of(len(dataset), 'case')} measured{mark}"
    summarise = partial(summarise_cases, patients=list(patients.values()))
    added = {
        add_on.name: add_on.count([by_name[add_on.name] for by_name in extras], summarise)
        for add_on in predictor.add_ons
    }
    by_case = _case_table(dataset, scores, extras)
    return Evaluation(make_table(rows), by_case, facts, title, seed=seed, added=added, records=records)


def _case_table(
    dataset: Dataset, scores: Mapping[str, Mapping[str, CaseScores]], extras: Sequence[Mapping[str, Extra]]
) -> pd.DataFrame:
    table = pd.DataFrame([{"case": r.case, "patient": r.patient} for r in dataset]).set_index("case")
    for name, cases in scores.items():
        table = table.join(case_columns(cases).add_prefix(f"{name}_"))
    cells = [
        {name: cell for extra in by_name.values() for name, cell in extra.cells().items()}
        for by_name in extras
    ]
    return table.join(pd.DataFrame(cells, index=table.index)).reset_index()


def with_tolerance(tasks: Sequence[Task[Any, Any]], tolerance: float) -> tuple[Task[Any, Any], ...]:
    """Return the tasks with another tolerance of the surface Dice.

    Args:
        tasks: Tasks of the run; those without masks are returned unchanged.
        tolerance: Accepted distance in mm, or in pixels for cases without a spacing.

    Raises:
        ConfigError: The tolerance is not above 0, or no task predicts a mask.
    """
    if not 0 < tolerance < float("inf"):
        raise ConfigError(f"`tolerance` is {tolerance:g}; expected millimetres (or pixels) above 0")
    if not any(isinstance(task, MaskTask) for task in tasks):
        raise ConfigError("`tolerance` applies to masks, and the run has no segmentation; leave it out")
    return tuple(
        task.model_copy(update={"tolerance": tolerance}) if isinstance(task, MaskTask) else task
        for task in tasks
    )
