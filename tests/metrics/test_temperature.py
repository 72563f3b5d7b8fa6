"""Temperature scaling against a fine grid, and the temperature that cases were drawn with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from metrics.calibration import expected_calibration_error
from metrics.temperature import apply_temperature, fit_temperature

PROPERTY = settings(derandomize=True, max_examples=40, deadline=None)


def drawn(seed, temperature, n=300, k=None):
    """Cases whose truth follows softmax(logits / temperature)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (n, k or 2))
    noise = rng.gumbel(size=logits.shape)
    truth = (logits / temperature + noise).argmax(axis=1)
    return (truth, logits) if k else (truth, logits[:, 1] - logits[:, 0])


def loss(truth, logits, temperature):
    """Mean of -log of the probability of the true class."""
    wide = np.column_stack([0 * logits, logits]) if logits.ndim == 1 else logits
    return -np.log(softmax(wide / temperature, axis=1)[np.arange(truth.size), truth]).mean()


@pytest.mark.parametrize("k", [None, 2, 5])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.5])
def test_fit_against_a_fine_grid(k, temperature):
    truth, logits = drawn(1, temperature, k=k)
    grid = np.geomspace(0.1, 10, 1001)
    scores = [loss(truth, logits, value) for value in grid]
    fitted = fit_temperature(truth, logits)
    assert fitted == pytest.approx(grid[np.argmin(scores)], rel=0.005)
    assert loss(truth, logits, fitted) <= min(scores)


@pytest.mark.parametrize("k", [None, 4])
@pytest.mark.parametrize("temperature", [0.5, 2.0, 8.0])
def test_recovers_the_temperature_that_cases_were_drawn_with(k, temperature):
    truth, logits = drawn(0, temperature, 20_000, k)
    fitted = fit_temperature(truth, logits)
    assert fitted == pytest.approx(temperature, rel=0.08)
    before = expected_calibration_error(truth, apply_temperature(logits, 1.0))
    after = expected_calibration_error(truth, apply_temperature(logits, fitted))
    assert after < 0.02 < before


@PROPERTY
@given(st.integers(0, 10**6), st.sampled_from([None, 2, 3]), st.floats(0.2, 5), st.integers(1, 30))
def test_never_worse_than_no_scaling(seed, k, temperature, n):
    truth, logits = drawn(seed, temperature, n, k)
    fitted = fit_temperature(truth, logits)
    assert 1e-3 <= fitted <= 1e3
    assert loss(truth, logits, fitted) <= loss(truth, logits, 1.0) + 1e-12


@PROPERTY
@given(st.integers(0, 10**6), st.sampled_from([0.1, 3.0, 50.0]))
def test_scales_with_the_logits(seed, factor):
    truth, logits = drawn(seed, 2.0, 200, 3)
    assert fit_temperature(truth, factor * logits) == pytest.approx(
        factor * fit_temperature(truth, logits), rel=1e-5
    )


def test_binary_is_softmax_of_two_classes():
    truth, logits = drawn(3, 2.0)
    two = np.column_stack([np.zeros_like(logits) + 7, logits + 7])
    assert fit_temperature(truth, logits) == pytest.approx(fit_temperature(truth, two), rel=1e-6)
    np.testing.assert_allclose(apply_temperature(two, 2.0)[:, 1], apply_temperature(logits, 2.0), rtol=1e-12)


def test_by_hand():
    # right in 3 of 4 at logit 2: sigmoid(2 / T) = 3 / 4, so 2 / T = log 3
    assert fit_temperature([1, 1, 1, 0], [2.0] * 4) == pytest.approx(2 / np.log(3), rel=1e-6)
    assert fit_temperature(np.array([True, True, True, False]), [2.0] * 4) == pytest.approx(2 / np.log(3))


@pytest.mark.parametrize(
    ("truth", "logits"),
    [
        ([1, 0, 1], [2.0, -1.0, 0.5]),
        ([0, 1], [[3.0, 1.0, 1.0], [0.0, 0.5, -2.0]]),
        ([1, 0], [2.0, 0.0]),
        ([1, 0], [0.0, 0.0]),
        ([1], [4.0]),
    ],
)
def test_no_wrong_case_leaves_the_logits_as_they_are(truth, logits):
    assert fit_temperature(truth, logits) == 1.0


@pytest.mark.parametrize(
    ("truth", "logits"), [([0], [4.0]), ([0, 1, 1], [4.0, -3.0, 1.0]), ([0, 1], [4.0, 4.0])]
)
def test_logits_that_point_away_from_the_truth_are_flattened(truth, logits):
    assert fit_temperature(truth, logits) == 1e3


def test_no_case():
    assert np.isnan(fit_temperature([], []))
    assert np.isnan(fit_temperature([], np.zeros((0, 3))))
    assert apply_temperature([], 2.0).shape == (0,)
    assert apply_temperature(np.zeros((0, 3)), 2.0).shape == (0, 3)


def test_huge_logits_neither_overflow_nor_warn():
    probabilities = apply_temperature([[1e6, 0.0, -1e6], [1e308, 1e308, 0.0]], 1.0)
    np.testing.assert_allclose(probabilities, [[1, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_allclose(apply_temperature([-1e6, 1e6, 0.0], 1.0), [0, 1, 0.5])
    assert fit_temperature([1, 1, 1, 0], [1e3] * 4) == pytest.approx(1e3 / np.log(3), rel=0.1)


def test_no_decision_changes():
    _, logits = drawn(0, 1.0, k=4)
    for temperature in (0.1, 10.0):
        assert (apply_temperature(logits, temperature).argmax(axis=1) == logits.argmax(axis=1)).all()


@pytest.mark.parametrize(
    ("truth", "logits", "message"),
    [
        ([0, 1], [0.5, np.inf], "logits must be finite"),
        ([0, 1], [0.5, np.nan], "logits must be finite"),
        ([0, 1], [0.5, 0.5, 0.5], r"y_true must be \(cases,\), got \(2,\) with logits of \(3,\)"),
        ([[0, 1]], [[0.5, 0.5]], r"got \(1, 2\) with logits of \(1, 2\)"),
        ([0, 1], [[0.5], [0.5]], r"2 or more classes\), got shape \(2, 1\): ravel"),
        (np.zeros((2, 2, 2), int), np.zeros((2, 2, 2)), r"got shape \(2, 2, 2\): ravel those of a mask"),
        ([0, 2], [0.5, 0.5], r"class indices 0\.\.1, got dtype int64 with values 0\.\.2"),
        ([0, -1], [[0.5, 0.5]] * 2, r"values -1\.\.0"),
        ([0.0, 1.0], [0.5, 0.5], "dtype float64"),
    ],
)
def test_bad_input_is_refused(truth, logits, message):
    with pytest.raises(ValueError, match=message):
        fit_temperature(truth, logits)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_temperatures_are_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be finite and above 0"):
        apply_temperature([0.5], temperature)
