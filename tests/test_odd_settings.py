"""Settings that no user means: each of them is one line of an error with its place, and never a traceback."""

from contextlib import suppress

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from unet_mtl.config import Config, TrainingSettings, load_config
from unet_mtl.data.description import Description, MaskDescription
from unet_mtl.data.records import scan_dataset
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.errors import UnetMtlError
from unet_mtl.nn.settings import NetworkSettings

LONG = "n" * 300
DESCRIPTION = {
    "table": "cases.csv",
    "patient": "patient",
    "images": "images/{case}.png",
    "masks": {"zone": {"path": "masks/{case}.png", "classes": ["background", "zone"]}},
    "columns": {"label": {"classes": ["x", "y"]}, "size": {}},
    "spacing_mm": "spacing",
}
CONFIG = {"data": ".", "tasks": [{"kind": "classification", "name": "label"}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    (folder / "images").mkdir()
    for case in "abcd":
        Image.fromarray(np.full((8, 8), 40, np.uint8)).save(folder / "images" / f"{case}.png")
    rows = ["a,p,x,1,0.1", "b,q,y,2,0.2", "c,r,x,3,1", "d,s,y,1,2"]
    (folder / "cases.csv").write_text("\n".join(["case,patient,label,size,spacing", *rows]))
    return folder


def load(folder, description, config):
    """Read everything that is read before a file is opened."""
    for name, content in (("dataset.yaml", DESCRIPTION | description), ("config.yaml", CONFIG | config)):
        (folder / name).write_text(yaml.safe_dump(content))
    loaded = load_config(folder / "config.yaml")
    dataset, _ = scan_dataset(loaded.data)
    return split_dataset(dataset, loaded.split)


def problems_of(folder, description, config):
    with pytest.raises(UnetMtlError) as caught:
        load(folder, description, config)
    return str(caught.value).splitlines()


def test_the_settings_without_a_change_are_good(folder):
    assert sum(map(len, load(folder, {}, {}).values())) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patient": ""}, "dataset.yaml: patient: the name is empty; give a name, or remove the setting"),
        ({"split": " "}, "dataset.yaml: split: the name is empty"),
        ({"spacing_mm": ""}, "dataset.yaml: spacing_mm: expected millimetres above 0"),
        ({"spacing_mm": ["", 1]}, "dataset.yaml: spacing_mm: expected millimetres above 0"),
        ({"frame": ""}, "dataset.yaml: frame: expected a whole number of at least 0"),
        ({"root": "~nouser"}, "dataset.yaml: root: '~nouser' is not a path that can be used"),
        ({"root": "a\0b"}, "dataset.yaml: root: 'a\\x00b' is not a path that can be used"),
        ({"root": LONG}, f"{LONG}: no such folder"),
        ({"table": LONG}, f"{LONG}: the table cannot be read (no such file)"),
    ],
)
def test_a_description(folder, change, message):
    (problem,) = problems_of(folder, change, {})
    assert message in problem


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"preprocess": {"size": [10**6, 256]}}, "preprocess.size.0: "),
        ({"network": {"width": 10**6}}, "network.width: "),
        ({"network": {"trunk": [10**6]}}, "network.trunk.0: "),
        ({"training": {"workers": 10**6}}, "training.workers: "),
        ({"seed": 10**30}, "seed: "),
        ({"split": {"table": "~nouser"}}, "split.table: '~nouser' is not a path that can be used"),
        ({"split": {"table": LONG}}, f"{LONG}: no such file"),
        ({"inputs": {LONG: ["size"]}}, "inputs: expected a name of at most 100 letters"),
        ({"tasks": [{"kind": "classification", "name": LONG, "target": "label"}]}, f"tasks.{LONG}.name: "),
        ({"data": LONG}, f"{LONG}: no such folder"),
    ],
)
def test_a_config(folder, change, place):
    (problem,) = problems_of(folder, {}, change)
    assert place in problem


TEXTS = [
    "",
    " ",
    LONG,
    "a\0b",
    "~nouser",
    "/",
    "..",
    "*",
    "{case",
    "{}",
    "{case.__class__}",
    "\x1b[31m",
    "\u202e",
]
TEXTS += ["2023-02-30", "1_0", f"{LONG}/{{case}}.png", f"{{case}}/{LONG}*.png"]
NUMBERS = [10**30, -(10**30), 10**6, -1, 1e308, float("inf"), float("nan"), True, None]
GROUPED = [[], {}, [[[[]]]], {"": ""}, {10**20: 1}, [10**6, 10**6], [None]]
ODD = st.sampled_from([*TEXTS, *NUMBERS, *GROUPED])
GROUPS = {"network": NetworkSettings, "training": TrainingSettings, "split": SplitSettings}


def places():
    """Draw a change of one setting."""
    top = st.tuples(st.just("description"), st.sampled_from(sorted(Description.model_fields)), st.none())
    mask = st.tuples(st.just("mask"), st.sampled_from(sorted(MaskDescription.model_fields)), st.none())
    config = st.tuples(st.just("config"), st.sampled_from(sorted(Config.model_fields)), st.none())
    groups = st.sampled_from([(name, field) for name, kind in GROUPS.items() for field in kind.model_fields])
    return top | mask | config | groups.map(lambda pair: ("config", *pair))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places(), ODD)
def test_no_setting_ends_in_a_traceback(folder, place, odd):
    where, name, inner = place
    content = {name: odd} if inner is None else {name: {inner: odd}}
    if where == "mask":
        content = {"masks": {"zone": DESCRIPTION["masks"]["zone"] | content}}
    with suppress(UnetMtlError):
        load(folder, *((content, {}) if where != "config" else ({}, content)))
