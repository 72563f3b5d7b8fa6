"""Measures every answer of a run on labelled cases."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from unet_mtl.consistency import name_contradictions, name_unchecked, said_by_labels
from unet_mtl.data.records import Dataset
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation.contradictions import Verdicts, count_contradictions
from unet_mtl.evaluation.summary import Evaluation, case_columns, facts_of, make_table, summarise_task
from unet_mtl.inference.predictor import Predictor
from unet_mtl.tasks import CaseScores, MaskTask, Task


def evaluate_cases(
    predictor: Predictor, dataset: Dataset, *, seed: int = 0, on_case: Callable[[], None] = lambda: None
) -> Evaluation:
    """Predicts every case and measures each task on its labelled ones.

    Args:
        predictor: Of a run.
        dataset: The cases; masks are compared at the original size.
        seed: Of the bootstrap.
        on_case: Called after each case, for a progress bar.

    Raises:
        DataError: A file is unreadable, or the data set means something else than the run's.
    """
    found: dict[str, dict[str, CaseScores]] = {task.name: {} for task in predictor.tasks}
    for table in predictor.inputs.tables:
        table.require_described(dataset.description)
    answers = predictor.predict(
        [record.image for record in dataset],
        [record.frame for record in dataset],
        [predictor.inputs.columns_of(record) for record in dataset],
    )
    answered: list[Verdicts] = []
    labelled: list[Verdicts] = []
    for record, (_, answer) in zip(dataset, answers, strict=True):
        if isinstance(answer, DataError):
            raise answer
        truths = {task.name: task.read(record, dataset.description) for task in predictor.tasks}
        for task in predictor.tasks:
            if (truth := truths[task.name]) is not None:
                found[task.name][record.case] = task.score_case(truth, answer[task.name], record.spacing_mm)
        if predictor.rules:
            answered.append(predictor.check(answer, record.spacing_mm))
            labels = said_by_labels(predictor.tasks, truths, record, dataset.description)
            labelled.append([rule.check(labels) for rule in predictor.rules])
        on_case()
    patients = {record.case: record.patient for record in dataset}
    rows = [row for task in predictor.tasks for row in summarise_task(task, found[task.name], patients, seed)]
    facts = {name: facts_of(cases) for name, cases in found.items()}
    by_case = _case_table(dataset, found)
    if predictor.rules:
        by_case["contradictions"] = [name_contradictions(case) for case in answered]
        by_case["not_checked"] = [name_unchecked(predictor.rules, case) for case in answered]
        by_case["contradictions_of_labels"] = [name_contradictions(case) for case in labelled]
    mark = " (SYNTHETIC data)" if dataset.description.synthetic else ""
    title = f"{len(dataset)} cases measured{mark}"
    contradictions = count_contradictions(predictor.rules, answered, labelled, list(patients.values()), seed)
    return Evaluation(make_table(rows), by_case, facts, title, seed=seed, contradictions=contradictions)


def _case_table(dataset: Dataset, found: dict[str, dict[str, CaseScores]]) -> pd.DataFrame:
    table = pd.DataFrame([{"case": r.case, "patient": r.patient} for r in dataset]).set_index("case")
    for name, cases in found.items():
        table = table.join(case_columns(cases).add_prefix(f"{name}_"))
    return table.reset_index()


def with_tolerance(tasks: Sequence[Task[Any, Any]], tolerance: float) -> tuple[Task[Any, Any], ...]:
    """The tasks, those of masks with another tolerance of the surface Dice.

    Raises:
        ConfigError: It is not above 0, or there is no mask to measure.
    """
    if not 0 < tolerance < float("inf"):
        raise ConfigError(f"tolerance is {tolerance:g}; expected millimetres (or pixels) above 0")
    if not any(isinstance(task, MaskTask) for task in tasks):
        raise ConfigError("tolerance is for masks, and the run has no segmentation")
    return tuple(
        task.model_copy(update={"tolerance": tolerance}) if isinstance(task, MaskTask) else task
        for task in tasks
    )
