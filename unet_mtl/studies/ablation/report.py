"""An ablation on disk, and what its reader has to know."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from metrics.seed_test import LEAST_RUNS
from unet_mtl.errors import RunError
from unet_mtl.files import write_json, writing
from unet_mtl.runs import RunFolder
from unet_mtl.studies.ablation.comparison import LEVEL, RESAMPLES, Ablation
from unet_mtl.studies.ablation.plans import PlannedRun
from unet_mtl.training.plan import Plan


def require_same_splits(runs: Sequence[RunFolder]) -> pd.DataFrame:
    """The split that all runs share.

    Raises:
        RunError: They do not.
    """
    first = runs[0].read_splits()
    for run in runs[1:]:
        if not run.read_splits().equals(first):
            raise RunError(
                f"{run.path} has other splits than {runs[0].path}, so that their scores cannot be compared; start a "
                "new ablation"
            )
    return first


def usual_seconds(history: pd.DataFrame) -> float:
    """Epochs times the median one: who starts first, or goes on after an interruption, has slow epochs."""
    return float(history["seconds"].median() * len(history))


def describe(plan: Plan, planned: Sequence[PlannedRun], splits: pd.DataFrame, folder: Path) -> list[str]:
    """How the networks were trained and compared, a line each.

    Args:
        plan: As the user gave it.
        planned: All runs.
        splits: Of all of them.
        folder: Where there may be runs of other seeds.
    """
    n = int((splits["split"] == "train").sum())
    settings = plan.training
    steps = settings.epochs * -(-n // settings.batch_size)
    seeds = sorted({run.plan.seed for run in planned})
    monitor = settings.monitor or f"{plan.tasks[0].name}_{plan.tasks[0].primary[0]}"
    scores = (
        f"mean over seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"score with seed {seeds[0]}"
    )
    notes = [
        "multi is one network of all tasks, single a network of that task alone; difference is multi minus single",
        f"each network sees the same {n} train cases, those without its label too: {settings.epochs} epochs, "
        f"{steps} steps",
        f"the epoch of the network of all tasks is picked by val_{monitor}, that of a single one by its own score",
        f"interval: over patients, of each case's {scores}; a difference is said only where it excludes 0 and "
        f"p over patients, after Holm's correction over the tasks, is below {1 - LEVEL:.2f}",
    ]
    if settings.patience is not None:
        notes.append(f"training.patience={settings.patience} was left out, so that steps are equal")
    if len(seeds) < LEAST_RUNS:
        notes.append(
            f"fewer than {LEAST_RUNS} seeds: what of a difference is chance of the training is not known; train more"
        )
    else:
        notes.append(
            f"better or worse is said where p < {1 - LEVEL:.2f} over trainings and patients as well, else "
            '"with these seeds": more seeds may say otherwise'
        )
    known = {run.name for run in planned}
    others = sorted(
        path.parent.name for path in folder.glob("*_seed*/config.yaml") if path.parent.name not in known
    )
    if others:
        notes.append(f"not compared, though there: {', '.join(others)}; a larger --seeds takes them in")
    return notes


def write_ablation(
    folder: Path,
    ablation: Ablation,
    planned: Sequence[PlannedRun],
    seconds: Mapping[tuple[str, int], float],
    config: Mapping[str, Any],
) -> Ablation:
    """Writes ablation.csv and ablation.json: both, or neither.

    Args:
        folder: Older files of the same names are replaced.
        ablation: What was found.
        planned: All runs.
        seconds: Of training, by network and seed.
        config: As the user gave it.

    Returns:
        The ablation, which knows its folder now.

    Raises:
        WriteError: The disk refused.
    """
    table = ablation.table
    runs = [
        {
            "folder": run.name,
            "tasks": [task.name for task in run.plan.tasks],
            "seed": run.plan.seed,
            "training_seconds": seconds[run.network, run.plan.seed],
        }
        for run in planned
    ]
    content = {
        "title": ablation.title,
        "notes": ablation.notes,
        "interval": {
            "over": "patients",
            "method": "percentile",
            "level": LEVEL,
            "resamples": RESAMPLES,
            "seed": 0,
        },
        "test": {
            "p_value": "Wilcoxon signed-rank over patients",
            "p_seeds": "over seeds, in pairs, and patients (Hillis 2014)",
            "p_holm, p_seeds_holm": "of each, Holm's correction over tasks",
        },
        "rows": table.astype(object).where(table.notna(), None).to_dict("records"),
        "runs": runs,
        "config": dict(config),
    }
    with writing(folder / "ablation.csv") as temporary:
        table.to_csv(temporary, index=False)
        write_json(folder / "ablation.json", content)
    return replace(ablation, folder=folder)
