"""Which networks an ablation trains, so that they differ in their tasks and in nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import split_dataset
from unet_mtl.errors import ConfigError, DataError, RunError
from unet_mtl.runs import RunFolder
from unet_mtl.tasks import Task
from unet_mtl.training.plan import Plan
from unet_mtl.training.session import run_plan

TOGETHER = "together"
"""In the names of runs, in place of a task's name."""


@dataclass(frozen=True)
class PlannedRun:
    """One training of an ablation.

    Attributes:
        network: "together", or the name of the one task.
        plan: What is set, with the seed.
    """

    network: str
    plan: Plan

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.network}_seed{self.plan.seed}"


def plan_runs(plan: Plan, seeds: int) -> list[PlannedRun]:
    """All trainings, seed by seed, the network of all tasks first.

    A network of one task has the same train cases, unlabelled ones too, and the same epochs, so that splits and
    optimizer steps are equal. Nobody stops early, for the same reason. Its own score picks its epoch, and its one
    loss has weight 1.

    Args:
        plan: Of the network of all tasks, with the first seed.
        seeds: How many; they count up from the plan's.

    Raises:
        ConfigError: There are no two tasks or no seed, or a task has a name that the runs need.
    """
    names = [task.name for task in plan.tasks]
    if len(names) < 2:
        raise ConfigError(
            f"an ablation compares one network of several tasks with one for each; received {', '.join(names)} alone"
        )
    if TOGETHER in names:
        raise ConfigError(f"task {TOGETHER!r}: the runs of all tasks have that name here; choose another")
    if seeds < 1:
        raise ConfigError(f"seeds is {seeds}; expected 1 or more, since each is a training of every network")
    together = replace(plan, training=plan.training.model_copy(update={"patience": None}))
    networks = {TOGETHER: together} | {task.name: _alone(together, task, names) for task in plan.tasks}
    return [
        PlannedRun(network, replace(its, seed=seed))
        for seed in range(plan.seed, plan.seed + seeds)
        for network, its in networks.items()
    ]


def _alone(plan: Plan, task: Task[Any, Any], names: Sequence[str]) -> Plan:
    monitor = plan.training.monitor or ""
    # of tasks `size` and `size_left`, the score `size_left_mae` is the latter's
    owner = max((name for name in names if monitor.startswith(f"{name}_")), key=len, default="")
    training = plan.training
    if owner != task.name:
        training = training.model_copy(update={"monitor": None, "mode": None})
    alone = task.model_copy(update={"weight": 1.0})
    # what its answers must not contradict is said by others
    return replace(plan, tasks=(alone,), training=training, consistency=())


def require_test_cases(plan: Plan, dataset: Dataset) -> None:
    """Makes sure that there will be something to measure, before hours of training.

    Raises:
        DataError: The test split is empty, or the cases cannot be dealt out.
    """
    if not len(split_dataset(dataset, plan.split)["test"]):
        raise DataError(
            "an ablation is measured on the test split, which is empty; set split.test, or the column"
        )


def require_folder(folder: Path, *, resume: bool) -> None:
    """Makes sure that a new ablation may be written, or that there is one to go on with.

    Raises:
        RunError: It is not so.
    """
    if not resume:
        RunFolder(folder).require_free()
    elif not folder.is_dir():
        raise RunError(f"{folder}: no such folder, so there is nothing to resume; leave --resume out")


def finish_run(
    planned: PlannedRun, dataset: Dataset, folder: Path, *, resume: bool, progress: bool
) -> RunFolder:
    """Trains one network; with `resume` from where it stopped, and not at all where it has finished.

    Raises:
        UnetMtlError: As `api.train` says; the finished run has other settings or data.
    """
    run = RunFolder(folder / planned.name)
    started = resume and run.config.is_file()
    if not (started and _is_finished(run, planned.plan)):
        return run_plan(planned.plan, dataset, run.path, resume=started, progress=progress)
    config = planned.plan.to_config(dataset)
    run.require_settings({key: value for key, value in config.items() if key != "delivery"})
    run.require_facts({"data_hash": dataset.fingerprint()})
    return run


def _is_finished(run: RunFolder, plan: Plan) -> bool:
    # nobody stops early here, so that a finished run has all its epochs
    return run.network.is_file() and len(run.read_history()) >= plan.training.epochs
