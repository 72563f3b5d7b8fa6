"""Weights of a file get into a network completely or not at all, also with other channels."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from unet_mtl import Classification, NetworkSettings, Segmentation, build_network
from unet_mtl.batches.inputs.columns import FittedInput, NumberColumn
from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.errors import ConfigError, RunError
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.encoders.efficientnet_lite import LITE0, build_lite, read_lite
from unet_mtl.nn.weights.cache import find_file
from unet_mtl.nn.weights.transfer import assign_weights, find_layers, read_weights
from unet_mtl.training.initial_weights import find_weights

from .torch_file import write_pth

TASKS = [
    Segmentation(name="zone", classes=("a", "b", "c")),
    Classification(name="kind", classes=("x", "y", "z")),
]
OTHER = [Classification(name="side", classes=("l", "m", "r")), Segmentation(name="zone", classes=("a", "b"))]
SIZE = {"width": 0.25, "depth": 0.1}
TINY = {"width": 2, "levels": 2}


def make_network(settings, *, tasks=TASKS, seed=1, **options):
    keras.utils.set_random_seed(seed)
    return build_network(tasks, size=(32, 32), settings=settings, **options)


def arrays_of(network, prefix):
    return {
        f"{layer.name}/{index}": array
        for layer in network.layers
        if layer.name.startswith(prefix)
        for index, array in enumerate(layer.get_weights())
    }


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A plain network of another process, as it were."""
    path = tmp_path_factory.mktemp("saved") / "network.keras"
    network = make_network(NetworkSettings(**TINY))
    network.save(path)
    return path, network


@pytest.mark.parametrize("parts", ["encoder", "encoder_and_decoder"])
def test_the_parts_of_a_network_are_copied_and_no_others(saved, parts):
    path, source = saved
    settings = NetworkSettings(**TINY, weights=str(path), weights_parts=parts)
    network = make_network(settings, tasks=OTHER, seed=2)
    before = arrays_of(network, "")
    assign_weights(network, find_weights(settings, progress=False))
    copied = {"encoder": ("encoder",), "encoder_and_decoder": ("encoder", "decoder")}[parts]
    for name, array in arrays_of(network, "").items():
        expected = arrays_of(source, copied).get(name, before[name])
        np.testing.assert_array_equal(array, expected, err_msg=name)
    kernel = "encoder0_conv1/0"
    assert np.any(arrays_of(network, "")[kernel] != before[kernel])


@pytest.mark.parametrize(
    ("changes", "channels", "message"),
    [
        (
            {"width": 3},
            3,
            r"layer encoder\d_conv\d has shapes \[.*2\)\] in the file and \[.*3\)\] in the network",
        ),
        (
            {"levels": 3},
            3,
            "the file lacks layer encoder2_conv1; .* and 1 more; give the network the settings",
        ),
        ({"normalization": "none"}, 3, "the network lacks layer encoder0_norm1"),
        (
            {},
            1,
            r"encoder0_conv1 has shapes \[\(3, 3, 3, 2\)\] in the file and \[\(3, 3, 1, 2\)\] in the network",
        ),
        ({"encoder": "residual"}, 3, "the file lacks layer encoder1_block0_conv1"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_copied(saved, changes, channels, message):
    settings = NetworkSettings(**(TINY | {"weights": str(saved[0])} | changes))
    network = make_network(settings, channels=channels)
    before = network.get_weights()
    with pytest.raises(ConfigError, match=message) as caught:
        assign_weights(network, find_weights(settings, progress=False))
    assert str(saved[0]) in str(caught.value)
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_inputs_and_tasks_may_be_called_encoder():
    table = FittedInput(
        name="encoder_a", columns=(NumberColumn(name="age", mean=0, deviation=1),), hidden=(2,)
    )
    tasks = [Classification(name="encoder_b", classes=("x", "y")), TASKS[0]]
    network = make_network(NetworkSettings(**TINY), tasks=tasks, inputs=Inputs(tables=(table,)))
    plain = make_network(NetworkSettings(**TINY))
    names = set(find_layers(network, "encoder"))
    assert names == set(find_layers(plain, "encoder"))
    assert {layer.name for layer in network.layers if layer.name.startswith("encoder_")} - names


def test_files_that_are_none(tmp_path, saved, trained):
    def find(weights, **settings):
        return find_weights(NetworkSettings(weights=str(weights), **settings), progress=False)

    with pytest.raises(ConfigError, match=r"a\.pth: no such file, a run folder, or imagenet"):
        find(tmp_path / "a.pth")
    (tmp_path / "a.pth").write_bytes(b"not a file of weights")
    with pytest.raises(
        ConfigError, match=r"a\.pth: expected a \.keras file for plain, a run folder, or imagenet"
    ):
        find(tmp_path / "a.pth")
    with pytest.raises(ConfigError, match=r"a\.pth cannot be read: "):
        find(tmp_path / "a.pth", encoder="efficientnet_lite0")
    with pytest.raises(ConfigError, match="has weights of an encoder alone; set weights_parts: encoder"):
        find(tmp_path / "a.pth", encoder="efficientnet_lite0", weights_parts="encoder_and_decoder")
    (tmp_path / "cut.keras").write_bytes(saved[0].read_bytes()[:5000])
    with pytest.raises(ConfigError, match=r"cut\.keras cannot be read: "):
        find(tmp_path / "cut.keras")
    with pytest.raises(RunError, match="is not a run folder"):
        find(tmp_path)
    assert find_weights(NetworkSettings(), progress=False) is None
    facts = find(trained.path).facts
    assert facts["file"] == "network.keras"
    assert facts["name"] == str(trained.path)
    assert len(facts["sha256"]) == 64


def test_settings_that_contradict_each_other():
    with pytest.raises(
        ValidationError, match=r"the encoder plain has no ImageNet weights; choose one of efficientnet"
    ):
        NetworkSettings(weights="imagenet")
    with pytest.raises(ValidationError, match="frozen keeps the statistics of `weights`, which are not set"):
        NetworkSettings(encoder_normalization="frozen")


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A small EfficientNet-Lite, and a .pth file of random weights for it."""
    read = partial_of(read_lite)
    spec = replace(
        LITE0,
        name="small",
        build=partial_of(build_lite),
        pretrained=replace(LITE0.pretrained, read=read),
    )
    monkeypatch.setitem(ENCODERS, "small", spec)
    image = keras.Input((32, 32, 3))
    encoder = keras.Model(image, spec.build(image, NetworkSettings(encoder="small")))
    rng = np.random.default_rng(0)
    tensors = {}
    for layer in encoder.layers[:-1]:
        theirs = their_name(layer.name)
        arrays = [rng.normal(size=array.shape).astype(np.float32) for array in layer.get_weights()]
        if len(arrays) == 1:
            tensors[f"{theirs}.weight"] = arrays[0].transpose(
                (2, 3, 0, 1) if "depthwise" in theirs else (3, 2, 0, 1)
            )
        elif arrays:
            parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
            tensors |= {f"{theirs}.{p}": a for p, a in zip(parts, [*arrays, np.int64(1)], strict=True)}
    tensors |= {"_conv_head.weight": np.zeros((4, 2, 1, 1), np.float32), "_fc.bias": np.zeros(3, np.float32)}
    return write_pth(tmp_path / "small.pth", tensors, monkeypatch), tensors


def partial_of(function):
    return lambda *arguments, **options: function(*arguments, **options, **SIZE)


def their_name(ours):
    if ours.startswith("encoder_stem"):
        return {"conv": "_conv_stem", "norm": "_bn0"}.get(ours.rpartition("_")[2], "")
    index, _, part = ours.removeprefix("encoder_block").partition("_")
    step, _, layer = part.partition("_")
    number = {"expand": 0, "depthwise": 1, "project": 2}.get(step)
    return f"_blocks.{index}.{f'_{step}_conv' if layer == 'conv' else f'_bn{number}'}"


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_the_first_convolution_answers_to_grey_as_to_colours(small, channels):
    """An image with equal channels gives the same features, whatever the number of channels."""
    path, tensors = small
    settings = NetworkSettings(encoder="small", weights=str(path))
    network = make_network(settings, channels=channels, tasks=TASKS[1:])
    assign_weights(network, read_weights(settings, path))
    grey = np.random.default_rng(1).random((1, 32, 32, 1), np.float32)
    stem = keras.Model(network.input, network.get_layer("encoder_stem_conv").output)
    found = np.asarray(stem({"image": np.repeat(grey, channels, -1)}))
    kernel = tensors["_conv_stem.weight"].sum(1).transpose(1, 2, 0)  # rows, columns, outputs
    padded = np.pad((grey[0, ..., 0] * 255 - 127) / 128, (0, 1))
    for row, column in ((0, 0), (5, 9), (15, 15)):
        window = padded[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
        expected = np.tensordot(window, kernel, 2)
        np.testing.assert_allclose(found[0, row, column], expected, rtol=1e-4, atol=1e-4)
    norm = network.get_layer("encoder_block3_project_norm").get_weights()
    np.testing.assert_array_equal(norm[3], tensors["_blocks.3._bn2.running_var"])
    kernel = network.get_layer("encoder_block3_depthwise_conv").get_weights()[0]
    assert kernel[0, 2, 5, 0] == tensors["_blocks.3._depthwise_conv.weight"][5, 0, 0, 2]


def test_a_file_with_other_tensors_is_refused(small, tmp_path, monkeypatch):
    _, tensors = small
    settings = NetworkSettings(encoder="small", weights="a.pth")
    more = write_pth(tmp_path / "more.pth", tensors | {"_blocks.9.x": np.zeros(1)}, monkeypatch)
    with pytest.raises(ConfigError, match=r"it has tensors that the encoder lacks: _blocks\.9\.x"):
        read_weights(settings, more)
    tensors = {name: array for name, array in tensors.items() if name != "_blocks.2._bn1.bias"}
    with pytest.raises(ConfigError, match=r"it has no tensor _blocks\.2\._bn1\.bias"):
        read_weights(settings, write_pth(tmp_path / "less.pth", tensors, monkeypatch))


def test_frozen_normalization_keeps_its_statistics(small):
    path, _ = small
    settings = NetworkSettings(encoder="small", weights=str(path), encoder_normalization="frozen")
    network = make_network(settings)
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    trainable = {layer.name.partition("_")[0].rstrip("01234"): layer.trainable for layer in norms}
    assert trainable == {"encoder": False, "bottleneck": True, "decoder": True}
    assert network.get_layer("encoder_stem_conv").trainable
    before = arrays_of(network, "encoder_stem_norm")
    network({"image": np.ones((2, 32, 32, 3), np.float32)}, training=True)
    for name, array in arrays_of(network, "encoder_stem_norm").items():
        np.testing.assert_array_equal(array, before[name])


PINNED = {
    "efficientnet_lite0": [-0.19736, -4.42169, 19.09428, 14.70458, -1.52778],
    "efficientnet_lite2": [-7.09919, -2.19946, 10.68824, 8.20254, 0.51288],
}
"""The first number of the features at strides 2 to 32. All features of both encoders agreed to 5e-5 with those of
efficientnet-lite-pytorch 0.1.0 on PyTorch 2.14."""


@pytest.mark.slow
@pytest.mark.parametrize("name", PINNED)
def test_features_of_published_weights(name, tmp_path, monkeypatch):
    monkeypatch.setenv("UNET_MTL_CACHE", str(tmp_path))
    spec = ENCODERS[name]
    path = find_file(spec.pretrained)
    if path is None:
        assert find_spec(spec.pretrained.package) is None
        pytest.skip(f"needs the package {spec.pretrained.package}")
    image = keras.Input((32, 32, 3))
    encoder = keras.Model(image, spec.build(image, NetworkSettings(encoder=name)))
    for layer, arrays in spec.pretrained.read(Path(path)).items():
        encoder.get_layer(layer).set_weights(arrays)
    ramp = np.indices((32, 32)).sum(0)[None, ..., None] % 7 / 6 * np.array([1, 0.5, 0.25])
    features = [float(np.asarray(f)[0, 0, 0, 0]) for f in encoder(ramp.astype(np.float32), training=False)]
    features[-1] *= np.sqrt(1.001)  # untrained bottleneck_norm
    assert features == pytest.approx(PINNED[name], abs=1e-3)
