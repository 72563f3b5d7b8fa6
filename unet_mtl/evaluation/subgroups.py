"""Scores of subgroups of the cases, and their differences to the rest."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import metrics
from unet_mtl.evaluation.case_records import CaseRecords
from unet_mtl.evaluation.groups import MISSING, Grouping
from unet_mtl.evaluation.main_scores import is_main
from unet_mtl.evaluation.permutation import p_value_of_draws, shuffle_groups
from unet_mtl.evaluation.summary import LEVEL, RESAMPLES, facts_of, summarise_task
from unet_mtl.tasks import CaseScore, CaseScores, Task

COLUMNS = (
    "column",
    "group",
    "task",
    "score",
    "label",
    "value",
    "low",
    "high",
    "n",
    "n_patients",
    "rest",
    "difference",
    "difference_low",
    "difference_high",
    "p_value",
    "p_holm",
    "verdict",
)

FEWEST_PATIENTS = 10
"""With fewer patients in a group or in the rest, there is no test and no verdict."""

DRAWS = 200
"""Number of permutations of a test, and of bootstrap resamples of a set score in a group or rest.

There are fewer than for all cases, since there are many groups and each draw computes all scores of a task twice.
"""

_Test = tuple[str, str, frozenset[frozenset[str]]]
"""Task, score, and the two sets of cases that are compared."""


def compare_subgroups(
    tasks: Sequence[Task[Any, Any]],
    records: CaseRecords,
    patients: Mapping[str, str],
    groupings: Sequence[Grouping],
    *,
    seed: int = 0,
    on_group: Callable[[], None] = lambda: None,
) -> pd.DataFrame:
    """Measure each subgroup, and compare it with the rest of the cases.

    Args:
        tasks: Tasks of the run.
        records: Records of the measured cases.
        patients: Patient by case.
        groupings: The groups of cases.
        seed: Seed of intervals and permutations.
        on_group: Callback after each group and task, for a progress bar.

    Returns:
        One row for each column, group, task and main score: the value in the group with its 95 % interval, the
        numbers of cases and patients of the group, the value in the rest, and the difference, group minus rest. The
        rest are all other cases with a known group. The interval of the difference is made from those of both values
        (Zou and Donner 2008, doi:10.1002/sim.3095), which are independent if no patient is in both; else it is too
        wide. `p_value` is that of a permutation test over patients, and `p_holm` is corrected over all tests of the
        table; two groups that are each other's rest are one test. Groups or rests of fewer than `FEWEST_PATIENTS`
        patients have no interval of the difference, no test and no verdict.
    """
    rows: list[dict[str, Any]] = []
    tests: dict[_Test, float] = {}
    keys: list[_Test] = []
    for task in tasks:
        measured = _TaskCases(task, records.scores[task.name], patients, seed)
        for grouping in groupings:
            everyone = {case for members in grouping.groups.values() for case in members}
            known = everyone - set(grouping.groups.get(MISSING, ()))
            for group, members in grouping.groups.items():
                inside, outside = set(members), known - set(members)
                # The test of a group against its rest is also that of the rest against the group.
                pair = frozenset((frozenset(inside), frozenset(outside)))
                for row in measured.compare(inside, outside):
                    key = (task.name, row["score"], pair)
                    tests.setdefault(key, row["p_value"])
                    keys.append(key)
                    rows.append({"column": grouping.column, "group": group, "task": task.name} | row)
                on_group()
    corrected = dict(zip(tests, metrics.holm(list(tests.values())).tolist(), strict=True)) if tests else {}
    for row, key in zip(rows, keys, strict=True):
        row["p_value"], row["p_holm"] = tests[key], corrected[key]
        row["verdict"] = row["verdict"] or _judge(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    columns = [grouping.column for grouping in groupings]
    return table.sort_values(
        "column", key=lambda names: names.map(columns.index), kind="stable", ignore_index=True
    )


def _draws() -> int:
    return min(DRAWS, RESAMPLES["set"])


def _judge(row: Mapping[str, Any]) -> str:
    if not row["p_holm"] < 1 - LEVEL:
        return "no difference shown"
    return f"{'higher' if row['difference'] > 0 else 'lower'} than the rest"


class _TaskCases:
    """The labelled cases of one task; summaries of the same cases are computed once.

    Args:
        task: The task.
        cases: Scores and facts of its labelled cases.
        patients: Patient by case.
        seed: Seed of intervals and permutations.
    """

    def __init__(
        self, task: Task[Any, Any], cases: Mapping[str, CaseScores], patients: Mapping[str, str], seed: int
    ) -> None:
        self.task = task
        self.cases = cases
        self.patients = patients
        self.seed = seed
        self._summaries: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}

    def compare(self, inside: Set[str], outside: Set[str]) -> list[dict[str, Any]]:
        """Return a row for each main score; the verdict is empty where there is a test."""
        group = [case for case in self.cases if case in inside]
        rest = [case for case in self.cases if case in outside]
        n_group, n_rest = (len({self.patients[case] for case in cases}) for cases in (group, rest))
        if not group:
            return [_empty_row("no labelled case") | {"n": 0, "n_patients": 0, "verdict": "not measured"}]
        verdict = ""
        if min(n_group, n_rest) < FEWEST_PATIENTS:
            where = "" if n_group < FEWEST_PATIENTS else " in the rest"
            verdict = f"too few patients{where} ({min(n_group, n_rest)})"
        p_values = {} if verdict else self._p_values(group, rest)
        others = self._summarise(rest)
        return [
            self._row(row, others.get(score, {}), p_values.get(score, np.nan), verdict)
            | {"n_patients": n_group}
            for score, row in self._summarise(group).items()
            if is_main(self.task, score)
        ]

    def _row(
        self, group: Mapping[str, Any], rest: Mapping[str, Any], p_value: float, verdict: str
    ) -> dict[str, Any]:
        low = high = np.nan
        if not verdict and rest:
            low, high = difference_interval(*(tuple(row[key] for key in _ENDS) for row in (group, rest)))
        difference = group["value"] - rest.get("value", np.nan)
        if not verdict and np.isnan(p_value):
            verdict = "not measured"
        return _empty_row(group["score"]) | {
            **{name: group.get(name, np.nan) for name in ("label", *_ENDS, "n")},
            "rest": rest.get("value", np.nan),
            "difference": difference,
            "difference_low": low,
            "difference_high": high,
            "p_value": p_value,
            "verdict": verdict,
        }

    def _summarise(self, cases: Sequence[str]) -> dict[str, dict[str, Any]]:
        key = tuple(cases)
        if key not in self._summaries:
            cases_of_key = {case: self.cases[case] for case in key}
            rows = summarise_task(self.task, cases_of_key, self.patients, self.seed, resamples=_draws())
            self._summaries[key] = {row["score"]: {"low": np.nan, "high": np.nan} | row for row in rows}
        return self._summaries[key]

    def _p_values(self, group: Sequence[str], rest: Sequence[str]) -> dict[str, float]:
        cases = {case: self.cases[case] for case in (*group, *rest)}
        member = np.arange(len(cases)) < len(group)
        codes = np.unique([self.patients[case] for case in cases], return_inverse=True)[1]
        rng = np.random.default_rng(self.seed)
        draws = shuffle_groups(member, codes, _draws(), rng)
        memberships = np.concatenate([member[None], draws])
        names = dict.fromkeys(name for scored in cases.values() for name in scored.scores)
        missing = CaseScore(np.nan)
        differences = {
            name: _mean_differences(
                np.array([scored.scores.get(name, missing).value for scored in cases.values()]), memberships
            )
            for name in names
        }
        facts = facts_of(cases)
        pairs = [
            [self.task.score_set(facts.iloc[rows]) for rows in (np.flatnonzero(m), np.flatnonzero(~m))]
            for m in memberships
        ]
        for name in pairs[0][0]:
            differences[name] = np.array(
                [one.get(name, np.nan) - two.get(name, np.nan) for one, two in pairs]
            )
        return {name: p_value_of_draws(float(d[0]), d[1:]) for name, d in differences.items()}


def _empty_row(score: str) -> dict[str, Any]:
    numbers = ("value", "low", "high", "rest", "difference", "difference_low", "difference_high", "p_value")
    return {"score": score, "label": score, **dict.fromkeys(numbers, np.nan)}


def _mean_differences(values: NDArray[np.float64], memberships: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean of the members minus that of the others, for each row of memberships (n, cases)."""
    defined = ~np.isnan(values)
    values, inside = values[defined], memberships[:, defined].astype(np.float64)
    outside = 1 - inside
    with np.errstate(invalid="ignore"):  # A side without a defined value has no mean.
        difference: NDArray[np.float64] = inside @ values / inside.sum(1) - outside @ values / outside.sum(1)
    return difference


def difference_interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return the interval of a difference, first minus second, from those of two independent values.

    Zou and Donner 2008, "Construction of confidence limits about effect measures", doi:10.1002/sim.3095 (MOVER).

    Args:
        first: Value, low and high.
        second: Value, low and high.

    Returns:
        Low and high; NaN if one of the intervals is.

    >>> difference_interval((0.9, 0.87, 0.93), (0.8, 0.76, 0.84))
    (0.04999999999999999, 0.15)
    """
    (one, one_low, one_high), (two, two_low, two_high) = first, second
    difference = one - two
    low = difference - float(np.hypot(one - one_low, two_high - two))
    return low, difference + float(np.hypot(one_high - one, two - two_low))


_ENDS = ("value", "low", "high")
