"""From the evaluations of all networks to one table: what learning together gained or lost, task by task."""

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
"""In the column of tasks, for what is of the networks as a whole."""

COST = "training_seconds"
LEVEL = 0.95
RESAMPLES = 2000

Measured = Mapping[tuple[str, int], Evaluation]
"""By network ("together", or a task's name) and seed."""


@dataclass(frozen=True)
class Ablation:
    """What learning together gained or lost.

    Attributes:
        table: One row a task: its score of a case, whether higher is better, the means of the network of all tasks
            (multi) and of the one for it alone (single) over the compared cases, each case's score being the mean
            over seeds; their difference, multi minus single, with its 95 % bootstrap interval over patients; the
            p-value of Wilcoxon's test over patients (p_value) and that of a test over trainings and patients
            (p_seeds; NaN of fewer than three seeds), each with Holm's correction over the tasks as well; n compared
            cases, their patients, and the labelled cases left out since the score is undefined in one of the runs;
            the number of seeds, and lowest, highest and standard deviation of the difference over seeds; and the
            verdict, as `judge` gives it. The last row, task "(all)", is the cost: seconds of training of the one
            network, and of all single ones in sum, each the mean over seeds.
        notes: How the networks were trained and compared, a line each.
        title: Says what was compared.
        folder: Where it was written; None: nowhere.
    """

    table: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    title: str = ""
    folder: Path | None = None

    def __str__(self) -> str:
        shown = self.table.drop(columns=["higher_is_better", "p_value", "p_seeds", "seed_sd"])
        return shown.to_string(index=False, float_format="%.3f", na_rep="")


def compare_networks(
    tasks: Sequence[Task[Any, Any]], measured: Measured, seconds: Mapping[tuple[str, int], float]
) -> pd.DataFrame:
    """`Ablation.table`.

    Args:
        tasks: Adapted ones.
        measured: Evaluations of the same cases.
        seconds: Of training, by network and seed.
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
    # Undefined in one run is undefined in the mean: else other seeds would be averaged for other cases.
    results = metrics.compare_tables(
        {name: values.mean(axis=0) for name, values in single.items()},
        {name: values.mean(axis=0) for name, values in multi.items()},
        patients,
        resamples=RESAMPLES,
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
    """The task's score of each case; NaN where it is undefined or the case has no label."""
    known = evaluation.facts[task.name]
    if not len(known):
        return np.full(len(cases), np.nan)
    score, column = task.comparison_score[0], f"{task.name}_{task.comparison_score[0]}"
    if column in evaluation.cases:
        known = known.assign(**{score: evaluation.cases.set_index("case")[column]})
    values = pd.Series(task.comparison_values(known), index=known.index).reindex(cases)
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
    """What may be said of a difference, second (multi) minus first (single).

    Args:
        result: Over patients, with Holm's correction over the tasks.
        p_seeds_holm: Over trainings and patients, with the same correction; NaN of fewer than three trainings.
        higher: Whether a higher score is better.
        seeds: Trainings of each network.

    Returns:
        "better" or "worse", where the difference is more than chance of patients and trainings; "better with these
        seeds" ("this seed") or "worse ...", where it is more than chance of patients, but other trainings might say
        otherwise; "no difference shown"; or "not measured", without a case.
    """
    if not result.n:
        return "not measured"
    # an interval that is NaN, of a single patient, excludes nothing
    excludes_zero = result.low > 0 or result.high < 0
    if not (excludes_zero and result.p_holm < 1 - LEVEL):
        return "no difference shown"
    word = "better" if (result.difference > 0) == higher else "worse"
    if p_seeds_holm < 1 - LEVEL:
        return word
    return f"{word} with {'this seed' if seeds == 1 else 'these seeds'}"


def _cost_row(seeds: Sequence[int], seconds: Mapping[tuple[str, int], float]) -> dict[str, Any]:
    multi = np.array([seconds[TOGETHER, seed] for seed in seeds])
    single = np.array(
        [
            sum(its for (network, s), its in seconds.items() if s == seed and network != TOGETHER)
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
