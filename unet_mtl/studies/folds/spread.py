"""The scores of an evaluation out of fold, fold by fold, and how much they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unet_mtl.errors import RunError
from unet_mtl.evaluation.summary import Evaluation
from unet_mtl.files import writing
from unet_mtl.tasks import Task
from unet_mtl.wording import name_some

COLUMNS = ("task", "score", "label", "fold", "value", "n", "n_patients")
"""The columns of scores_by_fold.csv."""


def score_folds(
    evaluation: Evaluation, tasks: Mapping[int, Sequence[Task[Any, Any]]], fold_of: Mapping[str, int]
) -> pd.DataFrame:
    """Return every score of every fold.

    Args:
        evaluation: The evaluation of the cases of all folds.
        tasks: The tasks of each fold, by its number.
        fold_of: The fold of each case, by case name.

    Returns:
        One row for each score and fold with the columns `COLUMNS`: the mean over the cases of the fold, or the score of
        the set of these cases. The value is NaN where it is undefined, as an AUROC without a case of one class is.

    Raises:
        RunError: A case of the evaluation is in no fold.
    """
    cases = evaluation.cases.set_index("case")
    strangers = [case for case in cases.index if case not in fold_of]
    if strangers:
        raise RunError(f"case {strangers[0]!r} was measured, but is in no fold")
    numbers = pd.Series({case: fold_of[case] for case in cases.index})
    rows = []
    for number, tasks_of_fold in tasks.items():
        of_fold = cases[numbers == number]
        for task in tasks_of_fold:
            labels = evaluation.scores.query("task == @task.name").set_index("score")["label"]
            facts = evaluation.facts[task.name]
            facts = facts.loc[[case for case in of_fold.index if case in facts.index]]
            rows += [
                {"task": task.name, "label": labels[row["score"]], "fold": number, **row}
                for row in _rows_of_task(task, list(labels.index), of_fold, facts)
            ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows_of_task(
    task: Task[Any, Any], scores: Sequence[str], cases: pd.DataFrame, facts: pd.DataFrame
) -> list[dict[str, Any]]:
    of_set = task.score_set(facts) if len(facts) else {}
    labelled = task.labelled_cases(facts) if len(facts) else {}
    patients = cases["patient"]
    rows = []
    for score in scores:
        column = f"{task.name}_{score}"
        if score in of_set:
            value = float(of_set[score])
            known = labelled.get(score, np.ones(len(facts), bool))
            used = facts.index[known] if not np.isnan(value) else facts.index[:0]
        else:
            values = cases[column].dropna() if column in cases else pd.Series(dtype=float)
            value = float(values.mean()) if len(values) else np.nan
            used = values.index
        rows.append({"score": score, "value": value, "n": len(used), "n_patients": patients[used].nunique()})
    return rows


def add_spread(
    evaluation: Evaluation,
    by_fold: pd.DataFrame,
    tasks: Mapping[int, Sequence[Task[Any, Any]]],
    fold_of: Mapping[str, int],
) -> Evaluation:
    """Return an evaluation with the spread of each score over folds, and the fold of each case.

    Args:
        evaluation: The evaluation of the cases of all folds.
        by_fold: The scores of the folds, from `score_folds`.
        tasks: The tasks of each fold, by its number.
        fold_of: The fold of each case, by case name.

    Returns:
        The evaluation. Its `scores` have the columns mean_over_folds (each fold counts equally; folds in which the
        score is undefined are left out), sd_over_folds (with n - 1; NaN for fewer than two folds) and n_folds, the
        number of folds in which the score is defined. Its `cases` have the column fold. A score of a baseline that
        knows the train cases, such as majority_accuracy, differs from fold to fold: its value is the mean over folds
        weighted by their cases, without an interval.
    """
    grouped = by_fold.groupby(["task", "score"])["value"]
    spread = pd.DataFrame(
        {"mean_over_folds": grouped.mean(), "sd_over_folds": grouped.std(ddof=1), "n_folds": grouped.count()}
    )
    scores = evaluation.scores.join(spread, on=["task", "score"])
    scores = _without_shared_baselines(scores, evaluation.facts, by_fold, tasks)
    cases = evaluation.cases.copy()
    cases.insert(list(cases).index("patient") + 1, "fold", cases["case"].map(dict(fold_of)))
    n_folds = len(tasks)
    title = f"{evaluation.title}, each by the network of {n_folds} that did not learn from its patient"
    return replace(evaluation, scores=scores, cases=cases, title=title)


def _without_shared_baselines(
    scores: pd.DataFrame,
    facts: Mapping[str, pd.DataFrame],
    by_fold: pd.DataFrame,
    tasks: Mapping[int, Sequence[Task[Any, Any]]],
) -> pd.DataFrame:
    """Replace the values of scores that depend on the train cases of a fold, and not on the predictions alone."""
    scores = scores.astype({"n_folds": "Int64"})
    for of_name in zip(*tasks.values(), strict=True):
        name = of_name[0].name
        if not len(facts[name]):
            continue
        table = pd.DataFrame([task.score_set(facts[name]) for task in of_name]).astype(float)
        same = np.isclose(table, table.iloc[0], rtol=1e-9, atol=1e-12, equal_nan=True).all(axis=0)
        for score in table.columns[np.asarray(~same)]:
            rows = by_fold[(by_fold["task"] == name) & (by_fold["score"] == score) & (by_fold["n"] > 0)]
            at = (scores["task"] == name) & (scores["score"] == score)
            value = np.average(rows["value"], weights=rows["n"]) if len(rows) else np.nan
            scores.loc[at, ["value", "low", "high"]] = [value, np.nan, np.nan]
    return scores


def write_by_fold(folder: Path, by_fold: pd.DataFrame) -> None:
    """Write scores_by_fold.csv.

    Raises:
        WriteError: The operating system refused a write.
    """
    with writing(folder / "scores_by_fold.csv") as temporary:
        by_fold.to_csv(temporary, index=False)


def arrange_by_fold(evaluation: Evaluation, by_fold: pd.DataFrame) -> list[dict[str, str]]:
    """Return the rows of a table for readers: the headline scores, pooled and fold by fold.

    Args:
        evaluation: The evaluation from `add_spread`.
        by_fold: The scores of the folds, from `score_folds`.
    """
    numbers = name_some(sorted(set(by_fold["fold"])), most=10)
    values = {key: list(group) for key, group in by_fold.groupby(["task", "score"])["value"]}
    return [
        {
            "score": f"{row['task']} {row['label']}",
            "pooled": _format(row["value"]),
            "mean (sd) over folds": f"{_format(row['mean_over_folds'])} ({_format(row['sd_over_folds'])})",
            f"folds {numbers}": ", ".join(map(_format, values.get((row["task"], row["score"]), []))),
        }
        for row in evaluation.scores[evaluation.scores["headline"]].to_dict("records")
    ]


def _format(value: float) -> str:
    if np.isnan(value):
        return "undefined"
    return f"{value:z.3f}" if abs(value) < 100 else f"{value:,.0f}"
