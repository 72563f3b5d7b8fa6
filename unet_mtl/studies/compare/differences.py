"""Paired differences between an entrant and the first one, score by score."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

import metrics
from unet_mtl.evaluation.case_records import scores_of_case
from unet_mtl.evaluation.main_scores import is_higher_better, is_main
from unet_mtl.evaluation.permutation import p_value_of_draws
from unet_mtl.evaluation.summary import BOOTSTRAP, LEVEL, RESAMPLES, facts_of
from unet_mtl.studies.compare.entrants import Entrant
from unet_mtl.tasks import Task

COLUMNS = (
    "reference",
    "run",
    "task",
    "score",
    "higher_is_better",
    "value_reference",
    "value",
    "difference",
    "low",
    "high",
    "p_value",
    "p_holm",
    "n",
    "n_patients",
    "n_better",
    "n_equal",
    "n_worse",
    "n_undefined",
    "verdict",
)

LARGEST_COLUMNS = (
    "reference",
    "run",
    "task",
    "score",
    "case",
    "patient",
    "value_reference",
    "value",
    "difference",
)

MOST_CASES = 5
"""The number of cases with the largest differences that are listed for each task and entrant."""

DRAWS = 500
"""The number of permutations and resamples for a score of the set; no more than those of an evaluation."""


def tabulate_differences(
    entrants: Sequence[Entrant],
    tasks: Sequence[str],
    *,
    seed: int = 0,
    on_task: Callable[[], None] = lambda: None,
) -> pd.DataFrame:
    """Compare each entrant with the first one.

    Args:
        entrants: Two or more, of the same cases.
        tasks: The names of the tasks that all have.
        seed: Seed of bootstrap and permutations.
        on_task: Callback after each task of each entrant, for a progress bar.

    Returns:
        One row for each entrant but the first, task and main score: the values of both on the cases for which both are
        defined, the difference (run minus reference) with its 95 % interval over patients, and p-values: of Wilcoxon's
        signed-rank test over patients for scores of single cases, and for scores of the set of a test that exchanges
        the two answers for random patients. `p_holm` is corrected over all rows. `n_better`, `n_equal` and `n_worse`
        count cases, and are empty for scores of the set or without a better direction. `n_undefined` counts cases for
        which only one of the scores is defined.
    """
    rows: list[dict[str, Any]] = []
    first = entrants[0]
    for other in entrants[1:]:
        for name in tasks:
            head = {"reference": first.name, "run": other.name, "task": name}
            rows += [head | row for row in _compare_task(first, other, name, seed)]
            on_task()
    corrected = metrics.holm([row["p_value"] for row in rows]).tolist()
    for row, p_holm in zip(rows, corrected, strict=True):
        row["p_holm"] = p_holm
        row["verdict"] = _judge(row)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(_COUNTS, "Int64"))


_COUNTS = [name for name in COLUMNS if name.startswith("n_") or name == "n"]


def _judge(row: Mapping[str, Any]) -> str:
    if not row["n"] or np.isnan(row["difference"]):
        return "not measured"
    excludes_zero = row["low"] > 0 or row["high"] < 0
    if not (excludes_zero and row["p_holm"] < 1 - LEVEL):
        return "no difference shown"
    is_above, higher = row["difference"] > 0, row["higher_is_better"]
    if higher is None:
        return "higher" if is_above else "lower"
    return "better" if is_above == higher else "worse"


def _compare_task(first: Entrant, other: Entrant, name: str, seed: int) -> list[dict[str, Any]]:
    task = first.tasks[name]
    cases = list(first.records.scores.get(name, {}))
    if not cases:
        return []
    patients = [first.patients[case] for case in cases]
    tables = [_case_values(entrant, name, cases) for entrant in (first, other)]
    shared = [score for score in tables[0] if score in tables[1] and is_main(task, score)]
    reference, run = ({score: table[score] for score in shared} for table in tables)
    results = metrics.compare_tables(reference, run, patients, level=LEVEL)
    rows = [_case_row(score, result) for score, result in results.items()]
    return rows + _set_rows(task, first, other, cases, patients, seed, set(shared))


def _case_values(entrant: Entrant, name: str, cases: Sequence[str]) -> dict[str, Any]:
    """Return the scores of the cases by name, NaN where they are undefined."""
    by_case = scores_of_case(entrant.tasks[name], entrant.records.scores[name])
    scores = dict.fromkeys(score for case in cases for score in by_case[case])
    return {
        score: np.array([by_case[case][score].value if score in by_case[case] else np.nan for case in cases])
        for score in scores
    }


def _case_row(score: str, result: metrics.Comparison) -> dict[str, Any]:
    higher = is_higher_better(score)
    better, worse = (
        (result.n_lower, result.n_higher) if higher is False else (result.n_higher, result.n_lower)
    )
    counts = {} if higher is None else {"n_better": better, "n_equal": result.n_tied, "n_worse": worse}
    return {
        "score": score,
        "higher_is_better": higher,
        "value_reference": result.mean_first,
        "value": result.mean_second,
        **{
            name: getattr(result, name)
            for name in ("difference", "low", "high", "p_value", "n", "n_patients")
        },
        **counts,
        "n_undefined": result.n_undefined_first + result.n_undefined_second,
    }


def _set_rows(
    task: Task[Any, Any],
    first: Entrant,
    other: Entrant,
    cases: Sequence[str],
    patients: Sequence[str],
    seed: int,
    done: set[str],
) -> list[dict[str, Any]]:
    """Return rows of the scores of the set, from the facts of both."""
    one, two = (
        facts_of({case: entrant.records.scores[task.name][case] for case in cases})
        for entrant in (first, other)
    )
    # Intervals of numbers, for example, may be facts of one of the runs only.
    columns = [name for name in one if name in two]
    both = pd.concat([one[columns], two[columns]], ignore_index=True)
    here = np.arange(len(cases))
    there = here + len(cases)
    names = [name for name in task.score_set(both.iloc[here]) if is_main(task, name) and name not in done]
    if not names:
        return []

    def differ(reference: Any, run: Any) -> dict[str, float]:
        low, high = task.score_set(both.iloc[reference]), task.score_set(both.iloc[run])
        return {name: high.get(name, np.nan) - low[name] for name in names}

    draws = min(DRAWS, RESAMPLES["set"])
    intervals = metrics.bootstrap_interval(
        lambda index: differ(here[index], there[index]),
        np.asarray(patients),
        resamples=draws,
        seed=seed,
        level=LEVEL,
        method=BOOTSTRAP,
    )
    rng = np.random.default_rng(seed)
    codes = np.unique(patients, return_inverse=True)[1]
    swaps = (rng.random((draws, codes.max() + 1)) < 0.5)[:, codes]
    exchanged = [differ(np.where(s, there, here), np.where(s, here, there)) for s in swaps]
    values = [task.score_set(both.iloc[index]) for index in (here, there)]
    labelled = task.labelled_cases(one)
    rows = []
    for name in names:
        difference = values[1][name] - values[0][name]
        known = labelled.get(name, np.ones(len(cases), bool))
        rows.append(
            {
                "score": name,
                "higher_is_better": is_higher_better(name),
                "value_reference": values[0][name],
                "value": values[1][name],
                "difference": difference,
                "low": intervals[name][0],
                "high": intervals[name][1],
                "p_value": p_value_of_draws(difference, np.array([draw[name] for draw in exchanged])),
                "n": int(known.sum()),
                "n_patients": len(set(np.asarray(patients)[known])),
            }
        )
    return rows


def list_largest(entrants: Sequence[Entrant], tasks: Sequence[str]) -> pd.DataFrame:
    """Return the cases with the largest differences of the score by which networks are compared.

    Args:
        entrants: Two or more, of the same cases.
        tasks: The names of the tasks that all have.

    Returns:
        At most `MOST_CASES` rows for each entrant but the first and each task, without differences of 0.
    """
    rows: list[dict[str, Any]] = []
    first = entrants[0]
    for other in entrants[1:]:
        for name in tasks:
            cases = list(first.records.scores.get(name, {}))
            score = first.tasks[name].comparison_score[0]
            one, two = (_case_values(entrant, name, cases).get(score) for entrant in (first, other))
            if one is None or two is None:
                continue
            differences = np.nan_to_num(two - one)
            order = np.argsort(-np.abs(differences), kind="stable")[:MOST_CASES]
            rows += [
                {
                    "reference": first.name,
                    "run": other.name,
                    "task": name,
                    "score": score,
                    "case": cases[i],
                    "patient": first.patients[cases[i]],
                    "value_reference": one[i],
                    "value": two[i],
                    "difference": differences[i],
                }
                for i in order
                if differences[i]
            ]
    return pd.DataFrame(rows, columns=list(LARGEST_COLUMNS))
