"""The band around a lesion against loops over all pixels, and why calibration is looked at there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.boundary_calibration import band_around, band_calibration_error
from metrics.calibration import brier_score, expected_calibration_error

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None)


def band_by_loop(mask, width, spacing):
    band = np.zeros(mask.shape, bool)
    for row, column in np.ndindex(mask.shape):
        for r, c in np.ndindex(mask.shape):
            away = ((r - row) * spacing[0]) ** 2 + ((c - column) * spacing[1]) ** 2
            if {mask[row, column], mask[r, c]} == {0, 1} and away <= width**2:
                band[row, column] = True
    return band


@PROPERTY
@given(
    st.integers(0, 10**6),
    st.sampled_from([0.5, 1.0, 1.5, 2.5]),
    st.sampled_from([(1.0, 1.0), (1.0, 0.25), (0.5, 2.0)]),
)
def test_against_loops(seed, width, spacing):
    rng = np.random.default_rng(seed)
    mask = rng.choice([0, 1, 255], (6, 7), p=[0.75, 0.15, 0.1])
    band = band_around(mask, width, spacing_mm=spacing, ignore=255)
    assert band.tolist() == band_by_loop(mask, width, spacing).tolist()
    assert band.dtype == np.bool_


def test_width_counts_pixels_or_millimetres():
    mask = np.repeat([0, 1], 5)[None]
    for pixels in (1, 2, 3):
        assert np.flatnonzero(band_around(mask, pixels)).tolist() == list(range(5 - pixels, 5 + pixels))
        in_mm = band_around(mask, pixels * 0.1, spacing_mm=(7.0, 0.1))
        assert (in_mm == band_around(mask, pixels)).all()
    assert not band_around(mask, 0.9).any()
    assert band_around(mask, 0.3, spacing_mm=(7.0, 0.1)).sum() == 6  # 3 * 0.1 is above 0.3
    assert (band_around(mask.T, 2, spacing_mm=(2.0, 0.1)) == band_around(mask, 1).T).all()


def test_turning_the_mask_inside_out_keeps_the_band():
    mask = np.random.default_rng(0).random((9, 9)) < 0.3
    assert (band_around(mask, 1.5) == band_around(~mask, 1.5)).all()


@pytest.mark.parametrize("mask", [np.zeros((4, 5), int), np.ones((4, 5), int), np.zeros((0, 5), int)])
def test_no_boundary_no_band_no_score(mask):
    band = band_around(mask, 3)
    assert band.shape == mask.shape
    assert not band.any()
    assert np.isnan(band_calibration_error(mask, np.full(mask.shape, 0.5), 3))


def test_unknown_pixels_make_no_boundary_and_do_not_count():
    mask = np.array([[1, 1, 255, 255, 0, 0]])
    assert band_around(mask, 1, ignore=255).sum() == 0
    assert band_around([[0, 1, 1, 0]], 1, ignore=0).sum() == 0
    assert np.flatnonzero(band_around(mask, 3, ignore=255)).tolist() == [1, 4]
    stated = np.array([[0.0, 1.0, 0.3, np.nan, 0.5, 1.0]])
    assert band_calibration_error(mask, stated, 3, ignore=255) == pytest.approx((0 + 0.5) / 2)


def test_the_whole_picture_flatters():
    rows, columns = np.mgrid[:64, :64]
    away = np.hypot(rows - 30, columns - 34)
    truth, stated = away < 10, (away < 13).astype(float)  # 3 pixels too large and certain of it
    band = band_around(truth, 3)
    whole, near = expected_calibration_error(truth, stated), band_calibration_error(truth, stated, 3)
    assert near == pytest.approx(np.mean(stated[band] != truth[band]))
    assert whole < 0.06
    assert near > 0.5
    assert brier_score(truth[band], stated[band]) > 8 * brier_score(truth, stated)


def test_bins_are_passed_on():
    mask, stated = np.array([[0, 0, 1, 1]]), np.array([[0.0, 0.2, 0.4, 1.0]])
    assert band_calibration_error(mask, stated, 1, 1) == pytest.approx(0.5 - 0.3)
    assert band_calibration_error(mask, stated, 1, 2) == pytest.approx(0.5 - 0.3)
    assert band_calibration_error(mask, stated, 1, 5) == pytest.approx((0.2 + 0.6) / 2)
    assert band_calibration_error(mask, stated, 1, 2, binning="mass") == pytest.approx((0.2 + 0.6) / 2)


@pytest.mark.parametrize(
    ("mask", "settings", "message"),
    [
        (np.zeros((2, 2, 2), int), {}, r"\(height, width\) of 0 and 1, got shape \(2, 2, 2\)"),
        (np.full((2, 2), 2), {}, r"values \[2\]: pass mask == class, or ignore="),
        (np.full((2, 2), 255), {"ignore": 254}, r"values \[255\]"),
        (np.full((2, 2), np.nan), {}, r"values \[nan"),
        (np.eye(2), {"width": 0}, "width and the two spacings must be above 0, got 0"),
        (np.eye(2), {"width": float("nan")}, "got nan"),
        (np.eye(2), {"spacing_mm": (1.0, 0.0)}, r"got 1 and \(1.0, 0.0\)"),
        (np.eye(2), {"spacing_mm": 0.5}, "got 1 and 0.5"),
    ],
)
def test_bad_input_is_refused(mask, settings, message):
    with pytest.raises(ValueError, match=message):
        band_around(mask, **{"width": 1, **settings})


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"y_true has shape \(2, 2\) but probabilities \(2, 2, 1\)"):
        band_calibration_error(np.eye(2), np.zeros((2, 2, 1)), 1)
