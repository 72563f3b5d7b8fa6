"""The contract of encoders of fixed size, over `ENCODERS`: their features, names, channels and numbers."""

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from unet_mtl import Classification, NetworkSettings, Segmentation, build_network
from unet_mtl.nn.blocks import BATCH_MOMENTUM
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.encoders.efficientnet_lite import LITE0, build_lite
from unet_mtl.nn.encoders.spec import LIGHT_DECODER, EncoderSpec

# These differ from efficientnetv2_b0 and efficientnet_lite0 in numbers of blocks and channels alone.
SIMILAR = {"efficientnetv2_b1", "efficientnetv2_b2", "efficientnet_lite2"}
EACH = [
    "small",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ENCODERS
        if name not in {"plain", "residual", *SIMILAR}
    ),
]
# The builds take seconds, so that further checks are made of a few: each kind of scaling and of copied layers.
BUILT_TWICE = ["small", "mobilenetv3_small", "convnext_tiny"]
COMPARED = ["efficientnetv2_b0", "mobilenetv3_small", "resnet50", "convnext_tiny"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """An EfficientNet-Lite of one block a stage, which is built in a sixth of the time."""
    build = partial(build_lite, width=0.25, depth=0.1)
    monkeypatch.setitem(ENCODERS, "small", replace(LITE0, name="small", build=build, pretrained=None))


@cache
def build_once(name):
    return build_encoder(name, 3)


def build_encoder(name, channels, size=(32, 64), precision="float32"):
    settings = NetworkSettings(encoder=name)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        image = keras.Input((*size, channels), name="image")
        return keras.Model(image, ENCODERS[name].build(image, settings))
    finally:
        keras.config.set_dtype_policy(before)


def names_of(model):
    return [operation.name for operation in model.operations[1:]]


def modules_of(config):
    """Return the modules of all classes that a config names."""
    if isinstance(config, dict):
        here = {config["module"]} if isinstance(config.get("module"), str) else set()
        return here.union(*map(modules_of, config.values()))
    return set().union(*map(modules_of, config)) if isinstance(config, list | tuple) else set()


@pytest.mark.parametrize("name", EACH)
def test_contract(name):
    spec, strides = ENCODERS[name], NetworkSettings(encoder=name).strides
    assert spec.name == name
    assert strides[0] in (1, 2, 4)
    assert strides[-1] == 32
    assert [b / a for a, b in pairwise(strides)] == [2] * (len(strides) - 1)

    colour = build_once(name) if name in COMPARED else build_encoder(name, 3)
    check_structure(colour, strides)
    norms = [layer for layer in colour.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} <= {BATCH_MOMENTUM}
    if name in BUILT_TWICE:
        four = build_encoder(name, 4, precision="mixed_bfloat16")
        check_structure(four, strides)
        assert names_of(colour) == names_of(four)
        assert {f.dtype for f in four.outputs} == {"bfloat16"}
        check_gradient(colour)
    if name == "small":
        grey = build_encoder(name, 1)
        check_structure(grey, strides)
        assert names_of(grey) == ["encoder_colours", *names_of(colour)]


def check_structure(model, strides):
    assert [f.shape[1:3] for f in model.outputs] == [(32 // s, 64 // s) for s in strides]
    names = names_of(model)
    assert len(set(names)) == len(names)
    assert all(name.startswith("encoder_") for name in names[:-1])
    assert names[-1] == "bottleneck_norm"
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    assert {module.partition(".")[0] for module in modules_of(config)} == {"keras"}
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)


def check_gradient(model):
    """Check that the gradient of the bottleneck reaches the first kernel."""
    with tf.GradientTape() as tape:
        bottleneck = model(np.random.default_rng(0).random((1, 32, 64, 3), np.float32), training=False)[-1]
        loss = tf.reduce_mean(bottleneck * np.linspace(-1, 1, bottleneck.shape[-1], dtype=np.float32))
    stem = model.trainable_variables[0]
    assert stem.path.startswith("encoder_")
    assert np.abs(tape.gradient(loss, stem.value).numpy()).max() > 0


def test_the_spec_says_which_convolutions_are_depthwise():
    assert [name for name, spec in ENCODERS.items() if not spec.depthwise] == [
        "plain",
        "residual",
        "resnet50",
        "resnet50v2",
        "densenet121",
    ]


def test_the_network_ends_at_the_size_of_the_image():
    tasks = [
        Segmentation(name="zone", classes=("a", "b", "c")),
        Classification(name="kind", classes=("x", "y", "z")),
    ]
    network = build_network(tasks, size=(32, 64), channels=1, settings=NetworkSettings(encoder="small"))
    assert network.output["zone"].shape == (None, 32, 64, 3)
    widths = [network.get_layer(f"decoder{level}_conv2").filters for level in (4, 3, 2, 1, 0)]
    assert tuple(widths) == LIGHT_DECODER
    names = {layer.name for layer in network.layers}
    assert {"decoder1_skip", "decoder4_skip"} <= names
    assert "decoder0_skip" not in names
    assert network.get_layer("kind_logits").kernel.shape[0] == 80


def test_the_decoder_makes_the_steps_that_the_encoder_lacks(monkeypatch):
    def build(image, settings):
        first = keras.layers.Conv2D(12, 4, 4, name="encoder0")(image)
        return [first, keras.layers.Conv2D(20, 2, 2, name="encoder1")(first)]

    spec = EncoderSpec("coarse", build, lambda settings: (4, 8))
    monkeypatch.setitem(ENCODERS, "coarse", spec)
    task = Segmentation(name="zone", classes=("a", "b", "c"))
    for widths, expected in {None: [12, 6, 3], (9, 7, 5): [9, 7, 5]}.items():
        settings = NetworkSettings(encoder="coarse", decoder_widths=widths)
        network = build_network([task], size=(16, 24), settings=settings)
        assert network.output["zone"].shape == (None, 16, 24, 3)
        assert [network.get_layer(f"decoder{n}_conv2").filters for n in (2, 1, 0)] == expected
    with pytest.raises(ValidationError, match="the decoder behind coarse has 3 levels, received 2 widths"):
        NetworkSettings(encoder="coarse", decoder_widths=(8, 4))


@pytest.mark.parametrize("name", ["inception_v3", "InceptionResNetV2", "xception", "nasnet_mobile"])
def test_families_with_other_sizes_are_refused(name):
    with pytest.raises(ValidationError, match=r"do not halve from level to level.*choose one of plain, "):
        NetworkSettings(encoder=name)


def write_legacy_h5(model, path):
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARED)
def test_features_are_those_of_keras_applications_with_its_own_scaling(name, tmp_path):
    """The reference is the model of Keras, with its own preprocessing of 0..255, and its own layout of files."""
    keras.utils.set_random_seed(3)
    spec = ENCODERS[name]
    application = spec.build.keywords["application"]
    theirs = getattr(keras.applications, application.model)(
        include_top=False, weights=None, input_shape=(32, 64, 3)
    )
    for layer in theirs.layers:
        if type(layer).__name__ == "LayerScale":
            layer.set_weights([np.random.default_rng(1).random(w.shape) for w in layer.get_weights()])
    write_legacy_h5(theirs, tmp_path / "weights.h5")
    images = np.random.default_rng(2).integers(0, 256, (1, 32, 64, 3)).astype(np.float32)
    module = {"ResNet50": "resnet", "ResNet50V2": "resnet_v2", "DenseNet121": "densenet"}.get(
        application.model
    )
    scaled = images.copy()
    if module:
        scaled = importlib.import_module(f"keras.applications.{module}").preprocess_input(scaled)
    ours = build_once(name)
    found = spec.pretrained.read(tmp_path / "weights.h5")
    assert set(found) == {layer.name for layer in ours.layers[:-1] if layer.weights}
    for layer, arrays in found.items():
        ours.get_layer(layer).set_weights(arrays)
    expected = np.asarray(theirs(scaled, training=False))
    features = np.asarray(ours(images / 255, training=False)[-1]) * np.sqrt(
        1.001
    )  # untrained bottleneck_norm
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_saved_networks_load_without_this_package(tmp_path):
    task = Classification(name="kind", classes=("x", "y", "z"))
    images = np.random.default_rng(0).random((1, 32, 32, 1), np.float32)
    np.save(tmp_path / "images.npy", images)
    for name in ("small", "mobilenetv3_small"):
        settings = NetworkSettings(encoder=name, width=4)
        network = build_network([task], size=(32, 32), channels=1, settings=settings)
        network.save(tmp_path / f"{name}.keras")
        np.save(tmp_path / f"{name}.npy", network({"image": images}, training=False)["kind"])
    code = (
        "import sys, numpy as np, keras\nfrom pathlib import Path\n"
        "for path in Path(sys.argv[1]).glob('*.keras'):\n"
        "    network = keras.saving.load_model(path)\n"
        "    output = network({'image': np.load(path.with_name('images.npy'))}, training=False)['kind']\n"
        "    np.testing.assert_allclose(output, np.load(path.with_suffix('.npy')), rtol=1e-4, atol=1e-5)\n"
        "assert not any(name.startswith('unet_mtl') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=tmp_path)
