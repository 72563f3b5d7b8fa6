"""Masks of several channels are transformed like their images, to the network and back."""

import json

import keras
import numpy as np
import pytest

import unet_mtl as um
from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.augment.presets import PRESETS
from unet_mtl.batches.batches import Batches
from unet_mtl.batches.cache.array_cache import Cache
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.batches.case_loader import CaseLoader
from unet_mtl.batches.preprocess.crops import choose_corner, crop_sample
from unet_mtl.data.images import read_mask
from unet_mtl.inference.engines.keras import KerasEngine
from unet_mtl.inference.files import write_predictions
from unet_mtl.inference.predictor import Predictor
from unet_mtl.tasks import Features, adapt_tasks

SHAPE = (48, 64)


def make_layers(channels):
    """Each channel has a rectangle that covers part of the one before."""
    mask = np.zeros((*SHAPE, channels), np.uint8)
    for channel in range(channels):
        mask[8 + 2 * channel : 30 + channel, 10 + 3 * channel : 40, channel] = 1
    return mask


@pytest.fixture(scope="module")
def layered(layered_folder):
    dataset = um.read_dataset(layered_folder)
    return dataset, [um.OverlappingSegmentation(name="layers").adapt(dataset)]


@pytest.mark.parametrize("fit", ["stretch", "pad", "crops"])
@pytest.mark.parametrize("channels", [1, 2, 5, 130])
def test_a_mask_goes_there_and_back_with_its_area_and_place(fit, channels):
    size = (97, 131)
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.stack(
        [np.hypot(rows - 40 - i % 7, columns - 70 + i % 5) < 22 + i % 9 for i in range(channels)], -1
    )
    crops = {"crops": {"scale": 1.3}} if fit == "crops" else {}
    preprocess = um.Preprocess(size=(64, 80), fit=fit, **crops)
    fitted = preprocess.fit_mask(mask.astype(np.uint8))
    place = preprocess.place(size)
    assert fitted.shape == (*place.canvas, channels)
    outside = np.ones(place.canvas, bool)
    outside[place.window] = False
    assert (fitted[outside] == 255).all()
    assert set(np.unique(fitted[place.window])) == {0, 1}
    back = preprocess.restore((fitted == 1).astype(np.float32), size).whole() >= 0.5
    assert back.shape == mask.shape
    for channel in range(channels):
        np.testing.assert_allclose(back[..., channel].sum(), mask[..., channel].sum(), rtol=0.05)
        centre = [np.argwhere(one[..., channel]).mean(0) for one in (back, mask)]
        np.testing.assert_allclose(*centre, atol=0.6)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_channel_moves_as_it_would_alone(preset, channels):
    """Also with more than four channels, which OpenCV treats differently."""
    mask = make_layers(channels)
    image = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    zone = mask[..., 0] + mask[..., -1]
    augment = Augment(preset)
    for seed in range(12):
        moved, masks = augment(image, {"zone": zone, "layers": mask}, seed)
        assert masks["layers"].shape == mask.shape
        assert masks["layers"].dtype == np.uint8
        assert set(np.unique(masks["layers"])) <= {0, 1, 255}
        alone, one = augment(image, {"zone": zone}, seed)
        np.testing.assert_array_equal(moved, alone)
        np.testing.assert_array_equal(masks["zone"], one["zone"])
        for channel in range(channels):
            _, one = augment(image, {"layer": mask[..., channel]}, seed)
            np.testing.assert_array_equal(masks["layers"][..., channel], one["layer"])


def test_image_and_channels_move_alike():
    """The image is painted from the channels: a grey level for each combination."""
    mask = make_layers(2)
    image = np.repeat((20 + 80 * mask[..., :1] + 120 * mask[..., 1:]).astype(np.uint8), 3, -1)
    steps = [
        {"HorizontalFlip": {"p": 0.5}},
        {"VerticalFlip": {"p": 0.5}},
        {"Affine": {"rotate": [-40, 40], "p": 1.0}},
    ]
    seen = set()
    for seed in range(20):
        moved, masks = Augment(steps)(image, {"layers": mask}, seed)
        found = masks["layers"]
        seen.add(found.tobytes())
        unlabelled = found == 255
        assert (unlabelled.all(-1) == unlabelled.any(-1)).all()
        edge = np.zeros(SHAPE, bool)
        for axis in (0, 1):
            for shift in (-1, 1):
                edge |= (np.roll(found, shift, axis) != found).any(-1)
        inside = ~edge & ~unlabelled.any(-1)
        by_image = np.abs(moved[..., :1].astype(int) - np.array([20, 100, 220])).argmin(-1)
        np.testing.assert_array_equal(by_image[inside], found.sum(-1)[inside])
        assert inside.mean() > 0.4
    assert len(seen) == 20


def test_crops_are_placed_around_any_class():
    """A small class within a large one, and one that no other covers, are in the same number of crops."""
    mask = np.zeros((100, 100, 3), np.uint8)
    mask[5:60, 5:60, 0] = 1
    mask[50:52, 50:52, 1] = 1
    mask[90:92, 90:92, 2] = 1
    size, hits = (8, 8), np.zeros(3)
    for seed in range(600):
        row, column = choose_corner({"layers": mask}, (100, 100), size, 1.0, seed)
        window = mask[row : row + 8, column : column + 8]
        assert window.shape == (8, 8, 3)
        hits += window.any((0, 1))
    assert hits[2] == pytest.approx(200, abs=50)
    assert hits[1] > 150
    image = np.repeat(mask[..., 2:] * np.uint8(200), 3, -1)
    cut, masks = crop_sample(image, {"layers": mask}, size, 1.0, 3)
    np.testing.assert_array_equal(cut[..., 0] // 200, masks["layers"][..., 2])


def test_what_nobody_labelled_draws_no_crop():
    mask = np.full((40, 40, 2), 255, np.uint8)
    mask[:20, :20] = 0
    found = {choose_corner({"layers": mask}, (40, 40), (8, 8), 1.0, seed) for seed in range(100)}
    assert len(found) > 60


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_the_cache_gives_what_the_files_hold(layered, cache, tmp_path):
    dataset, tasks = layered
    preprocess = um.Preprocess(size=(24, 40), fit="pad")
    kept = Cache(Delivery(cache=cache, cache_folder=tmp_path))
    for _ in range(2):
        cases = CaseLoader(dataset.description, tasks, preprocess, kept)
        for record in dataset:
            image, masks = cases.load(record)
            truth = tasks[0].read(record, dataset.description)
            assert (truth is None) == (masks == {})
            if truth is not None:
                np.testing.assert_array_equal(masks["layers"], preprocess.fit_mask(truth))
            np.testing.assert_array_equal(image, preprocess.read(record.image)[0])


def test_batches_have_a_channel_for_each_class(layered):
    dataset, tasks = layered
    preprocess = um.Preprocess(size=(16, 24), channels=1)
    batches = Batches(dataset, tasks, preprocess, batch_size=12)
    _, targets, weights = batches[0]
    assert targets["layers"].shape == (12, 16, 24, 2)
    assert targets["layers"].dtype == np.uint8
    for row, record in enumerate(dataset):
        truth = tasks[0].read(record, dataset.description)
        assert weights["layers"][row] == float(truth is not None)
        expected = np.zeros((16, 24, 2)) if truth is None else preprocess.fit_mask(truth)
        np.testing.assert_array_equal(targets["layers"][row], expected)
    batches.close()


TASK = um.OverlappingSegmentation(name="layers")


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
def test_trained_measured_and_drawn(layered_folder, settings, tmp_path):
    """Trains, evaluates and predicts with masks that overlap."""
    dataset = um.read_dataset(layered_folder)
    short = {
        "preprocess": um.Preprocess(size=(24, 40), fit="pad"),
        "training": um.TrainingSettings(epochs=1, batch_size=2),
        "augment": "any_direction",
    }
    run = um.train(dataset, [TASK], tmp_path / "run", **settings | short)
    history = run.read_history()
    assert {"layers_dice", "layers_iou", "val_layers_dice"} <= set(history.columns)
    assert np.isfinite(history["loss"]).all()
    evaluation = um.evaluate(run, split="test", progress=False)
    summary = json.loads((evaluation.folder / "summary.json").read_text())
    named = {row["score"] for row in summary["scores"]}
    assert {"dice", "dice_whole", "dice_core", "dice_foreground", "hd95_mm", "pooled_iou_core"} <= named
    assert (evaluation.folder / "layers_dice.png").is_file()
    assert (evaluation.folder / "overlays" / "overview.png").is_file()
    (picture,) = um.overlay(run, [layered_folder / "images" / "case_01.png"], tmp_path / "overlays")
    assert picture.is_file()
    sheet = tmp_path / "sheet.png"
    shown = {key: (settings | short)[key] for key in ("preprocess", "augment", "network")}
    um.show_augment(dataset, [TASK], sheet, cases=1, epochs=1, **shown)
    assert sheet.is_file()


def test_whole_images_are_predicted_by_tiles(layered_folder):
    """The network returns the brightness of the image, so that the expected masks are known."""
    (task,) = adapt_tasks([TASK], um.read_dataset(layered_folder))
    image = keras.Input((16, 16, 3), name="image")
    pixels = keras.layers.Cropping3D(((0, 0), (0, 0), (0, 1)))(keras.layers.Reshape((16, 16, 3, 1))(image))
    network = keras.Model({"image": image}, {"layers": keras.layers.Reshape((16, 16, 2))(pixels)})
    preprocess = um.Preprocess(size=(16, 16), fit="crops", crops={"overlap": 0.3})
    rng = np.random.default_rng(0)
    picture = rng.random((40, 53, 3)).astype(np.float32)
    answer = Predictor(KerasEngine(network), [task], preprocess)(picture)["layers"]
    np.testing.assert_allclose(answer.probabilities, picture[..., :2], atol=1e-6)
    assert answer.cells() == {
        "whole_px": int((picture[..., 0] >= 0.5).sum()),
        "core_px": int((picture[..., 1] >= 0.5).sum()),
    }


def test_each_class_is_a_file_of_its_own(layered_folder, tmp_path):
    (task,) = adapt_tasks([TASK], um.read_dataset(layered_folder))
    image = keras.Input((32, 32, 3), name="image")
    head = task.build_head(Features(image, None))
    predictor = Predictor(
        KerasEngine(keras.Model({"image": image}, {"layers": head})), [task], um.Preprocess(size=(32, 32))
    )
    path = layered_folder / "images" / "case_01.png"
    table = write_predictions(predictor, {path: "case_01"}, tmp_path)
    answer = predictor(path)["layers"]
    for index, key in enumerate(("whole", "core")):
        np.testing.assert_array_equal(
            read_mask(tmp_path / "layers" / f"case_01_{key}.png"), answer.mask[..., index]
        )
        assert table[f"layers_{key}_px"].tolist() == [int(answer.mask[..., index].sum())]
