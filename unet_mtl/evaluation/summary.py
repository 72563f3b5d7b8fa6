"""Summary tables of the scores of cases: every figure with its n, and undefined scores counted."""

from collections.abc import Mapping, Sequence
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
"""Number of bootstrap resamples: for a mean over cases, and for a set score, which is recomputed for each resample."""


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        scores: One row for each task and score: its label for readers, the value (the mean over cases, or the score of
            the set), the 95 % bootstrap interval over patients, median and quartiles over cases, the numbers of cases
            that are defined (n), undefined, missed and hallucinated (the last two for scores of cases only), and
            whether the score is shown on the screen.
        cases: One row for each case; an empty cell means that the case has no such label.
        facts: Facts of the cases from which the set scores are computed, by task name.
        title: Description of what was measured.
        folder: Folder that the evaluation was written to; None if it was not written.
        seed: Seed of the bootstrap.
        added: Tables of the add-ons, by add-on name.
        decisions: A line for each task whose thresholds, temperature or clean-up `tune` chose. `scores` then has the
            columns `untuned`, `untuned_low` and `untuned_high`, the same scores without these.
    """

    scores: pd.DataFrame
    cases: pd.DataFrame
    facts: dict[str, pd.DataFrame]
    title: str = ""
    folder: Path | None = None
    seed: int = 0
    added: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    decisions: tuple[str, ...] = ()

    @property
    def contradictions(self) -> pd.DataFrame:
        """Counts of contradictions of the consistency rules; empty for a run without rules."""
        return self.added.get("contradictions", pd.DataFrame())

    def __str__(self) -> str:
        shown = self.scores[self.scores["headline"]].drop(columns=["headline", "score"])
        tables = [shown, *self.added.values()]
        texts = [table.to_string(index=False, float_format="%.3f", na_rep="") for table in tables]
        return "\n\n".join([*texts, *self.decisions])

    def value(self, task: str, score: str) -> float:
        """Return one value of `scores`.

        Args:
            task: Name of the task.
            score: Name of the score.

        Raises:
            KeyError: There is no such row; the message lists those that exist.
        """
        of_task = self.scores[self.scores["task"] == task]
        row = of_task[of_task["score"] == score]
        if of_task.empty:
            raise KeyError(f"no task {task!r}; there is {', '.join(map(repr, self.scores['task'].unique()))}")
        if row.empty:
            raise KeyError(f"no score {score!r} of task {task!r}; it has {', '.join(of_task['score'])}")
        return float(row["value"].iloc[0])


def summarise_task(
    task: Task[Any, Any], cases: Mapping[str, CaseScores], patients: Mapping[str, str], seed: int
) -> list[dict[str, Any]]:
    """Return the rows of `Evaluation.scores` for one task: means over cases, then scores of the set.

    Args:
        task: The task, which computes the scores of the set and selects those that the screen shows.
        cases: Scores of the labelled cases by case name. Cases may have different scores, for example if only some have
            a spacing; each score is summarised over the cases that have it.
        patients: Patient by case name.
        seed: Seed of the bootstrap.

    Returns:
        The rows; a single row "no labelled case" with n 0 if `cases` is empty.
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
    """Return `Evaluation.scores` from the rows of all tasks."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


def case_columns(cases: Mapping[str, CaseScores]) -> pd.DataFrame:
    """Return scores and facts as columns, with one row for each case."""
    rows = {
        case: {**{score: item.value for score, item in scores.scores.items()}, **scores.facts}
        for case, scores in cases.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def facts_of(cases: Mapping[str, CaseScores]) -> pd.DataFrame:
    """Return the facts from which set scores are computed, with one row for each case."""
    return pd.DataFrame([dict(case.facts) for case in cases.values()], index=list(cases))


def write_tables(folder: Path, evaluation: Evaluation, facts: Mapping[str, Any]) -> None:
    """Write cases.csv and summary.json, either both or neither.

    Args:
        folder: Folder for the files; created if it is absent. Older files of the same names are replaced.
        evaluation: The evaluation to write.
        facts: Entries at the head of summary.json, before the settings of the intervals.

    Raises:
        WriteError: The system refused to write a file.
    """
    rows = _plain_rows(evaluation.scores.astype(dict.fromkeys(COUNTS, "Int64")))
    interval = {"over": "patients", "method": METHOD, "level": LEVEL, "resamples": RESAMPLES}
    with writing(folder / "cases.csv") as temporary:
        guard_formulas(evaluation.cases).to_csv(temporary, index=False)
        write_json(
            folder / "summary.json",
            {
                **facts,
                "interval": interval | {"seed": evaluation.seed},
                **({"decisions": list(evaluation.decisions)} if evaluation.decisions else {}),
                "scores": rows,
                **{name: _plain_rows(table) for name, table in evaluation.added.items()},
            },
        )


def _plain_rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the rows of a table for JSON, with None in place of NaN."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def summarise_cases(values: Sequence[float], *, patients: Sequence[str], seed: int) -> metrics.Summary:
    """Summarise one number per case, in the way of all means over cases.

    Args:
        values: Numbers, NaN where undefined.
        patients: Patient of each case.
        seed: Seed of the bootstrap.
    """
    return metrics.summarise(
        values, list(patients), resamples=RESAMPLES["cases"], seed=seed, level=LEVEL, method=METHOD
    )


def _case_rows(
    cases: Mapping[str, CaseScores], patients: Mapping[str, str], seed: int
) -> list[dict[str, Any]]:
    cases_with: dict[str, list[str]] = {}
    for case, scored in cases.items():
        for score in scored.scores:
            cases_with.setdefault(score, []).append(case)
    # Summarising scores of the same cases together gives the same numbers in much less time.
    groups: dict[tuple[str, ...], list[str]] = {}
    for score, names in cases_with.items():
        groups.setdefault(tuple(names), []).append(score)
    summaries: dict[str, metrics.Summary] = {}
    for names_of_group, scores in groups.items():
        columns = {score: [cases[case].scores[score] for case in names_of_group] for score in scores}
        summaries |= metrics.summarise_table(
            {name: [item.value for item in column] for name, column in columns.items()},
            [patients[case] for case in names_of_group],
            missed={name: [item.missed for item in column] for name, column in columns.items()},
            hallucinated={name: [item.hallucinated for item in column] for name, column in columns.items()},
            resamples=RESAMPLES["cases"],
            seed=seed,
            level=LEVEL,
            method=METHOD,
        )
    return [
        {"score": score, "value": summary.pop("mean"), **summary}
        for score in cases_with
        for summary in [summaries[score].to_dict()]
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
    # The interval needs several patients among the cases that contribute; n counts all labelled ones.
    contributing, labelled = task.contributing_cases(facts), task.labelled_cases(facts)
    every = np.ones(len(facts), bool)
    rows = []
    for score, value in task.score_set(facts).items():
        known = labelled.get(score, every)
        patients_of_score = groups[known & contributing.get(score, every)]
        rows.append(_set_row(score, float(value), intervals[score], patients_of_score, int(known.sum())))
    return rows


def _set_row(
    score: str, value: float, interval: metrics.bootstrap.Interval, patients: NDArray[np.str_], n: int
) -> dict[str, Any]:
    """Return the row of a set score, which is defined for all `n` cases or for none.

    There is no interval if all cases are of the same patient.
    """
    low, high = interval if len(set(patients.tolist())) > 1 else (np.nan, np.nan)
    defined = not np.isnan(value)
    counts = {"n": n if defined else 0, "n_undefined": 0 if defined else n}
    return {"score": score, "value": value, "low": low, "high": high, **counts}
