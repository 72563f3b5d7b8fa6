"""Marks at one place are told apart from texture."""

import numpy as np
import pytest

from unet_mtl.data.burned_in import SharedStrokes, find_burned_in


def shared(n, size, *, highest, mark):
    """Return what is found in `n` images of uniform noise up to a brightness, with or without a bright line."""
    rng = np.random.default_rng(n)
    strokes = SharedStrokes()
    for _ in range(n):
        image = (rng.random((size, size, 1)) * highest).astype(np.float32)
        image[20:22, 3:13] = 1 if mark else image[20:22, 3:13]
        strokes.add((size, size), find_burned_in(image)[1])
    return strokes.find_shared()


@pytest.mark.parametrize("size", [48, 200])
@pytest.mark.parametrize("highest", [1, 0.7, 0.5, 0.4])
@pytest.mark.parametrize("n", [10, 14])
def test_noise_has_no_marks(n, highest, size):
    """Float images are stretched to their percentiles, so that their noise has the full contrast."""
    assert shared(n, size, highest=highest, mark=False) == []


@pytest.mark.parametrize(("n", "highest"), [(10, 0.2), (10, 0.4), (14, 0.5), (40, 0.7)])
def test_a_mark_is_found_in_texture(n, highest):
    assert shared(n, 48, highest=highest, mark=True) == [((48, 48), n, [20, 3, 22, 13])]


def test_structure_of_the_whole_frame_is_no_mark():
    strokes = SharedStrokes()
    for _ in range(12):
        image = np.zeros((48, 48, 1), np.float32)
        image[::4] = 1
        strokes.add((48, 48), find_burned_in(image)[1])
    assert strokes.find_shared() == []
