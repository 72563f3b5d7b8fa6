"""CONTRIBUTING.md: parts are added outside of the package, with one entry in a registry each, and train together.

A new kind of task is added by the example of docs/add_a_task.md, which test_docs.py runs.
"""

import json
import re
import tomllib
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from keras import layers, ops
from PIL import Image

import unet_mtl as um
from unet_mtl.balancing import BALANCERS
from unet_mtl.data.readers import FORMATS, Format
from unet_mtl.data.readers.picture import Header, Picture, Reader, reading
from unet_mtl.decisions.registry import TUNERS
from unet_mtl.inference.engines import ENGINES
from unet_mtl.inference.engines.keras import KerasEngine
from unet_mtl.losses import LOSSES, LossSpec
from unet_mtl.losses.base import PerSampleLoss
from unet_mtl.losses.values import mean_of_known, split_known
from unet_mtl.nn.encoders import ENCODERS, EncoderSpec
from unet_mtl.tasks import TASKS

ROOT = Path(__file__).parents[1]
MAGIC = b"GREY"


# A format: the size as two bytes behind a signature, then the pixels.
def measure_grey(path, frame):
    with reading(path):
        return Header(*path.read_bytes()[4:6])


def read_grey(path, frame):
    header = measure_grey(path, frame)
    pixels = np.frombuffer(path.read_bytes()[6:], np.uint8)
    return Picture(pixels=pixels.reshape(header.height, header.width, 1))


GREY = Format(
    name="GREY", suffixes=(".grey",), reader=Reader(measure_grey, read_grey), signatures=((0, MAGIC),)
)


# An encoder: three levels with uneven widths.
def build_uneven(image, settings):
    x, features = image, []
    for level, width in enumerate((5, 11, 24)):
        x = layers.Conv2D(width, 3, 2 if level else 1, "same", activation="relu", name=f"encoder{level}")(x)
        features.append(x)
    return features


UNEVEN = EncoderSpec(name="uneven", build=build_uneven, strides=lambda settings: [1, 2, 4])


# A loss: the absolute error in standard deviations.
@keras.saving.register_keras_serializable(package="tests")
class AbsoluteLoss(PerSampleLoss):
    def call(self, y_true, y_pred):
        truth, known = split_known(y_true, y_pred.shape[-1], y_pred.dtype)
        return mean_of_known(ops.abs(y_pred - truth), known)


# An engine: the mean over the image and its mirror image.
class MirrorEngine:
    name = "mirror"

    def __init__(self, engine):
        self.engine, self.precision, self.sizes = engine, engine.precision, engine.sizes

    @classmethod
    def load(cls, run):
        return cls(KerasEngine.load(run))

    def __call__(self, inputs):
        flipped = {name: array[:, :, ::-1] if array.ndim == 4 else array for name, array in inputs.items()}
        plain, mirrored = self.engine(inputs), self.engine(flipped)
        return {
            name: (output + (mirrored[name][:, :, ::-1] if output.ndim == 4 else mirrored[name])) / 2
            for name, output in plain.items()
        }


@pytest.fixture
def added(monkeypatch):
    monkeypatch.setitem(FORMATS, "grey", GREY)
    monkeypatch.setitem(ENCODERS, "uneven", UNEVEN)
    monkeypatch.setitem(LOSSES["regression"], "absolute", LossSpec(__name__, "AbsoluteLoss"))
    monkeypatch.setitem(ENGINES, "mirror", MirrorEngine)


@pytest.fixture
def config(write_data, tmp_path):
    """The twelve cases with images in the new format, and a config that names the new parts."""
    folder = tmp_path / "data"
    write_data(folder)
    for path in (folder / "images").iterdir():
        pixels = np.asarray(Image.open(path).convert("L"))
        path.with_suffix(".grey").write_bytes(MAGIC + bytes(pixels.shape) + pixels.tobytes())
        path.unlink()
    description = yaml.safe_load((folder / "dataset.yaml").read_text())
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description | {"images": "images/{case}.grey"}))
    content = {
        "data": "data",
        "tasks": [
            {"kind": "segmentation", "name": "zone"},
            {"kind": "regression", "name": "size", "target": "size_mm", "loss": "absolute"},
        ],
        "preprocess": {"size": [32, 32], "channels": 1},
        "network": {"encoder": "uneven"},
        "training": {"epochs": 1, "batch_size": 4},
        "augment": "none",
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    return tmp_path / "config.yaml"


def test_a_reader_an_encoder_a_loss_and_an_engine_are_added(added, config, tmp_path):
    settings = um.load_config(config)
    assert not um.check(settings.data, settings.tasks).problems
    run = um.train(
        um.read_dataset(settings.data),
        settings.tasks,
        tmp_path / "run",
        **settings.arguments(),
        progress=False,
    )
    assert json.loads((run.path / "tasks.json").read_text())[1]["loss"] == "absolute"
    widths = {int(layer.output.shape[-1]) for layer in keras.saving.load_model(run.network).layers}
    assert {5, 11, 24} <= widths
    paths = [config.parent / "data" / "images"]
    assert len(um.predict(run, paths, tmp_path / "predictions", progress=False)) == 12
    plain, mirrored = um.Predictor.load(run), um.Predictor.load(run, engine="mirror")
    image = np.tile(np.arange(32, dtype=np.uint8) * 7, (32, 1))[..., None]
    left, right = plain(image)["size"].value, plain(image[:, ::-1])["size"].value
    assert mirrored(image)["size"].value == pytest.approx((left + right) / 2, rel=1e-5)
    assert mirrored(image)["size"].value == pytest.approx(mirrored(image[:, ::-1])["size"].value, rel=1e-5)


@pytest.mark.parametrize("part", ["encoder", "loss"])
def test_a_part_that_is_not_registered_is_named(config, part):
    with pytest.raises(um.UnetMtlError, match={"encoder": "uneven", "loss": "absolute"}[part]):
        um.load_config(config, ["tasks.size.loss=huber"] if part == "encoder" else ["network.encoder=plain"])


def test_every_registry_is_documented():
    """The table of CONTRIBUTING.md names each registry with its module, and the module has it."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"`([A-Z]+)(?:\[kind\])?` in `(unet_mtl/[\w/]+\.py)`", text))
    registries = {
        "TASKS": TASKS,
        "ENCODERS": ENCODERS,
        "FORMATS": FORMATS,
        "LOSSES": LOSSES,
        "ENGINES": ENGINES,
        "BALANCERS": BALANCERS,
        "TUNERS": TUNERS,
    }
    assert set(rows) == set(registries)
    for name, module in rows.items():
        assert re.search(rf"^{name}\b.* = ", (ROOT / module).read_text(), flags=re.M), module


def test_the_table_of_packages_is_in_the_order_of_the_layers():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = text.partition("<!-- layers -->")[2].partition("<!-- end of layers -->")[0]
    documented = [
        name
        for row in re.findall(r"^\| (`.*?`) \|", table, flags=re.M)
        for name in row.strip("`").split("`, `")
    ]
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    assert [f"unet_mtl.{name}" for name in documented] == contract["layers"]
