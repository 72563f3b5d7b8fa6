"""Chooses the decisions of a run on its validation cases."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from unet_mtl.data.records import Dataset
from unet_mtl.data.view import View
from unet_mtl.decisions.aims import Aims
from unet_mtl.decisions.registry import TUNERS
from unet_mtl.decisions.stored import Decisions
from unet_mtl.decisions.tuner import Sample, Tuner
from unet_mtl.errors import ConfigError
from unet_mtl.evaluation.summary import Evaluation
from unet_mtl.inference.case_result import CaseResult, cases_of
from unet_mtl.inference.predictor import Predictor
from unet_mtl.tasks import Task
from unet_mtl.wording import count_of

Bar = Callable[[str, int], AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True)
class Tuning:
    """What `tune` chose.

    Attributes:
        decisions: What is stored in the run.
        choices: One row for each threshold or clean-up: task, part (class or label), aim, what was chosen, the score of
            the aim without and with it on the validation cases (which it was chosen on, so that it is optimistic), n,
            and the number of positive cases.
        calibration: One row for each task and score of its probabilities, before and after, each with a 95 % bootstrap
            interval over patients.
        notes: Sentences about what was not chosen, and about few cases.
    """

    decisions: Decisions
    choices: pd.DataFrame
    calibration: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        tables = [table.to_string(index=False) for table in (self.choices, self.calibration) if len(table)]
        return "\n\n".join([*tables, *self.notes])


def make_tuners(tasks: Sequence[Task[Any, Any]], aims: Sequence[str], *, clean_up: bool) -> list[Tuner[Any]]:
    """Return the tuners of the tasks that have decisions.

    Args:
        tasks: The tasks of the run, with the settings of the training.
        aims: Aims such as "f1" or "TASK.PART=sensitivity>=0.95".
        clean_up: Whether a clean-up of masks is chosen.

    Raises:
        ConfigError: An aim cannot be read, or does not fit a task; or no task has decisions.
    """
    kinds = {task.name: TUNERS[task.kind] for task in tasks if task.kind in TUNERS}
    if not kinds:
        raise ConfigError("the run has no task with a threshold or a temperature; there is nothing to tune")
    parts = {task.name: kinds[task.name].parts_of(task) for task in tasks if task.name in kinds}
    parsed = Aims(aims, tasks, parts)
    return [kinds[task.name](task, parsed, clean_up=clean_up) for task in tasks if task.name in kinds]


def tune_cases(predictor: Predictor, dataset: Dataset, tuners: Sequence[Tuner[Any]], bar: Bar) -> Tuning:
    """Choose the decisions on labelled cases, in up to three passes over them.

    Args:
        predictor: The predictor of the run without decisions; its tasks are replaced.
        dataset: The validation cases.
        tuners: From `make_tuners`.
        bar: Makes the progress bar of a pass from its words and the number of cases.

    Raises:
        DataError: A file is unreadable.
    """
    predictor.add_ons = ()
    waiting, number = list(tuners), 0
    while waiting:
        number += 1
        current = {tuner.task.name: tuner.task for tuner in tuners}
        predictor.tasks = tuple(current.get(task.name, task) for task in predictor.tasks)
        with bar(f"tuning, pass {number}", len(dataset)) as advance:
            for result in predictor.predict(cases_of(dataset, predictor.inputs)):
                for tuner in waiting:
                    if (sample := _sample(predictor, tuner.task, result.require())) is not None:
                        tuner.see(sample)
                del result  # releases the image and the masks before those of the next case are made
                advance()
        waiting = [tuner for tuner in waiting if tuner.end_pass()]
    found = tuple(decision for tuner in tuners if (decision := tuner.finish()) is not None)
    choices = pd.DataFrame([row for tuner in tuners for row in tuner.choices])
    return Tuning(
        Decisions(n_cases=len(dataset), tasks=found),
        choices if choices.empty else choices.astype({"n_positive": "Int64"}),
        pd.DataFrame([row for tuner in tuners for row in tuner.calibration]),
        tuple(note for tuner in tuners for note in tuner.notes),
    )


def _sample(predictor: Predictor, task: Task[Any, Any], result: CaseResult) -> Sample | None:
    truth = result.truths[task.name]
    if truth is None or result.case.record is None:
        return None
    view = None
    if result.image is not None:
        size = (result.image.shape[0], result.image.shape[1])
        view = View(predictor.preprocess.resize_factors(size), result.case.spacing_mm)
    raw, answer = result.raw[task.name], result.answers[task.name]
    return Sample(truth, raw, answer, result.case.record.patient, result.case.spacing_mm, view)


def beside_untuned(tuned: Evaluation, untuned: Evaluation, decisions: Decisions) -> Evaluation:
    """Return an evaluation with decisions, with the scores without them beside.

    Args:
        tuned: The evaluation with decisions.
        untuned: The evaluation of the same cases without them.
        decisions: The decisions.
    """
    names = {"value": "untuned", "low": "untuned_low", "high": "untuned_high"}
    columns = untuned.scores[["task", "score", *names]].rename(columns=names)
    scores = tuned.scores.merge(columns, on=["task", "score"], how="left", validate="one_to_one")
    last = list(tuned.scores.columns).index("high") + 1
    order = [*tuned.scores.columns[:last], *names.values(), *tuned.scores.columns[last:]]
    return replace(tuned, scores=scores[order], decisions=tuple(decisions.lines()))


def describe_tuning(n_cases: int) -> str:
    """Return the sentence below the tables of a tuning."""
    return (
        f"chosen on {count_of(n_cases, 'validation case')}, so that the figures above are optimistic; "
        "`unet-mtl evaluate` measures them on test"
    )
