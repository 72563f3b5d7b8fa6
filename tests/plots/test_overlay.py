"""Outlines and images of any size, drawn from a reduced copy where they are large."""

import tracemalloc

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unet_mtl.plots import overlay
from unet_mtl.plots.overlay import draw_contours, draw_image, new_figure


def outlines(mask):
    """Return the corners of the outlines that are drawn of class 1."""
    axes = new_figure(2, 2).subplots()
    draw_contours(axes, None, mask, ["ground", "lesion"])
    return [path.vertices for drawn in axes.collections for path in drawn.get_paths()]


def plain_outlines(mask):
    padded = np.pad(mask, 1)
    rows, columns = (np.arange(-1, side - 1) for side in padded.shape)
    drawn = new_figure(2, 2).subplots().contour(columns, rows, padded, levels=[0.5])
    return [path.vertices for path in drawn.get_paths()]


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.05, 0.9))
def test_outlines_are_those_of_the_whole_mask(height, width, share):
    mask = (np.random.default_rng([height, width]).random((height, width)) < share).astype(np.uint8)
    found, expected = outlines(mask), plain_outlines(mask) if mask.any() else []
    assert len(found) == len(expected)
    for corners, others in zip(found, expected, strict=True):
        np.testing.assert_array_equal(corners, others)


def test_large_masks_keep_their_smallest_parts_in_place(monkeypatch):
    monkeypatch.setattr(overlay, "MAX_SIDE", 10)
    mask = np.zeros((60, 50), np.uint8)
    mask[3, 4] = mask[40, 31:] = mask[52:, 20] = 1
    corners = np.concatenate(outlines(mask))
    step = 5  # 57 rows and 46 columns have the region, and 57 / 10 is rounded up
    assert np.abs(corners - [4, 3]).max(-1).min() <= 6
    for row, column in [(3, 4), (40, 31), (40, 49), (52, 20), (59, 20)]:
        assert np.abs(corners - [column, row]).max(-1).min() <= step + 1
    assert (corners >= [3.5 - step, 2.5 - step]).all()


def test_a_large_image_is_reduced_and_keeps_its_coordinates():
    image = np.linspace(0, 1, 3400, dtype=np.float32)[None, :, None].repeat(6, 0)
    for pixels in (image, (image * 255).astype(np.uint8).repeat(3, -1)):
        axes = new_figure(2, 2).subplots()
        draw_image(axes, pixels)
        (shown,) = axes.images
        assert shown.get_array().shape[:2] == (3, overlay.MAX_SIDE)
        assert tuple(shown.get_extent()) == (-0.5, 3399.5, 5.5, -0.5)
        assert axes.get_xlim() == (-0.5, 3399.5)
    small = image[:, :9]
    axes = new_figure(2, 2).subplots()
    draw_image(axes, small)
    np.testing.assert_array_equal(axes.images[0].get_array(), small[..., 0])
    assert tuple(axes.images[0].get_extent()) == (-0.5, 8.5, 5.5, -0.5)


def test_drawing_takes_few_bytes_per_pixel(monkeypatch):
    monkeypatch.setattr(overlay, "MAX_SIDE", 100)
    mask = np.zeros((1200, 1000), np.uint8)
    mask[100:1150, 50:900] = 1
    image = np.zeros((1200, 1000, 3), np.uint8)
    axes = new_figure(2, 2).subplots()
    tracemalloc.start()
    try:
        draw_image(axes, image)
        draw_contours(axes, None, mask, ["ground", "lesion"])
        axes.figure.canvas.draw()
        assert tracemalloc.get_traced_memory()[1] / mask.size < 5
    finally:
        tracemalloc.stop()
