"""Summary tables of the scores of cases: every figure with its n, and undefined scores counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import metrics
from metrics.intervals import Estimate, interval_of
from unet_mtl.data.tables import guard_formulas
from unet_mtl.evaluation.case_records import CaseRecords
from unet_mtl.files import write_json, writing
from unet_mtl.tasks import CaseScores, Task
from unet_mtl.wording import count_of

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
    "method",
)
COUNTS = ("n", "n_undefined", "n_missed", "n_hallucinated")

LEVEL = 0.95
BOOTSTRAP: metrics.bootstrap.Method = "expanded"
"""The bootstrap of set scores that are neither means nor an AUROC."""
RESAMPLES = {"set": 1000}
"""Number of bootstrap resamples of a set score, which is recomputed for each of them."""

FEW_PATIENTS = 30
"""With fewer patients, intervals of means and bootstrapped scores may be too narrow (see docs/metrics.md)."""


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        scores: One row for each task and score: its label for readers, the value (the mean over cases, or the score of
            the set), the 95 % interval over patients, median and quartiles over cases, the numbers of cases
            that are defined (n), undefined, missed and hallucinated (the last two for scores of cases only),
            whether the score is shown on the screen, and the method of the interval.
        cases: One row for each case; an empty cell means that the case has no such label.
        facts: Facts of the cases from which the set scores are computed, by task name.
        title: Description of what was measured.
        folder: Folder that the evaluation was written to; None if it was not written.
        seed: Seed of the bootstrap.
        added: Tables of the add-ons, by add-on name.
        records: Scores with flags, image sizes and fingerprints of the labels of single cases; None for an evaluation
            of masks of another program.
        subgroups: Scores by subgroup, in the form that `compare_subgroups` returns; empty if none were requested.
        by_patient: Scores of the answers for patients; None if none were requested.
        decisions: A line for each task with thresholds, a temperature or a clean-up from `tune`. `scores` then has the
            columns `untuned`, `untuned_low` and `untuned_high`, the same scores without these.
    """

    scores: pd.DataFrame
    cases: pd.DataFrame
    facts: dict[str, pd.DataFrame]
    title: str = ""
    folder: Path | None = None
    seed: int = 0
    added: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    records: CaseRecords | None = None
    subgroups: pd.DataFrame = field(default_factory=pd.DataFrame)
    by_patient: "Evaluation | None" = None
    decisions: tuple[str, ...] = ()

    @property
    def contradictions(self) -> pd.DataFrame:
        """Counts of contradictions of the consistency rules; empty for a run without rules."""
        return self.added.get("contradictions", pd.DataFrame())

    @property
    def notes(self) -> list[str]:
        """Sentences about tasks with few patients, for which intervals may be too narrow."""
        if self.cases.empty or not {"case", "patient"} <= set(self.cases):
            return []
        patients = self.cases.set_index("case")["patient"]
        found = {task: patients.reindex(facts.index).nunique() for task, facts in self.facts.items()}
        notes = {n: describe_few_patients(n) for n in sorted(set(found.values()) - {0})}
        every = len(set(found.values())) == 1
        return [
            note if every else f"{', '.join(task for task in found if found[task] == n)}: {note}"
            for n, of_number in notes.items()
            for note in of_number
        ]

    def __str__(self) -> str:
        shown = self.scores[self.scores["headline"]].drop(columns=["headline", "score", "method"])
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
    task: Task[Any, Any],
    cases: Mapping[str, CaseScores],
    patients: Mapping[str, str],
    seed: int,
    *,
    resamples: int | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of `Evaluation.scores` for one task: means over cases, then scores of the set.

    Args:
        task: The task, which computes the scores of the set and selects those that the screen shows.
        cases: Scores of the labelled cases by case name. Cases may have different scores, for example if only some have
            a spacing; each score is summarised over the cases that have it.
        patients: Patient by case name.
        seed: Seed of the bootstrap.
        resamples: Number of bootstrap resamples of set scores; None for the usual number.

    Returns:
        The rows; a single row "no labelled case" with n 0 if `cases` is empty.
    """
    if not cases:
        row = {"score": "no labelled case", "value": np.nan, "n": 0, "n_undefined": 0}
        return [{"task": task.name, "label": row["score"], **row, "headline": True}]
    n_set = RESAMPLES["set"] if resamples is None else resamples
    rows = _case_rows(task, cases, patients) + _set_rows(task, cases, patients, seed, n_set)
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
    rows = plain_rows(evaluation.scores.astype(dict.fromkeys(COUNTS, "Int64")))
    interval = {"over": "patients", "level": LEVEL, "resamples": RESAMPLES["set"]}
    with writing(folder / "cases.csv") as temporary:
        guard_formulas(evaluation.cases).to_csv(temporary, index=False)
        write_json(
            folder / "summary.json",
            {
                **facts,
                "interval": interval | {"seed": evaluation.seed, "notes": evaluation.notes},
                **({"decisions": list(evaluation.decisions)} if evaluation.decisions else {}),
                "scores": rows,
                **{name: plain_rows(table) for name, table in evaluation.added.items()},
            },
        )


def plain_rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the rows of a table for JSON, with None in place of NaN."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def describe_few_patients(n: int) -> list[str]:
    """Return a sentence about intervals over fewer than `FEW_PATIENTS` patients; empty for more.

    Args:
        n: Number of patients.
    """
    if n >= FEW_PATIENTS:
        return []
    if n < 2:
        return ["intervals: none, since they need 2 patients"]
    return [
        f"intervals: some may be too narrow, since there are only {count_of(n, 'patient')}; docs/metrics.md lists how "
        "often those of each score contain the truth"
    ]


def summarise_cases(shares: Sequence[float], *, patients: Sequence[str]) -> metrics.Summary:
    """Summarise one number in 0..1 per case, such as whether a rule is broken, in the way of all scores.

    Args:
        shares: Numbers in 0..1, NaN where undefined.
        patients: Patient of each case.
    """
    return metrics.summarise(shares, list(patients), level=LEVEL, limits=metrics.interval_ends.SHARE)


def _case_rows(
    task: Task[Any, Any], cases: Mapping[str, CaseScores], patients: Mapping[str, str]
) -> list[dict[str, Any]]:
    cases_with: dict[str, list[str]] = {}
    for case, scored in cases.items():
        for score in scored.scores:
            cases_with.setdefault(score, []).append(case)
    summaries: dict[str, metrics.Summary] = {}
    for score, names in cases_with.items():
        column = [cases[case].scores[score] for case in names]
        summaries[score] = metrics.summarise(
            [item.value for item in column],
            [patients[case] for case in names],
            missed=[item.missed for item in column],
            hallucinated=[item.hallucinated for item in column],
            level=LEVEL,
            limits=task.score_limits(score),
        )
    return [
        {"score": score, "value": summary.pop("mean"), **summary}
        for score in cases_with
        for summary in [summaries[score].to_dict()]
    ]


def _set_rows(
    task: Task[Any, Any],
    cases: Mapping[str, CaseScores],
    patients: Mapping[str, str],
    seed: int,
    resamples: int,
) -> list[dict[str, Any]]:
    facts = facts_of(cases)
    groups = np.array([patients[case] for case in cases])
    intervals = _set_intervals(task, facts, groups, seed, resamples)
    # The interval needs several patients among the cases that contribute; n counts all labelled ones.
    contributing, labelled = task.contributing_cases(facts), task.labelled_cases(facts)
    every = np.ones(len(facts), bool)
    rows = []
    for score, value in task.score_set(facts).items():
        known = labelled.get(score, every)
        patients_of_score = groups[known & contributing.get(score, every)]
        rows.append(_set_row(score, float(value), intervals[score], patients_of_score, int(known.sum())))
    return rows


def _set_intervals(
    task: Task[Any, Any], facts: pd.DataFrame, groups: NDArray[np.str_], seed: int, resamples: int
) -> dict[str, Estimate]:
    """Return the intervals of all set scores: from their samples, or bootstrapped where they have none."""
    codes = metrics.bootstrap.patient_codes(groups, len(groups))
    resampled = metrics.bootstrap_interval(
        lambda index: task.score_set(facts.iloc[index]),
        groups,
        resamples=resamples,
        seed=seed,
        level=LEVEL,
        method=BOOTSTRAP,
    )
    # Resamples that are all equal, as those of a perfect F1, say nothing about the uncertainty.
    bootstrapped = {
        score: Estimate(*(ends if ends[0] < ends[1] else (np.nan, np.nan)), f"bootstrap ({BOOTSTRAP})")
        for score, ends in resampled.items()
    }
    samples = task.score_samples(facts)
    return bootstrapped | {score: interval_of(samples[score], codes, LEVEL) for score in samples}


def _set_row(
    score: str, value: float, interval: Estimate, patients: NDArray[np.str_], n: int
) -> dict[str, Any]:
    """Return the row of a set score, which is defined for all `n` cases or for none.

    There is no interval if all cases are of the same patient.
    """
    has_interval = len(set(patients.tolist())) > 1 and not np.isnan(value)
    low, high = interval[:2] if has_interval else (np.nan, np.nan)
    defined = not np.isnan(value)
    counts = {"n": n if defined else 0, "n_undefined": 0 if defined else n}
    return {"score": score, "value": value, "low": low, "high": high, **counts, "method": interval.method}
