"""Predictions of a trained run for new images."""

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import unet_mtl as um
from unet_mtl.errors import DataError, RunError
from unet_mtl.inference.case_result import Case
from unet_mtl.inference.predictor import Predictor


@pytest.fixture(scope="module")
def predictor(trained):
    return Predictor.load(trained, batch_size=2)


@pytest.fixture(scope="module")
def image():
    """An image that is not square and does not have the network's size."""
    return np.random.default_rng(0).integers(0, 256, (47, 90, 3)).astype(np.uint8)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name].cells() == pytest.approx(expected[name].cells(), abs=1e-5)
        masks = found[name].masks()
        assert masks.keys() == expected[name].masks().keys()
        for key, mask in expected[name].masks().items():
            np.testing.assert_array_equal(masks[key], mask)


def test_masks_come_back_at_the_size_of_the_image(predictor, image):
    for shape in ((47, 90), (90, 47), (32, 32), (20, 11)):
        answers = predictor(
            image[: shape[0], : shape[1]] if shape != (90, 47) else image.transpose(1, 0, 2).copy()
        )
        assert answers["zone"].mask.shape == shape
        assert answers["zone"].mask.dtype == np.uint8
        assert answers["zone"].probabilities.shape == (*shape, 3)


def test_a_prediction_is_that_of_the_network_on_the_same_steps(trained, predictor, image):
    import cv2

    network = keras.saving.load_model(trained.network, compile=False)
    fitted = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
    raw = network.predict_on_batch({"image": fitted[None].astype(np.float32) / 255})
    answers = predictor(image)
    mask = cv2.resize(raw["zone"][0], (90, 47), interpolation=cv2.INTER_LINEAR).argmax(-1)
    assert (answers["zone"].mask != mask).mean() < 1e-3
    np.testing.assert_allclose(answers["diagnosis"].probabilities, raw["diagnosis"][0], atol=1e-5)
    (size,) = next(task for task in trained.read_tasks() if task.name == "size").numbers
    assert answers["size"].value == pytest.approx(raw["size"].item() * size.deviation + size.mean, rel=1e-4)


def test_arrays_and_files_agree(predictor, image, tmp_path):
    Image.fromarray(image).save(tmp_path / "a.png")
    expected = predictor(image)
    assert_same(predictor(tmp_path / "a.png"), expected)
    assert_same(predictor(str(tmp_path / "a.png")), expected)
    [result] = predictor.predict([Case("a", tmp_path / "a.png")])
    assert result.case.image == tmp_path / "a.png"
    np.testing.assert_array_equal(result.image, image)
    assert_same(result.answers, expected)


def test_grey_images_and_floats_are_understood(predictor, image):
    grey = image[..., :1]
    assert_same(predictor(grey), predictor(np.repeat(grey, 3, -1)))
    answers, expected = predictor((grey / 255).astype(np.float32)), predictor(grey)
    assert answers["size"].value == pytest.approx(expected["size"].value, rel=0.02)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((1, 8, 8, 3), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros((8, 8, 3), np.uint16),
        np.full((8, 8, 3), 255.0, np.float32),
        np.full((8, 8, 3), np.nan, np.float32),
    ],
    ids=["no channel", "alpha", "batch", "empty", "uint16", "0..255 floats", "nan"],
)
def test_an_array_that_is_no_image_is_refused(predictor, array):
    with pytest.raises(DataError, match=r"expected an array \(height, width, 1 or 3\)"):
        predictor(array)


def test_float64_in_0_to_1_is_an_image_too(predictor, image):
    one_by_one = predictor(image.astype(np.float64) / 255), predictor((image / 255).astype(np.float32))
    assert_same(*one_by_one)


def test_an_unreadable_file_does_not_stop_the_rest(predictor, image, tmp_path):
    paths = []
    for index in range(5):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(np.roll(image, 10 * index, 1)[:, : 40 + index]).save(paths[-1])
    paths[1].write_bytes(b"no image")
    paths[4].write_bytes(paths[4].read_bytes()[:100])
    results = list(predictor.predict(Case(path.stem, path) for path in paths))
    assert [result.case.image for result in results] == paths
    assert [isinstance(result.error, DataError) for result in results] == [False, True, False, False, True]
    assert "1.png" in str(results[1].error)
    with pytest.raises(DataError, match=r"1\.png"):
        results[1].require()
    for index in (0, 2, 3):
        assert_same(results[index].require().answers, predictor(paths[index]))


def test_predict_writes_masks_and_a_table(trained, image, tmp_path):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    Image.fromarray(image).save(folder / "a.png")
    Image.fromarray(image[:, :30]).save(folder / "deep" / "b.tif")
    (folder / "c.png").write_bytes(b"no image")
    table = um.predict(trained, [folder], tmp_path / "out", progress=False)
    written = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert list(written["image"]) == [str(folder / name) for name in ("a.png", "c.png", "deep/b.tif")]
    assert list(table.columns) == list(written.columns)
    assert list(written["error"].notna()) == [False, True, False]
    assert written.loc[1].drop(["image", "error"]).isna().all()
    with Image.open(tmp_path / "out" / "zone" / "a.png") as mask:
        assert (mask.mode, mask.size) == ("P", (90, 47))
        pixels = np.bincount(np.asarray(mask).ravel(), minlength=3)
    assert list(written.loc[0, ["zone_core_px", "zone_rim_px"]]) == list(pixels[1:])
    with Image.open(tmp_path / "out" / "zone" / "deep" / "b.png") as mask:
        assert mask.size == (30, 47)
    assert not (tmp_path / "out" / "zone" / "c.png").exists()
    chances = written[
        ["diagnosis_probability_normal", "diagnosis_probability_benign", "diagnosis_probability_malignant"]
    ]
    np.testing.assert_allclose(chances.loc[[0, 2]].sum(axis=1), 1, atol=1e-5)
    assert set(written["diagnosis"].dropna()) <= {"normal", "benign", "malignant"}
    assert {"size_mm", "side", "side_probability_left", "side_probability_right"} <= set(written.columns)


def test_only_unreadable_files_still_give_a_table(trained, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    table = um.predict(trained, [tmp_path / "a.png"], tmp_path / "out", progress=False)
    assert list(table.columns) == ["image", "error"]


def test_everything_to_predict_is_in_the_run(write_data, tasks, settings, image, tmp_path):
    """A moved run predicts without the data that it was trained on."""
    write_data(tmp_path / "data")
    short = settings | {
        "training": um.TrainingSettings(epochs=1, batch_size=5),
        "network": um.NetworkSettings(width=2, levels=2, normalization="none"),
    }
    run = um.train(um.read_dataset(tmp_path / "data"), tasks, tmp_path / "run", **short)
    expected = Predictor.load(run)(image)
    moved = shutil.move(run.path, tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "data")
    assert_same(Predictor.load(moved)(image), expected)


@pytest.fixture
def copy(trained, tmp_path):
    return um.RunFolder(shutil.copytree(trained.path, tmp_path / "run"))


def test_a_network_that_cannot_be_loaded_is_named(copy):
    copy.network.write_bytes(copy.network.read_bytes()[:1000])
    with pytest.raises(RunError, match=r"network\.keras cannot be read"):
        Predictor.load(copy)
    copy.network.unlink()
    with pytest.raises(RunError, match="has no trained network yet"):
        Predictor.load(copy)
    with pytest.raises(RunError, match="is not a run folder"):
        Predictor.load(copy.path / "tensorboard")


@pytest.mark.parametrize("trained_in", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(("here", "expected"), [("float32", "float32"), ("mixed_bfloat16", "mixed_bfloat16")])
def test_a_run_of_another_machine_computes_in_what_this_one_can(
    copy, settings, monkeypatch, image, trained_in, here, expected
):
    """float16 is used only on a GPU: on a CPU it is 47 times slower than float32."""
    tasks = copy.read_tasks()
    network = um.build_network(
        tasks,
        size=(32, 32),
        settings=settings["network"],
        precision=trained_in,
    )
    network.set_weights(keras.saving.load_model(copy.network, compile=False).get_weights())
    network.save(copy.network)
    environment = copy.path / "environment.json"
    environment.write_text(json.dumps(copy.read_environment() | {"precision": trained_in}))
    monkeypatch.setattr("unet_mtl.inference.engines.keras.choose_precision", lambda wanted: here)
    predictor = Predictor.load(copy)
    found = {layer.compute_dtype for layer in predictor.engine.network.layers} - {"float32"}
    kept = trained_in == here
    assert predictor.engine.precision == (trained_in if kept else "float32")
    assert found == ({"bfloat16"} if kept else set())
    assert predictor(image)["zone"].probabilities.dtype == np.float32
