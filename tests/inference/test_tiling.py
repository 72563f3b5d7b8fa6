"""Tiles that cover an image, and predictions of padded and tiled images at the original size."""

from itertools import pairwise

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unet_mtl as um
from unet_mtl.batches.preprocess.preprocess import Crops
from unet_mtl.inference.case_result import Case
from unet_mtl.inference.engines.keras import KerasEngine
from unet_mtl.inference.predictor import Predictor
from unet_mtl.inference.tiling import predict_tiles, tile_corners


def test_tiles_by_hand():
    assert list(tile_corners((8, 20), (8, 8), 0.25)) == [(0, 0), (0, 6), (0, 12)]
    assert list(tile_corners((9, 8), (8, 8), 0.25)) == [(0, 0), (1, 0)]
    assert list(tile_corners((8, 8), (8, 8), 0.9)) == [(0, 0)]
    assert list(tile_corners((8, 17), (8, 8), 0.0)) == [(0, 0), (0, 4), (0, 9)]


@given(
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    more=st.tuples(st.integers(0, 90), st.integers(0, 90)),
    overlap=st.floats(0, 0.9),
)
def test_tiles_cover_all_and_overlap_as_asked(size, more, overlap):
    canvas = (size[0] + more[0], size[1] + more[1])
    covered = np.zeros(canvas, bool)
    corners = list(tile_corners(canvas, size, overlap))
    for row, column in corners:
        assert 0 <= row <= more[0]
        assert 0 <= column <= more[1]
        covered[row : row + size[0], column : column + size[1]] = True
    assert covered.all()
    assert len(set(corners)) == len(corners)
    for axis in (0, 1):
        starts = sorted({corner[axis] for corner in corners})
        # The start of a tile is rounded to a whole pixel.
        assert all(b - a <= max(1, size[axis] * (1 - overlap)) + 1 for a, b in pairwise(starts))


@pytest.mark.parametrize("overlap", [0, 0.25, 0.7])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_a_network_of_single_pixels_gives_by_tiles_what_it_gives_at_once(overlap, batch_size):
    image = np.random.default_rng(0).random((37, 50, 3)).astype(np.float32)
    seen = []

    def outputs(tiles):
        seen.append(len(tiles))
        return {"mask": np.stack([tiles.sum(-1), tiles[..., 0] ** 2], -1), "mean": tiles.mean((1, 2))}

    found = predict_tiles(
        outputs, image, size=(16, 16), overlap=overlap, spatial={"mask"}, batch_size=batch_size
    )
    assert max(seen) <= batch_size
    np.testing.assert_allclose(found["mask"][..., 0], image.sum(-1), rtol=1e-5)
    np.testing.assert_allclose(found["mask"][..., 1], image[..., 0] ** 2, rtol=1e-4)
    corners = list(tile_corners((37, 50), (16, 16), overlap))
    means = [image[r : r + 16, c : c + 16].mean((0, 1)) for r, c in corners]
    np.testing.assert_allclose(found["mean"], np.mean(means, 0), rtol=1e-5)


def test_the_middle_of_a_tile_counts_more_by_hand():
    """Tiles of 4 columns at 0 and 2 of 6; the first gives 0, the second 1, with weights 1 2 2 1."""
    image = np.zeros((1, 6, 1), np.float32)

    def outputs(tiles):
        return {"mask": np.broadcast_to(np.arange(2.0)[:, None, None, None], (2, 1, 4, 1))}

    found = predict_tiles(outputs, image, size=(1, 4), overlap=0.5, spatial={"mask"}, batch_size=2)
    np.testing.assert_allclose(found["mask"][0, :, 0], [0, 0, 1 / 3, 2 / 3, 1, 1], rtol=1e-6)


def pixel_network(size):
    """A network that classifies each pixel by its brightness, and the image by its mean brightness."""
    image = keras.Input((*size, 1), name="image")
    weights = np.array([-40.0, 40.0]).reshape(1, 1, 1, 2)
    mask = keras.layers.Conv2D(2, 1, activation="softmax", name="zone")
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    side = keras.layers.Dense(2, activation="softmax", name="side")
    model = keras.Model({"image": image}, {"zone": mask(image), "side": side(pooled)})
    mask.set_weights([weights, np.array([20.0, -20.0])])
    return model


@pytest.mark.parametrize(
    "fit",
    [
        {"fit": "pad"},
        {"fit": "pad", "padding": 1.0},
        {"fit": "crops"},
        {"fit": "crops", "crops": Crops(scale=0.5)},
        {"fit": "crops", "crops": Crops(scale=2.0, overlap=0.5)},
    ],
)
@pytest.mark.parametrize("size", [(70, 41), (41, 70), (10, 13), (32, 48)])
def test_predictions_come_back_at_the_original_size_and_place(fit, size, tmp_path):
    from PIL import Image

    mask = np.zeros(size, np.uint8)
    mask[size[0] // 3 : -(size[0] // 4), size[1] // 2 : -1] = 1
    image = (mask * 255)[..., None]
    tasks = [
        um.Segmentation(name="zone", classes=("background", "zone"), activation="softmax"),
        um.Classification(name="side", classes=("left", "right")),
    ]
    preprocess = um.Preprocess(size=(32, 48), channels=1, **fit)
    predictor = Predictor(KerasEngine(pixel_network((32, 48))), tasks, preprocess, batch_size=3)
    answers = predictor(image)
    found = answers["zone"].mask
    assert found.shape == size
    np.testing.assert_allclose(answers["side"].probabilities.sum(), 1, rtol=1e-5)
    # Errors are at most one pixel of the coarser grid, along the edge.
    coarse = int(np.ceil(max(1, *np.array(size) / preprocess.place(size).inner)))
    inner = mask.copy().astype(bool)
    grown = inner.copy()
    for _ in range(coarse):
        inner = (
            inner
            & np.roll(inner, 1, 0)
            & np.roll(inner, -1, 0)
            & np.roll(inner, 1, 1)
            & np.roll(inner, -1, 1)
        )
        grown = (
            grown
            | np.roll(grown, 1, 0)
            | np.roll(grown, -1, 0)
            | np.roll(grown, 1, 1)
            | np.roll(grown, -1, 1)
        )
    assert (found[inner] == 1).all()
    assert (found[~grown] == 0).all()
    Image.fromarray(image[..., 0]).save(tmp_path / "a.png")
    [of_file] = predictor.predict([Case("a", tmp_path / "a.png")])
    np.testing.assert_array_equal(of_file.answers["zone"].mask, found)
