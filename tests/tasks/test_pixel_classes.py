"""Masks at the size of the image, decoded a few channels at a time, are those of the whole array to the bit."""

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unet_mtl import OverlappingSegmentation, Segmentation
from unet_mtl.data.images import resize_channels
from unet_mtl.data.masks import count_values
from unet_mtl.data.resized import Resized
from unet_mtl.tasks import pixel_classes

SIDES = st.integers(1, 40)
CHANNELS = st.sampled_from([*range(1, 10), 25, 63, 64, 65, 66, 67, 68, 130])
LEVELS = st.sampled_from([2, 5, 1000])  # few different probabilities give many ties
BLOCK = st.sampled_from([1, 50, 2**16])


def draw(size, channels, levels):
    rng = np.random.default_rng([*size, channels, levels])
    return (rng.integers(0, levels + 1, (*size, channels)) / levels).astype(np.float32)


def names(channels):
    return tuple(f"class {index}" for index in range(channels))


def plain(raw, size):
    return np.asarray(resize_channels(raw, size, cv2.INTER_LINEAR))


@settings(max_examples=40, deadline=None)
@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), CHANNELS)
def test_parts_are_the_whole(size, original, channels):
    output = Resized(draw(size, channels, 1000), original)
    parts = list(output.parts())
    whole = plain(output.raw, original)
    np.testing.assert_array_equal(np.concatenate(parts, -1), whole)
    np.testing.assert_array_equal(output.whole(), whole)
    assert len(parts) == output.n_parts()
    if size != original:
        assert max(part.shape[-1] for part in parts) <= 4


@settings(max_examples=40, deadline=None)
@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), CHANNELS, LEVELS, BLOCK)
def test_the_first_of_the_largest_classes_wins(size, original, channels, levels, block):
    raw = draw(size, channels + 1, levels)
    task = Segmentation(name="zone", classes=names(channels + 1), activation="softmax")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixel_classes, "_BLOCK", block)
        found = task.decode_resized(Resized(raw, original))
    whole = plain(raw, original)
    np.testing.assert_array_equal(found.mask, whole.argmax(-1))
    np.testing.assert_array_equal(found.probabilities, whole)
    assert found.mask.dtype == np.uint8
    assert list(found.cells().values()) == [(whole.argmax(-1) == i).sum() for i in range(1, channels + 1)]


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(SIDES, SIDES),
    st.tuples(SIDES, SIDES),
    CHANNELS,
    LEVELS,
    BLOCK,
    st.sampled_from([0.2, 0.4, 0.5, 0.999]),
)
def test_the_largest_sigmoid_wins_from_its_threshold_on(size, original, channels, levels, block, threshold):
    raw = draw(size, channels, levels)
    classes = names(channels + 1)
    options = {"name": "zone", "classes": classes, "threshold": threshold}
    task, layers = Segmentation(**options, activation="sigmoid"), OverlappingSegmentation(**options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixel_classes, "_BLOCK", block)
        found = task.decode_resized(Resized(raw, original))
    whole = plain(raw, original)
    largest = whole.max(-1)
    np.testing.assert_array_equal(found.mask, np.where(largest >= threshold, whole.argmax(-1) + 1, 0))
    np.testing.assert_array_equal(found.probabilities, np.concatenate([1 - largest[..., None], whole], -1))
    several = layers.decode_resized(Resized(raw, original))
    np.testing.assert_array_equal(several.mask, whole >= threshold)
    np.testing.assert_array_equal(several.probabilities, whole)
    assert several.mask.dtype == np.uint8
    assert list(several.cells().values()) == [
        np.count_nonzero(plane >= threshold) for plane in np.moveaxis(whole, -1, 0)
    ]


def test_regions_are_those_of_the_mask():
    mask = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    hot = np.eye(3, dtype=np.float32)[mask]
    alone = Segmentation(name="zone", classes=names(3)).decode(hot).regions()
    layers = OverlappingSegmentation(name="zone", classes=names(3)).decode(hot[..., 1:]).regions()
    for regions in (alone, layers):
        assert list(regions) == ["class 1", "class 2"]
        for index, name in enumerate(regions, start=1):
            np.testing.assert_array_equal(regions[name], mask == index)
        with pytest.raises(KeyError):
            regions["class 0"]


@settings(max_examples=40, deadline=None)
@given(st.tuples(SIDES, SIDES))
def test_values_are_counted_in_blocks(size):
    mask = np.random.default_rng(size).integers(0, 256, size).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unet_mtl.data.masks._BLOCK", 7)
        np.testing.assert_array_equal(count_values(mask), np.bincount(mask.ravel(), minlength=256))


def peak_per_pixel(task, channels, size=(500, 400)):
    """Return the bytes of the largest NumPy arrays that exist together while a mask is decoded and counted."""
    output = Resized(draw((8, 12), channels, 1000), size)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        task.decode_resized(output).cells()
        return (tracemalloc.get_traced_memory()[1] - before) / (size[0] * size[1])
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("channels", "activation", "bytes_per_pixel"),
    [(1, "auto", 5), (2, "softmax", 9), (3, "auto", 13), (4, "auto", 17), (5, "auto", 13), (60, "auto", 13)],
)
def test_decoding_takes_few_bytes_per_pixel(monkeypatch, channels, activation, bytes_per_pixel):
    monkeypatch.setattr(pixel_classes, "_BLOCK", 2**10)
    monkeypatch.setattr("unet_mtl.data.masks._BLOCK", 2**10)
    task = Segmentation(name="zone", classes=names(max(2, channels)), activation=activation)
    assert peak_per_pixel(task, channels) == pytest.approx(bytes_per_pixel, abs=0.5)


@pytest.mark.parametrize("channels", [5, 20])
def test_decoding_overlapping_classes_takes_one_byte_for_each(channels):
    task = OverlappingSegmentation(name="zone", classes=names(channels + 1))
    assert peak_per_pixel(task, channels) == pytest.approx(8 + channels, abs=0.5)
