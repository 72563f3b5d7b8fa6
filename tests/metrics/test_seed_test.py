"""A difference over trainings and patients: by hand, its two limits, and how often chance alone is called more."""

import numpy as np
import pytest
from scipy import stats

from metrics import repeated_p_value

SEEDS = [0, 1, 2]


def test_by_hand():
    """Means of runs and of patients 2, 3, 4: squares 3 and 3, of the rest 4 / 4.

    The spread is 3 + (3 - 1); of 2 * (5 / 3) ** 2 degrees of freedom three patients leave 2.
    """
    differences = np.array([[1, 2, 3], [2, 2, 5], [3, 5, 4]])
    first = np.arange(9).reshape(3, 3) ** 2
    expected = 2 * stats.t.sf(3 / np.sqrt(5 / 9), 2)
    assert repeated_p_value(first, first + differences) == pytest.approx(expected)
    # each patient twice: all degrees of freedom count
    first, differences = np.tile(first, 2), np.tile(differences, 2)
    spread = 6 + (3 * 4 / 5 - 8 / 10)
    expected = 2 * stats.t.sf(3 / np.sqrt(spread / 18), 2 * (spread / 6) ** 2)
    assert repeated_p_value(first, first + differences) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_runs_that_agree_are_a_t_test_of_patients(seed):
    first, second = np.random.default_rng(seed).normal([[0.0], [0.3]], 1, (2, 12))
    expected = stats.ttest_rel(first, second).pvalue
    assert repeated_p_value(np.tile(first, (4, 1)), np.tile(second, (4, 1))) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_patients_that_agree_are_a_t_test_of_runs(seed):
    first, second = np.random.default_rng(seed).normal([[0.0], [0.3]], 1, (2, 5))
    expected = stats.ttest_rel(first, second).pvalue
    hard = np.random.default_rng(9).normal(size=30)
    assert repeated_p_value(first[:, None] + hard, second[:, None] + hard) == pytest.approx(expected)


def test_sign_unit_and_order_do_not_matter():
    rng = np.random.default_rng(3)
    first, second, patients = rng.normal(0, 1, (3, 20)), rng.normal(0.3, 1, (3, 20)), np.arange(20) // 2
    p = repeated_p_value(first, second, patients)
    order = rng.permutation(20)
    assert repeated_p_value(1000 * second, 1000 * first, patients) == pytest.approx(p)
    assert repeated_p_value(first[::-1, order], second[::-1, order], patients[order]) == pytest.approx(p)
    assert repeated_p_value(first[::-1], second, patients) != pytest.approx(p)  # runs are pairs
    assert repeated_p_value(*(x.reshape(3, 10, 2).mean(axis=2) for x in (first, second))) == pytest.approx(p)


def test_a_case_without_a_score_in_one_run_is_left_out():
    first, second = np.random.default_rng(4).normal(0, 1, (2, 3, 10))
    lacking = second.copy()
    lacking[1, 4] = np.nan
    assert repeated_p_value(first, lacking) == repeated_p_value(
        *(np.delete(x, 4, axis=1) for x in (first, second))
    )


def test_corners():
    nothing, one = np.zeros((3, 5)), np.ones((3, 5))
    assert repeated_p_value(one, one) == 1
    assert repeated_p_value(nothing, one) == 0
    assert np.isnan(repeated_p_value(nothing[:2], one[:2]))
    assert np.isnan(repeated_p_value(nothing, one, ["a"] * 5))
    assert np.isnan(repeated_p_value(nothing, np.full((3, 5), np.nan)))


def test_bad_input():
    with pytest.raises(ValueError, match=r"one shape \(runs, cases\), got shapes \(3,\) and \(3,\)"):
        repeated_p_value([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"got shapes \(2, 3\) and \(3, 3\)"):
        repeated_p_value(np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(ValueError, match="infinite"):
        repeated_p_value([[1.0, np.inf], [1.0, 2.0]], np.ones((2, 2)))
    with pytest.raises(ValueError, match="one patient a case"):
        repeated_p_value(np.ones((2, 3)), np.ones((2, 3)), ["a", "b"])


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3])
def test_chance_of_trainings_is_not_taken_for_a_difference(spread):
    """Of 400 comparisons of equals 5 % may be called different; a chance of 0.001 gives 35 or more."""
    rng = np.random.default_rng(5)
    called = 0
    for _ in range(400):
        hard, common = rng.normal(size=60), rng.normal(size=(3, 1))
        kinds = (
            hard + spread * rng.normal(size=(3, 1)) + rng.normal(size=60) + rng.normal(size=(3, 60))
            for _ in range(2)
        )
        called += repeated_p_value(*(kind + common for kind in kinds)) < 0.05
    assert called < 35
