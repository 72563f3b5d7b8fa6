"""The files of an ablation, and notes on how to read its table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from metrics.intervals import OF_MEANS
from metrics.seed_test import LEAST_RUNS
from unet_mtl.config import Config
from unet_mtl.errors import RunError
from unet_mtl.files import write_json, writing
from unet_mtl.runs import RunFolder
from unet_mtl.studies.ablation.comparison import LEVEL, Ablation
from unet_mtl.studies.ablation.plans import PlannedRun
from unet_mtl.tasks import learned_tasks
from unet_mtl.wording import count_of


def require_same_splits(runs: Sequence[RunFolder]) -> pd.DataFrame:
    """Return the split that all runs share.

    Raises:
        RunError: The splits of two runs differ.
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
    """Return epochs times the median epoch time, which is robust to slow first or resumed epochs."""
    return float(history["seconds"].median() * len(history))


def describe(config: Config, planned: Sequence[PlannedRun], splits: pd.DataFrame, folder: Path) -> list[str]:
    """Return one line each about how the networks were trained and compared.

    Args:
        config: The settings that the user gave.
        planned: All runs.
        splits: The split that they share.
        folder: The folder of the ablation, which may hold runs of other seeds.
    """
    n = int((splits["split"] == "train").sum())
    settings = config.training
    steps = settings.step_limit(-(-n // settings.batch_size)) or 0
    seeds = sorted({run.config.seed for run in planned})
    first = learned_tasks(config.tasks)[0]
    monitor = settings.monitor or f"{first.name}_{first.primary[0]}"
    scores = (
        f"mean over seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"score with seed {seeds[0]}"
    )
    notes = [
        "multi is one network of all tasks, single a network of that task alone; difference is multi minus single",
        f"each network sees the same {count_of(n, 'train case')}, including those without its label: "
        f"{count_of(settings.epochs or 0, 'epoch')}, {count_of(steps, 'step')}",
        f"the epoch of the network of all tasks is selected by val_{monitor}, that of a single one by its own score",
        f"interval: over patients, of each case's {scores}; a difference is reported only if it excludes 0 and "
        f"p over patients, after Holm's correction over the tasks, is below {1 - LEVEL:.2f}",
    ]
    if settings.patience is not None:
        notes.append(f"training.patience={settings.patience} was ignored, so that steps are equal")
    if len(seeds) < LEAST_RUNS:
        notes.append(
            f"fewer than {LEAST_RUNS} seeds: how much of a difference is due to chance in training is unknown; train "
            "with more"
        )
    else:
        notes.append(
            f"better or worse is reported if p < {1 - LEVEL:.2f} over trainings and patients as well, else "
            '"with these seeds": more seeds may give another result'
        )
    planned_names = {run.name for run in planned}
    others = sorted(
        path.name
        for path in folder.glob("*_seed*")
        if RunFolder(path).config.is_file() and path.name not in planned_names
    )
    if others:
        notes.append(
            f"present, but not compared: {', '.join(others)}; a larger number of seeds includes them"
        )
    return notes


def write_ablation(
    folder: Path,
    ablation: Ablation,
    planned: Sequence[PlannedRun],
    seconds: Mapping[tuple[str, int], float],
    config: Config,
) -> Ablation:
    """Write ablation.csv and ablation.json: both, or neither.

    Args:
        folder: The folder of the ablation; existing files of these names are replaced.
        ablation: The table and its notes.
        planned: All runs.
        seconds: Training seconds by network and seed.
        config: The settings that the user gave.

    Returns:
        The ablation with its folder.

    Raises:
        WriteError: The operating system refused a write.
    """
    table = ablation.table
    runs = [
        {
            "folder": run.name,
            "tasks": [task.name for task in run.config.tasks],
            "seed": run.config.seed,
            "training_seconds": seconds[run.network, run.config.seed],
        }
        for run in planned
    ]
    content: dict[str, Any] = {
        "title": ablation.title,
        "notes": ablation.notes,
        "interval": {
            "over": "patients",
            "method": OF_MEANS,
            "level": LEVEL,
        },
        "test": {
            "p_value": "Wilcoxon signed-rank over patients",
            "p_seeds": "over seeds, in pairs, and patients (Hillis 2014, Cochran 1964)",
            "p_holm, p_seeds_holm": "the same with Holm's correction over tasks",
        },
        "rows": table.astype(object).where(table.notna(), None).to_dict("records"),
        "runs": runs,
        "config": config.to_config(),
    }
    with writing(folder / "ablation.csv") as temporary:
        table.to_csv(temporary, index=False)
        write_json(folder / "ablation.json", content)
    return replace(ablation, folder=folder)
