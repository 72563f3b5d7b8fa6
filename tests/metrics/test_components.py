"""Connected components: pictures small enough to draw, and the loop that gives boundary pixels away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.components import label_components

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None)
TOUCHING = np.array(
    [
        [2, 2, 2, 2, 2, 2, 0],
        [2, 1, 2, 2, 1, 2, 0],
        [2, 2, 2, 2, 2, 2, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 2, 2, 0, 0, 0, 1],
    ]
)


def flood(inside, connectivity):
    """Components by hand: number and walk."""
    steps = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if 0 < abs(r) + abs(c) <= connectivity]
    pixels = set(zip(*np.nonzero(inside), strict=True))
    labels, number = np.zeros(inside.shape, int), 0
    while pixels:
        number, todo = number + 1, [min(pixels)]
        while todo:
            row, column = pixel = todo.pop()
            if pixel in pixels:
                pixels.remove(pixel)
                labels[pixel] = number
                todo += [(row + r, column + c) for r, c in steps]
    return labels


def test_boundary_keeps_touching_objects_apart_and_is_given_back():
    expected = np.zeros_like(TOUCHING)
    expected[:3, :3], expected[:3, 3:6], expected[4, 6], expected[4, 1:3] = 1, 2, 3, 4
    labels = label_components(TOUCHING, boundary=2)
    assert labels.dtype == np.int32
    assert labels.tolist() == expected.tolist()


def test_without_a_boundary_class_other_classes_are_background():
    assert label_components(TOUCHING).max() == 3
    assert label_components(TOUCHING, foreground=2).max() == 2
    assert (label_components(TOUCHING) > 0).tolist() == (TOUCHING == 1).tolist()


def test_corners_connect_unless_told_otherwise():
    diagonal = np.eye(3, dtype=int)
    assert label_components(diagonal).max() == 1
    assert label_components(diagonal, connectivity=1).max() == 3


def test_small_objects_are_dropped_with_their_boundary_and_numbers_have_no_gap():
    labels = label_components(TOUCHING, boundary=2, min_area=2)
    assert np.bincount(labels.ravel()).tolist() == [TOUCHING.size - 9 - 9 - 2, 9, 9, 2]
    assert np.bincount(label_components(TOUCHING, boundary=2, min_area=9).ravel())[1:].tolist() == [9, 9]
    assert label_components(TOUCHING, boundary=2, min_area=10).max() == 0
    assert label_components([[1, 0, 1, 1]], min_area=2).tolist() == [[0, 0, 1, 1]]


def test_a_region_that_is_all_boundary_is_one_object():
    assert label_components([[2, 2, 0, 2]], boundary=2).tolist() == [[1, 1, 0, 2]]


def test_boundary_goes_to_the_nearest_object_of_its_own_region():
    # the 2 in the corner is nearer to the lower object, across the background
    mask = [[1, 2, 2, 2, 2], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
    assert label_components(mask, boundary=2).tolist() == [[1] * 5, [0] * 5, [0, 0, 0, 0, 2]]


@PROPERTY
@given(st.integers(0, 10**6), st.sampled_from([1, 2]))
def test_against_loops(seed, connectivity):
    mask = np.random.default_rng(seed).choice(3, (7, 8), p=[0.5, 0.2, 0.3])
    plain = label_components(mask, connectivity=connectivity)
    assert plain.tolist() == flood(mask == 1, connectivity).tolist()
    labels = label_components(mask, boundary=2, connectivity=connectivity)
    assert ((labels > 0) == (mask > 0)).all()
    regions, objects = flood(mask > 0, connectivity), flood(mask == 1, connectivity)
    for row, column in zip(*np.nonzero(mask == 2), strict=True):
        away = {}
        for r, c in zip(*np.nonzero((mask == 1) & (regions == regions[row, column])), strict=True):
            distance = (r - row) ** 2 + (c - column) ** 2
            away[objects[r, c]] = min(distance, away.get(objects[r, c], 999))
        nearest = {number for number, distance in away.items() if distance == min(away.values())}
        assert (labels[row, column] in nearest) if away else (labels[row, column] > objects.max())
    assert (labels[mask == 1] == objects[mask == 1]).all()
    assert np.unique(labels[mask > 0]).size == labels.max()


@pytest.mark.parametrize("shape", [(3, 4), (0, 4)])
@pytest.mark.parametrize("boundary", [None, 2])
def test_nothing_there(shape, boundary):
    labels = label_components(np.zeros(shape, int), boundary=boundary)
    assert labels.shape == shape
    assert not labels.any()


def test_a_bool_mask():
    assert label_components(np.array([[True, False, True]])).tolist() == [[1, 0, 2]]


@pytest.mark.parametrize(
    ("mask", "settings", "message"),
    [
        (np.zeros((1, 2, 3), int), {}, r"a mask is \(height, width\).*shape \(1, 2, 3\)"),
        (np.zeros((2, 3)), {}, "dtype float64: argmax or threshold"),
        (np.zeros((2, 3), int), {"connectivity": 8}, "connectivity must be 1 or 2.*got 8"),
        (np.zeros((2, 3), int), {"boundary": 1}, "foreground and boundary two classes"),
    ],
)
def test_bad_input_is_refused(mask, settings, message):
    with pytest.raises(ValueError, match=message):
        label_components(mask, **settings)
