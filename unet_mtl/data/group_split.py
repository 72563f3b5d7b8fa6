"""Divide groups of cases into parts, such as splits or folds, so that the parts have similar contents."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def join_groups(
    cases: Sequence[str], patients: Sequence[str], keep_together: Sequence[Collection[str]] = ()
) -> list[str]:
    """Find the groups of cases that must stay in one part.

    Cases of one patient are in one group, and so are the cases of each collection in `keep_together`. Groups that
    share a case are merged.

    Args:
        cases: The names of the cases.
        patients: The patient of each case.
        keep_together: Further collections of cases that belong together, such as near-duplicates. Unknown names are
            ignored.

    Returns:
        The group of each case, named after the alphabetically first patient in it.
    """
    row = {case: index for index, case in enumerate(cases)}
    edges = [
        (row[case], len(row) + number)
        for number, group in enumerate([*_group_by_patient(cases, patients), *keep_together])
        for case in group
        if case in row
    ]
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    size = int(ends.max(initial=0)) + 1
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    first_patient: dict[int, str] = {}
    for patient, number in sorted(zip(patients, component, strict=False)):
        first_patient.setdefault(int(number), patient)
    return [first_patient[int(number)] for number in component[: len(cases)]]


def _group_by_patient(cases: Sequence[str], patients: Sequence[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for case, patient in zip(cases, patients, strict=True):
        groups.setdefault(patient, []).append(case)
    return list(groups.values())


def assign_groups(
    groups: Sequence[str], strata: Sequence[Sequence[str]], shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Assign whole groups to parts, so that each part gets its share of the cases and of each stratum.

    Groups are assigned one at a time, the largest first, each to the part with the largest deficit in what the
    group contains. The deficit is summed over the values of all strata, each as a share of its total, so that rare
    values weigh as much as common ones. The number of cases weighs as much as all values together; otherwise many
    rare values would all be assigned to the largest part. No part with a share above 0 stays empty as long as there
    are groups left for it.

    Args:
        groups: The group of each case.
        strata: For each stratum, the value of each case. It may be empty.
        shares: The shares of the parts, which add up to 1.
        seed: Seed of the order among groups of equal size.

    Returns:
        The index of the part of each case, int64. Without strata, a part exceeds its share by less than one group.
    """
    _, group_of_case = np.unique(np.asarray(groups), return_inverse=True)
    contents = _count_contents(group_of_case, strata)
    order = np.random.default_rng(seed).permutation(len(contents))
    order = order[np.argsort(-contents[order, 0], kind="stable")]
    wanted = np.asarray(shares, dtype=float)
    weights = contents / contents.sum(axis=0)
    weights[:, 0] *= contents.shape[1]
    deficit = wanted[:, None] * weights.sum(axis=0)
    part_of_group = np.full(len(contents), -1, dtype=np.int64)
    for n_left, group in zip(range(len(order), 0, -1), order, strict=True):
        empty = (wanted > 0) & ~np.isin(np.arange(len(wanted)), part_of_group)
        allowed = empty if n_left <= empty.sum() else wanted > 0
        part = int(np.argmax(np.where(allowed, deficit @ contents[group], -np.inf)))
        part_of_group[group] = part
        deficit[part] -= weights[group]
    return part_of_group[group_of_case]


def _count_contents(group_of_case: NDArray[np.int64], strata: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Count the cases of each group, in the first column in total and in the others for each stratum value."""
    indicators = [np.ones(len(group_of_case))]
    for values in strata:
        names, index = np.unique(np.asarray(values), return_inverse=True)
        indicators += list(np.eye(len(names))[index].T)
    counts = [np.bincount(group_of_case, weights=indicator) for indicator in indicators]
    return np.stack(counts, axis=1)
