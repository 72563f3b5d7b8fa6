"""Class-balanced sampling, with the same shares of classes in every batch. Without Keras, for the config."""

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
    """Settings of class-balanced sampling.

    An epoch has as many draws as there are train cases, and each class has the same share of every batch.

    Attributes:
        task: The name of the task with the classes. A case of a class with n cases is drawn with a chance proportional
            to (1 / n) ** power, and a case without a label of the task with the mean chance of the labelled cases.
        power: The strength of the balancing. 0: all cases have the same chance, so each comes once per epoch. 1: all
            classes have the same chance.
    """

    task: str
    power: float = Field(default=0.5, ge=0, le=1)


class Strata(NamedTuple):
    """Groups and chances of N cases, from which epochs are drawn.

    Attributes:
        groups: (N,) index of the class of each case, from 0; cases of unknown class form a group too.
        chances: (N,) the probability of each case in a single draw; the sum is 1.
    """

    groups: NDArray[np.int64]
    chances: NDArray[np.float64]


def make_strata(sampling: Sampling, tasks: Sequence[Task[Any, Any]], dataset: Dataset) -> Strata:
    """Group the cases by the classes of the task.

    Args:
        sampling: The settings.
        tasks: The tasks of the training.
        dataset: The train cases.

    Raises:
        ConfigError: There is no task of that name, or the task has no classes.
    """
    by_name = {task.name: task for task in tasks}
    if sampling.task not in by_name:
        raise ConfigError(
            f"training.sampling: there is no task {sampling.task!r}; the tasks are {', '.join(by_name)}"
        )
    classes = [by_name[sampling.task].case_class(record) for record in dataset]
    indices = {name: index for index, name in enumerate(dict.fromkeys(classes))}
    return Strata(np.array([indices[name] for name in classes]), class_chances(classes, sampling.power))


def class_chances(classes: Sequence[str | None], power: float) -> NDArray[np.float64]:
    """Return the probability of each case in a single draw; see `Sampling`.

    Args:
        classes: The class of each of N cases; None if unknown. At least one must be known.
        power: The strength of the balancing, 0..1.

    Returns:
        (N,) float64, with a sum of 1.
    """
    counts = Counter(name for name in classes if name is not None)
    chances = np.array([np.nan if name is None else counts[name] ** -power for name in classes])
    chances[np.isnan(chances)] = np.nanmean(chances)
    return np.asarray(chances / chances.sum())


def draw_epoch(
    strata: Strata, batch_size: int, seed: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the cases of one epoch, with the same share of each group in every batch.

    Each case and each group is drawn its expected number of times, rounded up or down, without bias. A case or group
    with D of the N draws has size * D / N draws in a batch, rounded up or down. The same holds for a shard of a batch,
    except that the number in a shard of the short last batch may differ by less than 2.

    Args:
        strata: Groups and chances of N cases.
        batch_size: The number of cases in a batch, all shards together; the last batch may be shorter.
        seed: The seed of this epoch.

    Returns:
        (N,) indices of the drawn cases in order, and (N,) how often each has been drawn before in this epoch.
    """
    rng = np.random.default_rng(seed)
    order = np.empty(len(strata.groups), np.int64)
    order[_assigned_places(len(order), batch_size, rng)] = _draw_sorted(strata, rng)
    by_case = np.argsort(order, kind="stable")
    sorted_cases = order[by_case]
    turns = np.empty_like(order)
    turns[by_case] = np.arange(len(order)) - np.searchsorted(sorted_cases, sorted_cases)
    return order, turns


def _draw_sorted(strata: Strata, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (N,) drawn cases, in which the draws of each group and of each case are consecutive.

    Systematic sampling (Madow 1949, doi:10.1214/aoms/1177729988): the cases divide a line into intervals with the
    lengths of their expected numbers of draws, and points at distances of 1 after a random start select them.
    """
    n = len(strata.groups)
    shuffled, ranks = rng.permutation(n), rng.permutation(strata.groups.max() + 1)
    line = shuffled[np.argsort(ranks[strata.groups[shuffled]], kind="stable")]
    # Rounding ensures that a case with an interval of length 1 is drawn exactly once.
    ends = np.round(n * np.cumsum(strata.chances[line]), 9)
    return line[np.searchsorted(ends[:-1], np.arange(n) + rng.random(), side="right")]


def _assigned_places(n: int, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (N,) the place in the epoch of each of N sorted draws, which are assigned to the batches in turn.

    A full batch takes one draw in each round; a short batch takes draws less often, at even times. Hence of D
    consecutive draws the short batch has its share, rounded up or down, and so have all full batches together; since
    these take turns, each of them has its share too.
    """
    places = np.arange(n)
    batches, slots = places // batch_size, places % batch_size
    full = n // batch_size
    times = np.append((rng.permutation(full) + rng.random()) / max(full, 1), rng.random())
    sizes = np.minimum(batch_size, n - batches * batch_size)
    return np.argsort((slots + times[batches]) / sizes)
