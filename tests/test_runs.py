"""A damaged file of a run is an error that names the file and the reason."""

import json
import shutil

import pytest

from unet_mtl import RunFolder
from unet_mtl.errors import RunError


@pytest.fixture
def run(trained, tmp_path):
    return RunFolder(shutil.copytree(trained.path, tmp_path / "run"))


READERS = {
    "config.yaml": ["read_config", "read_description", "read_consistency"],
    "tasks.json": ["read_tasks"],
    "inputs.json": ["read_inputs"],
    "preprocess.json": ["read_preprocess"],
    "splits.csv": ["read_splits"],
    "environment.json": ["read_environment"],
    "history.csv": ["read_history"],
}


@pytest.mark.parametrize("content", [b"", b"{[", b"\xff\xfe\x00", b"[1, 2]", b"7"])
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_named(run, name, content):
    (run.path / name).write_bytes(content)
    for reader in READERS[name]:
        with pytest.raises(RunError, match=name):
            getattr(run, reader)()


def test_wrong_values_are_named_with_their_place(run):
    path = run.path / "tasks.json"
    tasks = json.loads(path.read_text())
    path.write_text(json.dumps([tasks[0] | {"weight": -1}, tasks[1] | {"kind": "counts"}]))
    with pytest.raises(RunError) as caught:
        run.read_tasks()
    first, second = str(caught.value).splitlines()
    assert "tasks.json: 0.weight: " in first
    assert "(received -1)" in first
    assert "tasks.json: 1: 'kind' is 'counts'; there is 'segmentation'" in second
    for content, names in (([], r"\[\]"), ([tasks[0], tasks[0]], r"\['zone', 'zone'\]")):
        path.write_text(json.dumps(content))
        with pytest.raises(
            RunError, match=rf"tasks\.json cannot be read .*expected one task .* received {names}"
        ):
            run.read_tasks()
    environment = run.path / "environment.json"
    environment.write_text(json.dumps({"seed": 7, "precision": "float32"}))
    with pytest.raises(RunError, match=r"environment\.json: data_hash: this setting is missing; restore"):
        run.read_environment()
