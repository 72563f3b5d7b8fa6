"""Pieces of large images: where they may lie, how often they hold something, and that they are the same again."""

import numpy as np
import pytest

from unet_mtl import Preprocess
from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.preprocess.crops import choose_corner, crop_sample

SIZE = (16, 24)


def holds(mask, corner, value=1):
    row, column = corner
    return (mask[row : row + SIZE[0], column : column + SIZE[1]] == value).any()


@pytest.fixture
def speck():
    """One pixel of 100 x 120, which a piece laid anywhere holds 16 * 24 / (85 * 97) = 4.7 % of the time."""
    mask = np.zeros((100, 120), np.uint8)
    mask[40, 70] = 1
    return mask


def corners(masks, canvas, foreground, n=400):
    return [choose_corner(masks, canvas, SIZE, foreground, seed) for seed in range(n)]


def test_pieces_lie_within_and_reach_every_edge():
    found = np.array(corners({}, (20, 25), 0.5, 300))
    assert set(found[:, 0]) == set(range(5))
    assert set(found[:, 1]) == {0, 1}


def test_foreground_is_in_as_many_as_asked(speck):
    assert all(holds(speck, corner) for corner in corners({"a": speck}, speck.shape, 1.0))
    half = np.mean([holds(speck, corner) for corner in corners({"a": speck}, speck.shape, 0.5)])
    # 0.5 + 0.5 * 0.047 = 0.523, standard deviation 0.025
    assert 0.42 < half < 0.63
    none = np.mean([holds(speck, corner) for corner in corners({"a": speck}, speck.shape, 0.0)])
    assert none < 0.12


def test_the_pixel_lies_anywhere_in_its_piece(speck):
    places = np.array([(40, 70)]) - np.array(corners({"a": speck}, speck.shape, 1.0, 1500))
    assert set(places[:, 0]) == set(range(16))
    assert set(places[:, 1]) == set(range(24))


def test_each_class_is_as_frequent_as_the_next():
    mask = np.zeros((64, 400), np.uint8)
    mask[:, :150] = 1
    mask[30, 390] = 2
    mask[:, 200:260] = 255
    found = corners({"a": mask}, mask.shape, 1.0)
    rare = np.mean([holds(mask, corner, 2) for corner in found])
    assert 0.4 < rare < 0.6
    assert all(holds(mask, corner, 1) or holds(mask, corner, 2) for corner in found)


@pytest.mark.parametrize("value", [0, 255])
def test_without_foreground_pieces_lie_anywhere(value):
    mask = np.full((100, 120), value, np.uint8)
    found = np.array(corners({"a": mask}, mask.shape, 1.0))
    assert found[:, 0].max() > 80
    assert found[:, 1].max() > 92
    assert found.min() < 4


def test_image_and_masks_are_cut_alike():
    pixels = np.arange(60 * 70).reshape(60, 70)
    image, mask = (pixels % 256).astype(np.uint8)[..., None], (pixels % 7).astype(np.uint8)
    for seed in range(20):
        piece, masks = crop_sample(image, {"a": mask, "b": mask}, SIZE, 0.5, seed)
        assert piece.shape == (*SIZE, 1)
        row, column = choose_corner({"a": mask, "b": mask}, (60, 70), SIZE, 0.5, seed)
        np.testing.assert_array_equal(piece[..., 0], image[row : row + 16, column : column + 24, 0])
        for found in masks.values():
            np.testing.assert_array_equal(found, mask[row : row + 16, column : column + 24])


@pytest.fixture
def make(dataset, adapted):
    def batches(**options):
        preprocess = Preprocess(size=SIZE, fit="crops", crops={"foreground": 0.5})
        return Batches(dataset, adapted, preprocess, batch_size=12, **options)

    return batches


def test_a_crop_depends_on_seed_epoch_and_case(make, dataset):
    plain = make(augment=Augment("none"), seed=1)
    first = plain[0][0]["image"]
    assert first.shape == (12, *SIZE, 3)
    plain.epoch = 1
    second = plain[0][0]["image"]
    assert (first != second).any((1, 2, 3)).sum() >= 10
    plain.epoch = 0
    np.testing.assert_array_equal(plain[0][0]["image"], first)
    shuffled = make(augment=Augment("none"), seed=1, shuffle=True)
    by_case = {r.case: i for r, i in zip(shuffled.records_of(0), shuffled[0][0]["image"], strict=True)}
    for record, image in zip(dataset, first, strict=True):
        np.testing.assert_array_equal(by_case[record.case], image)
    assert (make(augment=Augment("none"), seed=2)[0][0]["image"] != first).any()


def test_validation_sees_the_same_crop_every_epoch(make):
    batches = make()
    first = batches[0][0]["image"]
    batches.epoch = 4
    np.testing.assert_array_equal(batches[0][0]["image"], first)


def test_labels_of_the_whole_image_stay_with_its_crop(make, dataset, adapted):
    whole = Batches(dataset, adapted, Preprocess(size=SIZE), batch_size=12)[0]
    cut = make(augment=Augment("none"))[0]
    for name in ("diagnosis", "size", "side"):
        np.testing.assert_array_equal(cut[1][name], whole[1][name])
        np.testing.assert_array_equal(cut[2][name], whole[2][name])


@pytest.mark.parametrize("fit", ["stretch", "pad", "crops"])
def test_a_preprocess_knows_what_training_and_prediction_see(fit, speck):
    preprocess = Preprocess(size=SIZE, channels=1, fit=fit)
    image, _ = preprocess.fit_image(np.repeat(speck[..., None], 1, -1))
    mask = preprocess.fit_mask(speck)
    sample, masks = preprocess.draw_sample(image, {"zone": mask}, seed=3)
    assert (sample.shape, masks["zone"].shape) == ((*SIZE, 1), SIZE)
    if fit == "crops":
        expected, masks_expected = crop_sample(image, {"zone": mask}, SIZE, 0.5, 3)
        np.testing.assert_array_equal(sample, expected)
        np.testing.assert_array_equal(masks["zone"], masks_expected["zone"])
        assert preprocess.tile_overlap == 0.25
    else:
        np.testing.assert_array_equal(sample, image)
        np.testing.assert_array_equal(masks["zone"], mask)
        assert preprocess.tile_overlap is None
