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
from unet_mtl.inference.case_result import CaseResult, Extra, cases_of
from unet_mtl.inference.predictor import Predictor
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
    measured = _Measured(predictor)
    for result in predictor.predict(cases_of(dataset, predictor.inputs)):
        measured.add(result.require())
        del result  # releases the image and the masks before those of the next case are made
        on_case()
    return measured.summarise(dataset, seed)


def evaluate_beside_untuned(
    predictor: Predictor, untuned: Predictor, dataset: Dataset, *, on_case: Callable[[], None] = lambda: None
) -> tuple[Evaluation, Evaluation]:
    """Predict every case once, and measure its answers with and without decisions.

    Args:
        predictor: The predictor of a run with decisions.
        untuned: The predictor of the same run without them.
        dataset: The cases.
        on_case: Callback after each case, for a progress bar.

    Returns:
        The evaluations with and without decisions.

    Raises:
        DataError: As for `evaluate_cases`.
    """
    for table in predictor.inputs.tables:
        table.require_described(dataset.description)
    measured = _Measured(predictor), _Measured(untuned)
    for result in predictor.predict(cases_of(dataset, predictor.inputs)):
        measured[0].add(result.require())
        measured[1].add(untuned.decode_again(result).require())
        del result  # as in `evaluate_cases`
        on_case()
    tuned, without = (one.summarise(dataset, 0) for one in measured)
    return tuned, without


class _Measured:
    """Scores, facts and extras of the cases that one predictor has answered."""

    def __init__(self, predictor: CasePredictor) -> None:
        self._predictor = predictor
        self._records = CaseRecords.of_tasks(predictor.tasks)
        self._extras: list[Mapping[str, Extra]] = []  # one mapping for each case

    def add(self, result: CaseResult) -> None:
        self._records.add(result, self._predictor.tasks_of(result.case))
        self._extras.append(result.extras)

    def summarise(self, dataset: Dataset, seed: int) -> Evaluation:
        tasks, scores = self._predictor.tasks, self._records.scores
        patients = {record.case: record.patient for record in dataset}
        rows = [row for task in tasks for row in summarise_task(task, scores[task.name], patients, seed)]
        facts = {name: facts_of(cases) for name, cases in scores.items()}
        mark = " (SYNTHETIC data)" if dataset.description.synthetic else ""
        title = f"{count_of(len(dataset), 'case')} measured{mark}"
        summarise = partial(summarise_cases, patients=list(patients.values()))
        added = {
            add_on.name: add_on.count([by_name[add_on.name] for by_name in self._extras], summarise)
            for add_on in self._predictor.add_ons
        }
        by_case = _case_table(dataset, scores, self._extras)
        return Evaluation(
            make_table(rows), by_case, facts, title, seed=seed, added=added, records=self._records
        )


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
