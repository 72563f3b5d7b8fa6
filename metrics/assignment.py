"""One-to-one pairing of two sets, each partner used at most once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def assign(rows: ArrayLike, columns: ArrayLike, weights: ArrayLike) -> NDArray[np.intp]:
    """Choose pairs that use each partner at most once and have the largest sum of weights.

    The solution is exact (Kuhn 1955, doi:10.1002/nav.3800020109; SciPy's linear_sum_assignment). Pairs that are not
    connected through shared partners do not compete, so many small problems are solved instead of a large one.

    Args:
        rows: First partner of each pair, integers from 0 of shape (pairs,); no pair may occur twice.
        columns: Second partner of each pair, integers from 0 of shape (pairs,).
        weights: Weight of each pair, above 0, float of shape (pairs,).

    Returns:
        Indices of the chosen pairs, intp, ascending.

    Example:
        >>> assign([0, 0, 1], [0, 1, 0], [0.6, 0.5, 0.4]).tolist()
        [1, 2]
    """
    row, column = np.asarray(rows, np.intp), np.asarray(columns, np.intp)
    if row.size == 0:
        return row
    group = _connect(row, column)
    order = np.argsort(group, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    value = np.asarray(weights, np.float64)
    chosen = [pairs[_assign_group(row[pairs], column[pairs], value[pairs])] for pairs in groups]
    return np.sort(np.concatenate(chosen))


def _connect(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of the connected component that each pair belongs to."""
    from scipy.sparse import coo_array  # slow to import, as below
    from scipy.sparse.csgraph import connected_components

    ends = rows, rows.max() + 1 + columns
    nodes = int(ends[1].max()) + 1
    graph = coo_array((np.ones(rows.size), ends), shape=(nodes, nodes))
    return np.asarray(connected_components(graph, directed=False)[1][rows])


def _assign_group(
    rows: NDArray[np.intp], columns: NDArray[np.intp], weights: NDArray[np.float64]
) -> NDArray[np.intp]:
    if rows.size == 1:
        return np.zeros(1, np.intp)
    from scipy.optimize import linear_sum_assignment

    row, column = (np.unique(ids, return_inverse=True)[1] for ids in (rows, columns))
    shape = row.max() + 1, column.max() + 1
    table, pair_at = np.zeros(shape), np.full(shape, -1)
    table[row, column], pair_at[row, column] = weights, np.arange(weights.size)
    chosen = pair_at[linear_sum_assignment(table, maximize=True)]
    return np.asarray(chosen[chosen >= 0])
