"""The table of an ablation: gain or loss of joint learning by task, from the evaluations of all networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import metrics
from unet_mtl.evaluation.summary import Evaluation
from unet_mtl.studies.ablation.plans import TOGETHER
from unet_mtl.tasks import Task

COLUMNS = (
    "task",
    "score",
    "higher_is_better",
    "multi",
    "single",
    "difference",
    "low",
    "high",
    "p_value",
    "p_holm",
    "p_seeds",
    "p_seeds_holm",
    "n",
    "n_patients",
    "n_undefined",
    "seeds",
    "seed_low",
    "seed_high",
    "seed_sd",
    "verdict",
)
ALL = "(all)"
"""The entry in the column of tasks for a row that concerns the networks as a whole."""

COST = "training_seconds"
LEVEL = 0.95

Measured = Mapping[tuple[str, int], Evaluation]
"""Evaluations by network ("together", or the name of a task) and seed."""


@dataclass(frozen=True)
class Ablation:
    """The gain or loss of joint learning.

    Attributes:
        table: One row per task: its score per case, whether higher is better, the means over the compared cases of
            the network of all tasks (multi) and of the network of this task alone (single), after averaging each
            case's score over seeds; the difference, multi minus single, with its 95 % interval over
            patients; the p-values of Wilcoxon's test over patients (p_value) and of a test over trainings and
            patients (p_seeds; NaN for fewer than three seeds), each also with Holm's correction over the tasks; the
            number of compared cases (n), of their patients, and of labelled cases that are left out because the
            score is undefined in one of the runs; the number of seeds, and the lowest, the highest and the standard
            deviation of the difference over seeds; and the verdict of `judge`. The last row, task "(all)", is the
            cost: training seconds of the joint network, and the sum over all single ones, each as mean over seeds.
        notes: One line each about how the networks were trained and compared.
        title: The title, which names what was compared.
        folder: The folder that holds the table; None if it was not written.
    """

    table: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    title: str = ""
    folder: Path | None = None

    def __str__(self) -> str:
        columns = self.table.drop(columns=["higher_is_better", "p_value", "p_seeds", "seed_sd"])
        return columns.to_string(index=False, float_format="%.3f", na_rep="")


def compare_networks(
    tasks: Sequence[Task[Any, Any]], measured: Measured, seconds: Mapping[tuple[str, int], float]
) -> pd.DataFrame:
    """Return the table of an `Ablation`.

    Args:
        tasks: The adapted tasks.
        measured: Evaluations of the same cases.
        seconds: Training seconds by network and seed.
    """
    seeds = sorted({seed for _, seed in measured})
    cases = next(iter(measured.values())).cases
    multi, single = (
        {
            task.name: np.stack(
                [_values_of(task, measured[network or task.name, seed], cases["case"]) for seed in seeds]
            )
            for task in tasks
        }
        for network in (TOGETHER, "")
    )
    patients = cases["patient"].astype(str).tolist()
    # A score that is undefined in one run is undefined in the mean, which is thus over the same seeds for all cases.
    results = metrics.compare_tables(
        {name: values.mean(axis=0) for name, values in single.items()},
        {name: values.mean(axis=0) for name, values in multi.items()},
        patients,
        level=LEVEL,
    )
    p_seeds = [metrics.repeated_p_value(single[name], multi[name], patients) for name in multi]
    labelled = {task.name: len(measured[TOGETHER, seeds[0]].facts[task.name]) for task in tasks}
    rows = [
        _row(task, results[task.name], multi[task.name] - single[task.name], labelled[task.name])
        | {"p_seeds": p, "p_seeds_holm": p_holm}
        | {"verdict": judge(results[task.name], p_holm, higher=task.comparison_score[1], seeds=len(seeds))}
        for task, p, p_holm in zip(tasks, p_seeds, metrics.holm(p_seeds).tolist(), strict=True)
    ]
    return pd.DataFrame([*rows, _cost_row(seeds, seconds)], columns=list(COLUMNS))


def _values_of(task: Task[Any, Any], evaluation: Evaluation, cases: "pd.Series[str]") -> NDArray[np.float64]:
    """Return the score of each case; NaN where it is undefined or the case has no label."""
    facts = evaluation.facts[task.name]
    if not len(facts):
        return np.full(len(cases), np.nan)
    score, column = task.comparison_score[0], f"{task.name}_{task.comparison_score[0]}"
    if column in evaluation.cases:
        facts = facts.assign(**{score: evaluation.cases.set_index("case")[column]})
    values = pd.Series(task.comparison_values(facts), index=facts.index).reindex(cases)
    return values.to_numpy().astype(np.float64)


def _row(
    task: Task[Any, Any], result: metrics.Comparison, differences: NDArray[np.float64], labelled: int
) -> dict[str, Any]:
    score, higher = task.comparison_score
    compared = ~np.isnan(differences).any(axis=0)
    by_seed = differences[:, compared].mean(axis=1) if compared.any() else np.array([np.nan])
    return {
        "task": task.name,
        "score": score,
        "higher_is_better": higher,
        "multi": result.mean_second,
        "single": result.mean_first,
        **{name: getattr(result, name) for name in ("difference", "low", "high", "p_value", "p_holm")},
        "n": result.n,
        "n_patients": result.n_patients,
        "n_undefined": labelled - result.n,
        "seeds": len(differences),
        "seed_low": float(by_seed.min()),
        "seed_high": float(by_seed.max()),
        "seed_sd": float(by_seed.std(ddof=1)) if len(by_seed) > 1 else np.nan,
    }


def judge(result: metrics.Comparison, p_seeds_holm: float, *, higher: bool, seeds: int) -> str:
    """Return the verdict on a difference, second (multi) minus first (single).

    Args:
        result: The comparison over patients, with Holm's correction over the tasks.
        p_seeds_holm: The p-value over trainings and patients, with the same correction; NaN for fewer than three
            trainings.
        higher: Whether a higher score is better.
        seeds: The number of trainings of each network.

    Returns:
        "better" or "worse" if neither the choice of patients nor that of trainings explains the difference; "better
        with these seeds" ("this seed") or "worse ..." if the choice of patients does not explain it, but other
        trainings might give another result; "no difference shown"; or "not measured" without a case.
    """
    if not result.n:
        return "not measured"
    # The interval of a single patient is NaN, and excludes nothing.
    excludes_zero = result.low > 0 or result.high < 0
    if not (excludes_zero and result.p_holm < 1 - LEVEL):
        return "no difference shown"
    verdict = "better" if (result.difference > 0) == higher else "worse"
    if p_seeds_holm < 1 - LEVEL:
        return verdict
    return f"{verdict} with {'this seed' if seeds == 1 else 'these seeds'}"


def _cost_row(seeds: Sequence[int], seconds: Mapping[tuple[str, int], float]) -> dict[str, Any]:
    multi = np.array([seconds[TOGETHER, seed] for seed in seeds])
    single = np.array(
        [
            sum(duration for (network, s), duration in seconds.items() if s == seed and network != TOGETHER)
            for seed in seeds
        ]
    )
    difference = multi - single
    return {
        "task": ALL,
        "score": COST,
        "higher_is_better": False,
        "multi": float(multi.mean()),
        "single": float(single.mean()),
        "difference": float(difference.mean()),
        "n": 0,
        "n_patients": 0,
        "n_undefined": 0,
        "seeds": len(seeds),
        "seed_low": float(difference.min()),
        "seed_high": float(difference.max()),
        "seed_sd": float(difference.std(ddof=1)) if len(seeds) > 1 else np.nan,
        "verdict": "",
    }
