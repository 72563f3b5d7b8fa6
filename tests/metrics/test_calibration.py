"""Calibration against scikit-learn, against loops over bins, and against sums done by hand."""

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from metrics.calibration import (
    brier_decomposition,
    brier_score,
    classwise_calibration_error,
    expected_calibration_error,
    maximum_calibration_error,
    reliability_curve,
)

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None)
ERRORS = [expected_calibration_error, maximum_calibration_error, classwise_calibration_error]
BINNED = [*ERRORS, brier_decomposition, reliability_curve]
ALL = [brier_score, *BINNED]
cases = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=40)


def binary(seed, n=300):
    rng = np.random.default_rng(seed)
    probabilities = rng.random(n)
    return (rng.random(n) < probabilities**2).astype(int), probabilities


def classes(seed, n=200, k=4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), rng.dirichlet(np.full(k, 0.4), n)


def columns(pairs):
    truth, twentieths = zip(*pairs, strict=True)
    return np.array(truth), np.array(twentieths) / 20


def gaps_by_loop(truth, probabilities, n_bins):
    """(cases, gap) of each equal-width bin that is used: edge < p <= next edge, 0 in the first."""
    gaps = []
    for index in range(n_bins):
        low, high = index / n_bins, (index + 1) / n_bins
        inside = [i for i, p in enumerate(probabilities) if low < p <= high or (p == 0 and index == 0)]
        if inside:
            stated = sum(probabilities[i] for i in inside) / len(inside)
            gaps.append((len(inside), abs(stated - sum(float(truth[i]) for i in inside) / len(inside))))
    return gaps


def ece_by_loop(truth, probabilities, n_bins):
    return sum(n * gap for n, gap in gaps_by_loop(truth, probabilities, n_bins)) / len(truth)


@pytest.mark.parametrize("seed", range(3))
def test_brier_against_sklearn(seed):
    truth, probabilities = binary(seed)
    assert brier_score(truth, probabilities) == pytest.approx(sk.brier_score_loss(truth, probabilities))
    truth, probabilities = classes(seed)
    assert brier_score(truth, probabilities) == pytest.approx(sk.brier_score_loss(truth, probabilities))


def test_brier_by_hand():
    assert brier_score([1, 0, 0, 1], [1.0, 0.0, 0.5, 0.5]) == (0 + 0 + 0.25 + 0.25) / 4
    assert brier_score([2], [[0.25, 0.25, 0.5]]) == 0.0625 + 0.0625 + 0.25
    assert brier_score([0, 1], [[0.0, 1.0], [1.0, 0.0]]) == 2
    assert brier_score([0, 1], [1.0, 0.0]) == 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_bins", [1, 5, 15, 40])
@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_curve_against_sklearn(seed, n_bins, binning, strategy):
    truth, probabilities = binary(seed, 60)
    curve = reliability_curve(truth, probabilities, n_bins, binning=binning)
    frequency, confidence = calibration_curve(truth, probabilities, n_bins=n_bins, strategy=strategy)
    used = curve.count > 0
    np.testing.assert_allclose(curve.frequency[used], frequency)
    np.testing.assert_allclose(curve.confidence[used], confidence)
    assert np.isnan(curve.frequency[~used]).all()
    assert np.isnan(curve.confidence[~used]).all()
    assert curve.count.sum() == 60
    assert curve.count.dtype == np.int64
    assert [part.size for part in (curve.edges, curve.frequency, curve.confidence, curve.count)] == [
        n_bins + 1,
        n_bins,
        n_bins,
        n_bins,
    ]


@PROPERTY
@given(cases, st.sampled_from([1, 2, 4, 5, 8, 15]))
def test_errors_against_loops(pairs, n_bins):
    truth, probabilities = columns(pairs)
    gaps = gaps_by_loop(truth, probabilities, n_bins)
    expected = ece_by_loop(truth, probabilities, n_bins)
    assert expected_calibration_error(truth, probabilities, n_bins) == pytest.approx(expected)
    assert classwise_calibration_error(truth, probabilities, n_bins) == pytest.approx(expected)
    worst = max(gap for _, gap in gaps)
    assert maximum_calibration_error(truth, probabilities, n_bins) == pytest.approx(worst)


@PROPERTY
@given(st.integers(0, 10**6), st.sampled_from([2, 3, 5]), st.sampled_from([1, 7, 15]))
def test_several_classes_against_loops(seed, k, n_bins):
    truth, probabilities = classes(seed, 50, k)
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    error = expected_calibration_error(truth, probabilities, n_bins)
    assert error == pytest.approx(ece_by_loop(right, top, n_bins))
    each = [ece_by_loop(truth == index, probabilities[:, index], n_bins) for index in range(k)]
    assert classwise_calibration_error(truth, probabilities, n_bins) == pytest.approx(np.mean(each))


def test_errors_by_hand():
    truth, probabilities = [0, 1, 1, 1, 0], [0.2, 0.2, 0.7, 0.7, 0.9]
    # bins of a half: 2 cases state 0.2, half are positive; 3 state 2.3 / 3, two thirds are positive
    low, high = 0.3, 0.1
    error = expected_calibration_error(truth, probabilities, 2)
    assert error == pytest.approx((2 * low + 3 * high) / 5)
    assert maximum_calibration_error(truth, probabilities, 2) == pytest.approx(low)
    # bins of a tenth: gaps 0.3, 0.3 and 0.9
    assert expected_calibration_error(truth, probabilities, 10) == pytest.approx(
        (2 * 0.3 + 2 * 0.3 + 0.9) / 5
    )
    assert maximum_calibration_error(truth, probabilities, 10) == pytest.approx(0.9)


def test_edges_belong_to_the_bin_below_and_zero_to_the_first():
    probabilities = [0.0, 0.25, 0.250001, 0.5, 0.75, 1.0]
    curve = reliability_curve([0] * 6, probabilities, 4)
    assert curve.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert curve.count.tolist() == [2, 2, 1, 1]
    assert reliability_curve([1], [1.0], 1).count.tolist() == [1]


def test_equal_mass_bins_hold_equal_numbers_without_ties():
    curve = reliability_curve(*binary(0, 60), 15, binning="mass")
    assert curve.count.tolist() == [4] * 15
    curve = reliability_curve([0, 0, 1, 1], [1.0, 0.5, 0.25, 0.0], 2, binning="mass")
    assert curve.edges.tolist() == [0, (0.25 + 0.5) / 2, 1]


@PROPERTY
@given(cases, st.integers(0, 10**6), st.sampled_from(["width", "mass"]))
def test_order_of_cases_changes_nothing(pairs, seed, binning):
    truth, probabilities = columns(pairs)
    order = np.random.default_rng(seed).permutation(truth.size)
    first = reliability_curve(truth, probabilities, 5, binning=binning)
    second = reliability_curve(truth[order], probabilities[order], 5, binning=binning)
    assert first.count.tolist() == second.count.tolist()
    np.testing.assert_allclose(first.frequency, second.frequency)


def test_ties_stay_in_one_bin_of_equal_mass():
    curve = reliability_curve([1, 0, 1, 0, 1, 0], [0.3] * 5 + [0.8], 3, binning="mass")
    assert sorted(curve.count.tolist()) == [0, 1, 5]
    error = expected_calibration_error([1, 0, 1, 0, 1, 0], [0.3] * 5 + [0.8], 3, binning="mass")
    assert error == pytest.approx((5 * abs(0.3 - 0.6) + 1 * 0.8) / 6)


@PROPERTY
@given(cases, st.sampled_from([1, 3, 15]), st.sampled_from(["width", "mass"]))
def test_parts_add_up_to_the_brier_score(pairs, n_bins, binning):
    truth, probabilities = columns(pairs)
    probabilities = probabilities**1.3
    parts = brier_decomposition(truth, probabilities, n_bins, binning=binning)
    assert parts.score == pytest.approx(brier_score(truth, probabilities), abs=1e-14)
    assert parts.uncertainty == pytest.approx(np.var(truth))
    assert min(parts.reliability, parts.resolution) >= 0
    assert parts.resolution <= parts.uncertainty + 1e-12


def test_parts_of_several_classes_add_up():
    truth, probabilities = classes(0)
    parts = brier_decomposition(truth, probabilities, 7)
    assert parts.score == pytest.approx(brier_score(truth, probabilities), abs=1e-14)
    each = [brier_decomposition(truth == k, probabilities[:, k], 7) for k in range(4)]
    assert parts.resolution == pytest.approx(sum(part.resolution for part in each))


def test_parts_by_hand():
    # two bins of 3: stated 0.2 and 0.7 on average, observed 1/3 and 2/3, base rate 1/2
    truth, probabilities = [0, 0, 1, 1, 0, 1], [0.1, 0.2, 0.3, 0.6, 0.7, 0.8]
    parts = brier_decomposition(truth, probabilities, 2)
    assert parts.reliability == pytest.approx(((0.2 - 1 / 3) ** 2 + (0.7 - 2 / 3) ** 2) / 2)
    assert parts.resolution == pytest.approx((1 / 6) ** 2)
    assert parts.uncertainty == 0.25
    # both bins spread by -0.1, 0, 0.1; only the first goes with the truth: 0.1 * 1 there, 0.1 - 0.1 in the second
    assert parts.within_bin == pytest.approx(4 * 0.01 / 6 - 2 * (0.1 * 1 + 0.1 * 0) / 6)


def test_decomposition_without_spread_in_a_bin_is_murphys():
    truth, probabilities = [0, 0, 0, 1, 1, 0, 1, 1], [0.25] * 4 + [0.75] * 4
    parts = brier_decomposition(truth, probabilities, 2)
    assert parts.within_bin == 0
    assert (parts.reliability, parts.resolution, parts.uncertainty) == (0, 0.0625, 0.25)


def test_a_perfectly_calibrated_and_an_always_wrong_forecast():
    assert expected_calibration_error([0, 1, 0, 1], [0.5] * 4) == 0
    assert expected_calibration_error([0, 1], [0.0, 1.0]) == 0
    for score in ERRORS:
        assert score([0, 1], [1.0, 0.0]) == 1
        assert score([0, 1], [[0.0, 1.0], [1.0, 0.0]]) == 1


def test_classwise_error_sees_what_the_top_label_hides():
    # right in half of the cases with 0.5, but the rest of the probability is on a class that never comes
    truth, probabilities = [0, 1], [[0.5, 0.0, 0.5], [0.5, 0.0, 0.5]]
    assert expected_calibration_error(truth, probabilities) == 0
    assert classwise_calibration_error(truth, probabilities) == pytest.approx((0 + 0.5 + 0.5) / 3)


@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_no_case_is_nan(shape):
    probabilities = np.zeros(shape)
    for score in [brier_score, *ERRORS]:
        assert np.isnan(score([], probabilities))
    for binning in ("width", "mass"):
        assert np.isnan(brier_decomposition([], probabilities, binning=binning).score)
        curve = reliability_curve([], probabilities, 3, binning=binning)
        assert curve.count.tolist() == [0, 0, 0]
        assert np.isnan(curve.frequency).all()
        assert np.isnan(curve.edges).all() == (binning == "mass")


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_a_single_case(binning):
    assert brier_score([1], [0.75]) == 0.0625
    for score in ERRORS:
        assert score([1], [0.75], binning=binning) == 0.25
    parts = brier_decomposition([1], [0.75], binning=binning)
    assert (parts.reliability, parts.resolution, parts.uncertainty, parts.within_bin) == (0.0625, 0, 0, 0)


def test_one_class_only_is_defined():
    assert expected_calibration_error([1, 1], [0.75, 0.75]) == 0.25
    assert brier_decomposition([1, 1], [0.75, 0.25]).uncertainty == 0


def test_masks_of_any_shape():
    truth, probabilities = binary(0, 60)
    two = truth.reshape(3, 4, 5).astype(bool), probabilities.reshape(3, 4, 5)
    for score in [brier_score, *ERRORS]:
        assert score(*two) == score(truth, probabilities)
    truth, probabilities = classes(0, 60, 3)
    for score in [brier_score, *ERRORS]:
        assert score(truth.reshape(6, 10), probabilities.reshape(6, 10, 3)) == score(truth, probabilities)


@pytest.mark.parametrize("score", ALL)
@pytest.mark.parametrize(
    ("truth", "probabilities", "message"),
    [
        ([0, 1], [0.5, np.nan], "probabilities hold NaN: drop"),
        ([0, 1], [0.5, 1.5], r"must be in 0\.\.1, got 0.5\.\.1.5: apply sigmoid or softmax"),
        ([0, 1], [0.5, -0.5], r"must be in 0\.\.1"),
        ([0, 2], [0.5, 0.5], r"y_true must hold 0 and 1 only, got \[0, 2\]"),
        ([0.0, np.nan], [0.5, 0.5], "y_true must hold 0 and 1 only"),
        ([0, 1], [0.5, 0.5, 0.5], r"shape of y_true.*got \(2,\) and \(3,\)"),
        ([0, 1], [[0.5], [0.5]], r"2 or more classes more; got \(2,\) and \(2, 1\)"),
        (1, [0.5, 0.5], r"got \(\) and \(2,\)"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], r"class indices 0\.\.1, got dtype int64 with values 0\.\.2"),
        ([0, -1], [[0.5, 0.5], [0.5, 0.5]], r"values -1\.\.0"),
        ([0.0, 1.0], [[0.5, 0.5], [0.5, 0.5]], "dtype float64"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.49]], "sum to 1 within 0.001, one is off by 0.01: softmax"),
    ],
)
def test_bad_input_is_refused(score, truth, probabilities, message):
    with pytest.raises(ValueError, match=message):
        score(truth, probabilities)


@pytest.mark.parametrize("score", BINNED)
@pytest.mark.parametrize("settings", [{"n_bins": 0}, {"binning": "equal"}])
def test_bad_bins_are_refused(score, settings):
    with pytest.raises(ValueError, match='n_bins must be 1 or more, binning "width" or "mass"'):
        score([0, 1], [0.5, 0.5], **settings)


def test_rows_nearly_sum_to_one():
    assert brier_score([0], np.float32([[0.9995, 0.0]])) == pytest.approx(0.0005**2, rel=1e-3)


def test_a_softmax_in_float32_may_round_above_one():
    above = np.nextafter(np.float32(1), np.float32(2))
    assert brier_score([1], [above]) == pytest.approx(0, abs=1e-12)
    assert reliability_curve([1], [above], 5).count.tolist() == [0, 0, 0, 0, 1]
    with pytest.raises(ValueError, match=r"must be in 0\.\.1"):
        brier_score([1], [1.001])
