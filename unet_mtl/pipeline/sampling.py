"""Cases of rare classes, drawn more often. Free of Keras, for the config."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from unet_mtl.data.records import Dataset
from unet_mtl.errors import ConfigError
from unet_mtl.settings import Settings
from unet_mtl.tasks import Task


class Sampling(Settings):
    """An epoch is as many draws, with replacement, as there are train cases.

    Attributes:
        task: Its classes decide: one of n cases is drawn in proportion to (1 / n) ** power. A case without its label
            has the mean chance of those with one.
        power: 0: all cases alike. 1: all classes alike.
    """

    task: str
    power: float = Field(default=0.5, ge=0, le=1)


def sampling_chances(
    sampling: Sampling, tasks: Sequence[Task[Any, Any]], dataset: Dataset
) -> NDArray[np.float64]:
    """The chance of each case to be the one that is drawn; their sum is 1.

    Args:
        sampling: What was set.
        tasks: Those of the training.
        dataset: The train cases.

    Raises:
        ConfigError: There is no such task, or it puts cases into no classes.
    """
    by_name = {task.name: task for task in tasks}
    if sampling.task not in by_name:
        raise ConfigError(f"training.sampling: no task {sampling.task!r}; there is {', '.join(by_name)}")
    return class_chances([by_name[sampling.task].case_class(record) for record in dataset], sampling.power)


def class_chances(classes: Sequence[str | None], power: float) -> NDArray[np.float64]:
    """As `Sampling` says.

    Args:
        classes: Of each case; None: unknown. At least one is known.
        power: 0..1.

    Returns:
        (N,), their sum is 1.
    """
    counts = Counter(name for name in classes if name is not None)
    chances = np.array([np.nan if name is None else counts[name] ** -power for name in classes])
    chances[np.isnan(chances)] = np.nanmean(chances)
    return np.asarray(chances / chances.sum())


def draw_epoch(
    chances: NDArray[np.float64], seed: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cases of one epoch.

    Args:
        chances: (N,) of each case.
        seed: Of this epoch.

    Returns:
        (N,) indices of cases, and (N,) how often each was drawn before in this epoch.
    """
    order = np.random.default_rng(seed).choice(len(chances), len(chances), p=chances)
    by_case = np.argsort(order, kind="stable")
    sorted_cases = order[by_case]
    turns = np.empty_like(order)
    turns[by_case] = np.arange(len(order)) - np.searchsorted(sorted_cases, sorted_cases)
    return order, turns
