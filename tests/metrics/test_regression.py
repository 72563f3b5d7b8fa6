"""Regression scores against scikit-learn and NumPy."""

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

import metrics.regression as regression
from metrics import (
    bias,
    mae,
    median_absolute_error,
    median_relative_error,
    pearson,
    r2,
    relative_errors,
    rmse,
)

PROPERTY = settings(derandomize=True, max_examples=40, deadline=None)
SCORES = [mae, median_absolute_error, rmse, bias, r2, median_relative_error, pearson]


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


def test_bias_is_positive_when_predicted_too_high():
    assert bias([1.0, 5.0], [2.0, 8.0]) == 2.0


@pytest.mark.parametrize("score", SCORES)
def test_empty_is_nan(score):
    assert np.isnan(score([], []))


@pytest.mark.parametrize("score", [*SCORES, relative_errors])
def test_shapes_must_agree(score):
    with pytest.raises(ValueError, match=r"\(3, 1\) but y_pred has \(3,\)"):
        score([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(("truth", "prediction"), [([2.0], [3.0]), ([0.1] * 3, [0.1, 0.2, 0.3])])
def test_constant_truth(truth, prediction):
    assert np.isnan(r2(truth, prediction))
    assert np.isnan(pearson(truth, prediction))


def test_constant_prediction():
    assert np.isnan(pearson([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]))
    assert r2([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]) == 0


def test_relative_errors_where_the_truth_is_zero():
    np.testing.assert_array_equal(relative_errors([0.0, 2.0, -2.0], [1.0, 1.0, 1.0]), [np.nan, 0.5, 1.5])
    assert median_relative_error([0.0, 2.0, -2.0], [1.0, 1.0, 1.0]) == 1.0
    assert np.isnan(median_relative_error([0.0, 0.0], [1.0, 2.0]))


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1e30, 1e200])
def test_pearson_at_extreme_scales(size):
    truth, prediction = random_numbers(1)
    expected = np.corrcoef(truth, prediction)[0, 1]
    assert pearson(truth * size, prediction * size) == pytest.approx(expected)


def test_nan_in_gives_nan_out():
    for score in SCORES[:5]:
        assert np.isnan(score([1.0, np.nan, 3.0], [1.0, 2.0, 4.0]))


@PROPERTY
@given(st.integers(0, 10**6), st.floats(0.1, 10), st.floats(-5, 5))
def test_scaling_and_bounds(seed, scale, shift):
    truth, prediction = random_numbers(seed, 12)
    moved = (truth * scale + shift, prediction * scale + shift)
    for score in (mae, median_absolute_error, rmse, bias):
        assert score(*moved) == pytest.approx(scale * score(truth, prediction))
    for score in (r2, pearson):
        assert score(*moved) == pytest.approx(score(truth, prediction))
    assert abs(bias(truth, prediction)) <= mae(truth, prediction) <= rmse(truth, prediction) + 1e-12
    assert -1 <= pearson(truth, prediction) <= 1
    assert pearson(truth, -truth) == pytest.approx(-1)


def test_integers_do_not_wrap_around():
    assert regression.mae(np.uint8([3]), np.uint8([5])) == 2.0
    assert regression.bias(np.uint8([5]), np.uint8([3])) == -2.0
