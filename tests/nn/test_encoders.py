"""The contract of encoders whose size is set, one more that is registered here, and names from registries."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from unet_mtl import Classification, NetworkSettings, Segmentation, build_network, load_config
from unet_mtl.batches.inputs.columns import FittedInput, NumberColumn
from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.errors import ConfigError
from unet_mtl.losses.base import weighted_mean
from unet_mtl.nn.blocks import NORMALIZATIONS, UP_SAMPLINGS
from unet_mtl.nn.encoders import ENCODERS, EncoderSpec
from unet_mtl.nn.graph import find_encoder
from unet_mtl.nn.pooling import POOLINGS
from unet_mtl.nn.settings import check_size
from unet_mtl.nn.tabular import FUSIONS

CONFIG = Path(__file__).parents[2] / "data_samples" / "phantom" / "config.yaml"
TASKS = [
    Segmentation(name="zone", classes=("background", "a", "b")),
    Classification(name="kind", classes=("x", "y", "z")),
]
UNEVEN = (5, 11, 24)


def build_uneven(image, settings):
    """Three levels of strided convolutions, with numbers of channels that have no common divisor."""
    x, features = image, []
    for level, width in enumerate(UNEVEN):
        x = keras.layers.Conv2D(
            width, 3, strides=2 if level else 1, padding="same", name=f"encoder{level}_conv"
        )(x)
        x = keras.layers.LeakyReLU(name=f"encoder{level}_relu")(x)
        features.append(x)
    return features


@pytest.fixture(autouse=True)
def uneven(monkeypatch):
    monkeypatch.setitem(ENCODERS, "uneven", EncoderSpec("uneven", build_uneven, lambda settings: (1, 2, 4)))


@pytest.fixture(params=["plain", "residual", "uneven"])
def settings(request):
    return NetworkSettings(encoder=request.param, width=4, levels=3)


def make_network(settings, *, seed=1, tasks=TASKS, **options):
    side = 2 * settings.strides[-1]
    keras.utils.set_random_seed(seed)
    return build_network(tasks, size=(side, side), settings=settings, **options)


def make_images(network, n=2):
    return np.random.default_rng(0).random((n, *network.input["image"].shape[1:]), np.float32)


def test_the_key_is_the_name(settings):
    assert ENCODERS[settings.encoder].name == settings.encoder


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_features_halve(settings, channels):
    strides = settings.strides
    assert strides == tuple(2**level for level in range(len(strides)))
    height, width = 2 * strides[-1], 3 * strides[-1]
    features = ENCODERS[settings.encoder].build(keras.Input((height, width, channels)), settings)
    assert [f.shape[1:3] for f in features] == [(height // s, width // s) for s in strides]


def test_layer_names_are_unique_and_start_with_encoder(settings):
    image = keras.Input((32, 32, 3))
    network = keras.Model(image, ENCODERS[settings.encoder].build(image, settings))
    names = [layer.name for layer in network.layers[1:]]
    assert len(set(names)) == len(names)
    assert all(name.startswith("encoder") for name in names)


def test_two_builds_in_one_process_are_alike(settings):
    first, second = make_network(settings), make_network(settings)
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    images = {"image": make_images(first)}
    outputs = second.predict_on_batch(images)
    for name, output in first.predict_on_batch(images).items():
        np.testing.assert_array_equal(output, outputs[name])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_gradients_reach_the_first_layer(settings, task):
    network = make_network(settings)
    images = make_images(network, 4)
    truth = np.random.default_rng(1).integers(0, 3, images.shape[:3] if task.spatial else 4)
    with tf.GradientTape() as tape:
        output = network({"image": images}, training=True)[task.name]
        loss = weighted_mean(task.loss().call(truth, output), np.ones(4, np.float32))
    first = network.trainable_variables[0]
    assert first.path.startswith("encoder")
    assert np.abs(tape.gradient(loss, first.value).numpy()).max() > 1e-8


def test_the_encoder_is_found_in_the_graph(settings):
    """`shared_gradient` acts where the encoder ends."""
    network = make_network(settings)
    found = find_encoder(network, "image")
    names = {layer.name for layer in network.layers if id(layer) in found}
    assert names >= {layer.name for layer in network.layers if layer.name.startswith("encoder")}
    assert not any(name.startswith(("decoder", "pooled", "kind", "zone")) for name in names)


def test_every_level_is_pooled_by_the_mask(settings):
    network = make_network(settings.model_copy(update={"pooling": "mask"}))
    image = network.input["image"]
    widths = [features.shape[-1] for features in ENCODERS[settings.encoder].build(image, settings)]
    assert network.get_layer("kind_logits").kernel.shape[0] == 2 * sum(widths) + widths[-1]


def test_sizes_are_checked_by_the_last_stride(settings):
    stride = settings.strides[-1]
    check_size((stride, 3 * stride), settings)
    with pytest.raises(
        ConfigError, match=f"of {len(settings.strides)} levels .* divisible by {stride}, received"
    ):
        check_size((stride, stride + 1), settings)


def test_the_decoder_has_the_channels_of_the_features(settings):
    network = make_network(settings)
    image = network.input["image"]
    skips = ENCODERS[settings.encoder].build(image, settings)[:-1]
    for level, skip in enumerate(skips):
        assert network.get_layer(f"decoder{level}_conv2").filters == skip.shape[-1]
        assert network.get_layer(f"decoder{level}_up").output.shape[-1] == skip.shape[-1]
        assert network.get_layer(f"decoder{level}_skip").output.shape[-1] == 2 * skip.shape[-1]


@pytest.mark.parametrize("up", UP_SAMPLINGS)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_uneven_channels(up, fusion, tmp_path):
    settings = NetworkSettings(encoder="uneven", up=up, fusion=fusion)
    table = FittedInput(name="t", columns=(NumberColumn(name="age", mean=0, deviation=1),), hidden=())
    network = make_network(settings, inputs=Inputs(tables=(table,)))
    assert network.get_layer("decoder0_conv2").filters == 5
    assert network.get_layer("decoder1_conv2").filters == 11
    assert network.get_layer("kind_logits").kernel.shape[0] == 24 + 2 * (fusion == "join")
    assert network.output["zone"].shape == (None, 8, 8, 3)
    batch = {"image": make_images(network), "t": np.ones((2, 2), np.float32)}
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    for name, output in network.predict_on_batch(batch).items():
        np.testing.assert_allclose(again.predict_on_batch(batch)[name], output, rtol=1e-5, atol=1e-6)


def test_an_encoder_that_is_registered_at_run_time_can_be_set_in_a_config(monkeypatch):
    assert load_config(CONFIG, ["network.encoder=uneven"]).network.encoder == "uneven"
    with pytest.raises(
        ConfigError, match=r"network\.encoder: Input should be 'plain', .* or 'uneven'.*'resnet'"
    ):
        load_config(CONFIG, ["network.encoder=resnet"])
    with pytest.raises(ConfigError, match="divisible by 4, received 30x32"):
        load_config(CONFIG, ["network.encoder=uneven", "preprocess.size=[30,32]"])
    monkeypatch.delitem(ENCODERS, "uneven")
    with pytest.raises(ConfigError, match=r"Input should be 'plain', .* or 'convnext_tiny'"):
        load_config(CONFIG, ["network.encoder=uneven"])


NEWCOMERS = {
    "normalization": (NORMALIZATIONS, lambda x, name: keras.layers.UnitNormalization(name=name)(x)),
    "up": (UP_SAMPLINGS, lambda x, width, name: keras.layers.UpSampling2D(name=f"{name}_up")(x)),
    "pooling": (POOLINGS, lambda x, name: keras.layers.Flatten(name=name)(x.bottleneck)),
    "fusion": (FUSIONS, lambda x, condition, name: keras.layers.Activation("tanh", name=name)(x)),
}
LAYERS = {
    "normalization": "UnitNormalization",
    "up": "UpSampling2D",
    "pooling": "Flatten",
    "fusion": "Activation",
}


@pytest.mark.parametrize("setting", NEWCOMERS)
def test_what_is_registered_at_run_time_can_be_set_and_is_built(setting, monkeypatch):
    registry, build = NEWCOMERS[setting]
    names = list(registry)
    with pytest.raises(
        ValidationError, match=f"{setting}\n  Input should be '{names[0]}'.* or '{names[-1]}'"
    ):
        NetworkSettings(**{setting: "new"})
    monkeypatch.setitem(registry, "new", build)
    settings = NetworkSettings(width=4, levels=2, **{setting: "new"})
    assert NetworkSettings.model_validate(settings.to_config()) == settings
    table = FittedInput(name="t", columns=(NumberColumn(name="age", mean=0, deviation=1),), hidden=())
    network = make_network(settings, inputs=Inputs(tables=(table,)))
    plain = make_network(NetworkSettings(width=4, levels=2), inputs=Inputs(tables=(table,)))

    def count(network):
        return sum(type(layer).__name__ == LAYERS[setting] for layer in network.layers)

    assert count(network) > count(plain)


def test_a_config_is_checked_without_keras():
    code = (
        "import sys, unet_mtl; c = unet_mtl.load_config(sys.argv[1], ['network.encoder=plain']);"
        "c.network.strides; sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(CONFIG)], check=False).returncode == 0


def test_the_example_of_the_document_is_an_encoder(monkeypatch):
    text = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    monkeypatch.setitem(ENCODERS, "small", None)  # so that it is removed afterwards
    names = {}
    exec(example, names)
    network = make_network(names["settings"])
    assert network.get_layer("decoder1_conv2").filters == 12
    assert network.output["zone"].shape == (None, 8, 8, 3)
