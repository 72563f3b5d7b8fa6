"""`build_network`: shapes, types, and a file that loads without this package."""

import json
import subprocess
import sys
from itertools import product

import keras
import numpy as np
import pytest

from unet_mtl import Classification, NetworkSettings, Regression, Segmentation, build_network
from unet_mtl.errors import ConfigError
from unet_mtl.inference.engines.keras import in_precision
from unet_mtl.nn.settings import check_size

MASK = Segmentation(name="zone", classes=("background", "a", "b"))
CLASS = Classification(name="diagnosis", classes=("benign", "malignant"))
VALUE = Regression(name="age")
SMALL = NetworkSettings(width=4, levels=2)


def predict(network, size=(16, 16), channels=3, batch=2):
    images = np.random.default_rng(0).random((batch, *size, channels), np.float32)
    return network.predict_on_batch({"image": images})


def test_mask_class_and_number_of_a_large_image():
    network = build_network([MASK, CLASS, VALUE], settings=NetworkSettings(width=4))
    assert [(tensor.name, tensor.shape) for tensor in network.inputs] == [("image", (None, 256, 256, 3))]
    shapes = {name: tensor.shape for name, tensor in network.output.items()}
    assert shapes == {"zone": (None, 256, 256, 3), "diagnosis": (None, 1), "age": (None, 1)}
    outputs = predict(network, (256, 256), batch=1)
    np.testing.assert_allclose(outputs["zone"].sum(-1), 1, rtol=1e-5)
    assert 0 < outputs["diagnosis"].item() < 1


def test_default_widths():
    assert NetworkSettings().widths == (32, 64, 128, 256, 512)
    assert NetworkSettings().strides == (1, 2, 4, 8, 16)


@pytest.mark.parametrize(
    ("size", "nearest"),
    [((250, 256), "240x256 and 256x256"), ((257, 7), "256x16 and 272x16"), ((0, 16), "16x16 and 16x16")],
)
def test_a_size_that_cannot_be_halved_names_the_nearest(size, nearest):
    with pytest.raises(ConfigError, match=f"divisible by 16, received {size[0]}x{size[1]}; .*: {nearest}"):
        build_network([MASK], size=size, settings=NetworkSettings())
    for word in nearest.split(" and "):
        height, width = map(int, word.split("x"))
        check_size((height, width), NetworkSettings())


@pytest.mark.parametrize(("channels", "size"), [(1, (16, 8)), (3, (8, 24)), (5, (6, 6))])
def test_any_channel_count_and_size_of_the_stride(channels, size):
    outputs = predict(
        build_network([MASK, VALUE], size=size, channels=channels, settings=SMALL), size, channels
    )
    assert outputs["zone"].shape == (2, *size, 3)
    assert outputs["age"].shape == (2, 1)


@pytest.mark.parametrize(
    ("up", "normalization"), list(product(["transpose", "nearest"], ["batch", "group", "none"]))
)
def test_every_kind_of_block(up, normalization):
    settings = NetworkSettings(width=4, levels=2, up=up, normalization=normalization, pooling="both")
    network = build_network([MASK, CLASS], size=(8, 8), settings=settings)
    kinds = {type(layer).__name__ for layer in network.layers}
    assert ("Conv2DTranspose" in kinds) == (up == "transpose")
    assert ("UpSampling2D" in kinds) == (up == "nearest")
    assert ("BatchNormalization" in kinds) == (normalization == "batch")
    assert ("GroupNormalization" in kinds) == (normalization == "group")
    assert predict(network, (8, 8))["zone"].shape == (2, 8, 8, 3)


@pytest.mark.parametrize(
    ("pooling", "features"), [("average", 8), ("max", 8), ("both", 16), ("attention", 8), ("mask", 16)]
)
def test_features_of_image_level_heads(pooling, features):
    network = build_network([CLASS], size=(8, 8), settings=SMALL.model_copy(update={"pooling": pooling}))
    assert network.get_layer("diagnosis_logits").kernel.shape == (features, 1)


def test_skip_connections_carry_the_finest_level():
    network = build_network([MASK], size=(8, 8), settings=SMALL)
    assert network.get_layer("decoder0_skip").output.shape == (None, 8, 8, 8)


def test_batch_normalization_adapts_within_a_short_run():
    network = build_network([MASK], size=(8, 8), settings=SMALL)
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    assert {layer.momentum for layer in norms} == {0.9}


def test_dropout_is_active_in_training_only():
    network = build_network([VALUE], size=(8, 8), settings=SMALL.model_copy(update={"dropout": 0.5}))
    images = {"image": np.ones((1, 8, 8, 3), np.float32)}
    trained = {float(network(images, training=True)["age"][0, 0]) for _ in range(8)}
    assert len(trained) > 1
    assert len({float(network(images, training=False)["age"][0, 0]) for _ in range(3)}) == 1


def test_no_decoder_without_masks():
    assert not any(
        "decoder" in layer.name for layer in build_network([CLASS, VALUE], size=(8, 8), settings=SMALL).layers
    )


@pytest.mark.parametrize("tasks", [[], [VALUE, CLASS.model_copy(update={"name": "age"})]])
def test_task_names_must_exist_and_differ(tasks):
    with pytest.raises(ConfigError, match=r"at least one task|must differ, received age, age"):
        build_network(tasks, size=(8, 8), settings=SMALL)


@pytest.fixture(scope="module")
def mixed():
    keras.utils.set_random_seed(1)
    network = build_network(
        [MASK, CLASS, VALUE],
        size=(16, 16),
        settings=SMALL.model_copy(update={"dropout": 0.2, "pooling": "mask"}),
        precision="mixed_bfloat16",
    )
    rng = np.random.default_rng(0)
    network.set_weights([w + rng.uniform(0, 0.05, w.shape) for w in network.get_weights()])
    return network


def test_outputs_are_float32_in_mixed_precision(mixed):
    assert keras.config.dtype_policy().name == "float32"
    assert mixed.get_layer("encoder0_conv1").compute_dtype == "bfloat16"
    assert {name: tensor.dtype for name, tensor in mixed.output.items()} == dict.fromkeys(
        ["zone", "diagnosis", "age"], "float32"
    )
    assert all(output.dtype == np.float32 for output in predict(mixed).values())


def test_in_precision_computes_with_the_same_weights(mixed):
    exact = in_precision(mixed, "float32")
    assert {layer.compute_dtype for layer in exact.layers} == {"float32"}
    for before, after in zip(mixed.get_weights(), exact.get_weights(), strict=True):
        assert after.dtype == np.float32
        np.testing.assert_array_equal(before, after)
    found, expected = predict(mixed), predict(exact)
    for name, output in expected.items():
        np.testing.assert_allclose(found[name], output, atol=0.03)
    assert any((found[name] != expected[name]).any() for name in expected)


LOAD = """
import importlib.abc, json, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("unet_mtl", "metrics"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocker())
for name in ("unet_mtl", "metrics"):
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(f"{name} could be imported")
import keras, numpy as np
network = keras.saving.load_model(sys.argv[1])
outputs = network.predict_on_batch({"image": np.load(sys.argv[2])})
print(json.dumps({name: output.tolist() for name, output in outputs.items()}))
"""


@pytest.mark.slow
def test_the_saved_network_needs_keras_only(mixed, tmp_path):
    network = in_precision(mixed, "float32")
    assert not [layer for layer in network.layers if isinstance(layer, keras.layers.Lambda)]
    assert all(type(layer).__module__.startswith("keras.") for layer in network.layers)
    images = np.random.default_rng(0).random((1, 16, 16, 3), np.float32)
    network.save(tmp_path / "network.keras")
    np.save(tmp_path / "images.npy", images)
    (tmp_path / "empty").mkdir()
    answer = subprocess.run(
        [sys.executable, "-I", "-c", LOAD, str(tmp_path / "network.keras"), str(tmp_path / "images.npy")],
        cwd=tmp_path / "empty",
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout.splitlines()[-1])
    for name, output in network.predict_on_batch({"image": images}).items():
        np.testing.assert_allclose(found[name], output, rtol=1e-5, atol=1e-6)
