"""A list of steps: the message names every mistake, and pixels from outside the image have no label."""

import numpy as np
import pytest

from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.augment.augment_config import check_steps, make_transforms
from unet_mtl.config import load_config
from unet_mtl.errors import ConfigError


def problems_of(steps, channels=3):
    with pytest.raises(ConfigError) as caught:
        check_steps(steps, (48, 64), channels)
    return str(caught.value).splitlines()


def test_all_mistakes_are_named_at_once_with_place_and_nearest_name():
    assert problems_of(
        [
            {"HorizontalFlp": {}},
            {"Affine": {"scal": [1, 2]}},
            {"HorizontalFlip": {"p": 7}},
            {"RandomGamma": {"gamma_limit": [-5, 3]}},
            {"VerticalFlip": None},
            "VerticalFlip",
            {"Affine": {"mask_interpolation": 1}},
        ]
    ) == [
        "augment: step 1, HorizontalFlp: albumentations has no transform 'HorizontalFlp'; "
        "the nearest is 'HorizontalFlip'",
        "augment: step 2, Affine: there is no argument 'scal'; the nearest is 'scale'",
        "augment: step 3, HorizontalFlip: p: Input should be less than or equal to 1 (received 7)",
        "augment: step 4, RandomGamma: gamma_limit: All values in (-5.0, 3.0) must be >= 1 (received [-5, 3])",
        "augment: step 5, VerticalFlip: expected {argument: value}, received None",
        "augment: step 6: expected {name: arguments}, received 'VerticalFlip'",
        "augment: step 7, Affine: mask_interpolation: class indices cannot be interpolated; leave it out",
    ]


def test_steps_that_cannot_work_on_these_images_are_seen_before_the_first_batch():
    steps = [{"Transpose": {"p": 0.01}}, {"HEStain": {"p": 0.01}}, {"RandomCrop": {"height": 8, "width": 9}}]
    transpose, stain, crop = problems_of(steps, channels=1)
    assert (
        transpose
        == "augment: step 1, Transpose: changes the size from 48x64 to 64x48 pixels; use steps that keep the size"
    )
    assert "step 2, HEStain: does not work on images of 1 channel: " in stain
    assert "step 3, RandomCrop: changes the size from 48x64 to 8x9 pixels" in crop
    assert len(problems_of(steps, channels=3)) == 2


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, "expected a list of steps, received None"),
        ({"transforms": [{"Flipp": {}}], "p": 1}, "step 1, OneOf, step 1, Flipp: albumentations has no"),
        ({"transforms": [{"VerticalFlip": {}}], "p": 4}, "p: expected a number in 0..1 .received 4"),
        ({"transforms": [{"VerticalFlip": {}}], "n": 4}, "there is no argument 'n'"),
        ({"transforms": [{"OneOf": {}}]}, "a OneOf within a OneOf"),
        (
            {"transforms": [{"Transpose": {}}]},
            "step 1, OneOf, step 1, Transpose: changes the size from 48x64 to 64x48",
        ),
    ],
)
def test_a_wrong_choice_is_named(choice, message):
    with pytest.raises(ConfigError, match=message):
        check_steps([{"OneOf": choice}], (48, 64), 3)


def test_one_of_takes_one():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    choice = {"transforms": [{"HorizontalFlip": {"p": 1}}, {"VerticalFlip": {"p": 1}}], "p": 1}
    found = {Augment([{"OneOf": choice}])(image, {}, seed)[0].tobytes() for seed in range(20)}
    assert found == {image[:, ::-1].tobytes(), image[::-1].tobytes()}


# Each step moves or distorts the image so that some pixels come from outside.
OUTSIDE = [
    {"Affine": {"translate_px": [20, 20], "p": 1}},
    {"Affine": {"translate_percent": {"x": [0.3, 0.3], "y": [0.1, 0.1]}, "p": 1}},
    {"Rotate": {"limit": [45, 45], "p": 1}},
    {"SafeRotate": {"limit": [45, 45], "p": 1}},
    {"Perspective": {"scale": [0.2, 0.2], "fit_output": True, "p": 1}},
    {"ElasticTransform": {"alpha": 60, "sigma": 4, "p": 1}},
    {"GridDistortion": {"distort_limit": [0.5, 0.5], "normalized": False, "p": 1}},
    {"OneOf": {"transforms": [{"Rotate": {"limit": [45, 45], "p": 1}}], "p": 1}},
]


@pytest.mark.parametrize("step", OUTSIDE, ids=lambda step: next(iter(step)))
def test_what_a_step_of_ones_own_brings_in_has_no_label(step):
    image, everywhere = np.full((48, 64, 3), 200, np.uint8), np.ones((48, 64), np.uint8)
    moved, masks = Augment([step])(image, {"zone": everywhere}, 1)
    assert set(np.unique(masks["zone"])) == {1, 255}
    assert (moved[masks["zone"] == 1] > 0).mean() > 0.95


def test_a_fill_of_ones_own_stays():
    everywhere = np.ones((48, 64), np.uint8)
    step = {"Affine": {"translate_px": [20, 20], "fill_mask": 0, "p": 1}}
    _, masks = Augment([step])(np.zeros((48, 64, 3), np.uint8), {"zone": everywhere}, 1)
    assert set(np.unique(masks["zone"])) == {0, 1}
    reflected = {"Affine": {"translate_px": [20, 20], "border_mode": 4, "p": 1}}
    _, masks = Augment([reflected])(np.zeros((48, 64, 3), np.uint8), {"zone": everywhere}, 1)
    assert set(np.unique(masks["zone"])) == {1}


def test_a_hole_keeps_its_label():
    step = {"CoarseDropout": {"num_holes_range": [3, 3], "p": 1}}
    _, masks = Augment([step])(np.full((48, 64, 3), 9, np.uint8), {"zone": np.ones((48, 64), np.uint8)}, 1)
    assert set(np.unique(masks["zone"])) == {1}


def test_ranges_may_be_lists_at_any_depth():
    (affine,) = make_transforms([{"Affine": {"scale": {"x": [0.5, 0.6], "y": [0.7, 0.8]}}}])
    assert affine.scale == {"x": (0.5, 0.6), "y": (0.7, 0.8)}


def test_a_config_tells_all_of_it_in_one_line(tmp_path):
    (tmp_path / "dataset.yaml").write_text(
        "images: '{case}.png'\ncolumns: {side: {classes: [left, right]}}\n"
    )
    (tmp_path / "config.yaml").write_text(
        "data: .\ntasks: [{kind: classification, name: side}]\npreprocess: {size: [32, 64]}\n"
        "augment:\n  - HorizontalFlp: {p: 0.5}\n  - Affine: {scal: 2}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "config.yaml")
    assert str(caught.value).endswith(
        "config.yaml: augment: step 1, HorizontalFlp: albumentations has no transform 'HorizontalFlp'; the nearest is "
        "'HorizontalFlip'; step 2, Affine: there is no argument 'scal'; the nearest is 'scale'"
    )
    assert load_config(tmp_path / "config.yaml", ["augment=[{HorizontalFlip: {p: 0.5}}]"])
    with pytest.raises(
        ConfigError,
        match=r"config.yaml with .*: augment: step 1, Transpose: changes the size from 32x64 to 64x32 pixels",
    ):
        load_config(tmp_path / "config.yaml", ["augment=[{Transpose: {p: 0.5}}]"])
