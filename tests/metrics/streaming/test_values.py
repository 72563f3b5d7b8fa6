"""Errors, R2 and correlation: the NumPy face, scikit-learn, far zeros, outliers, long epochs, edges."""

import json

import keras
import numpy as np
import pytest
import sklearn.metrics as sk

from metrics import regression
from metrics.streaming import R2, Bias, MeanAbsoluteError, Pearson, RootMeanSquaredError

NUMPY_FACE = {
    MeanAbsoluteError: regression.mae,
    RootMeanSquaredError: regression.rmse,
    Bias: regression.bias,
    R2: regression.r2,
    Pearson: regression.pearson,
}
MEANS = [MeanAbsoluteError, RootMeanSquaredError, Bias]


def weighted_pearson(truth, prediction, weights):
    covariance = np.cov(truth, prediction, aweights=weights)
    return covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])


WEIGHTED = {
    MeanAbsoluteError: lambda t, p, w: sk.mean_absolute_error(t, p, sample_weight=w),
    RootMeanSquaredError: lambda t, p, w: sk.root_mean_squared_error(t, p, sample_weight=w),
    Bias: lambda t, p, w: np.average(p - t, weights=w),
    R2: lambda t, p, w: sk.r2_score(t, p, sample_weight=w),
    Pearson: weighted_pearson,
}


def values(seed, cases=8, offset=0.0):
    rng = np.random.default_rng(seed)
    truth = (offset + rng.normal(size=cases)).astype(np.float32)
    return truth, (truth + 0.5 * rng.normal(size=cases)).astype(np.float32)


@pytest.mark.parametrize("kind", NUMPY_FACE)
def test_equals_the_numpy_face_whatever_the_batches(kind, stream, cuts):
    truth, prediction = values(0)
    expected = NUMPY_FACE[kind](truth, prediction)
    for sizes in [*cuts, [0, 8, 0]]:
        assert stream(kind(), truth, prediction, sizes) == pytest.approx(expected, rel=2e-6, abs=1e-6)
    columns = stream(kind(), truth[:, None], prediction[:, None], [5, 3])
    assert columns == pytest.approx(expected, rel=2e-6, abs=1e-6)


@pytest.mark.parametrize("kind", NUMPY_FACE)
def test_weights_and_cases_left_out(kind, stream, cuts):
    truth, prediction = values(1)
    weights = np.array([0.5, 1, 0, 3, 0.1, 0, 1, 2], np.float32)
    truth[2], prediction[5] = np.nan, np.inf
    weights[3] = -3
    kept = weights > 0
    doubles = [part[kept].astype(np.float64) for part in (truth, prediction, weights)]
    expected = WEIGHTED[kind](*doubles)
    for sizes in cuts:
        for shaped in (weights, weights[:, None]):
            result = stream(kind(), truth, prediction, sizes, shaped)
            assert result == pytest.approx(expected, rel=5e-6)


@pytest.mark.parametrize("kind", MEANS)
def test_scale(kind, stream):
    truth, prediction = values(2)
    result = stream(kind(scale=7.0), truth, prediction, [5, 3])
    assert result == pytest.approx(7 * NUMPY_FACE[kind](truth, prediction), rel=1e-6)


def test_bias_is_prediction_minus_truth():
    metric = Bias()
    metric.update_state([1.0, 2.0], [3.0, 4.0])
    assert float(metric.result()) == 2


@pytest.mark.parametrize("kind", NUMPY_FACE)
@pytest.mark.parametrize("offset", [1e6, -1e6, 3e4])
def test_a_far_zero_costs_no_digits(kind, offset, stream):
    """Plain float32 sums of squares would have no digit left at 1e6 + noise of 1."""
    truth, prediction = values(3, cases=1000, offset=offset)
    expected = NUMPY_FACE[kind](truth, prediction)
    for sizes in ([1000], [1] * 10 + [99] * 10):
        result = stream(kind(), truth, prediction, sizes)
        assert result == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("kind", [R2, Pearson])
def test_a_far_zero_costs_no_digits_after_a_case_that_is_left_out(kind, stream):
    truth, prediction = values(3, cases=200, offset=1e6)
    expected = NUMPY_FACE[kind](truth[1:], prediction[1:])
    weights = (np.arange(200) > 0).astype(np.float32)
    assert stream(kind(), truth, prediction, [50] * 4, weights) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", NUMPY_FACE)
@pytest.mark.parametrize("place", [0, 500])
def test_an_outlier_costs_no_digits(kind, place, stream):
    truth, prediction = values(4, cases=1000)
    truth[place] = 1e6
    prediction[place] = 0.9e6
    expected = NUMPY_FACE[kind](truth, prediction)
    for sizes in ([1000], [1] * 4 + [249] * 4):
        assert stream(kind(), truth, prediction, sizes) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", [R2, Pearson])
def test_sorted_batches_whose_means_drift(kind, stream):
    truth, prediction = (np.sort(part) for part in values(5, cases=600, offset=2000.0))
    truth, prediction = truth + np.arange(600) / 10, prediction + np.arange(600) / 10
    truth, prediction = truth.astype(np.float32), prediction.astype(np.float32)
    result = stream(kind(), truth, prediction, [30] * 20)
    assert result == pytest.approx(NUMPY_FACE[kind](truth, prediction), rel=1e-6)


def test_r2_of_a_nearly_perfect_prediction(stream):
    rng = np.random.default_rng(6)
    truth = rng.normal(size=500).astype(np.float32)
    prediction = (truth + 1e-4 * rng.normal(size=500)).astype(np.float32)
    expected = regression.r2(truth, prediction)
    assert expected < 1
    assert stream(R2(), truth, prediction, [100] * 5) == pytest.approx(expected, abs=1e-7)
    assert stream(R2(), truth, truth, [100] * 5) == 1


def test_r2_worse_than_the_mean_and_pearson_reversed():
    r2, pearson = R2(), Pearson()
    for metric in (r2, pearson):
        metric.update_state([1.0, 2.0], [3.0, 2.0])
        metric.update_state([3.0], [1.0])
    # errors 2, 0, -2: 8 against 2
    assert float(r2.result()) == pytest.approx(1 - 8 / 2)
    assert float(pearson.result()) == pytest.approx(-1)


@pytest.mark.parametrize("kind", NUMPY_FACE)
def test_undefined_is_nan(kind):
    metric = kind()
    assert np.isnan(float(metric.result()))
    metric.update_state([1.0, 2.0], [1.0, 3.0], [0.0, 0.0])
    assert np.isnan(float(metric.result()))
    metric.update_state([1.0, 2.0], [1.0, 3.0])
    assert not np.isnan(float(metric.result()))
    metric.reset_state()
    assert np.isnan(float(metric.result()))
    metric.update_state([1.0, np.nan], [1.0, 3.0])
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("constant", [0.1, -3e5, 0.0])
@pytest.mark.parametrize("kind", [R2, Pearson])
def test_constant_truth_is_nan(kind, constant):
    """A mean of equal numbers may round to another number, which would look like spread."""
    rng = np.random.default_rng(0)
    metric = kind()
    for size in (1, 3, 7, 11):
        metric.update_state(np.full(size, constant, np.float32), rng.normal(size=size).astype(np.float32))
        assert np.isnan(float(metric.result()))
    metric.update_state([constant + 1.0], [0.0])
    assert not np.isnan(float(metric.result()))


def test_pearson_of_a_constant_prediction_is_nan_and_r2_is_not():
    pearson, r2 = Pearson(), R2()
    for metric in (pearson, r2):
        metric.update_state([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    assert np.isnan(float(pearson.result()))
    assert float(r2.result()) == pytest.approx(0)


def test_a_left_out_case_does_not_make_truth_vary():
    metric = R2()
    metric.update_state([1.0, 1.0, 5.0], [1.0, 2.0, 3.0], [1.0, 1.0, 0.0])
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("kind", MEANS)
def test_long_epochs_lose_nothing(kind):
    """Plain float32 would still hold 2^24 after adding a quarter a hundred times."""
    metric = kind()
    metric.update_state([0.0], [2.0**24 if kind is not RootMeanSquaredError else 2.0**12])
    for _ in range(100):
        metric.update_state([0.0], [0.25 if kind is not RootMeanSquaredError else 0.5])
    mean = (2.0**24 + 25) / 101
    expected = np.sqrt(mean) if kind is RootMeanSquaredError else mean
    assert float(metric.result()) == pytest.approx(expected, rel=1e-7)


def test_long_epochs_of_r2(stream):
    truth, prediction = values(8, cases=300, offset=100.0)
    result = stream(R2(), truth, prediction, [3] * 100)
    assert result == pytest.approx(regression.r2(truth, prediction), rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (MeanAbsoluteError, "mae"),
        (RootMeanSquaredError, "rmse"),
        (Bias, "bias"),
        (R2, "r2"),
        (Pearson, "pearson"),
    ],
)
def test_names_and_config_round_trip(kind, name):
    assert kind().name == name
    options = {"scale": 2.5, "index": 1} if kind in MEANS else {}
    metric = kind(name="score", **options)
    copy = keras.metrics.deserialize(json.loads(json.dumps(keras.metrics.serialize(metric))))
    assert type(copy) is kind
    assert copy.get_config() == metric.get_config() == {"name": "score", **options}


def several(seed, cases=8):
    """Two numbers a case, of which some are unknown, and NaN there; case 3 knows neither."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(cases, 2)).astype(np.float32)
    known = np.array([[1, 1], [1, 0], [0, 1], [0, 0], [1, 1], [1, 0], [1, 0], [1, 1]], np.float32)
    # a network may say more behind the numbers
    prediction = rng.normal(size=(cases, 4)).astype(np.float32)
    return np.stack([np.where(known > 0, truth, np.nan), known], -1).astype(np.float32), prediction


@pytest.mark.parametrize("kind", MEANS)
def test_each_known_number_of_several_counts_alike(kind, stream, cuts):
    target, prediction = several(9)
    truth, known = target[..., 0], target[..., 1] > 0
    shares = known.mean(-1).astype(np.float32)
    for sizes in cuts:
        for index in (0, 1):
            rows = known[:, index]
            expected = 3 * NUMPY_FACE[kind](truth[rows, index], prediction[rows, index])
            found = stream(kind(scale=3.0, index=index), target, prediction, sizes, shares)
            assert found == pytest.approx(expected, rel=5e-6)
        expected = NUMPY_FACE[kind](truth[known], prediction[:, :2][known])
        assert stream(kind(), target, prediction, sizes, shares) == pytest.approx(expected, rel=5e-6)


@pytest.mark.parametrize("kind", MEANS)
def test_a_weight_is_shared_by_the_known_numbers(kind, stream):
    target, prediction = several(10)
    truth, known = target[..., 0], target[..., 1] > 0
    weights = np.array([0.5, 1, 0, 3, 0.1, -2, 1, 2], np.float32)
    each = (np.maximum(weights, 0) / np.maximum(known.sum(-1), 1))[:, None] * known
    expected = WEIGHTED[kind](truth[known], prediction[:, :2][known], each[known])
    assert stream(kind(), target, prediction, [5, 3], weights) == pytest.approx(expected, rel=5e-6)
    only = stream(kind(index=1), target, prediction, [5, 3], weights)
    rows = known[:, 1]
    assert only == pytest.approx(WEIGHTED[kind](truth[rows, 1], prediction[rows, 1], each[rows, 1]), rel=5e-6)


def test_one_number_in_the_shape_of_several(stream):
    truth, prediction = values(11)
    known = np.stack([truth, np.ones(8, np.float32)], -1)[:, None]
    expected = regression.mae(truth, prediction)
    assert stream(MeanAbsoluteError(), known, prediction[:, None], [5, 3]) == pytest.approx(
        expected, rel=2e-6
    )
    assert np.isnan(stream(MeanAbsoluteError(), known * [1.0, 0.0], prediction[:, None], [8]))


@pytest.mark.parametrize("kind", MEANS)
def test_refusals_of_several(kind):
    with pytest.raises(ValueError, match=r"\(batch, n, 2\) .* got shapes \(3, 2, 3\) and \(3, 2\)"):
        kind().update_state(np.zeros((3, 2, 3)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"got shapes \(3, 2, 2\) and \(3, 1\)"):
        kind().update_state(np.zeros((3, 2, 2)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="index is 2, but y_true has 2 numbers a case; expected 0 to 1"):
        kind(index=2).update_state(np.zeros((3, 2, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"index is 1, but y_true has one number a case: shape \(3,\)"):
        kind(index=1).update_state(np.zeros(3), np.zeros(3))


@pytest.mark.parametrize("kind", NUMPY_FACE)
def test_refusals(kind):
    with pytest.raises(ValueError, match=r"y_pred must be .batch,. or .batch, 1., got shape \(3, 2\)"):
        kind().update_state(np.zeros(3), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="one number a case, got 1 and 3"):
        kind().update_state(np.zeros(1), np.zeros(3))
    with pytest.raises(ValueError, match="sample_weight must be"):
        kind().update_state(np.zeros(3), np.zeros(3), np.zeros((3, 3)))
