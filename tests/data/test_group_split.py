"""Groups assigned to parts: cases by hand, and properties of any groups and strata."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from unet_mtl.data.group_split import assign_groups, join_groups


def test_cases_are_joined_by_patients_and_by_links_through_others():
    cases, patients = list("abcdef"), ["p2", "p1", "p2", "p3", "p4", "p5"]
    assert join_groups(cases, patients) == patients
    linked = [{"c", "d"}, ["d", "e", "not a case"]]
    assert join_groups(cases, patients, linked) == ["p2", "p1", "p2", "p2", "p2", "p5"]
    assert join_groups(cases, patients, [["a", "not a case"], []]) == patients


SHARES = ([0.6, 0.2, 0.2], [0.7, 0.05, 0.25], [0.8, 0.2, 0], [0.25] * 4, [0.1] * 10)


@st.composite
def grouped_words(draw):
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=40))
    groups = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    words = draw(st.lists(st.sampled_from("aaabbc"), min_size=len(groups), max_size=len(groups)))
    return groups, words


@given(grouped_words(), st.sampled_from(SHARES), st.integers(0, 99))
@hypothesis_settings(max_examples=150, deadline=None)
def test_dealing_keeps_groups_whole_and_is_within_one_group_of_the_shares(drawn, shares, seed):
    groups, words = drawn
    for strata in ([], [words]):
        parts = assign_groups(groups, strata, shares, seed)
        assert parts.tolist() == assign_groups(groups, strata, shares, seed).tolist()
        assert len(set(zip(groups, parts.tolist(), strict=True))) == len(set(groups))
        filled = set(parts.tolist())
        wanted = {i for i, share in enumerate(shares) if share}
        assert filled <= wanted
        assert len(filled) >= min(len(wanted), len(set(groups)))
    sizes = np.bincount(assign_groups(groups, [], shares, seed), minlength=len(shares))
    largest = max(Counter(groups).values())
    assert (sizes - np.array(shares) * len(groups) < largest + 1e-6).all()


@given(st.integers(0, 2**31), st.sampled_from(SHARES[:4]))
@hypothesis_settings(max_examples=30, deadline=None)
def test_with_small_groups_cases_and_words_are_near_their_shares(seed, shares):
    """With 100 groups of 1 to 3 cases and two strata, no count is off by more than 6 cases."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"g{i}" for i in range(100)], rng.integers(1, 4, 100)).tolist()
    strata = [rng.choice(list("abc"), len(groups), p=[0.6, 0.3, 0.1]), rng.choice(list("xy"), len(groups))]
    parts = assign_groups(groups, [column.tolist() for column in strata], shares, seed)
    for chosen in [np.ones(len(groups), bool)] + [c == word for c in strata for word in np.unique(c)]:
        counts = np.bincount(parts[chosen], minlength=len(shares))
        np.testing.assert_allclose(counts, np.array(shares) * chosen.sum(), atol=6)
