"""One-to-one pairing against every pairing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.assignment import assign

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None)


def best_sum(pairs, used=((), ())):
    if not pairs:
        return 0
    (row, column, weight), *rest = pairs
    skipped = best_sum(rest, used)
    if row in used[0] or column in used[1]:
        return skipped
    return max(skipped, weight + best_sum(rest, ((*used[0], row), (*used[1], column))))


@PROPERTY
@given(st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 9)), st.integers(1, 9), max_size=10))
def test_against_every_pairing(weights):
    rows, columns = np.array(list(weights), int).reshape(-1, 2).T
    values = np.array(list(weights.values()), float)
    chosen = assign(rows, columns, values)
    assert len(set(rows[chosen])) == len(set(columns[chosen])) == chosen.size
    assert chosen.tolist() == sorted(chosen)
    assert values[chosen].sum() == best_sum([(*pair, weight) for pair, weight in weights.items()])


def test_no_pair():
    assert assign([], [], []).tolist() == []


def test_the_only_pair_and_a_chain():
    assert assign([7], [3], [0.1]).tolist() == [0]
    # 0.9 alone is less than 0.5 + 0.5
    assert assign([0, 0, 1], [0, 1, 1], [0.5, 0.9, 0.5]).tolist() == [0, 2]
