"""The trainings of an ablation, which differ in their tasks and in nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet_mtl.config import Config
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import split_dataset
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.runs import RunFolder
from unet_mtl.studies import trainings
from unet_mtl.tasks import Task, learned_tasks

TOGETHER = "together"
"""The name of the network of all tasks, in the names of runs."""

ALONE = {"weight": 1.0, "final_weight": None, "shared_gradient": 1.0, "detach_epochs": 0}
"""Settings of a task that has no other beside it."""


@dataclass(frozen=True)
class PlannedRun:
    """One training of an ablation.

    Attributes:
        network: "together", or the name of the only task.
        config: All settings, with the seed of this training.
    """

    network: str
    config: Config

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.network}_seed{self.config.seed}"


def plan_runs(config: Config, seeds: int) -> list[PlannedRun]:
    """Return all trainings, seed by seed, the network of all tasks first.

    A network of one task has the same train cases, unlabelled ones included, and the same number of epochs, so that
    splits and optimizer steps are equal. Early stopping is off for the same reason. The checkpoint of such a network
    is selected by its own score, and its only loss has weight 1 and its full gradient.

    Args:
        config: Settings of the network of all tasks, with the first seed.
        seeds: The number of seeds, which count up from that of `config`.

    Raises:
        ConfigError: There are fewer than two tasks, no seed, or a task with a name that the runs need.
    """
    learned = learned_tasks(config.tasks)
    names = [task.name for task in learned]
    if len(names) < 2:
        raise ConfigError(
            f"an ablation compares one network of several tasks with one for each; received {', '.join(names)} alone"
        )
    if TOGETHER in names:
        raise ConfigError(
            f"task {TOGETHER!r}: the runs of all tasks have that name; choose another for the task"
        )
    for limit in ("steps", "minutes"):
        if getattr(config.training, limit) is not None:
            raise ConfigError(
                f"training.{limit}: an ablation compares networks after equally many epochs; set training.epochs, and "
                f"training.{limit} to null"
            )
    if seeds < 1:
        raise ConfigError(f"`seeds` is {seeds}; expected 1 or more, the number of trainings of each network")
    training = config.training.model_copy(update={"patience": None})
    together = config.model_copy(update={"training": training})
    networks = {TOGETHER: together} | {task.name: _alone(together, task, names) for task in learned}
    return [
        PlannedRun(name, network.model_copy(update={"seed": seed}))
        for seed in range(config.seed, config.seed + seeds)
        for name, network in networks.items()
    ]


def _alone(config: Config, task: Task[Any, Any], names: Sequence[str]) -> Config:
    monitor = config.training.monitor or ""
    # With tasks `size` and `size_left`, the score `size_left_mae` belongs to the latter.
    monitored = max((name for name in names if monitor.startswith(f"{name}_")), key=len, default="")
    training = config.training
    if monitored != task.name:
        training = training.model_copy(update={"monitor": None, "mode": None})
    return config.model_copy(
        update={
            "tasks": (task.model_copy(update=ALONE),),
            "training": training,
            # Rules of consistency relate several tasks.
            "consistency": (),
        }
    )


def require_test_cases(config: Config, dataset: Dataset) -> None:
    """Check before hours of training that there are cases to measure.

    Raises:
        DataError: The test split is empty, or the cases cannot be divided as `config.split` requires.
    """
    if not len(split_dataset(dataset, config.split)["test"]):
        raise DataError(
            "an ablation is measured on the test split, which is empty; set split.test, or the column"
        )


def finish_run(
    planned: PlannedRun, dataset: Dataset, folder: Path, *, resume: bool, progress: bool
) -> RunFolder:
    """Train one network, with `resume` from its last finished epoch; a finished run is returned as it is.

    Raises:
        UnetMtlError: The conditions are those of `api.train`; or a finished run has other settings or data.
    """
    return trainings.finish_run(
        planned.config,
        dataset,
        folder / planned.name,
        is_finished=lambda run: _is_finished(run, planned.config),
        resume=resume,
        progress=progress,
    )


def _is_finished(run: RunFolder, config: Config) -> bool:
    # Without early stopping, a finished run has all its epochs.
    return run.network.is_file() and len(run.read_history()) >= (config.training.epochs or 0)
