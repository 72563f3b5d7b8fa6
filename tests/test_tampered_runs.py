"""Whatever happens to a file of a run, reading it ends in an error that names the file, or in a correct result."""

import copy
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

import unet_mtl as um
from unet_mtl.errors import RunError, UnetMtlError
from unet_mtl.evaluation.source import cases_to_measure
from unet_mtl.inference.engines import ENGINES
from unet_mtl.inference.engines.keras import KerasEngine
from unet_mtl.inference.predictor import Predictor
from unet_mtl.training.callbacks import load_checkpoint
from unet_mtl.wording import escape_controls

from .inference.brightness import BrightnessEngine

TEXTS = [
    "tasks.json",
    "inputs.json",
    "preprocess.json",
    "environment.json",
    "config.yaml",
    "splits.csv",
    "history.csv",
]
ARCHIVES = ["network.keras", "checkpoint.npz"]
KINDS = ["empty", "cut", "foreign", "other_type", "changed_value", "lost_line", "digit", "flipped"]

ALL = ["predict", "evaluate", "resume"]
USED = {"splits.csv": ["evaluate"], "history.csv": ["history"], "environment.json": ALL, "config.yaml": ALL}
"""The commands that read a file; the others are read by all that load the network."""

OTHER = [
    *(b"null", b"7", b'"x"', b"[]", b"{}", b"[[]]", b"[null]", b'{"a": 1}', b"[" * 3000, b"9" * 5000),
    *(b'{"": {"": []}}', b"2023-13-45", b"- a\n-  b: c: d", b"a,b\n1\n"),
]
"""Contents of another type than that of any file of a run."""


class Variable:
    """What a checkpoint restores."""

    def __init__(self, value):
        self.value, self.shape = value, value.shape

    def __array__(self, dtype=None, copy=None):
        return self.value

    def assign(self, value):
        self.value = value


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.setitem(ENGINES, "keras", BrightnessEngine)


@pytest.fixture(scope="module")
def pristine(trained, tmp_path_factory):
    """Return a copy of the trained run, which each test restores."""
    return um.RunFolder(shutil.copytree(trained.path, tmp_path_factory.mktemp("tampered") / "run"))


@pytest.fixture
def run(pristine, trained):
    yield pristine
    for name in (*TEXTS, *ARCHIVES):
        shutil.copyfile(trained.path / name, pristine.path / name)


@pytest.fixture(scope="module")
def trainer(trained):
    """Return an object with the variables of the checkpoint, which is quicker to make than a network."""
    with np.load(trained.checkpoint) as arrays:
        values = [arrays[f"v{index}"] for index in range(len(arrays.files) - 1)]
    nothing = SimpleNamespace(variables=[])
    variables = SimpleNamespace(variables=[Variable(value) for value in values])
    return SimpleNamespace(
        network=variables, optimizer=nothing, balancer=nothing, average_variables=[], supervision=None
    )


@pytest.fixture(scope="module")
def expected(trained, dataset, trainer, tmp_path_factory):
    """Return the results of the commands for the whole run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "keras", BrightnessEngine)
        out = tmp_path_factory.mktemp("whole")
        results = commands(trained, trained, dataset.records[1].image, trainer, out)
        return {name: read() for name, read in results.items()}


def tamper(kind, path, rng):
    """Yield contents of a file that has been damaged or exchanged."""
    whole = path.read_bytes()
    if kind == "empty":
        yield b""
    elif kind == "cut":
        yield from (whole[:end] for end in {1, len(whole) - 1, *rng.integers(1, len(whole), 4)})
    elif kind == "foreign":
        others = [name for name in (*TEXTS, *ARCHIVES) if name != path.name]
        yield from ((path.parent / name).read_bytes() for name in others)
        yield from (b"\x89PNG\r\n\x1a\n", b"hello\n", b"\xff\xfe\x00")
    elif kind == "other_type":
        yield from rng.permutation(OTHER)[:7].tolist()
    elif kind == "digit":
        places = [i for i, byte in enumerate(whole) if 48 <= byte < 58]
        for place in rng.choice(places, 8) if places else ():
            yield whole[:place] + bytes([48 + (whole[place] - 47) % 10]) + whole[place + 1 :]
    elif kind == "flipped":
        for place in rng.integers(0, len(whole), 8):
            yield whole[:place] + bytes([whole[place] ^ (1 << rng.integers(8))]) + whole[place + 1 :]
    elif kind == "lost_line":
        lines = whole.splitlines(keepends=True)
        yield from (
            b"".join(lines[:line] + lines[line + 1 :]) for line in {0, *rng.integers(0, len(lines), 4)}
        )
    elif path.suffix in (".json", ".yaml"):
        yield from (json.dumps(content).encode() for content in change_values(whole, rng))
    elif path.suffix == ".csv":
        table = pd.read_csv(path, dtype=str)
        for _ in range(4):
            changed = table.copy()
            changed.iloc[rng.integers(len(table)), rng.integers(table.shape[1])] = "other"
            yield changed.to_csv(index=False).encode()


def change_values(whole, rng, n=8):
    """Yield the content with one value replaced, somewhere in its tree."""
    content = yaml.safe_load(whole)
    for _ in range(n):
        changed = copy.deepcopy(content)
        node = changed
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = keys[rng.integers(len(keys))]
            if not isinstance(node[key], dict | list) or not node[key] or rng.random() < 0.2:
                break
            node = node[key]
        node[key] = [None, "x", -1, 10**400, [], {}, 0.5, "\x1b[31m"][rng.integers(8)]
        yield changed


def commands(run, trained, image, trainer, out):
    """Return what the reading commands do, by name."""

    def predict():
        table = um.predict(run, [image], out, progress=False)
        return [*table.astype(str).iloc[0], (out / "zone" / f"{image.stem}.png").read_bytes()]

    def evaluate():
        name, dataset = cases_to_measure(run, None, None)
        return [name, *(record.case for record in dataset), len(Predictor.load(run).tasks)]

    def resume():
        run.require_settings(trained.read_config())
        stored = trained.read_environment()
        run.require_facts({key: stored[key] for key in ("seed", "precision", "data_hash")})
        progress = load_checkpoint(run, trainer)
        return [progress.epochs, progress.best_epoch, *(v.value.sum() for v in trainer.network.variables)]

    return {
        "predict": predict,
        "evaluate": evaluate,
        "resume": resume,
        "history": lambda: len(run.read_history()),
    }


def attempt(read):
    """Return what a command returns, and the message if it ends in an error of this package."""
    try:
        return read(), ""
    except UnetMtlError as error:
        return None, str(error)


def assert_read_or_named(name, found, expected):
    """Run the commands: each ends in an error that names the file, or gives what the whole run gives."""
    for command in USED.get(name, ["predict"]):
        result, message = attempt(found[command])
        if message:
            lines = message.splitlines()
            assert all(
                line.strip() and escape_controls(line).isprintable() and len(line) < 1500 for line in lines
            )
            # A config may describe other data, and a changed hash is one of changed data.
            assert name in ("config.yaml", "environment.json") or any(name in line for line in lines), message
        else:
            # A shorter history may be whole.
            assert result == expected[command] or name in ("config.yaml", "history.csv")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_tampered_text(run, trained, dataset, trainer, plain, expected, tmp_path, name, kind):
    rng = np.random.default_rng(TEXTS.index(name))
    found = commands(run, trained, dataset.records[1].image, trainer, tmp_path)
    contents = list(tamper(kind, run.path / name, rng))
    for content in contents[: 4 if name == "config.yaml" else None]:  # YAML is slow to parse
        (run.path / name).write_bytes(content)
        assert_read_or_named(name, found, expected)
        shutil.copyfile(trained.path / name, run.path / name)


@pytest.mark.parametrize("kind", ["empty", "cut", "foreign", "flipped"])
def test_a_tampered_checkpoint(run, trained, trainer, kind):
    expected = load_checkpoint(trained, trainer)
    for content in tamper(kind, run.checkpoint, np.random.default_rng(1)):
        run.checkpoint.write_bytes(content)
        found, message = attempt(lambda: load_checkpoint(run, trainer))
        assert "checkpoint.npz" in message or (kind == "flipped" and found == expected)
        shutil.copyfile(trained.checkpoint, run.checkpoint)


@pytest.mark.parametrize("kind", ["empty", "cut", "foreign", "flipped"])
def test_a_tampered_network(run, trained, kind):
    expected = KerasEngine.load(trained).network.get_weights() if kind == "flipped" else ()
    for content in tamper(kind, run.network, np.random.default_rng(1)):
        run.network.write_bytes(content)
        found, message = attempt(lambda: KerasEngine.load(run).network.get_weights())
        assert "network.keras" in message or kind == "flipped"
        assert "not found" not in message
        for a, b in zip(found or expected, expected, strict=True):  # the flipped bit is one of a time stamp
            np.testing.assert_array_equal(a, b)
        shutil.copyfile(trained.network, run.network)


def test_a_file_of_another_run(run, trained):
    """It is valid, but belongs to other data."""
    tasks = trained.read_tasks()
    (number,) = tasks[2].numbers
    tasks[2] = tasks[2].model_copy(update={"numbers": (number.model_copy(update={"mean": 40.0}),)})
    others = {
        "tasks.json": json.dumps([task.to_config() for task in tasks]),
        "preprocess.json": json.dumps(trained.read_preprocess().to_config() | {"intensity": "percentile"}),
        "inputs.json": json.dumps({"image": True, "tables": []}),
        "splits.csv": trained.read_splits().replace({"split": {"train": "test", "test": "train"}}).to_csv(),
    }
    readers = {"tasks.json": run.read_tasks, "preprocess.json": run.read_preprocess}
    readers |= {"inputs.json": run.read_inputs, "splits.csv": run.read_splits}
    for name, content in others.items():
        (run.path / name).write_text(content)
        with pytest.raises(
            RunError, match=rf"{name} cannot be read .*its checksum is not that in environment\.json"
        ):
            readers[name]()


def test_a_network_of_another_run(run, trained, dataset):
    """Its tasks have other names, or another number of classes, or it has no tasks at all."""
    import keras

    tasks = trained.read_tasks()
    renamed = [task.model_copy(update={"name": f"{task.name}_2"}) for task in tasks]
    fewer = [tasks[0].model_copy(update={"classes": tasks[0].classes[:2]}), *tasks[1:]]
    for others in (renamed, fewer):
        network = um.build_network(others, size=(32, 32), settings=um.NetworkSettings(width=2, levels=2))
        network.save(run.network)
        with pytest.raises(RunError, match=r"network\.keras belongs to another run, since its outputs are"):
            KerasEngine.load(run)
    features = keras.Input((2,))
    keras.Model(features, keras.layers.Dense(1)(features)).save(run.network)
    with pytest.raises(
        RunError, match=r"network\.keras cannot be read \(ValueError: its outputs have no names"
    ):
        KerasEngine.load(run)


@pytest.mark.parametrize("name", [*TEXTS[:6], "network.keras"])
def test_a_command_prints_one_line(run, command, dataset, tmp_path, name):
    path = run.path / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    data = dataset.records[1].image
    calls = {"predict": [data, "--out", tmp_path], "overlay": [data, "--out", tmp_path], "evaluate": []}
    unread = {"splits.csv": ["predict", "overlay"], "config.yaml": ["overlay"]}
    for unread_by in unread.get(name, []):
        del calls[unread_by]
    for name_of_command, arguments in calls.items():
        code, _, lines = command(name_of_command, run.path, *arguments)
        assert code == 1
        assert len(lines) == 1
        assert lines[0].startswith(f"error: {path}")
        assert lines[0].endswith("; restore the file from a copy of the run, or train again")


def test_a_run_of_another_format_says_what_to_do(run):
    path = run.path / "environment.json"
    content = json.loads(path.read_text())
    assert content["format"] == 1
    path.write_text(json.dumps({"format": 2, "packages": {"unet-mtl": "0.9"}}))
    with pytest.raises(
        RunError, match=r"environment\.json: the run has format 2, and unet-mtl .* install .*0\.9"
    ):
        um.RunFolder.open(run)


def test_a_run_of_unet_mtl_0_1_opens(run, trained, plain):
    """Such runs have neither a format nor checksums nor the outputs of the network."""
    path = run.path / "environment.json"
    content = json.loads(path.read_text())
    old = {key: value for key, value in content.items() if key not in ("format", "sha256", "outputs")}
    assert len(content) - len(old) == 3
    path.write_text(json.dumps(old))
    assert Predictor.load(run).tasks == tuple(trained.read_tasks())
    run.require_outputs({"zone": (32, 32, 3), "diagnosis": (3,), "size": (1,), "side": (1,)})
    with pytest.raises(RunError, match="belongs to another run"):
        run.require_outputs({"zone": (32, 32, 3)})
