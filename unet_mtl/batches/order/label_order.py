"""An order of the cases that gives as many batches as possible a label of each task."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MAX_SWAPS = 4000
"""The number of swaps tried in an epoch, so that a hundred thousand cases in conflict cost a second and not an hour."""

_MAX_ROUNDS_WITHOUT_GAIN = 100
_MAX_DONORS = 64


def make_label_order(
    seed: Sequence[int], labelled: NDArray[np.bool_], batch_size: int, shards: int = 1
) -> NDArray[np.int64]:
    """Order cases so that as many (batch, task) pairs as possible have a label.

    The rarest task comes first: its labelled cases are assigned to batches one by one, or at even distances if there
    are fewer of them than batches. Swaps then cover pairs that one task lost to another. The optimum is a packing
    problem and is not searched for, but no fewer pairs are covered than by the shuffled order of the same seed.

    Args:
        seed: A seed in any form that NumPy's generators accept, such as (seed, epoch).
        labelled: (cases, tasks) bool, whether a case has a label of a task.
        batch_size: The number of cases in one shard of a batch; the last batch may be shorter.
        shards: The number of shards of each batch (see `Batches`); labels are assigned to each shard separately.

    Returns:
        (cases,) int64, a permutation: the index of the case at each place of the epoch.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labelled))
    places = np.arange(len(labelled))
    groups = places // (batch_size * shards) * shards + places % shards
    by_group = np.argsort(groups, kind="stable")
    assignment = _Assignment(rng, labelled, groups[by_group])
    assignment.assign()
    assignment.swap()
    order = np.empty_like(shuffled)
    order[by_group] = assignment.cases
    return max(order, shuffled, key=lambda cases: count_covered(labelled[cases], groups))


def count_covered(labelled: NDArray[np.bool_], groups: NDArray[np.int64]) -> int:
    """Return the number of (group, task) pairs with a label.

    Args:
        labelled: (places, tasks) bool, whether the case at a place has a label of a task.
        groups: (places,) index of the group of each place, from 0.
    """
    return int((_count(labelled, groups) > 0).sum())


def _count(labelled: NDArray[np.bool_], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    counts = np.zeros((int(groups.max(initial=-1)) + 1, labelled.shape[1]), np.int64)
    np.add.at(counts, groups, labelled)
    return counts


class _Assignment:
    """Cases assigned to places, where the places of a group are consecutive.

    Attributes:
        cases: (places,) index of the case at each place.
    """

    def __init__(
        self, rng: np.random.Generator, labelled: NDArray[np.bool_], groups: NDArray[np.int64]
    ) -> None:
        self.rng = rng
        self.labelled = labelled
        self.groups = groups
        self.sizes = np.bincount(groups)
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)])
        self.cases = np.arange(len(groups))

    def assign(self) -> None:
        """Assign one labelled case of each task to every group without one, starting with the rarest task."""
        group_of = np.full(len(self.labelled), -1)
        free = self.sizes.copy()
        covered = np.zeros((len(free), self.labelled.shape[1]), bool)
        for task in np.argsort(self.labelled.sum(axis=0), kind="stable"):
            candidates = self.rng.permutation(np.flatnonzero(self.labelled[:, task] & (group_of < 0)))
            uncovered = np.flatnonzero(~covered[:, task] & (free > 0))
            n = min(len(candidates), len(uncovered))
            chosen = uncovered[self._even_places(n, len(uncovered))]
            group_of[candidates[:n]] = chosen
            free[chosen] -= 1
            covered[chosen] |= self.labelled[candidates[:n]]
        rest = self.rng.permutation(np.flatnonzero(group_of < 0))
        group_of[rest] = np.repeat(np.arange(len(free)), free)
        self.cases = np.argsort(group_of, kind="stable")

    def _even_places(self, n: int, among: int) -> NDArray[np.int64]:
        return ((np.arange(n) + self.rng.random()) * among / max(n, 1)).astype(np.int64)

    def swap(self) -> None:
        """Swap two cases wherever that covers more pairs, or as many, since such a swap may enable a better one."""
        counts = _count(self.labelled[self.cases], self.groups)
        tries = rounds_without_gain = 0
        while rounds_without_gain < _MAX_ROUNDS_WITHOUT_GAIN and tries < _MAX_SWAPS:
            # If no group has two labelled cases of a task, no swap can cover more groups of that task.
            uncovered = np.argwhere((counts == 0) & (counts.max(axis=0, initial=0) > 1))
            if not len(uncovered):
                return
            before = np.count_nonzero(counts)
            for group, task in self.rng.permutation(uncovered)[: _MAX_SWAPS - tries]:
                tries += 1
                if counts[group, task] == 0:
                    self._swap_into(group, task, counts)
            rounds_without_gain = 0 if np.count_nonzero(counts) > before else rounds_without_gain + 1

    def _swap_into(self, group: int, task: int, counts: NDArray[np.int64]) -> None:
        """Swap the best of some labelled cases of other groups into a group, unless that covers fewer pairs."""
        # Groups with a single labelled case are included: the gap moves to a place where another swap may close it.
        donors = self.rng.permutation(np.flatnonzero(self.labelled[self.cases, task]))[:_MAX_DONORS]
        own = np.arange(self.starts[group], self.starts[group + 1])
        outgoing = self.labelled[self.cases[own]].astype(np.int64)[:, None]
        incoming = self.labelled[self.cases[donors]].astype(np.int64)[None]
        here, there = counts[group], counts[self.groups[donors]]
        after = ((here - outgoing + incoming) > 0).sum(-1) + ((there - incoming + outgoing) > 0).sum(-1)
        gains = after - (here > 0).sum() - (there > 0).sum(-1)
        i, j = self.rng.permutation(np.argwhere(gains == gains.max()))[0]
        if gains[i, j] < 0:
            return
        counts[group] += incoming[0, j] - outgoing[i, 0]
        counts[self.groups[donors[j]]] += outgoing[i, 0] - incoming[0, j]
        self.cases[[own[i], donors[j]]] = self.cases[[donors[j], own[i]]]
