"""From the scores of cases to a table: nothing dropped in silence, every figure with its n."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import metrics
from unet_mtl.data.tables import guard_formulas
from unet_mtl.files import write_json, writing
from unet_mtl.tasks import CaseScores, Task

COLUMNS = (
    "task",
    "score",
    "label",
    "value",
    "low",
    "high",
    "median",
    "q1",
    "q3",
    "n",
    "n_undefined",
    "n_missed",
    "n_hallucinated",
    "headline",
)
COUNTS = ("n", "n_undefined", "n_missed", "n_hallucinated")

LEVEL = 0.95
METHOD: metrics.bootstrap.Method = "percentile"
RESAMPLES = {"cases": 2000, "set": 1000}
"""Of the mean over cases; of a score of the set, each of whose resamples is scored anew."""


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes:
        scores: One row a task and score: its label for readers, value (the mean over cases, or the score of the
            set), 95 % bootstrap interval over patients, median and quartiles over cases, n, n undefined, n missed,
            n hallucinated (which a score of the set has not), and whether the screen shows it.
        cases: One row a case; an empty cell means that the case has no such label.
        facts: By task name, the facts that the set scores were made of.
        title: Says what was measured.
        folder: Where it was written; None: nowhere.
        seed: Of the bootstrap.
        contradictions: Of a run with rules of consistency, how often answers and labels contradict them
            (`contradictions.count_contradictions`); else no row.
    """

    scores: pd.DataFrame
    cases: pd.DataFrame
    facts: dict[str, pd.DataFrame]
    title: str = ""
    folder: Path | None = None
    seed: int = 0
    contradictions: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __str__(self) -> str:
        shown = self.scores[self.scores["headline"]].drop(columns=["headline", "score"])
        tables = [shown] if self.contradictions.empty else [shown, self.contradictions]
        return "\n\n".join(table.to_string(index=False, float_format="%.3f", na_rep="") for table in tables)

    def value(self, task: str, score: str) -> float:
        """One figure of the table.

        Raises:
            KeyError: There is no such row; says which there are.
        """
        known = self.scores[self.scores["task"] == task]
        row = known[known["score"] == score]
        if known.empty:
            raise KeyError(f"no task {task!r}; there is {', '.join(map(repr, self.scores['task'].unique()))}")
        if row.empty:
            raise KeyError(f"no score {score!r} of task {task!r}; it has {', '.join(known['score'])}")
        return float(row["value"].iloc[0])


def summarise_task(
    task: Task[Any, Any], cases: Mapping[str, CaseScores], patients: Mapping[str, str], seed: int
) -> list[dict[str, Any]]:
    """Rows of `Evaluation.scores`: means over cases, then the scores of the set.

    Args:
        task: Gives the scores of a set, and says which ones the screen shows.
        cases: By case name. They may differ in the names of their scores, as where only some have a spacing: each
            score is summarised over the cases that have it.
        patients: By case name.
        seed: Of the bootstrap.
    """
    if not cases:
        row = {"score": "no labelled case", "value": np.nan, "n": 0, "n_undefined": 0}
        return [{"task": task.name, "label": row["score"], **row, "headline": True}]
    rows = _case_rows(cases, patients, seed) + _set_rows(task, cases, patients, seed)
    return [
        {
            "task": task.name,
            "label": task.score_label(row["score"]),
            **row,
            "headline": task.is_headline(row["score"]),
        }
        for row in rows
    ]


def make_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """`Evaluation.scores` of the rows of all tasks."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


def case_columns(cases: Mapping[str, CaseScores]) -> pd.DataFrame:
    """Scores and facts as columns, one row a case."""
    rows = {
        case: {**{score: item.value for score, item in scores.scores.items()}, **scores.facts}
        for case, scores in cases.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def facts_of(cases: Mapping[str, CaseScores]) -> pd.DataFrame:
    """What set scores are made of, one row a case."""
    return pd.DataFrame([dict(case.facts) for case in cases.values()], index=list(cases))


def write_tables(folder: Path, evaluation: Evaluation, facts: Mapping[str, Any]) -> None:
    """Writes cases.csv and summary.json: both, or neither.

    Args:
        folder: Made where absent; older files of the same names are replaced.
        evaluation: What was measured.
        facts: For the head of summary.json, before how the intervals were drawn.

    Raises:
        WriteError: The disk refused.
    """
    rows = _plain_rows(evaluation.scores.astype(dict.fromkeys(COUNTS, "Int64")))
    contradictions = _plain_rows(evaluation.contradictions)
    interval = {"over": "patients", "method": METHOD, "level": LEVEL, "resamples": RESAMPLES}
    with writing(folder / "cases.csv") as temporary:
        guard_formulas(evaluation.cases).to_csv(temporary, index=False)
        write_json(
            folder / "summary.json",
            {
                **facts,
                "interval": interval | {"seed": evaluation.seed},
                "scores": rows,
                **({"contradictions": contradictions} if contradictions else {}),
            },
        )


def _plain_rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """For JSON: None for NaN."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _case_rows(
    cases: Mapping[str, CaseScores], patients: Mapping[str, str], seed: int
) -> list[dict[str, Any]]:
    owners: dict[str, list[str]] = {}
    for case, scored in cases.items():
        for score in scored.scores:
            owners.setdefault(score, []).append(case)
    # Scores of the same cases are summarised together, which is much sooner done and gives the same.
    alike: dict[tuple[str, ...], list[str]] = {}
    for score, names in owners.items():
        alike.setdefault(tuple(names), []).append(score)
    found: dict[str, metrics.Summary] = {}
    for having, scores in alike.items():
        columns = {score: [cases[case].scores[score] for case in having] for score in scores}
        found |= metrics.summarise_table(
            {name: [item.value for item in column] for name, column in columns.items()},
            [patients[case] for case in having],
            missed={name: [item.missed for item in column] for name, column in columns.items()},
            hallucinated={name: [item.hallucinated for item in column] for name, column in columns.items()},
            resamples=RESAMPLES["cases"],
            seed=seed,
            level=LEVEL,
            method=METHOD,
        )
    return [
        {"score": score, "value": summary.pop("mean"), **summary}
        for score in owners
        for summary in [found[score].to_dict()]
    ]


def _set_rows(
    task: Task[Any, Any], cases: Mapping[str, CaseScores], patients: Mapping[str, str], seed: int
) -> list[dict[str, Any]]:
    facts = facts_of(cases)
    groups = np.array([patients[case] for case in cases])
    intervals = metrics.bootstrap_interval(
        lambda index: task.score_set(facts.iloc[index]),
        groups,
        resamples=RESAMPLES["set"],
        seed=seed,
        level=LEVEL,
        method=METHOD,
    )
    contributing, labelled = task.contributing_cases(facts), task.labelled_cases(facts)
    every = np.ones(len(facts), bool)
    rows = []
    for score, value in task.score_set(facts).items():
        known = labelled.get(score, every)
        owners = groups[known & contributing.get(score, every)]
        rows.append(_set_row(score, float(value), intervals[score], owners, int(known.sum())))
    return rows


def _set_row(
    score: str, value: float, interval: metrics.bootstrap.Interval, owners: NDArray[np.str_], n: int
) -> dict[str, Any]:
    """A score is of all `n` labelled cases or, undefined, of none; what a single patient says has no interval."""
    low, high = interval if len(set(owners.tolist())) > 1 else (np.nan, np.nan)
    defined = not np.isnan(value)
    counts = {"n": n if defined else 0, "n_undefined": 0 if defined else n}
    return {"score": score, "value": value, "low": low, "high": high, **counts}
