"""Images of any size to the network's and back: what was in a place is in that place again."""

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

import unet_mtl as um
from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.preprocess.preprocess import Crops, Placement, Preprocess
from unet_mtl.tasks import adapt_tasks

SIDES = st.integers(1, 150)


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        # a quarter as large: 20x30 -> 5x8 (7.5 rounds to the even 8), one row above and two below
        ((20, 30), Placement((8, 8), (5, 8), 1, 0)),
        ((16, 8), Placement((8, 8), (8, 4), 0, 2)),
        ((4, 2), Placement((8, 8), (8, 4), 0, 2)),
        ((800, 1), Placement((8, 8), (8, 1), 0, 3)),
        ((8, 8), Placement((8, 8), (8, 8), 0, 0)),
    ],
)
def test_places_by_hand(original, expected):
    assert Preprocess(size=(8, 8), fit="pad").place(original) == expected


def test_padding_by_hand():
    preprocess = Preprocess(size=(4, 4), channels=1, fit="pad", padding=0.5)
    image = np.array([[10, 20, 30, 40], [50, 60, 70, 80]], np.uint8)
    fitted, size = preprocess.fit_image(image[..., None])
    assert size == (2, 4)
    expected = np.array([[128] * 4, [10, 20, 30, 40], [50, 60, 70, 80], [128] * 4], np.uint8)
    np.testing.assert_array_equal(fitted[..., 0], expected)
    deep, _ = preprocess.fit_image((image[..., None] / 255).astype(np.float32))
    assert deep.dtype == np.float32
    assert (deep[[0, 3]] == 0.5).all()
    mask = preprocess.fit_mask(np.ones((2, 4), np.uint8))
    np.testing.assert_array_equal(mask, [[255] * 4, [1] * 4, [1] * 4, [255] * 4])
    raw = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
    np.testing.assert_array_equal(
        preprocess.restore(raw, (2, 4)).whole()[..., 0], [[4, 5, 6, 7], [8, 9, 10, 11]]
    )


@given(height=SIDES, width=SIDES, size=st.tuples(SIDES, SIDES))
def test_pad_keeps_the_aspect_ratio_within_half_a_pixel(height, width, size):
    place = Preprocess(size=size, fit="pad").place((height, width))
    scale = min(size[0] / height, size[1] / width)
    assert place.canvas == size
    for side, original, whole, before in zip(place.inner, (height, width), size, place[2:], strict=True):
        assert side == 1 or abs(side - original * scale) <= 0.5
        assert 0 <= before <= whole - side - before <= before + 1
    assert size[0] == place.inner[0] or size[1] == place.inner[1]


FITS = st.sampled_from(
    [
        {"fit": "stretch"},
        {"fit": "pad"},
        {"fit": "crops", "crops": Crops(scale=0.5)},
        {"fit": "crops", "crops": Crops(scale=1.7)},
    ]
)


def edges(mask):
    """First and last row and column + 1 of what is in it."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([rows[0], rows[-1] + 1, columns[0], columns[-1] + 1], float)


@given(
    height=st.integers(9, 150),
    width=st.integers(9, 150),
    size=st.tuples(st.integers(16, 96), st.integers(16, 96)),
    fit=FITS,
    corners=st.tuples(*[st.floats(0, 0.55)] * 2, *[st.floats(0.35, 0.45)] * 2),
)
def test_a_mask_there_and_back_keeps_area_and_place(height, width, size, fit, corners):
    """Each edge of a rectangle moves by a pixel at most, of whichever grid is coarser; so does its area."""
    preprocess = Preprocess(size=size, **fit)
    top, left, tall, wide = corners
    rows = slice(int(top * height), int((top + tall) * height) + 1)
    columns = slice(int(left * width), int((left + wide) * width) + 1)
    mask = np.zeros((height, width), np.uint8)
    mask[rows, columns] = 1
    place = preprocess.place(mask.shape)
    coarse = np.array([max(1, o / i) for o, i in zip(mask.shape, place.inner, strict=True)])
    if min(np.array([rows.stop - rows.start, columns.stop - columns.start]) / coarse) < 1:
        return  # thinner than a pixel of the network: it may fall through
    fitted = preprocess.fit_mask(mask)
    assert fitted.shape == place.canvas
    assert ((fitted == 255).sum()) == np.prod(place.canvas) - np.prod(place.inner)
    raw = np.stack([fitted == 0, fitted == 1], -1).astype(np.float32)
    back = preprocess.restore(raw, mask.shape).whole()
    assert back.shape == (*mask.shape, 2)
    found = back.argmax(-1)
    moved = np.abs(edges(found) - edges(mask))
    assert (moved <= np.repeat(coarse, 2) + 1e-6).all()
    tall, wide = rows.stop - rows.start, columns.stop - columns.start
    assert abs(found.sum() - tall * wide) <= 2 * (tall * coarse[1] + wide * coarse[0]) + 4 * coarse.prod()


@given(height=SIDES, width=SIDES, size=st.tuples(st.integers(8, 64), st.integers(8, 64)), fit=FITS)
def test_what_the_network_says_comes_back_where_it_saw_it(height, width, size, fit):
    """The other way round: a map at the network's size, brought back, then fitted as an image would be."""
    preprocess = Preprocess(size=size, channels=1, **fit)
    place = preprocess.place((height, width))
    ramp = np.zeros((*place.canvas, 2), np.float32)
    ramp[place.window] = np.stack(np.meshgrid(*map(np.arange, place.inner), indexing="ij"), -1)
    back = preprocess.restore(ramp, (height, width)).whole()
    assert back.shape == (height, width, 2)
    for axis, (original, inner) in enumerate(zip((height, width), place.inner, strict=True)):
        # the centre of each original pixel, in pixels of the network
        centres = ((np.arange(original) + 0.5) * inner / original - 0.5).clip(0, inner - 1)
        found = back[..., axis] if axis == 0 else back[..., axis].T
        assert np.abs(found - centres[:, None]).max() < 0.02


def test_image_and_mask_are_padded_alike():
    for size in ((31, 80), (80, 31), (7, 9)):
        mask = np.zeros(size, np.uint8)
        mask[size[0] // 3 : -1, size[1] // 2 :] = 1
        preprocess = Preprocess(size=(32, 48), channels=1, fit="pad", padding=1)
        image, _ = preprocess.fit_image(mask[..., None] * 200)
        fitted = preprocess.fit_mask(mask)
        assert (image[fitted == 255] == 255).all()
        known = fitted != 255
        assert ((image[..., 0] > 100) != (fitted == 1))[known].mean() < 0.06


def test_a_setting_in_vain_is_refused():
    with pytest.raises(ValidationError, match="crops are for `fit: crops`, and fit is pad"):
        Preprocess(fit="pad", crops={"scale": 0.5})
    with pytest.raises(ValidationError, match="padding is for `fit: pad`"):
        Preprocess(padding=0.5)


@pytest.mark.parametrize("fit", [{"fit": "pad", "padding": 0.25}, {"fit": "crops", "crops": {"scale": 0.5}}])
def test_the_choice_is_saved(fit):
    preprocess = Preprocess(size=(64, 32), **fit)
    assert Preprocess.model_validate_json(preprocess.model_dump_json()) == preprocess
    assert Preprocess.model_validate(preprocess.to_config()) == preprocess
    assert Preprocess.model_validate_json('{"size": [64, 32], "channels": 1}').fit == "stretch"


KINDS = {
    "a": (40, 90, "L"),
    "b": (90, 40, "RGB"),
    "c": (17, 23, "L"),
    "d": (64, 64, "RGB"),
    "e": (130, 70, "I;16"),
}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Grey, colour and 16 bit of five sizes: bright where the mask is 1, the left half of a frame."""
    folder = tmp_path_factory.mktemp("mixed")
    for name, (height, width, mode) in KINDS.items():
        mask = np.zeros((height, width), np.uint8)
        mask[height // 4 : -(height // 4), width // 4 : width // 2] = 1
        grey = mask * 200 + 20
        if mode == "I;16":
            Image.fromarray(grey.astype(np.uint16) * 257).save(folder / f"{name}.png")
        else:
            Image.fromarray(grey).convert(mode).save(folder / f"{name}.png")
        Image.fromarray(mask).save(folder / f"{name}_mask.png")
    pd.DataFrame({"case": list(KINDS), "side": ["left", "right", "left", "right", ""]}).to_csv(
        folder / "cases.csv", index=False
    )
    description = {
        "table": "cases.csv",
        "images": "{case}.png",
        "masks": {"zone": {"path": "{case}_mask.png", "classes": ["background", "zone"]}},
        "columns": {"side": {"classes": ["left", "right"]}},
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description))
    dataset = um.read_dataset(folder)
    return dataset, adapt_tasks([um.Segmentation(name="zone"), um.Classification(name="side")], dataset)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fit", ["stretch", "pad", "crops"])
@pytest.mark.parametrize("augment", [None, "any_direction", "microscopy"])
def test_mixed_images_come_together_in_a_batch(mixed, channels, fit, augment):
    dataset, tasks = mixed
    preprocess = Preprocess(size=(32, 48), channels=channels, fit=fit)
    augment = None if augment is None else Augment(augment)
    batches = Batches(dataset, tasks, preprocess, batch_size=5, augment=augment, seed=2)
    inputs, targets, weights = batches[0]
    assert inputs["image"].shape == (5, 32, 48, channels)
    assert targets["zone"].shape == (5, 32, 48)
    assert list(weights["side"]) == [1, 1, 1, 1, 0]
    for image, mask in zip(inputs["image"][..., 0], targets["zone"], strict=True):
        assert set(np.unique(mask)) <= {0, 1, 255}
        if fit == "stretch" and augment is None:
            assert (mask != 255).all()
        inside, outside = image[mask == 1], image[mask == 0]
        if len(inside) > 20 and len(outside) > 20:
            assert inside.mean() > outside.mean() + 0.3


def test_a_padded_batch_has_what_the_aspect_ratio_leaves(mixed):
    dataset, tasks = mixed
    batches = Batches(dataset, tasks, Preprocess(size=(32, 48), fit="pad"), batch_size=5)
    unlabelled = (batches[0][1]["zone"] == 255).sum((1, 2))
    # 40x90 -> 21x48; 90x40 -> 32x14; 17x23 -> 32x43; 64x64 -> 32x32; 130x70 -> 32x17
    assert list(unlabelled) == [11 * 48, 32 * 34, 32 * 5, 32 * 16, 32 * 31]
