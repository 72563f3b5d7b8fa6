"""Paired comparisons: hand-computed cases, SciPy's Wilcoxon on patient means, Holm by hand, what is left out."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from metrics.aggregate import summarise
from metrics.comparison import compare_paired, compare_tables, holm

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None)
nan = np.nan
both_methods = pytest.mark.parametrize("method", ["percentile", "bca"])


def pair(seed=0, n_cases=120, n_patients=30):
    """Two models whose difference depends on the patient."""
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, n_patients, size=n_cases)
    first = 1 - rng.beta(1.2, 8.0, size=n_cases)
    second = first - 0.05 * rng.random(n_patients)[patients] + 0.03 * rng.random(n_cases)
    return first, second, patients


def exact_p(differences):
    """Wilcoxon by its definition: the share of all signs whose rank sum is at least as far from the middle."""
    differences = np.array(differences)[np.array(differences) != 0]
    ranks = stats.rankdata(np.abs(differences))
    middle = ranks.sum() / 2
    sums = [np.dot(signs, ranks) for signs in itertools.product([0, 1], repeat=ranks.size)]
    found = ranks[differences > 0].sum()
    return np.mean(np.abs(np.array(sums) - middle) >= abs(found - middle) - 1e-9)


def test_hand_computed_comparison():
    first = [0.5, 0.5, 0.75, nan, 0.25, nan]
    second = [0.75, 0.5, 0.25, 0.5, nan, nan]
    result = compare_paired(first, second)
    # over the first three cases: differences 0.25, 0 and -0.5
    assert (result.mean_first, result.mean_second) == pytest.approx((1.75 / 3, 0.5))
    assert result.difference == pytest.approx(-0.25 / 3)
    assert (result.n, result.n_patients) == (3, 3)
    assert (result.n_higher, result.n_tied, result.n_lower) == (1, 1, 1)
    assert result.n_undefined == 3
    assert (result.n_undefined_first, result.n_undefined_second, result.n_undefined_both) == (1, 1, 1)
    # one of either sign: ranks 1 and 2, and every outcome of two signs is as extreme
    assert result.p_value == result.p_holm == 1.0
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()


def test_patients_count_once_in_the_test():
    # patients' mean differences 0.25, 0.5, 0.125, all up: p = 2 / 2**3, however many cases they have
    first = np.zeros(9)
    second = [0.25, 0.25, 0.0, 0.75, 0.75, 0.125, 0.125, 0.125, 0.125]
    patients = ["a", "a", "b", "b", "b", "c", "c", "c", "c"]
    result = compare_paired(first, second, patients)
    assert (result.p_value, result.n, result.n_patients) == (0.25, 9, 3)
    assert result.difference == pytest.approx(2.5 / 9)
    assert compare_paired(first, second).p_value < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_p_value_against_scipy_on_patient_means(seed):
    first, second, patients = pair(seed)
    means = pd.Series(second - first).groupby(patients).mean()
    assert compare_paired(first, second, patients).p_value == pytest.approx(stats.wilcoxon(means).pvalue)
    assert compare_paired(first, second).p_value == pytest.approx(stats.wilcoxon(second - first).pvalue)


@given(st.lists(st.integers(-20, 20), min_size=2, max_size=8, unique_by=lambda value: abs(value) or object()))
@PROPERTY
def test_zeros_are_dropped_and_the_rest_is_exact(differences):
    # zeros alone may repeat: a share p of the 2**n signs of the others, though zeros were there
    result = compare_paired(np.zeros(len(differences)), differences)
    expected = 1.0 if not any(differences) else exact_p(differences)
    assert result.p_value == pytest.approx(expected)


def test_differences_equal_but_for_rounding_are_tied():
    # 0.3 - 0.2, 0.2 - 0.1, 0.9 - 0.8 and 0.4 - 0.3 are four different floats: all ranks are 2.5
    first, second = [0.2, 0.1, 0.9, 0.3], [0.3, 0.2, 0.8, 0.4]
    result = compare_paired(first, second)
    assert result.p_value == compare_paired([2, 1, 9, 3], [3, 2, 8, 4]).p_value
    # patient a: +0.1 +0.2 -0.3 is no difference, so that b and c alone are left: p = 2 / 2**2
    cancelled = compare_paired(np.zeros(5), [0.1, 0.2, -0.3, 0.5, 0.6], ["a", "a", "a", "b", "c"])
    assert 0.1 + 0.2 - 0.3 != 0
    assert cancelled.p_value == 0.5


def test_rounding_is_relative_to_the_scores():
    first, second, patients = pair()
    expected = compare_paired(first, second, patients).p_value
    for unit in (1e-15, 1e15):
        assert compare_paired(first * unit, second * unit, patients).p_value == pytest.approx(expected)


@both_methods
def test_against_itself(method):
    first, _, patients = pair()
    first[:10] = nan
    for ids in (patients, None):
        result = compare_tables({"a": first, "b": first**2}, {"a": first, "b": first**2}, ids, method=method)
        for score in result.values():
            assert (score.difference, score.low, score.high) == (0, 0, 0)
            assert (score.p_value, score.p_holm) == (1, 1)
            assert (score.n, score.n_tied, score.n_undefined, score.n_undefined_both) == (110, 110, 10, 10)


def test_scores_that_are_all_zero():
    result = compare_paired([0, 0, 0], [0, 0, 0])
    assert (result.difference, result.low, result.high, result.p_value) == (0, 0, 0, 1)


@both_methods
def test_constant_difference_has_no_width(method):
    first = np.arange(8) / 8
    result = compare_paired(first, first + 0.5, method=method)
    assert (result.difference, result.low, result.high) == (0.5, 0.5, 0.5)
    assert result.p_value == pytest.approx(2 / 2**8)


@both_methods
def test_interval_is_that_of_the_summarised_differences(method):
    first, second, patients = pair()
    first[:5], second[3:9] = nan, nan
    result = compare_paired(first, second, patients, method=method, seed=4, level=0.9, resamples=500)
    expected = summarise(second - first, patients, method=method, seed=4, level=0.9, resamples=500)
    assert (result.difference, result.low, result.high) == (expected.mean, expected.low, expected.high)
    assert (result.n, result.n_undefined) == (expected.n, expected.n_undefined) == (111, 9)


def test_pairing_is_narrower_than_the_scores():
    first, second, patients = pair()
    paired, alone = compare_paired(first, second, patients), summarise(second, patients)
    assert paired.high - paired.low < 0.4 * (alone.high - alone.low)


@both_methods
def test_exchange_turns_the_signs(method):
    first, second, patients = pair()
    one = compare_paired(first, second, patients, method=method, resamples=20_000)
    other = compare_paired(second, first, patients, method=method, resamples=20_000)
    assert other.difference == pytest.approx(-one.difference)
    assert (-other.high, -other.low) == pytest.approx((one.low, one.high), abs=0.03 * (one.high - one.low))
    assert (other.p_value, other.n_higher) == (pytest.approx(one.p_value), one.n_lower)
    assert (other.mean_first, other.mean_second) == (one.mean_second, one.mean_first)


def test_order_of_the_cases_changes_nothing():
    first, second, patients = pair()
    first[:5], order = nan, np.random.default_rng(1).permutation(120)
    for ids, moved in ((patients, patients[order]), (None, None)):
        assert compare_paired(first[order], second[order], moved) == compare_paired(first, second, ids)


@pytest.mark.parametrize(
    ("first", "second", "patients"),
    [
        ([], [], None),
        ([0.5], [0.7], None),
        ([0.5, 0.6], [0.7, 0.9], ["a", "a"]),
        ([0.5, nan, 0.5], [0.7, 0.9, nan], ["a", "b", "c"]),
        ([nan, 0.5], [0.7, nan], None),
    ],
    ids=["empty", "single case", "single patient", "one patient with both", "none with both"],
)
def test_fewer_than_two_patients(first, second, patients):
    for method in ("percentile", "bca"):
        result = compare_paired(first, second, patients, method=method)
        assert np.isnan([result.low, result.high, result.p_value, result.p_holm]).all()
        assert np.isnan(result.difference) == (result.n == 0)
        assert result.n + result.n_undefined == len(first)


def test_a_table_is_compared_as_each_score_alone():
    rng = np.random.default_rng(2)
    patients = rng.integers(0, 25, size=100)
    first = {name: rng.random(100) for name in ("dice", "iou", "hd95", "same", "never")}
    gain = {"dice": 0.03, "iou": 0.02, "hd95": -0.06}
    second = {name: column + gain.get(name, 0) * rng.random(100) for name, column in first.items()}
    second["hd95"][:30], second["never"][:] = nan, nan
    second["iou"] += 0.03 * rng.standard_normal(100)
    results = compare_tables(first, second, patients, seed=3)
    assert list(results) == list(first)
    for name, result in results.items():
        alone = compare_paired(first[name], second[name], patients, seed=3).to_dict()
        np.testing.assert_equal(result.to_dict() | {"p_holm": 0}, alone | {"p_holm": 0})
    # four tests were made: the one without a case is not counted
    p = {name: result.p_value for name, result in results.items()}
    smallest = min(p, key=p.get)
    assert results[smallest].p_holm == pytest.approx(4 * p[smallest])
    assert p["same"] == results["same"].p_holm == 1
    assert np.isnan(results["never"].p_holm)


def test_data_frames():
    first, second, patients = pair()
    rows = [f"case{index}" for index in range(120)]
    frames = [pd.DataFrame({"dice": column}, index=rows) for column in (first, second)]
    expected = compare_tables({"dice": first}, {"dice": second}, patients)
    assert compare_tables(*frames, pd.Series(patients)) == expected
    assert compare_paired(frames[0]["dice"], frames[1]["dice"], patients) == expected["dice"]
    assert compare_tables(frames[0], {"dice": second}, patients) == expected
    with pytest.raises(ValueError, match=r"second.loc\[first.index\]"):
        compare_tables(frames[0], frames[1].iloc[::-1], patients)
    with pytest.raises(ValueError, match="different indexes"):
        compare_paired(frames[0]["dice"], frames[1]["dice"].iloc[::-1], patients)


def test_no_score_at_all():
    assert compare_tables({}, {}) == {}


@pytest.mark.parametrize(
    ("first", "second", "keywords", "message"),
    [
        ({"a": [1.0], "b": [1.0]}, {"a": [1.0], "c": [1.0]}, {}, r"same scores: \['b', 'c'\] in one of them"),
        ({"a": [1.0, 2.0]}, {"a": [1.0]}, {}, "first has 2 cases, second 1"),
        ({"a": [1.0, 2.0], "b": [1.0]}, {"a": [1.0, 2.0], "b": [1.0]}, {}, "numbers of cases"),
        ({"a": [1.0, np.inf]}, {"a": [1.0, np.inf]}, {}, "a has infinite scores: put the worst finite value"),
        ({"a": [1.0]}, {"a": [-np.inf]}, {}, "infinite"),
        ({"a": ["x"]}, {"a": [1.0]}, {}, "a must hold numbers"),
        ({"a": [[1.0]]}, {"a": [[1.0]]}, {}, "a must be one number a case"),
        ({"a": [1.0]}, {"a": [1.0]}, {"patients": ["p", "q"]}, "one patient a case"),
        ({"a": [1.0]}, {"a": [1.0]}, {"level": 95}, "level must be between 0 and 1"),
        ({"a": [1.0]}, {"a": [1.0]}, {"method": "basic"}, "method must be one of"),
    ],
)
def test_refusals(first, second, keywords, message):
    with pytest.raises(ValueError, match=message):
        compare_tables(first, second, **keywords)


def test_holm_by_hand():
    # sorted 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.5
    np.testing.assert_allclose(holm([0.02, 0.5, 0.01, 0.03]), [0.06, 0.5, 0.04, 0.06])
    # 0.4 * 3 and 0.5 * 2 are 1.2 and 1.0: never above 1; 0.9 * 1 is raised to what came before it
    np.testing.assert_allclose(holm([0.5, 0.4, 0.9]), [1, 1, 1])
    # never falls: 0.01 * 3 = 0.03, then 0.011 * 2 = 0.022 is raised, then 0.2
    np.testing.assert_allclose(holm([0.01, 0.011, 0.2]), [0.03, 0.03, 0.2])


def test_holm_leaves_nan_out_of_the_count():
    np.testing.assert_allclose(holm([nan, 0.02, nan, 0.01, nan]), [nan, 0.02, nan, 0.02, nan])
    np.testing.assert_array_equal(holm([nan, nan]), [nan, nan])


def test_holm_of_one_and_of_none():
    assert holm([0.03]).tolist() == [0.03]
    assert holm([]).tolist() == []


@pytest.mark.parametrize(
    ("p_values", "message"),
    [
        ([0.1, 1.5], "between 0 and 1, got"),
        ([-0.1], "between 0 and 1"),
        (0.1, r"shape \(\)"),
        ([[0.1]], "shape"),
    ],
)
def test_holm_refusals(p_values, message):
    with pytest.raises(ValueError, match=message):
        holm(p_values)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms(use_true_random=False))
@PROPERTY
def test_holm_rejects_step_by_step(p_values, random):
    # Holm's own words: from the smallest on, stop at the first p above level / (tests left)
    adjusted, level = holm(p_values), 0.05
    rejected, left = [], len(p_values)
    for p in sorted(p_values):
        if p * left > level:
            break
        rejected.append(p)
        left -= 1
    assert sorted(p for p, q in zip(p_values, adjusted, strict=True) if q <= level) == rejected
    order = list(range(len(p_values)))
    random.shuffle(order)
    np.testing.assert_array_equal(holm([p_values[index] for index in order]), adjusted[order])


def test_holm_keeps_the_family_wise_error():
    # ten tests without any effect: 5 % of tables have a false finding, uncorrected 1 - 0.95**10 = 40 %
    p = np.random.default_rng(0).random((2000, 10))
    assert np.mean([holm(row).min() <= 0.05 for row in p]) == pytest.approx(0.05, abs=0.015)


def test_clustered_cases_without_effect_are_no_finding():
    # 8 patients of 20 cases whose difference is the patient's alone; without an effect all 256 signs are alike.
    # Rank sums 0, 1, 2, 3 (as 3 or as 1 + 2), and as many at the other end, have p <= 0.05: 10 of 256
    patients = np.repeat(np.arange(8), 20)
    by_patient, by_case = [], []
    for signs in itertools.product([-1, 1], repeat=8):
        second = np.repeat(signs * np.arange(1, 9), 20)
        by_patient.append(compare_paired(np.zeros(160), second, patients, resamples=1).p_value <= 0.05)
        by_case.append(stats.wilcoxon(second).pvalue <= 0.05)
    assert sum(by_patient) == 10
    assert sum(by_case) > 128  # what counting cases would do: wrong more often than right
