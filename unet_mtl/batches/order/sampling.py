"""Cases of rare classes drawn more often, and dealt so that batches are alike. Free of Keras, for the config."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from unet_mtl.data.records import Dataset
from unet_mtl.errors import ConfigError
from unet_mtl.settings import Settings
from unet_mtl.tasks import Task


class Sampling(Settings):
    """An epoch is as many draws as there are train cases, and each batch has each class in its share of them.

    Attributes:
        task: Its classes decide: one of n cases is drawn in proportion to (1 / n) ** power. A case without its label
            has the mean chance of those with one.
        power: 0: all cases alike, each once an epoch. 1: all classes alike.
    """

    task: str
    power: float = Field(default=0.5, ge=0, le=1)


class Strata(NamedTuple):
    """What an epoch is drawn by.

    Attributes:
        groups: (N,) number of each case's class, from 0 on; cases whose class is unknown are a group as well.
        chances: (N,) of each case to be the one that is drawn; their sum is 1.
    """

    groups: NDArray[np.int64]
    chances: NDArray[np.float64]


def make_strata(sampling: Sampling, tasks: Sequence[Task[Any, Any]], dataset: Dataset) -> Strata:
    """Groups the cases by the classes of the task.

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
    classes = [by_name[sampling.task].case_class(record) for record in dataset]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(classes))}
    return Strata(np.array([numbers[name] for name in classes]), class_chances(classes, sampling.power))


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
    strata: Strata, batch_size: int, seed: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cases of one epoch, in batches that are alike.

    Each case, and each group, comes as often as it is expected to, rounded up or down, with the exact expectation.
    What has D of the N draws, be it a case or a group, has size * D / N of them in a batch, rounded up or down; and
    so in a shard of a batch, but that it may be less than 2 off in those of a short one.

    Args:
        strata: Of N cases.
        batch_size: Cases of a batch, its shards together; the last batch may be shorter.
        seed: Of this epoch.

    Returns:
        (N,) indices of cases, and (N,) how often each was drawn before in this epoch.
    """
    rng = np.random.default_rng(seed)
    order = np.empty(len(strata.groups), np.int64)
    order[_dealt_places(len(order), batch_size, rng)] = _draw_in_line(strata, rng)
    by_case = np.argsort(order, kind="stable")
    sorted_cases = order[by_case]
    turns = np.empty_like(order)
    turns[by_case] = np.arange(len(order)) - np.searchsorted(sorted_cases, sorted_cases)
    return order, turns


def _draw_in_line(strata: Strata, rng: np.random.Generator) -> NDArray[np.int64]:
    """(N,) drawn cases, each group and each case in one piece.

    Systematic sampling (Madow 1949, doi:10.1214/aoms/1177729988): cases lie side by side, as wide as
    their expected draws, and points at distances of 1 pick them, behind a random start.
    """
    n = len(strata.groups)
    shuffled, ranks = rng.permutation(n), rng.permutation(strata.groups.max() + 1)
    line = shuffled[np.argsort(ranks[strata.groups[shuffled]], kind="stable")]
    # Rounded, so that a case of width 1 is drawn once.
    ends = np.round(n * np.cumsum(strata.chances[line]), 9)
    return line[np.searchsorted(ends[:-1], np.arange(n) + rng.random(), side="right")]


def _dealt_places(n: int, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(N,) place in the epoch of each draw of the line: dealt to the batches in turn, as cards are.

    A full batch takes one draw a round, a short one less often, at even times. So of D draws in a row the short one
    has its share, rounded up or down; hence all full ones together have theirs, and, served in turn, each has.
    """
    places = np.arange(n)
    batches, slots = places // batch_size, places % batch_size
    full = n // batch_size
    times = np.append((rng.permutation(full) + rng.random()) / max(full, 1), rng.random())
    sizes = np.minimum(batch_size, n - batches * batch_size)
    return np.argsort((slots + times[batches]) / sizes)
