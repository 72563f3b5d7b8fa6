"""An order of the cases in which every batch has labels of each task, as far as the labels reach."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MOST_SWAPS = 4000
"""Tried in an epoch, so that a hundred thousand cases in conflict cost a second and not an hour."""

_MOST_ROUNDS_IN_VAIN = 100
_MOST_DONORS = 64


def spread_order(
    seed: Sequence[int], labelled: NDArray[np.bool_], batch_size: int, shards: int = 1
) -> NDArray[np.int64]:
    """Deals cases to batches so that as many (batch, task) pairs as possible have a label.

    The rarest task is dealt out first, a case a batch; with fewer labelled cases than batches, at even distances.
    Swaps then mend what tasks took from each other. This is no search for the optimum, which is a packing problem,
    but never covers fewer pairs than the shuffled order of the same seed.

    Args:
        seed: As NumPy's generators take it: (seed, epoch), say.
        labelled: (cases, tasks), whether a case has a label of a task.
        batch_size: Cases of one part of a batch; the last batch may be shorter.
        shards: Parts of each batch, as of `Batches.shard`; each part is dealt labels of its own.

    Returns:
        (cases,) a permutation: the case in each place of the epoch.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labelled))
    places = np.arange(len(labelled))
    groups = places // (batch_size * shards) * shards + places % shards
    by_group = np.argsort(groups, kind="stable")
    dealing = _Dealing(rng, labelled, groups[by_group])
    dealing.deal()
    dealing.swap()
    order = np.empty_like(shuffled)
    order[by_group] = dealing.cases
    return max(order, shuffled, key=lambda cases: count_covered(labelled[cases], groups))


def count_covered(labelled: NDArray[np.bool_], groups: NDArray[np.int64]) -> int:
    """How many (group, task) pairs have a label.

    Args:
        labelled: (places, tasks).
        groups: (places,) numbers from 0 on.
    """
    return int((_count(labelled, groups) > 0).sum())


def _count(labelled: NDArray[np.bool_], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    counts = np.zeros((int(groups.max(initial=-1)) + 1, labelled.shape[1]), np.int64)
    np.add.at(counts, groups, labelled)
    return counts


class _Dealing:
    """Cases on their way to places, the places of a group side by side.

    Attributes:
        cases: (places,) the case in each.
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

    def deal(self) -> None:
        """Gives each group one labelled case of each task that it lacks, the rarest task first."""
        group_of = np.full(len(self.labelled), -1)
        room = self.sizes.copy()
        covered = np.zeros((len(room), self.labelled.shape[1]), bool)
        for task in np.argsort(self.labelled.sum(axis=0), kind="stable"):
            waiting = self.rng.permutation(np.flatnonzero(self.labelled[:, task] & (group_of < 0)))
            lacking = np.flatnonzero(~covered[:, task] & (room > 0))
            n = min(len(waiting), len(lacking))
            chosen = lacking[self._evenly(n, len(lacking))]
            group_of[waiting[:n]] = chosen
            room[chosen] -= 1
            covered[chosen] |= self.labelled[waiting[:n]]
        left = self.rng.permutation(np.flatnonzero(group_of < 0))
        group_of[left] = np.repeat(np.arange(len(room)), room)
        self.cases = np.argsort(group_of, kind="stable")

    def _evenly(self, n: int, among: int) -> NDArray[np.int64]:
        return ((np.arange(n) + self.rng.random()) * among / max(n, 1)).astype(np.int64)

    def swap(self) -> None:
        """Exchanges two cases wherever that covers more; or as many, which opens new ways."""
        counts = _count(self.labelled[self.cases], self.groups)
        tries = rounds_in_vain = 0
        while rounds_in_vain < _MOST_ROUNDS_IN_VAIN and tries < _MOST_SWAPS:
            # Where no group has two labelled cases of a task, no swap can cover more of them.
            wanting = np.argwhere((counts == 0) & (counts.max(axis=0, initial=0) > 1))
            if not len(wanting):
                return
            before = np.count_nonzero(counts)
            for group, task in self.rng.permutation(wanting)[: _MOST_SWAPS - tries]:
                tries += 1
                if counts[group, task] == 0:
                    self._swap_into(group, task, counts)
            rounds_in_vain = 0 if np.count_nonzero(counts) > before else rounds_in_vain + 1

    def _swap_into(self, group: int, task: int, counts: NDArray[np.int64]) -> None:
        """Takes the best of some labelled cases from elsewhere, unless that covers less."""
        # Also from groups with one alone: that moves the gap to where another swap may close it.
        donors = self.rng.permutation(np.flatnonzero(self.labelled[self.cases, task]))[:_MOST_DONORS]
        own = np.arange(self.starts[group], self.starts[group + 1])
        given = self.labelled[self.cases[own]].astype(np.int64)[:, None]
        taken = self.labelled[self.cases[donors]].astype(np.int64)[None]
        here, there = counts[group], counts[self.groups[donors]]
        after = ((here - given + taken) > 0).sum(-1) + ((there - taken + given) > 0).sum(-1)
        gains = after - (here > 0).sum() - (there > 0).sum(-1)
        i, j = self.rng.permutation(np.argwhere(gains == gains.max()))[0]
        if gains[i, j] < 0:
            return
        counts[group] += taken[0, j] - given[i, 0]
        counts[self.groups[donors[j]]] += given[i, 0] - taken[0, j]
        self.cases[[own[i], donors[j]]] = self.cases[[donors[j], own[i]]]
