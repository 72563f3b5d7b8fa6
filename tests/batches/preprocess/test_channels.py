"""Images with any number of channels: how they are read, scaled, checked, trained on and shown."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image
from pydantic import ValidationError

import unet_mtl as um
from unet_mtl.data.images import read_image, resize_image
from unet_mtl.data.inspection import inspect_dataset
from unet_mtl.data.observations import texts
from unet_mtl.errors import ConfigError, DataError

SIZE = (16, 20)
CONFIG = """\
data: .
split: {{near_duplicates: anywhere}}
tasks: [{{kind: segmentation, name: mask}}]
preprocess: {{size: [16, 16], channels: {channels}, intensity: zscore_per_channel}}
network: {{width: 2, levels: 2}}
training: {{epochs: 1}}
precision: float32
"""


def write_set(folder, channels, n=10):
    """Write images whose channels have different scales, each with a square in the mask."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(channels)
    for i in range(n):
        mask = np.zeros(SIZE, np.uint8)
        mask[3 + i % 5 : 10, 4:12] = 1
        image = (rng.normal(100, 10, (*SIZE, channels)) + 60 * mask[..., None]) * np.arange(1, channels + 1)
        np.save(folder / "images" / f"c{i}.npy", image.astype(np.uint16))
        Image.fromarray(mask).save(folder / "masks" / f"c{i}.png")
    description = (
        "images: images/{case}.npy\nmasks: {mask: {path: 'masks/{case}.png', classes: [other, square]}}\n"
    )
    (folder / "dataset.yaml").write_text(description)
    (folder / "config.yaml").write_text(CONFIG.format(channels=channels))
    return folder


@pytest.mark.parametrize("channels", [1, 2, 4, 12, 70])
@pytest.mark.parametrize("size", [(8, 10), (6, 7), (32, 40)])
def test_channels_are_resized_independently(channels, size):
    image = np.random.default_rng(1).random((*SIZE, channels), np.float32)
    resized = resize_image(image, size)
    assert resized.shape == (*size, channels)
    for i in range(channels):
        np.testing.assert_allclose(
            resized[..., i], resize_image(image[..., i : i + 1], size)[..., 0], atol=1e-6
        )


@pytest.mark.parametrize("name", ["percentile", "zscore"])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_each_channel_is_scaled_by_itself(tmp_path, name, channels):
    numbers = np.random.default_rng(2).normal(500, 90, (*SIZE, channels)) * 10.0 ** np.arange(channels)
    np.save(tmp_path / "all.npy", numbers)
    image = read_image(tmp_path / "all.npy", intensity=f"{name}_per_channel")
    assert image.shape == numbers.shape
    assert image.dtype == np.float32
    for i in range(channels):
        np.save(tmp_path / "one.npy", numbers[..., i])
        np.testing.assert_array_equal(image[..., i], read_image(tmp_path / "one.npy", intensity=name)[..., 0])


def test_a_channel_that_is_not_finite_is_refused(tmp_path):
    numbers = np.ones((*SIZE, 2))
    numbers[0, 0, 1] = np.nan
    np.save(tmp_path / "x.npy", numbers)
    with pytest.raises(DataError, match=r"x\.npy: 1 of 640 values are not finite"):
        read_image(tmp_path / "x.npy", intensity="zscore_per_channel")


@pytest.mark.parametrize(
    ("channels", "shown", "stored", "expected"),
    [
        (3, (), 1, [0]),
        (3, (), 3, [0, 1, 2]),
        (2, (), 2, [0]),
        (4, (), 4, [0, 1, 2]),
        (12, (11,), 12, [11]),
        (12, (5, 0, 7), 12, [5, 0, 7]),
        (3, (2,), 1, [0]),
    ],
)
def test_pictures_show_the_chosen_channels(channels, shown, stored, expected):
    preprocess = um.Preprocess(channels=channels, shown_channels=shown)
    image = np.arange(stored, dtype=np.uint8) * np.ones((*SIZE, 1), np.uint8)
    np.testing.assert_array_equal(preprocess.picture_of(image)[0, 0], expected)


@pytest.mark.parametrize("shown", [(0, 1), (4,), (0, 1, 4), (0, 1, 2, 3), (-1,)])
def test_wrong_channels_to_show_are_refused(shown):
    with pytest.raises(ValidationError, match="shown_channels"):
        um.Preprocess(channels=4, shown_channels=shown)


@pytest.mark.parametrize("channels", [0, -1, 513, 2.5, "all"])
def test_wrong_numbers_of_channels_are_refused(channels):
    with pytest.raises(ValidationError, match="channels"):
        um.Preprocess(channels=channels)


def test_settings_of_earlier_runs_are_read():
    assert um.Preprocess.model_validate_json(json.dumps({"channels": 1})).shown_channels == ()


def test_steps_and_presets_must_suit_the_channels(tmp_path):
    folder = write_set(tmp_path / "set", 4)
    assert um.load_config(folder / "config.yaml").preprocess.channels == 4
    with pytest.raises(ConfigError, match=r"augment: step \d, .*: does not work on images of 4 channels"):
        um.load_config(folder / "config.yaml", ["augment=dermoscopy"])
    with pytest.raises(ConfigError, match="augment: step 1, ToGray: does not work on images of 4 channels"):
        um.load_config(folder / "config.yaml", ["augment=[{ToGray: {num_output_channels: 3}}]"])


@pytest.mark.parametrize(
    ("stored", "channels", "expected"),
    [
        ([1, 3], None, []),
        ([1, 3], 3, []),
        ([4, 4], None, []),
        ([4, 4], 4, []),
        ([4, 2, 4], None, ["1 image with 2 channels, such as case 'c1'; most images have 4"]),
        ([4, 4], 3, ["2 images with 4 channels, such as case 'c0'; `preprocess.channels` is 3"]),
        (
            [1, 3],
            4,
            [
                f"1 image with {n}, such as case 'c{i}'; `preprocess.channels` is 4"
                for i, n in enumerate(["1 channel", "3 channels"])
            ],
        ),
    ],
)
def test_images_that_cannot_be_converted_are_named(tmp_path, stored, channels, expected):
    folder = write_set(tmp_path / "set", 1, n=len(stored))
    for i, n in enumerate(stored):
        np.save(
            folder / "images" / f"c{i}.npy",
            np.arange(n * SIZE[0] * SIZE[1], dtype=np.uint16).reshape(*SIZE, n),
        )
    found = inspect_dataset(um.read_dataset(folder)).wrong_channels(channels)
    assert texts(found) == expected


def test_check_and_train_refuse_another_number_in_one_line(command, tmp_path):
    folder = write_set(tmp_path / "set", 4)
    for words in (["check"], ["train", "--run", tmp_path / "run"]):
        code, _, errors = command(words[0], folder / "config.yaml", "preprocess.channels=3", *words[1:])
        assert code == 1
        assert errors[0] == "error: 10 images with 4 channels, such as case 'c0'; `preprocess.channels` is 3"
    assert not (tmp_path / "run").exists()


def test_init_drafts_the_number_of_channels(command, tmp_path):
    for channels, line in (
        (4, "preprocess: {channels: 4}"),
        (3, "# preprocess: {size: [256, 256], channels: 3}"),
    ):
        folder = write_set(tmp_path / str(channels), channels)
        code, _, _ = command("init", folder, "--out", folder / "draft")
        assert code == 0
        assert any(
            text.startswith(line) for text in (folder / "draft" / "config.yaml").read_text().splitlines()
        )


@pytest.mark.slow
@pytest.mark.parametrize("channels", [2, 4, 12])
def test_a_training_from_end_to_end(tmp_path, channels):
    folder = write_set(tmp_path / "set", channels)
    config = um.load_config(folder / "config.yaml")
    run = um.train(
        um.read_dataset(folder), config.tasks, tmp_path / "run", progress=False, **config.arguments()
    )
    assert um.evaluate(run, progress=False).cases["case"].nunique() == 2
    image = folder / "images" / "c0.npy"
    predictor = um.Predictor.load(run)
    answers, from_array = predictor(image), predictor(np.load(image))
    np.testing.assert_array_equal(answers["mask"].mask, from_array["mask"].mask)
    with pytest.raises(DataError, match=rf"expected an array \(height, width, {channels}\)"):
        predictor(np.zeros((*SIZE, 3), np.uint8))
    tifffile.imwrite(tmp_path / "other.tif", np.zeros((*SIZE, 3), np.uint8), photometric="rgb")
    table = um.predict(run, [image, tmp_path / "other.tif"], tmp_path / "out", progress=False)
    assert len(table) == 2
    rows = (tmp_path / "out" / "predictions.csv").read_text().splitlines()
    assert f"other.tif: the image has 3 channels and the network reads {channels}" in rows[-1]
    um.overlay(run, [image], tmp_path / "overlays", progress=False)
    assert (tmp_path / "overlays" / "c0.png").is_file()
