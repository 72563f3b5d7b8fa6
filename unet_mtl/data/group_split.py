"""Deals groups of cases to parts: groups whole, strata in like shares. Knows lists of words, no files."""

import warnings
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

MOST_FOLDS = 20


def join_groups(
    cases: Sequence[str], patients: Sequence[str], linked: Sequence[Collection[str]] = ()
) -> list[str]:
    """Names the group of every case: cases of one patient, and linked ones, directly or by way of others.

    Args:
        cases: Their names.
        patients: Of each case.
        linked: Further cases that belong together, near-duplicates, say; names that are no case are passed over.

    Returns:
        Of each case the first, by name, of all patients in its group.
    """
    row = {case: index for index, case in enumerate(cases)}
    pairs = [
        (row[case], len(row) + i) for i, group in enumerate([*_by_patient(cases, patients), *linked])
        for case in group if case in row
    ]  # fmt: skip
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    size = int(ends.max(initial=0)) + 1
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    first: dict[int, str] = {}
    for patient, number in sorted(zip(patients, component, strict=False)):
        first.setdefault(int(number), patient)
    return [first[int(number)] for number in component[: len(cases)]]


def _by_patient(cases: Sequence[str], patients: Sequence[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for case, patient in zip(cases, patients, strict=True):
        groups.setdefault(patient, []).append(case)
    return list(groups.values())


def deal(
    groups: Sequence[str], strata: Sequence[Sequence[str]], shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Deals groups out one by one, the largest first, each to the part that lacks most of what it holds.

    What is lacked is counted for each word of each stratum, as a share of its total, so that rare words weigh as
    much as common ones, and for all cases, which weigh as much as all words together: many rare words would
    else all go to the largest part. While there are groups for it, no part stays empty that has a share.

    Args:
        groups: Of each case.
        strata: Lists of the words of all cases; may be none.
        shares: Of the parts; together 1.
        seed: Of the order among groups of one size.

    Returns:
        Of each case the index of its part. Without strata a part exceeds its share by less than one group.
    """
    _, group_of = np.unique(np.asarray(groups), return_inverse=True)
    held = _count_words(group_of, strata)
    order = np.random.default_rng(seed).permutation(len(held))
    order = order[np.argsort(-held[order, 0], kind="stable")]
    wanted = np.asarray(shares, dtype=float)
    weights = held / held.sum(axis=0)
    weights[:, 0] *= held.shape[1]
    lacking = wanted[:, None] * weights.sum(axis=0)
    part_of_group = np.full(len(held), -1, dtype=np.int64)
    for left, group in zip(range(len(order), 0, -1), order, strict=True):
        empty = (wanted > 0) & ~np.isin(np.arange(len(wanted)), part_of_group)
        open_to = empty if left <= empty.sum() else wanted > 0
        part = int(np.argmax(np.where(open_to, lacking @ held[group], -np.inf)))
        part_of_group[group] = part
        lacking[part] -= weights[group]
    return part_of_group[group_of]


def _count_words(group_of: NDArray[np.int64], strata: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Cases by group and word; the first column counts all of them."""
    indicators = [np.ones(len(group_of))]
    for words in strata:
        names, index = np.unique(np.asarray(words), return_inverse=True)
        indicators += list(np.eye(len(names))[index].T)
    counts = [np.bincount(group_of, weights=indicator) for indicator in indicators]
    return np.stack(counts, axis=1)


def deal_small_change(
    groups: Sequence[str], words: Sequence[str], shares: Sequence[float], seed: int
) -> NDArray[np.int64] | None:
    """Makes up to 20 small folds with scikit-learn, and gives each to the part furthest below its share.

    How splits by ratio were dealt from the start; `deal` takes whatever this cannot.

    Returns:
        As `deal`; None where the folds would not be small beside the smallest share: few groups, a large one,
        or words that are all rare.
    """
    sizes = Counter(groups)
    n_folds = min(MOST_FOLDS, len(sizes), max(Counter(words).values()))
    grain = max(max(sizes.values()) / len(groups), 1 / n_folds)
    if n_folds < 3 or grain > min(share for share in shares if share > 0) + 1e-9:
        return None
    folds = StratifiedGroupKFold(n_splits=n_folds, shuffle=True, random_state=seed)
    parts = np.zeros(len(groups), dtype=np.int64)
    counts = [0] * len(shares)
    with warnings.catch_warnings():
        # A class rarer than the number of folds is no fault here: folds are only small change to deal out.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        dealt_out = list(folds.split(np.zeros(len(groups)), list(words), list(groups)))
    for _, fold in dealt_out:
        dealt = sum(counts) + len(fold)
        part = max(range(len(shares)), key=lambda i: shares[i] * dealt - counts[i])
        counts[part] += len(fold)
        parts[fold] = part
    return parts


def count_absent(
    words: Sequence[str], parts: Sequence[int] | NDArray[np.int64], shares: Sequence[float]
) -> int:
    """How often a part that has a share lacks a word altogether.

    >>> count_absent(["a", "a", "b"], [0, 1, 0], (0.5, 0.5, 0.0))
    1
    """
    there = set(zip(words, map(int, parts), strict=True))
    return sum((word, part) not in there for word in set(words) for part, share in enumerate(shares) if share)
