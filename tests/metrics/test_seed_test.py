"""A difference over trainings and patients: by hand, its two limits, and how often chance alone is called more."""

import numpy as np
import pytest
from scipy import stats

from metrics import repeated_p_value

SEEDS = [0, 1, 2]


def test_by_hand():
    """Means of three runs, and of six patients, are 2, 3, 4: squares 6 and 12 / 5, of the rest 8 / 10."""
    differences = np.tile([[1, 2, 3], [2, 2, 5], [3, 5, 4]], 2)
    first = np.arange(18).reshape(3, 6) ** 2
    of_runs, of_patients = 6, 3 * 4 / 5 - 8 / 10
    p = repeated_p_value(first, first + differences)
    quantile = (of_runs * stats.t.isf(p / 2, 2) + of_patients * stats.t.isf(p / 2, 5)) / (
        of_runs + of_patients
    )
    assert quantile == pytest.approx(3 / np.sqrt((of_runs + of_patients) / 18))
    # three patients can all gain by chance: 2 / 2 ** 3
    assert repeated_p_value(first[:, :3], (first + differences)[:, :3]) == 0.25


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
    assert repeated_p_value(nothing, one) == 2 / 2**5
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


def test_equal_runs_are_no_proof():
    """Right answers of three equal networks: three runs that agree by chance must not give a p-value of 1e-32."""
    rng = np.random.default_rng(6)
    differences = np.repeat(rng.choice([-1.0, 0.0, 1.0], size=100, p=[0.1, 0.78, 0.12])[None], 3, axis=0)
    for run in differences:  # each run exchanges another pair, so that the means of runs stay equal
        run[rng.choice(np.flatnonzero(run == 1), 5, replace=False)] = 0
        run[rng.choice(np.flatnonzero(run == 0), 5, replace=False)] = 1
    assert np.ptp(differences.mean(axis=1)) < 1e-12
    p = repeated_p_value(np.zeros_like(differences), differences)
    assert p >= stats.ttest_1samp(differences.mean(axis=0), 0).pvalue - 1e-12
    assert p > 1e-3


def test_a_tiny_p_value_is_above_0():
    differences = 1 + 1e-9 * np.random.default_rng(0).normal(size=(3, 40))
    assert repeated_p_value(np.zeros((3, 40)), differences) >= 2.0**-39


@pytest.mark.parametrize(
    ("runs", "of_runs", "of_patients"), [(3, 0.0, 0.5), (3, 0.2, 0.5), (3, 0.4, 1.5), (5, 0.2, 0.5)]
)
def test_chance_of_trainings_is_not_taken_for_a_difference(runs, of_runs, of_patients):
    """Of 500 comparisons of equals, 1.7 % may be below 0.05 / 3: 17 or more with a chance of 0.005.

    Networks differ by chance in what they find hard (`of_patients`), and each training does (`of_runs`).
    """
    rng = np.random.default_rng(5)
    called = 0
    for _ in range(500):
        hard, common = rng.normal(size=60), rng.normal(size=(runs, 1))
        kinds = (
            hard
            + of_runs * rng.normal(size=(runs, 1))
            + of_patients * rng.normal(size=60)
            + rng.normal(size=(runs, 60))
            for _ in range(2)
        )
        called += repeated_p_value(*(kind + common for kind in kinds)) < 0.05 / 3
    assert called < 17
