"""Image and masks are transformed alike by every preset, and a sample depends only on its seed."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from unet_mtl.batches.augment.augment import Augment, sample_seed
from unet_mtl.batches.augment.presets import PRESETS
from unet_mtl.errors import ConfigError

SHAPE = (48, 64)
MOVING = sorted(PRESETS.keys() - {"none"})


def moves(name):
    import albumentations

    return issubclass(getattr(albumentations, name), albumentations.DualTransform)


def make_pair():
    """Return a mask, and an image painted from it with one grey level per class."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[10:30, 8:40] = 1
    mask[14:22, 12:20] = 2
    return np.repeat((mask * 100 + 20)[..., None], 3, -1), mask


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_image_and_mask_move_alike(preset):
    steps = [step for step in PRESETS[preset].steps if all(moves(name) for name in step)]
    augment = Augment(steps)
    image, mask = make_pair()
    moved_any = False
    for seed in range(25):
        moved, masks = augment(image, {"zone": mask, "other": mask}, seed)
        found = masks["zone"]
        np.testing.assert_array_equal(found, masks["other"])
        moved_any |= not np.array_equal(found, mask)
        known = found != 255
        # Only the image is interpolated, so it may differ from the mask at an edge, by less than a pixel.
        by_image = np.abs(moved[..., :1].astype(int) - np.array([20, 120, 220])).argmin(-1)
        edge = np.zeros(SHAPE, bool)
        for axis in (0, 1):
            for shift in (-1, 1):
                edge |= np.roll(found, shift, axis) != found
        assert (by_image == found)[known & ~edge].all()
        assert (known & ~edge).mean() > 0.3
        # Pixels from outside the image are unlabelled and black.
        assert (moved[~known & ~edge] <= 20).all()
    assert moved_any == bool(steps)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_mask_gets_no_new_value_but_255(preset):
    image, mask = make_pair()
    mask[mask == 1] = 7
    for seed in range(25):
        moved, masks = Augment(preset)(image, {"zone": mask}, seed)
        assert set(np.unique(masks["zone"])) <= {0, 2, 7, 255}
        assert masks["zone"].dtype == np.uint8
        assert (moved.shape, moved.dtype) == (image.shape, image.dtype)


@pytest.mark.parametrize("preset", MOVING)
def test_what_comes_in_from_outside_has_no_label(preset):
    image, _ = make_pair()
    everywhere = np.ones(SHAPE, np.uint8)
    found = [Augment(preset)(image, {"zone": everywhere}, seed)[1]["zone"] for seed in range(25)]
    assert {int(value) for mask in found for value in np.unique(mask)} == {1, 255}


def test_every_preset_has_its_reason():
    assert all(preset.reason for preset in PRESETS.values())


@pytest.mark.parametrize("preset", MOVING)
def test_presets_do_something_and_differ_by_seed(preset):
    image, mask = make_pair()
    augment = Augment(preset)
    results = {augment(image, {"zone": mask}, seed)[0].tobytes() for seed in range(20)}
    assert len(results) > 10


@pytest.mark.parametrize("preset", MOVING)
@pytest.mark.parametrize("kind", ["uint8 grey", "uint8 colour", "float grey", "float colour", "no mask"])
def test_kinds_of_images(kind, preset):
    image, mask = make_pair()
    image = image[..., :1] if "grey" in kind else image * np.array([1, 0.8, 0.6])
    image = (image / 255).astype(np.float32) if "float" in kind else image.astype(np.uint8)
    masks = {} if kind == "no mask" else {"zone": mask}
    augment = Augment(preset)
    for seed in range(12):
        moved, found = augment(image, masks, seed)
        assert (moved.shape, moved.dtype) == (image.shape, image.dtype)
        assert found.keys() == masks.keys()
        if "float" in kind:
            assert moved.min() >= 0
            assert moved.max() <= 1


@pytest.mark.parametrize("preset", MOVING)
def test_a_grey_picture_of_three_channels_stays_grey(preset):
    image, _ = make_pair()
    for seed in range(25):
        moved, _ = Augment(preset)(image, {}, seed)
        np.testing.assert_array_equal(moved[..., 0], moved[..., 1])
        np.testing.assert_array_equal(moved[..., 0], moved[..., 2])


def test_ultrasound_keeps_the_probe_at_the_top():
    """Shadows fall downwards, so what is above stays above with every seed."""
    image = np.repeat(np.linspace(220, 40, 64).astype(np.uint8)[:, None, None], 64, 1)
    for seed in range(60):
        moved, masks = Augment("ultrasound")(image, {"zone": np.zeros((64, 64), np.uint8)}, seed)
        values = np.where(masks["zone"] == 0, moved[..., 0].astype(float), np.nan)
        assert np.nanmean(values[:32]) > np.nanmean(values[32:]) + 30


def test_hairs_of_dermoscopy_leave_the_label_below():
    skin, lesion = np.full((128, 128, 3), 180, np.uint8), np.ones((128, 128), np.uint8)
    hairs = Augment([step for step in PRESETS["dermoscopy"].steps if "CoarseDropout" in step])
    drawn = [hairs(skin, {"zone": lesion}, seed) for seed in range(30)]
    dark = [(moved == 0).all(-1) for moved, _ in drawn]
    assert all((masks["zone"] == 1).all() for _, masks in drawn)
    assert 3 < sum(d.any() for d in dark) < 20
    for d in dark:
        assert d.mean() < 0.04
        assert d.sum(1).max() <= 5  # one pixel wide, at up to five places of a row


def test_steps_are_drawn_apart_from_each_other():
    """Flipping and darkening are independent: each of the four combinations occurs in a quarter of the samples."""
    image = np.repeat(np.linspace(60, 120, 64).astype(np.uint8)[None, :, None], 8, 0)
    augment = Augment(
        [
            {"HorizontalFlip": {"p": 0.5}},
            {
                "RandomBrightnessContrast": {
                    "brightness_limit": [0.2, 0.2],
                    "contrast_limit": [0, 0],
                    "p": 0.5,
                }
            },
        ]
    )
    found = np.zeros((2, 2), int)
    for seed in range(400):
        moved = augment(image, {}, seed)[0][0, :, 0].astype(int)
        found[int(moved[0] > moved[-1]), int(moved.max() > 130)] += 1
    # 100 each; 5 standard deviations are 43
    assert found.min() > 57, found


def test_a_sample_is_replayed_exactly(dataset, adapted):
    """A sample of a batch can be made again from the file, the seed, the epoch and the name of the case."""
    from unet_mtl import Preprocess
    from unet_mtl.batches.batches import Batches

    preprocess = Preprocess(size=(32, 48))
    batches = Batches(
        dataset, adapted, preprocess, batch_size=4, augment=Augment("dermoscopy"), shuffle=True, seed=11
    )
    batches.epoch = 6
    inputs, targets, _ = batches[1]
    for row, record in enumerate(batches.records_of(1)):
        image, _ = preprocess.read(record.image)
        zone = adapted[0].read(record, dataset.description)
        masks = {} if zone is None else {"zone": preprocess.fit_mask(zone)}
        image, masks = Augment("dermoscopy")(image, masks, sample_seed(11, 6, record.case))
        np.testing.assert_array_equal(inputs["image"][row], preprocess.scale(image))
        if masks:
            np.testing.assert_array_equal(targets["zone"][row], masks["zone"])


def test_a_mask_more_or_less_changes_nothing_of_the_image():
    """A case keeps its augmentation when its mask is missing."""
    image, mask = make_pair()
    for seed in range(10):
        with_mask, _ = Augment("any_direction")(image, {"zone": mask}, seed)
        without, _ = Augment("any_direction")(image, {}, seed)
        np.testing.assert_array_equal(with_mask, without)


@pytest.mark.parametrize("preset", MOVING)
def test_the_seed_decides_alone(preset):
    """The result depends neither on earlier calls nor on the thread."""
    image, mask = make_pair()
    seeds = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3] * 3

    def sample(augment, seed):
        moved, masks = augment(image, {"zone": mask}, seed)
        return moved.tobytes() + masks["zone"].tobytes()

    expected = {seed: sample(Augment(preset), seed) for seed in set(seeds)}
    shared = Augment(preset)
    assert [sample(shared, seed) for seed in seeds] == [expected[seed] for seed in seeds]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: sample(shared, seed), seeds))
    assert found == [expected[seed] for seed in seeds]


def test_inputs_are_left_alone():
    image, mask = make_pair()
    before = image.copy(), mask.copy()
    for seed in range(5):
        Augment("any_direction")(image, {"zone": mask}, seed)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("heavy", "there is no preset 'heavy'; the presets are none, light, light_without_zoom, any"),
        ([{"Flipp": {}}], "albumentations has no transform 'Flipp'"),
        ([{"random": {}}], "albumentations has no transform 'random'"),
        ([{"HorizontalFlip": {"probability": 0.5}}], "HorizontalFlip: .*probability"),
        ([{"Affine": {"scale": "large"}}], "augment: step 1, Affine: scale: .*received 'large'"),
        ([{"HorizontalFlip": {"p": 7}}], "augment: step 1, HorizontalFlip: p: .*received 7"),
    ],
)
def test_bad_steps_are_refused_at_once(steps, message):
    with pytest.raises(ConfigError, match=message):
        Augment(steps)


@pytest.mark.parametrize("step", [{"Transpose": {"p": 1}}, {"RandomCrop": {"height": 8, "width": 8}}])
def test_a_step_that_changes_the_size_is_refused(step):
    image, mask = make_pair()
    with pytest.raises(ConfigError, match=r"augment: the steps change the size from 48x64 to .* pixels"):
        Augment([step])(image, {"zone": mask}, 0)


def test_albumentations_never_asks_the_internet(monkeypatch):
    import os
    import sys
    from importlib import import_module

    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"
    # The variable must be set before albumentations is imported, in whichever order the two modules are imported.
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("albumentations")}
    ours = sys.modules.pop("unet_mtl.batches.augment.augment_config")
    monkeypatch.delenv("NO_ALBUMENTATIONS_UPDATE")
    try:
        import_module("unet_mtl.batches.augment.augment_config")
        assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"
        assert "albumentations" not in sys.modules
    finally:
        sys.modules.update(saved)
        sys.modules["unet_mtl.batches.augment.augment_config"] = ours
        import unet_mtl.batches

        unet_mtl.batches.augment.augment_config = ours


def test_each_step_has_a_chance_of_its_own():
    """Two flips with p = 0.5 give four different images, not two."""
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    flips = Augment([{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}])
    seen = Counter(flips(image, {}, seed)[0].tobytes() for seed in range(200))
    assert len(seen) == 4
    assert min(seen.values()) > 25


def test_noise_follows_from_the_seed_in_any_thread():
    """albumentations draws it with OpenCV, which has one random state per thread."""
    image = np.full((8, 8, 3), 128, np.uint8)
    noise = Augment([{"GaussNoise": {"p": 1.0}}])
    here = [noise(image, {}, seed)[0] for seed in (1, 2, 1)]
    np.testing.assert_array_equal(here[0], here[2])
    assert (here[0] != here[1]).any()
    with ThreadPoolExecutor(1) as pool:
        there = pool.submit(lambda: noise(image, {}, 1)[0]).result()
    np.testing.assert_array_equal(here[0], there)
