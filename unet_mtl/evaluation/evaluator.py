"""Measures every answer on labelled cases: nothing dropped in silence, every figure with its n."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import metrics
from unet_mtl.data.records import Dataset
from unet_mtl.errors import DataError
from unet_mtl.prediction.predictor import Predictor
from unet_mtl.tasks import CaseScores, Task

COLUMNS = (
    "task",
    "score",
    "value",
    "low",
    "high",
    "median",
    "n",
    "n_undefined",
    "n_missed",
    "n_hallucinated",
    "headline",
)


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes:
        scores: One row a task and score: value (the mean over cases, or the score of the set), 95 % bootstrap
            interval over patients, median over cases, n, n undefined, n missed, n hallucinated, and
            whether the screen shows it.
        cases: One row a case; an empty cell means that the case has no such label.
        facts: By task name, the facts that the set scores were made of.
        title: Says what was measured.
        folder: Where it was written; None: nowhere.
    """

    scores: pd.DataFrame
    cases: pd.DataFrame
    facts: dict[str, pd.DataFrame]
    title: str = ""
    folder: Path | None = None

    def __str__(self) -> str:
        shown = self.scores[self.scores["headline"]].drop(columns="headline")
        return shown.to_string(index=False, float_format="%.3f", na_rep="")

    def value(self, task: str, score: str) -> float:
        """One figure of the table.

        Raises:
            KeyError: There is no such row.
        """
        row = self.scores[(self.scores["task"] == task) & (self.scores["score"] == score)]
        if row.empty:
            raise KeyError(f"no score {score!r} of task {task!r}")
        return float(row["value"].iloc[0])


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
    answers = predictor.predict([record.image for record in dataset])
    for record, (_, answer) in zip(dataset, answers, strict=True):
        if isinstance(answer, DataError):
            raise answer
        for task in predictor.tasks:
            truth = task.read(record, dataset.description)
            if truth is not None:
                found[task.name][record.case] = task.score_case(truth, answer[task.name], record.spacing_mm)
        on_case()
    patients = {record.case: record.patient for record in dataset}
    rows = [row for task in predictor.tasks for row in _summarise(task, found[task.name], patients, seed)]
    facts = {name: _facts(cases) for name, cases in found.items()}
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    mark = " (SYNTHETIC data)" if dataset.description.synthetic else ""
    return Evaluation(table, _case_table(dataset, found), facts, f"{len(dataset)} cases measured{mark}")


def _summarise(
    task: Task[Any, Any], cases: dict[str, CaseScores], patients: dict[str, str], seed: int
) -> list[dict[str, Any]]:
    if not cases:
        return [{"task": task.name, "score": "no labelled case", "value": np.nan, "n": 0, "headline": True}]
    groups = [patients[case] for case in cases]
    rows = _case_rows(task.name, list(cases.values()), groups, seed) + _set_rows(task, cases, groups, seed)
    return [row | {"headline": task.is_headline(row["score"])} for row in rows]


def _case_rows(
    name: str, cases: Sequence[CaseScores], groups: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    rows = []
    for score in cases[0].scores:
        column = [case.scores[score] for case in cases]
        summary = metrics.summarise(
            [item.value for item in column],
            groups,
            missed=[item.missed for item in column],
            hallucinated=[item.hallucinated for item in column],
            seed=seed,
        ).to_dict()
        rows.append({"task": name, "score": score, "value": summary.pop("mean"), **summary})
    return rows


def _set_rows(
    task: Task[Any, Any], cases: dict[str, CaseScores], groups: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    facts = _facts(cases)
    values = task.score_set(facts)
    intervals = metrics.bootstrap_interval(lambda index: task.score_set(facts.iloc[index]), groups, seed=seed)
    return [
        {"task": task.name, "score": score, "value": float(value), "n": len(facts), "low": low, "high": high}
        for score, value in values.items()
        for low, high in [intervals[score]]
    ]


def _facts(cases: dict[str, CaseScores]) -> pd.DataFrame:
    return pd.DataFrame([dict(case.facts) for case in cases.values()], index=list(cases))


def _case_table(dataset: Dataset, found: dict[str, dict[str, CaseScores]]) -> pd.DataFrame:
    table = pd.DataFrame([{"case": r.case, "patient": r.patient} for r in dataset]).set_index("case")
    for name, cases in found.items():
        rows = {
            case: {**{score: item.value for score, item in scores.scores.items()}, **scores.facts}
            for case, scores in cases.items()
        }
        table = table.join(pd.DataFrame.from_dict(rows, orient="index").add_prefix(f"{name}_"))
    return table.reset_index()
