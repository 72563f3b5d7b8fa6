"""Surfaces: pictures small enough to compute by hand, and every pair of points by brute force."""

from math import hypot, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from metrics import assd, boundary_iou, hausdorff, iou, masd, surface_dice, surface_distances
from metrics.counts import confusion_matrix, counts_from_confusion

PROPERTY = settings(derandomize=True, max_examples=80, deadline=None)
masks = hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))
pairs = st.integers(0, 10**6).map(lambda seed: random_pair(seed))
spacings = st.sampled_from([None, (1.0, 1.0), (0.5, 2.0), (3.0, 0.1)])


def random_pair(seed):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(1, 12, 2))
    return rng.random((2, *size)) < rng.choice([0.1, 0.5, 0.9])


def picture(*rows):
    return np.array([[character == "#" for character in row] for row in rows])


def single(row, column, size=(12, 12)):
    mask = np.zeros(size, bool)
    mask[row, column] = True
    return mask


def disc(row, column, radius, size=(40, 40)):
    rows, columns = np.indices(size)
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def brute_force(truth, prediction, spacing):
    """Give both directed lists of distances by looking at every pair of surface pixels."""

    def surface(mask):
        framed = np.pad(mask, 1)
        found = []
        for row, column in np.argwhere(framed):
            cross = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
            if not all(framed[place] for place in cross):
                found.append((row * spacing[0], column * spacing[1]))
        return found

    def directed(start, goal):
        return sorted(min(hypot(a[0] - b[0], a[1] - b[1]) for b in goal) for a in start)

    true, predicted = surface(truth), surface(prediction)
    return directed(true, predicted), directed(predicted, true)


def test_two_pixels_two_millimetres_apart():
    found = surface_distances(single(2, 3), single(2, 7), spacing_mm=(9.0, 0.5))
    assert found.from_truth.tolist() == found.from_prediction.tolist() == [2.0]
    assert [hausdorff(found), hausdorff(found, 95), assd(found), masd(found)] == [2.0] * 4
    assert surface_dice(found, 1.99) == 0
    assert surface_dice(found, 2.0) == 1


def test_anisotropic_spacing_takes_rows_first():
    found = surface_distances(single(1, 1), single(4, 5), spacing_mm=(2.0, 0.5))
    assert hausdorff(found) == pytest.approx(sqrt(6**2 + 2**2))


def test_a_disc_shifted_by_three_pixels():
    truth, prediction = disc(18, 15, 8), disc(18, 18, 8)
    found = surface_distances(truth, prediction)
    assert hausdorff(found) == 3.0  # leftmost pixel of one to leftmost pixel of the other
    assert 0 < assd(found) < 3
    assert assd(found) == pytest.approx(masd(found))  # equal surfaces
    assert surface_dice(found, 3) == 1
    assert hausdorff(surface_distances(truth, prediction, spacing_mm=(1.0, 0.2))) == pytest.approx(0.6)


def test_surface_is_the_pixels_with_an_open_side():
    ring = picture("#####", "#...#", "#...#", "#####")
    assert surface_distances(np.ones((4, 5), bool), ring).from_truth.tolist() == [0.0] * 14  # the frame
    assert surface_distances(np.ones((4, 5), bool), ring).from_prediction.tolist() == [0.0] * 14
    diagonal = picture("##", "##")
    assert surface_distances(diagonal, diagonal).from_truth.size == 4  # the picture's edge is open


def test_hand_computed_means_and_percentiles():
    # truth pixels are 0, 1, 2, 3 and 4 columns away from the single predicted one
    found = surface_distances(picture("#####"), picture("#...."))
    assert found.from_truth.tolist() == [0, 1, 2, 3, 4]
    assert found.from_prediction.tolist() == [0]
    assert assd(found) == 10 / 6
    assert masd(found) == (2 + 0) / 2
    assert hausdorff(found) == 4
    assert hausdorff(found, 95) == pytest.approx(3.8)  # 0.8 of the way from 3 to 4
    assert hausdorff(found, 50) == 2
    assert hausdorff(found, 0) == 0
    assert surface_dice(found, 1) == 3 / 6
    assert surface_dice(found, 0) == 2 / 6


def test_percentile_is_the_larger_of_the_two_directions_not_of_all_together():
    truth, prediction = picture("#........."), picture("##########")
    found = surface_distances(truth, prediction)
    assert hausdorff(found, 50) == 4.5
    pooled = np.concatenate([found.from_truth, found.from_prediction])
    assert np.percentile(pooled, 50) == 4.0


@pytest.mark.parametrize("crowded", [0.0, np.inf], ids=["distance transform", "tree of points"])
@PROPERTY
@given(pairs, spacings, st.sampled_from([0, 37.5, 50, 90, 95, 100]))
def test_against_brute_force(crowded, pair, spacing, percentile):
    truth, prediction = pair
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("metrics.surface._CROWDED", crowded)
        found = surface_distances(truth, prediction, spacing_mm=spacing)
    if not (truth.any() and prediction.any()):
        return
    from_truth, from_prediction = brute_force(truth, prediction, spacing or (1.0, 1.0))
    np.testing.assert_allclose(found.from_truth, from_truth, atol=1e-12)
    np.testing.assert_allclose(found.from_prediction, from_prediction, atol=1e-12)
    ends = [np.percentile(part, percentile) for part in (from_truth, from_prediction)]
    assert hausdorff(found, percentile) == pytest.approx(max(ends), abs=1e-12)
    assert assd(found) == pytest.approx(np.mean(from_truth + from_prediction), abs=1e-12)
    assert masd(found) == pytest.approx((np.mean(from_truth) + np.mean(from_prediction)) / 2, abs=1e-12)
    within = [value <= 1.5 + 1e-9 for value in from_truth + from_prediction]
    assert surface_dice(found, 1.5) == pytest.approx(np.mean(within))


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.5])
def test_speckles_are_measured_in_another_way_and_to_the_same_numbers(noise, monkeypatch):
    flips = np.random.default_rng(0).random((2, 60, 60)) < noise
    pair = np.stack([disc(30, 28, 20, (60, 60)), disc(28, 30, 20, (60, 60))]) ^ flips
    found = {}
    for crowded in (0.0, 0.25, np.inf):
        monkeypatch.setattr("metrics.surface._CROWDED", crowded)
        one = surface_distances(*pair, spacing_mm=(0.5, 0.7))
        found[crowded] = np.concatenate([one.from_truth, one.from_prediction])
    np.testing.assert_allclose(found[0.0], found[np.inf], rtol=1e-12)
    chosen = 0.0 if noise == 0.5 else np.inf
    np.testing.assert_array_equal(found[0.25], found[chosen])


@PROPERTY
@given(pairs, spacings)
def test_swapping_scaling_and_turning(pair, spacing):
    truth, prediction = pair
    scores = [hausdorff, lambda found: hausdorff(found, 95), assd, masd]
    rows, columns = spacing or (1.0, 1.0)
    plain = surface_distances(truth, prediction, spacing_mm=spacing)
    swapped = surface_distances(prediction, truth, spacing_mm=spacing)
    scaled = surface_distances(truth, prediction, spacing_mm=(4 * rows, 4 * columns))
    turned = surface_distances(truth.T, prediction.T, spacing_mm=(columns, rows))
    wide = surface_distances(np.pad(truth, 3), np.pad(prediction, 3), spacing_mm=spacing)
    for score in scores:
        value = score(plain)
        assert score(swapped) == pytest.approx(value, nan_ok=True)
        assert score(scaled) == pytest.approx(4 * value, nan_ok=True)
        assert score(turned) == pytest.approx(value, nan_ok=True)
        if truth.any() and prediction.any():
            assert score(wide) == pytest.approx(value)
            assert 0 <= value <= plain.worst
    assert surface_dice(scaled, 8) == pytest.approx(surface_dice(plain, 2), nan_ok=True)
    assert hausdorff(plain, 95) <= hausdorff(plain) or not (truth.any() and prediction.any())


def test_equal_masks_are_perfect():
    mask = disc(10, 12, 6)
    found = surface_distances(mask, mask)
    assert [hausdorff(found), assd(found), masd(found)] == [0, 0, 0]
    assert surface_dice(found, 0) == boundary_iou(mask, mask) == 1


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("tolerance", [0, 1e9])
def test_a_structure_on_one_side_only_is_the_worst_there_is(swap, tolerance):
    pair = (single(2, 3, (6, 8)), np.zeros((6, 8), bool))
    truth, prediction = pair[::-1] if swap else pair
    found = surface_distances(truth, prediction, spacing_mm=(0.5, 1.0))
    assert (found.missed, found.hallucinated) == (not swap, swap)
    diagonal = hypot(6 * 0.5, 8 * 1.0)
    assert [hausdorff(found), hausdorff(found, 95), assd(found), masd(found)] == [diagonal] * 4
    assert surface_dice(found, tolerance) == 0
    assert surface_dice(found, tolerance, empty="one") == 0
    assert boundary_iou(truth, prediction) == 0


@pytest.mark.parametrize("size", [(1, 2), (30, 30)], ids=["crowded", "thin"])
def test_what_has_no_partner_is_infinitely_far(size):
    found = surface_distances(np.ones(size), np.zeros(size))
    assert np.isinf(found.from_truth).all()
    assert found.from_truth.size > found.from_prediction.size == 0


def test_no_distance_beats_the_worst():
    corners = surface_distances(single(0, 0, (3, 3)), single(2, 2, (3, 3)))
    assert hausdorff(corners) < corners.worst
    alone = surface_distances([[1]], [[0]])
    assert hausdorff(alone) == pytest.approx(sqrt(2))  # even in a picture of one pixel it is not 0


@pytest.mark.parametrize(("empty", "expected"), [("nan", np.nan), ("one", 1), ("zero", 0)])
def test_neither_mask_has_it(empty, expected):
    nothing = np.zeros((4, 4), bool)
    found = surface_distances(nothing, nothing)
    assert np.isnan([hausdorff(found), hausdorff(found, 95), assd(found), masd(found)]).all()
    assert not found.missed
    assert not found.hallucinated
    assert surface_dice(found, 1, empty=empty) == pytest.approx(expected, nan_ok=True)
    assert boundary_iou(nothing, nothing, empty=empty) == pytest.approx(expected, nan_ok=True)


@PROPERTY
@given(pairs, st.integers(0, 99))
def test_a_prediction_in_the_ignored_area_changes_nothing(pair, seed):
    rng = np.random.default_rng(seed)
    truth, prediction = pair[0].astype(np.uint8), pair[1].astype(np.uint8)
    dropped = rng.random(truth.shape) < 0.3
    truth[dropped] = 255
    other = np.where(dropped, rng.integers(0, 255, truth.shape), prediction).astype(np.uint8)
    first, second = (surface_distances(truth, mask, ignore=255) for mask in (prediction, other))
    assert hausdorff(first) == pytest.approx(hausdorff(second), nan_ok=True)
    assert assd(first) == pytest.approx(assd(second), nan_ok=True)
    assert surface_dice(first, 1) == pytest.approx(surface_dice(second, 1), nan_ok=True)
    narrow = [boundary_iou(truth, mask, 1, ignore=255) for mask in (prediction, other)]
    assert narrow[0] == pytest.approx(narrow[1], nan_ok=True)


def test_ignored_pixels_belong_to_neither_mask():
    truth = np.array([[1, 1, 255, 255]], np.uint8)
    assert surface_distances(truth, [[1, 1, 1, 1]], ignore=255).from_prediction.tolist() == [0, 0]
    assert surface_distances(np.full((2, 2), 255), np.ones((2, 2)), ignore=255).from_prediction.size == 0


def test_a_tolerance_of_three_pixels_holds_three_pixels():
    found = surface_distances(single(2, 3), single(2, 6), spacing_mm=(0.1, 0.1))
    assert found.from_truth[0] > 0.3  # 0.30000000000000004
    assert surface_dice(found, 0.3) == 1


def test_a_rim_of_three_pixels_holds_three_pixels():
    full, ring = np.ones((9, 9), bool), np.ones((9, 9), bool)
    ring[3:6, 3:6] = False  # what three rings of a square leave
    tenth = {"spacing_mm": (0.1, 0.1)}
    assert 3 * 0.1 > 0.3
    assert boundary_iou(full, ring, 0.3, **tenth) == 1


def test_the_rim_of_one_pixel_is_the_surface():
    truth, prediction = disc(15, 15, 9), disc(15, 16, 7)

    def surface(mask):
        return mask & ~ndimage.binary_erosion(mask)

    expected = (surface(truth) & surface(prediction)).sum() / (surface(truth) | surface(prediction)).sum()
    assert boundary_iou(truth, prediction, 1) == pytest.approx(expected)


def test_boundary_iou_by_hand():
    # a 5x5 and a 5x6 square: rims of 16 and 18 pixels that share the first five columns' top, bottom and left
    truth, prediction = np.zeros((2, 9, 9), bool)
    truth[2:7, 2:7], prediction[2:7, 2:8] = True, True
    assert boundary_iou(truth, prediction, 1) == (5 + 5 + 3) / (16 + 18 - 13)


@PROPERTY
@given(pairs, st.floats(1, 5), spacings)
def test_boundary_iou_against_brute_force(pair, width, spacing):
    truth, prediction = pair
    rows, columns = spacing or (1.0, 1.0)
    width *= min(rows, columns)

    def rim(mask):
        outside = [(r * rows, c * columns) for r, c in np.argwhere(~np.pad(mask, 1))]
        inside = [tuple(place) for place in np.argwhere(mask)]
        near = 1 + 1e-9
        return {
            (r, c)
            for r, c in inside
            if min(hypot((r + 1) * rows - a, (c + 1) * columns - b) for a, b in outside) <= width * near
        }

    true, predicted = rim(truth), rim(prediction)
    expected = len(true & predicted) / len(true | predicted) if true | predicted else np.nan
    result = boundary_iou(truth, prediction, width, spacing_mm=spacing)
    assert result == pytest.approx(expected, nan_ok=True)


def test_a_rim_that_fills_the_masks_is_plain_iou():
    truth, prediction = random_pair(4)
    counts = counts_from_confusion(confusion_matrix(truth, prediction, 2))[1]
    assert boundary_iou(truth, prediction, 99) == pytest.approx(float(iou(counts)))


def test_default_rim_is_two_percent_of_the_diagonal():
    truth, prediction = disc(100, 100, 60, (300, 400)), disc(103, 100, 60, (300, 400))
    assert boundary_iou(truth, prediction) == boundary_iou(truth, prediction, 10)  # the diagonal is 500
    tenth = {"spacing_mm": (0.1, 0.1)}
    assert boundary_iou(truth, prediction, **tenth) == boundary_iou(truth, prediction)
    small = single(1, 1, (4, 4))
    assert boundary_iou(small, small) == 1  # 0.11 pixels would reach nothing


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: surface_distances([[1, 0]], [[1], [0]]), r"got \(1, 2\) and \(2, 1\)"),
        (lambda: surface_distances([1, 0], [1, 0]), r"one shape \(rows, columns\)"),
        (lambda: surface_distances(np.zeros((2, 2, 2)), np.zeros((2, 2, 2))), "rows, columns"),
        (lambda: surface_distances([[0, 2]], [[0, 1]]), r"y_true .*values \[0, 2\]: pass one structure"),
        (lambda: surface_distances([[0, 1]], [[0, 255]]), "y_pred must be bools or 0 and 1"),
        (lambda: surface_distances([[0, 1]], [[0.0, 0.7]]), "y_pred must be bools or 0 and 1"),
        (lambda: surface_distances([[1]], [[1]], spacing_mm=(0, 1)), "two positive numbers"),
        (lambda: surface_distances([[1]], [[1]], spacing_mm=0.5), "two positive numbers"),
        (lambda: surface_distances([[1]], [[1]], spacing_mm=(np.nan, 1)), "two positive numbers"),
        (lambda: hausdorff(surface_distances([[1]], [[1]]), 101), "up to 100 .*, got 101"),
        (lambda: hausdorff(surface_distances([[1]], [[1]]), 0.95), r"95 for HD95\), got 0.95"),
        (lambda: hausdorff(surface_distances([[1]], [[1]]), np.nan), "got nan"),
        (lambda: surface_dice(surface_distances([[1]], [[1]]), -1), "tolerance must be 0 or more"),
        (lambda: surface_dice(surface_distances([[1]], [[1]]), np.nan), "tolerance must be 0 or more"),
        (lambda: surface_dice(surface_distances([[1]], [[1]]), 1, empty="nan?"), "empty must be one of"),
        (lambda: boundary_iou([[1]], [[1]], 0.5), "width must reach a pixel, 1.0 or more, got 0.5"),
        (lambda: boundary_iou([[1]], [[1]], empty=0), "empty must be one of"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
