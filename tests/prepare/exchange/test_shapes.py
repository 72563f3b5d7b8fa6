"""Outlines and run lengths against small hand-made cases and independent encoders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unet_mtl.errors import DataError
from unet_mtl.prepare.exchange.shapes import (
    as_ring,
    decode_brush,
    decode_coco_rle,
    draw_outlines,
    draw_ring,
    unpack_counts,
)

MASKS = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1)).map(
    lambda drawn: np.random.default_rng(drawn[2]).random(drawn[:2]) < 0.5
)


def square(x, y, side):
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], float)


def pack_counts(runs):
    """An encoder from the description of the format, group by group."""
    text = ""
    for index, run in enumerate(runs):
        number = run - (runs[index - 2] if index > 2 else 0)
        while True:
            group, number = number & 31, number >> 5
            last = number == (-1 if group & 16 else 0)
            text += chr(48 + group + (0 if last else 32))
            if last:
                break
    return text


def runs_of(mask):
    flat, runs, value = mask.T.ravel(), [], False
    while flat.size:
        change = np.flatnonzero(flat != value)
        n = change[0] if change.size else flat.size
        runs.append(int(n))
        flat, value = flat[n:], not value
    return runs


def pack_brush(alpha, *, literal, word=8, lengths=(3, 4, 8, 16)):
    """Encodes all RGBA values as runs or separately, in chunks that the widest length holds."""
    values = np.repeat(alpha.ravel(), 4)
    values.reshape(-1, 4)[:, :3] = 7  # colour is no matter
    bits = f"{len(values):032b}{word - 1:05b}" + "".join(f"{n - 1:04b}" for n in lengths)
    at = 0
    while at < len(values):
        end = min(at + 16, len(values))
        if not literal:
            end = at + int(np.argmax(np.append(values[at:end] != values[at], True)))
        pick = 1
        bits += ("0" if literal else "1") + f"{pick:02b}" + f"{end - at - 1:0{lengths[pick]}b}"
        bits += "".join(f"{v:0{word}b}" for v in (values[at:end] if literal else values[at : at + 1]))
        at = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def test_a_pixel_belongs_to_an_outline_that_holds_its_centre():
    expected = np.zeros((6, 7), bool)
    expected[1:4, 2:5] = True
    np.testing.assert_array_equal(draw_ring(square(2, 1, 3), (6, 7)), expected)
    # From 2.6 on, the centre 2.5 is outside; 5.4 leaves 5.5 out.
    shifted = draw_ring(square(2.6, 1, 2.8), (6, 7))
    assert np.flatnonzero(shifted.any(0)).tolist() == [3, 4]
    # On the edge is inside.
    assert np.flatnonzero(draw_ring(square(2.5, 1, 2), (6, 7)).any(0)).tolist() == [2, 3, 4]


def test_pixels_of_an_outline_are_those_that_an_independent_test_of_centres_finds():
    from matplotlib.path import Path as Outline

    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:20, :30] + 0.5
    for _ in range(20):
        ring = rng.uniform(-3, 30, (6, 2))
        centres = np.stack([columns.ravel(), rows.ravel()], 1)
        # Even-odd, pixel by pixel: how often a ray to the right crosses the outline.
        crossings = np.zeros(len(centres), int)
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, 0), strict=True):
            between = (y0 > centres[:, 1]) != (y1 > centres[:, 1])
            crossings += between & (centres[:, 0] < x0 + (centres[:, 1] - y0) / (y1 - y0) * (x1 - x0))
        np.testing.assert_array_equal(draw_ring(ring, (20, 30)).ravel(), crossings % 2 == 1)
    triangle = np.array([[1.2, 1.1], [25.3, 4.2], [7.7, 18.4]])
    inside = Outline(triangle).contains_points(centres)
    np.testing.assert_array_equal(draw_ring(triangle, (20, 30)).ravel(), inside)


def test_outside_and_far_away_is_cut_off():
    assert not draw_ring(square(50, 50, 3), (6, 7)).any()
    assert draw_ring(np.array([[-1e300, -1e300], [1e300, -1e300], [0, 1e300]]), (6, 7)).shape == (6, 7)
    assert draw_ring(square(-5, -5, 100), (6, 7)).all()


def test_an_outline_inside_another_is_a_hole_and_one_inside_the_hole_an_island():
    rings = [square(4, 4, 2), square(0, 0, 10), square(2, 2, 6)]
    drawn, n_nested = draw_outlines(rings, (10, 12))
    expected = np.zeros((10, 12), bool)
    expected[:10, :10] = True
    expected[2:8, 2:8] = False
    expected[4:6, 4:6] = True
    np.testing.assert_array_equal(drawn, expected)
    assert n_nested == 1
    filled, _ = draw_outlines(rings, (10, 12), nested="part")
    assert filled.sum() == 100


def test_parts_side_by_side_overlapping_or_given_twice_are_united():
    apart, none = draw_outlines([square(0, 0, 2), square(5, 5, 2)], (8, 8))
    overlapping, _ = draw_outlines([square(0, 0, 4), square(2, 2, 4)], (8, 8))
    twice, _ = draw_outlines([square(0, 0, 3), square(0, 0, 3)], (8, 8))
    assert (apart.sum(), none, overlapping.sum(), twice.sum()) == (8, 0, 28, 9)


@pytest.mark.parametrize(
    ("runs", "text"),
    # from the tests of an editor that writes the format
    [
        ([0, 6, 1, 3], "061M"),
        ([0, 6, 1, 5], "061O"),
        ([0, 6, 1, 6], "0610"),
        ([0, 1, 1, 2, 1, 3, 1, 4, 1], "011101010"),
        ([0, 1024], "0PP1"),
    ],
)
def test_compressed_counts_of_another_implementation(runs, text):
    assert unpack_counts(text) == runs
    assert pack_counts(runs) == text


@given(st.lists(st.integers(0, 2**31), max_size=12))
@settings(deadline=None, max_examples=60)
def test_compressed_counts_come_back(runs):
    assert unpack_counts(pack_counts(runs)) == runs


@given(MASKS)
@settings(deadline=None, max_examples=60)
def test_both_run_lengths_of_coco_give_the_mask(mask):
    runs = runs_of(mask)
    for counts in (runs, pack_counts(runs)):
        decoded = decode_coco_rle({"size": list(mask.shape), "counts": counts}, mask.shape)
        np.testing.assert_array_equal(decoded, mask)


def test_coco_runs_go_down_the_columns():
    decoded = decode_coco_rle({"size": [2, 3], "counts": [1, 2, 3]}, (2, 3))
    assert decoded.tolist() == [[False, True, False], [True, False, False]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"size": [3, 2], "counts": [6]}, r"size is \[3, 2\], but the image has \[2, 3\]"),
        ({"size": [2, 3], "counts": [1, 2]}, "sum is 3, but the image has 6"),
        ({"size": [2, 3], "counts": [7, -1]}, "0 or above"),
        ({"size": [2, 3], "counts": [True, 5]}, "whole numbers"),
        ({"size": [2, 3], "counts": 6}, "whole numbers"),
        ({"size": [2, 3], "counts": "P"}, "the last number is incomplete"),
        ({"size": [2, 3], "counts": "~"}, "unexpected '~'"),
        ({"size": [2, 3], "counts": "P" * 99}, "unexpected 'P'"),
        ({}, "size is None"),
    ],
)
def test_invalid_coco_run_lengths(content, message):
    with pytest.raises(DataError, match=message):
        decode_coco_rle(content, (2, 3))


@pytest.mark.parametrize(
    "values", [None, [], "abcdef", [1, 2, 3, 4, 5, "6"], [0, 0, 1, 0, 1, float("nan")], [0, 0, 1, 0, 1, True]]
)
def test_outlines_that_are_not_numbers(values):
    with pytest.raises(DataError, match="outline: "):
        as_ring(values)


@pytest.mark.parametrize("values", [[0, 0, 1, 1], [0, 0, 1, 0, 1, 1, 0]])
def test_outlines_of_too_few_or_odd_numbers(values):
    with pytest.raises(DataError, match="three or more points"):
        as_ring(values)


def test_an_outline_of_a_number_too_large_for_a_float():
    with pytest.raises(DataError, match="not finite"):
        as_ring([0, 0, 1, 0, 1, 10**400])


@given(MASKS, st.booleans())
@settings(deadline=None, max_examples=40)
def test_brush_strokes_come_back(mask, literal):
    alpha = np.where(mask, 255, 0).astype(np.uint8)
    alpha[mask & (np.arange(mask.shape[1]) % 2 == 0)] = 1  # a soft edge is drawn too
    np.testing.assert_array_equal(decode_brush(pack_brush(alpha, literal=literal), mask.shape), mask)


def test_invalid_brush_strokes():
    alpha = np.full((2, 3), 255, np.uint8)
    with pytest.raises(DataError, match="24 values; 2x2 RGBA pixels have 16"):
        decode_brush(pack_brush(alpha, literal=True), (2, 2))
    with pytest.raises(DataError, match="ends before the last pixel"):
        decode_brush(pack_brush(alpha, literal=True)[:-2], (2, 3))
    with pytest.raises(DataError, match="0 to 255"):
        decode_brush([256, 0, 0, 0], (2, 3))
    # The head of a published export: 3332x2527 pixels, here without its runs.
    with pytest.raises(DataError, match="ends before the last pixel"):
        decode_brush([2, 1, 233, 240, 57, 27], (2527, 3332))
