"""Regression scores against scikit-learn, SciPy, NumPy, whole fractions and published tables."""

from dataclasses import FrozenInstanceError, asdict
from fractions import Fraction
from statistics import stdev

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.regression import (
    bias,
    concordance,
    interval_coverage,
    limits_of_agreement,
    mae,
    mean_interval_width,
    mean_relative_error,
    median_absolute_error,
    median_relative_error,
    pearson,
    r2,
    relative_errors,
    rmse,
    spearman,
)

PROPERTY = settings(derandomize=True, max_examples=40, deadline=None)
SHIFTED = [mae, median_absolute_error, rmse, bias, median_relative_error, mean_relative_error]
CORRELATIONS = [r2, pearson, spearman, concordance]
SCORES = [*SHIFTED, *CORRELATIONS]
# peak flow in l/min by two meters, Bland and Altman 1986, table 1, first readings
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
numbers = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=15)


def random_numbers(seed, shape=50):
    rng = np.random.default_rng(seed)
    truth = rng.normal(50, 10, size=shape)
    return truth, truth + rng.normal(1, 5, size=shape)


@pytest.mark.parametrize("shape", [50, 51, (7, 3)])
def test_against_sklearn_and_numpy(shape):
    truth, prediction = random_numbers(3, shape)
    t, p = truth.ravel(), prediction.ravel()
    assert mae(truth, prediction) == pytest.approx(sk.mean_absolute_error(t, p))
    assert median_absolute_error(truth, prediction) == pytest.approx(sk.median_absolute_error(t, p))
    assert rmse(truth, prediction) == pytest.approx(sk.root_mean_squared_error(t, p))
    assert r2(truth, prediction) == pytest.approx(sk.r2_score(t, p))
    assert pearson(truth, prediction) == pytest.approx(np.corrcoef(t, p)[0, 1])
    np.testing.assert_allclose(relative_errors(truth, prediction), np.abs(p / t - 1), rtol=1e-9)
    assert median_relative_error(truth, prediction) == pytest.approx(np.median(np.abs(p / t - 1)))
    expected = sk.mean_absolute_percentage_error(t, p)
    assert mean_relative_error(truth, prediction) == pytest.approx(expected)
    assert pearson(truth, prediction) == pytest.approx(scipy.stats.pearsonr(t, p).statistic, rel=1e-12)
    assert spearman(truth, prediction) == pytest.approx(scipy.stats.spearmanr(t, p).statistic, rel=1e-12)
    cov = np.cov(t, p, ddof=0)
    expected = 2 * cov[0, 1] / (cov[0, 0] + cov[1, 1] + (t.mean() - p.mean()) ** 2)
    assert concordance(truth, prediction) == pytest.approx(expected, rel=1e-12)


def test_bias_is_positive_when_predicted_too_high():
    assert bias([1.0, 5.0], [2.0, 8.0]) == 2.0


@pytest.mark.parametrize("score", SCORES)
def test_empty_is_nan(score):
    assert np.isnan(score([], []))


@pytest.mark.parametrize("score", [*SCORES, relative_errors, limits_of_agreement])
def test_shapes_must_agree(score):
    with pytest.raises(ValueError, match=r"\(3, 1\) but y_pred has \(3,\)"):
        score([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(("truth", "prediction"), [([2.0], [3.0]), ([0.1] * 3, [0.1, 0.2, 0.3])])
def test_constant_truth(truth, prediction):
    assert np.isnan(r2(truth, prediction))
    assert np.isnan(pearson(truth, prediction))
    assert np.isnan(spearman(truth, prediction))


def test_constant_prediction():
    assert np.isnan(pearson([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]))
    assert np.isnan(spearman([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]))
    assert r2([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]) == 0


def test_relative_errors_where_the_truth_is_zero():
    np.testing.assert_array_equal(relative_errors([0.0, 2.0, -2.0], [1.0, 1.0, 1.0]), [np.nan, 0.5, 1.5])
    for score in (median_relative_error, mean_relative_error):
        assert score([0.0, 2.0, -2.0], [1.0, 1.0, 1.0]) == 1.0
        assert np.isnan(score([0.0, 0.0], [1.0, 2.0]))
    assert mean_relative_error([1.0, 2.0, 4.0], [1.0, 3.0, 8.0]) == (0 + 0.5 + 1) / 3


def exact(truth, prediction):
    """r2, the square of pearson with its sign, and concordance in whole fractions."""
    t, p = ([Fraction(float(value)) for value in side] for side in (truth, prediction))
    n, mean_t, mean_p = len(t), sum(t) / len(t), sum(p) / len(p)
    var_t, var_p = sum((a - mean_t) ** 2 for a in t) / n, sum((b - mean_p) ** 2 for b in p) / n
    cov = sum((a - mean_t) * (b - mean_p) for a, b in zip(t, p, strict=True)) / n
    lost = sum((b - a) ** 2 for a, b in zip(t, p, strict=True)) / n
    return {
        r2: float(1 - lost / var_t),
        pearson: float(np.sign(float(cov))) * float(cov**2 / var_t / var_p) ** 0.5,
        concordance: float(2 * cov / (var_t + var_p + (mean_t - mean_p) ** 2)),
    }


@pytest.mark.parametrize("power", [-830, -660, -100, 0, 100, 660])
@pytest.mark.parametrize("offset", [0.0, 1e8, -3e9])
def test_far_from_zero_and_at_extreme_scales(power, offset):
    scale = 2.0**power  # 1e-250 to 1e199; any other factor would round the input itself
    rng = np.random.default_rng(1)
    truth = rng.normal(offset, 1e-3, size=40)
    prediction = truth + rng.normal(3e-4, 5e-4, size=40)
    expected = exact(truth, prediction)
    for score, value in expected.items():
        assert score(truth * scale, prediction * scale) == pytest.approx(value, rel=1e-9)
    assert spearman(truth * scale, prediction * scale) == spearman(truth, prediction)
    assert rmse(truth * scale, prediction * scale) == pytest.approx(rmse(truth, prediction) * scale)
    limits = limits_of_agreement(truth * scale, prediction * scale)
    assert limits.sd == pytest.approx(stdev((prediction - truth).tolist()) * scale, rel=1e-9)


def test_two_sides_of_very_different_size():
    truth, prediction = random_numbers(1)
    expected = np.corrcoef(truth, prediction)[0, 1]
    assert pearson(truth * 1e-200, prediction * 1e200) == pytest.approx(expected)
    assert concordance(truth * 1e-200, prediction) == pytest.approx(0, abs=1e-199)
    assert r2(truth * 1e-200, prediction * 1e200) == -np.inf
    assert r2(truth * 1e200, prediction * 1e-200) == pytest.approx(r2(truth, truth * 0))
    assert rmse([0.0], [1e200]) == 1e200
    assert rmse([0.0], [1e-200]) == 1e-200
    assert rmse([1e-200], [1e-200]) == 0


def test_nan_in_gives_nan_out():
    for score in SCORES:
        for pair in (([1.0, np.nan, 3.0], [1.0, 2.0, 4.0]), ([1.0, 2.0, 4.0], [1.0, np.nan, 3.0])):
            assert np.isnan(score(*pair))
            limits = asdict(limits_of_agreement(*pair))
            assert limits.pop("n") == 3
            assert np.isnan(np.hstack(list(limits.values()))).all()


@pytest.mark.parametrize("pair", [([np.inf, 1.0], [np.inf, 1.0]), ([np.inf, 1.0], [-np.inf, 2.0])])
def test_infinite_values_give_no_warning(pair):
    for score in SCORES:
        score(*pair)
        score(*pair[::-1])
    for score in (r2, pearson, concordance):
        assert np.isnan(score(*pair))
    assert np.isnan(limits_of_agreement(*pair).sd)


def test_the_largest_and_smallest_numbers_give_no_warning():
    huge, tiny = [1.7e308, -1.7e308, np.inf], [5e-324, 0.0, 1e-323]
    for pair in ((huge, [-1.7e308, 1.0, 2.0]), (huge[:2], huge[1::-1]), (tiny, tiny[::-1]), (tiny, huge)):
        for score in SCORES:
            score(*pair)
            score(*pair[::-1])
        limits_of_agreement(*pair)


@pytest.mark.parametrize("decimals", [0, 1, 6])
def test_spearman_with_ties_against_scipy(decimals):
    truth, prediction = (np.round(side / 10, decimals) for side in random_numbers(4))
    expected = scipy.stats.spearmanr(truth, prediction).statistic
    assert spearman(truth, prediction) == pytest.approx(expected, rel=1e-12)
    assert spearman(truth, np.exp(prediction)) == pytest.approx(expected, rel=1e-12)


def test_spearman_by_hand():
    # ranks 1, 2, 3, 4 and 2, 1, 4, 3: 1 - 6 * (1 + 1 + 1 + 1) / (4 * 15)
    assert spearman([1, 2, 3, 4], [20, 10, 40, 30]) == pytest.approx(1 - 24 / 60)


def test_concordance_by_hand():
    # variances 2/3, covariance 2/3, shift 1; with n - 1 they would be 1 and the score 2 / 3
    assert concordance([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]) == pytest.approx((4 / 3) / (4 / 3 + 1))
    # variances 2/3 and 8/3, covariance 4/3, shift 2
    assert concordance([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) == pytest.approx((8 / 3) / (10 / 3 + 4))
    assert concordance([1.0, 2.0], [1.0, 2.0]) == 1
    assert concordance([1.0, 2.0], [2.0, 1.0]) == -1


def test_concordance_without_variation():
    assert np.isnan(concordance([0.1] * 3, [0.1] * 3))
    assert concordance([0.1] * 3, [0.2] * 3) == 0
    assert concordance([0.1] * 3, [0.1, 0.2, 0.4]) == 0
    assert concordance([0.1, 0.2, 0.4], [0.1] * 3) == 0
    assert np.isnan(concordance([2.0], [2.0]))
    assert np.isnan(concordance([2.0], [3.0]))


@PROPERTY
@given(numbers)
def test_correlations_against_whole_fractions(pairs):
    truth, prediction = np.array(pairs, float).T
    assert concordance(truth, prediction) == pytest.approx(concordance(prediction, truth), nan_ok=True)
    if np.ptp(truth) and np.ptp(prediction):
        for score, value in exact(truth, prediction).items():
            assert score(truth, prediction) == pytest.approx(value, rel=1e-10, abs=1e-12)
        assert abs(concordance(truth, prediction)) <= abs(pearson(truth, prediction)) + 1e-12
        expected = scipy.stats.spearmanr(truth, prediction).statistic
        assert spearman(truth, prediction) == pytest.approx(expected, abs=1e-12)


def test_limits_of_agreement_of_bland_and_altmans_table():
    # their differences are Wright minus mini; sd 38.8, mean -2.1, intervals with sqrt(3 / n) for a limit
    limits = limits_of_agreement(MINI, WRIGHT)
    assert (round(limits.bias, 1), round(limits.sd, 1), limits.n) == (-2.1, 38.8, 17)
    assert (limits.low, limits.high) == pytest.approx((-2.1 - 1.96 * 38.8, -2.1 + 1.96 * 38.8), abs=0.1)
    assert [round(end, 1) for end in limits.bias_interval] == [-22.0, 17.8]
    half = 2.12 * 38.8 * (3 / 17) ** 0.5
    assert np.ptp(limits.low_interval) / 2 == pytest.approx(half, rel=0.02)


def test_limits_of_agreement_by_hand():
    # errors 0, 1, 0, 1: mean 1/2, variance 4 * (1/4) / 3
    limits = limits_of_agreement([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 3.0, 5.0], 0.9, confidence=0.8)
    sd, z, t = (1 / 3) ** 0.5, scipy.stats.norm.ppf(0.95), scipy.stats.t.ppf(0.9, df=3)
    assert (limits.bias, limits.sd) == pytest.approx((0.5, sd))
    assert (limits.low, limits.high) == pytest.approx((0.5 - z * sd, 0.5 + z * sd))
    assert limits.bias_interval == pytest.approx((0.5 - t * sd / 2, 0.5 + t * sd / 2))
    half = t * sd * (1 / 4 + z**2 / 6) ** 0.5
    assert limits.low_interval == pytest.approx((limits.low - half, limits.low + half))
    assert limits.high_interval == pytest.approx((limits.high - half, limits.high + half))
    assert all(type(value) in (float, int, tuple) for value in asdict(limits).values())
    with pytest.raises(FrozenInstanceError):
        limits.bias = 0.0


def test_limits_of_agreement_hold_the_asked_share():
    rng = np.random.default_rng(0)
    errors = rng.normal(2, 3, size=20_000)
    limits = limits_of_agreement(np.zeros(20_000), errors, 0.8)
    inside = np.mean((errors > limits.low) & (errors < limits.high))
    assert inside == pytest.approx(0.8, abs=0.01)


def test_confidence_intervals_of_the_limits_cover():
    rng = np.random.default_rng(1)
    hits = np.zeros(3)
    for _ in range(500):
        found = limits_of_agreement(np.zeros(40), rng.normal(2, 3, size=40), confidence=0.9)
        intervals = np.array([found.low_interval, found.bias_interval, found.high_interval])
        true = 2 + 3 * 1.959964 * np.array([-1, 0, 1])
        hits += (intervals[:, 0] < true) & (true < intervals[:, 1])
    np.testing.assert_allclose(hits / 500, 0.9, atol=0.04)


def test_limits_of_agreement_of_few_values():
    none, one = limits_of_agreement([], []), limits_of_agreement([1.0], [3.0])
    assert np.isnan(none.bias)
    assert (one.bias, none.n, one.n) == (2.0, 0, 1)
    for limits in (none, one):
        rest = {name: value for name, value in asdict(limits).items() if name not in ("bias", "n")}
        assert np.isnan(np.hstack(list(rest.values()))).all()


def test_limits_of_agreement_of_a_constant_error():
    limits = limits_of_agreement([1.0, 2.0, 3.0], [1.5, 2.5, 3.5])
    assert (limits.low, limits.bias, limits.high, limits.sd) == (0.5, 0.5, 0.5, 0.0)


@pytest.mark.parametrize("share", [0, 1, 95, float("nan")])
def test_percent_is_no_level(share):
    with pytest.raises(ValueError, match="level must be above 0 and below 1, such as"):
        limits_of_agreement([1.0, 2.0], [2.0, 4.0], share)
    with pytest.raises(ValueError, match="confidence must be above 0"):
        limits_of_agreement([1.0, 2.0], [2.0, 4.0], confidence=share)


@PROPERTY
@given(st.integers(0, 10**6), st.floats(0.1, 10), st.floats(-5, 5))
def test_scaling_and_bounds(seed, scale, shift):
    truth, prediction = random_numbers(seed, 12)
    moved = (truth * scale + shift, prediction * scale + shift)
    for score in (mae, median_absolute_error, rmse, bias):
        assert score(*moved) == pytest.approx(scale * score(truth, prediction))
    for score in CORRELATIONS:
        assert score(*moved) == pytest.approx(score(truth, prediction))
    assert abs(bias(truth, prediction)) <= mae(truth, prediction) <= rmse(truth, prediction) + 1e-12
    assert -1 <= pearson(truth, prediction) <= 1
    assert pearson(truth, -truth) == pytest.approx(-1)


def test_integers_do_not_wrap_around():
    assert mae(np.uint8([3]), np.uint8([5])) == 2.0
    assert bias(np.uint8([5]), np.uint8([3])) == -2.0


def test_intervals_by_hand():
    truth, low, high = [1.0, 2.0, 3.0, 4.0, 0.0], [1.0, 0.5, 3.1, 2.0, -2.0], [2.0, 2.0, 9.1, 3.9, 2.0]
    # on an end, on an end, below, above, inside
    assert interval_coverage(truth, low, high) == 3 / 5
    assert mean_interval_width(low, high) == pytest.approx((1 + 1.5 + 6 + 1.9 + 4) / 5)
    assert interval_coverage([[1.0], [2.0]], [[0.0], [2.5]], [[3.0], [3.0]]) == 0.5
    assert mean_interval_width([2.0], [2.0]) == 0


def test_intervals_of_a_normal_distribution_cover_what_they_say():
    rng = np.random.default_rng(0)
    sd = rng.uniform(0.1, 4, 20_000)
    truth = rng.normal(7, sd)
    half = scipy.stats.norm.ppf(0.975) * sd
    assert interval_coverage(truth, 7 - half, 7 + half) == pytest.approx(0.95, abs=0.005)
    assert mean_interval_width(7 - half, 7 + half) == pytest.approx(2 * half.mean())


def test_intervals_that_are_none():
    assert np.isnan(interval_coverage([], [], []))
    assert np.isnan(mean_interval_width([], []))
    for place in range(3):
        numbers = np.array([[1.0, 2.0], [0.0, 0.0], [3.0, 3.0]])
        numbers[place, 1] = np.nan
        assert np.isnan(interval_coverage(*numbers))
        assert np.isnan(mean_interval_width(*numbers[1:])) == (place > 0)
    with pytest.raises(ValueError, match="interval 1 goes from 3 down to 2; expected"):
        interval_coverage([1.0, 1.0], [0.0, 3.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"low has shape \(1,\) but high has \(2,\)"):
        mean_interval_width([1.0], [2.0, 3.0])
    with pytest.raises(ValueError, match=r"y_true has shape \(2, 1\) but low has \(2,\)"):
        interval_coverage([[1.0], [1.0]], [0.0, 3.0], [1.0, 4.0])
