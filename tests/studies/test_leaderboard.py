"""The table of runs, from copies of one run whose files are edited."""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml

import unet_mtl as um
from unet_mtl.errors import ConfigError, RunError
from unet_mtl.studies.leaderboard import to_markdown


@pytest.fixture
def folder(trained, tmp_path):
    """Return a folder with two runs that differ, a broken one, one without an epoch, and a config that is no run."""
    for name in ("deep/a", "b", "broken", "fresh"):
        shutil.copytree(trained.path, tmp_path / name)
    other = um.RunFolder(tmp_path / "b")
    config = other.read_config()
    config["training"]["batch_size"], config["network"]["width"] = 7, 99
    config["tasks"][0]["weight"] = 2.5
    other.config.write_text(yaml.safe_dump(config))
    history = other.read_history()
    history["val_zone_dice"], history["val_diagnosis_f1"] = [0.1, 0.9, 0.9, 0.2], [0.4, 0.5, 0.6, 0.7]
    history["seconds"] = [30.0, 30.0, 60.0, 60.0]
    other.write_history(history.to_dict("records"))
    rows = [
        ("zone", "dice", 0.75),
        ("diagnosis", "accuracy", 0.5),
        ("diagnosis", "f1", None),
        ("size", "bias", 1),
    ]
    scores = [{"task": task, "score": score, "value": value} for task, score, value in rows]
    other.evaluation("test").mkdir(parents=True)
    (other.evaluation("test") / "summary.json").write_text(json.dumps({"scores": scores}))
    (tmp_path / "broken" / "environment.json").write_text("{")
    fresh = um.RunFolder(tmp_path / "fresh")
    for path in (fresh.history, fresh.network):
        path.unlink()
    (tmp_path / "config.yaml").write_text("data: .\n")
    return tmp_path


def test_one_row_for_each_run(folder, trained):
    table = um.list_runs(folder).set_index("run")
    assert list(table.index) == ["b", "broken", "deep/a", "fresh"]
    assert "broken/environment.json cannot be read" in table.loc["broken", "problem"]
    assert table.drop("broken")["problem"].isna().all()
    assert table.loc["deep/a", "data"] == trained.read_environment()["data_hash"][:8]
    row = table.loc["b"]
    assert (row["minutes"], row["epochs"], row["kept_epoch"]) == (3.0, 4, 2)
    assert (row["val_zone_dice"], row["val_diagnosis_f1"]) == (0.9, 0.5)
    assert (row["test_zone_dice"], row["test_diagnosis_accuracy"]) == (0.75, 0.5)
    assert "test_diagnosis_f1" not in table
    assert table.loc["fresh", "epochs"] == 0
    assert pd.isna(table.loc["fresh", "kept_epoch"])


def test_the_settings_that_differ(folder):
    table = um.list_runs(folder).set_index("run")
    known = ["problem", "data", "minutes", "epochs", "kept_epoch"]
    settings = [c for c in table if c not in known and not c.startswith(("val_", "test_"))]
    assert sorted(settings) == ["network.width", "tasks.zone.weight", "training.batch_size"]
    assert table.loc["b", settings].to_dict() == {
        "network.width": 99,
        "tasks.zone.weight": 2.5,
        "training.batch_size": 7,
    }


def test_the_best_runs_come_first(folder, tmp_path):
    by_dice = um.list_runs(folder, sort="val_zone_dice", csv=tmp_path / "out" / "runs.csv")
    assert by_dice["run"].iloc[0] == "b"
    assert by_dice["val_zone_dice"].dropna().is_monotonic_decreasing
    assert um.list_runs(folder, sort="val_size_mae")["val_size_mae"].dropna().is_monotonic_increasing
    by_name = um.list_runs(folder, sort="val size mae")  # as the column is called on the screen
    assert by_name["run"].tolist() == um.list_runs(folder, sort="val_size_mae")["run"].tolist()
    assert um.list_runs(folder, sort="minutes")["minutes"].dropna().is_monotonic_increasing
    written = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert list(written["run"]) == list(by_dice["run"])


def test_the_kept_epoch_is_that_of_the_training(trained):
    """The saved network is the one of the epoch with the best Dice of the first task."""
    history = trained.read_history()
    row = um.list_runs(trained.path).iloc[0]
    assert row["kept_epoch"] == history["val_zone_dice"].idxmax() + 1
    assert row["val_zone_dice"] == history["val_zone_dice"].max()


def test_what_cannot_be_listed(tmp_path, folder):
    with pytest.raises(RunError, match="no such folder"):
        um.list_runs(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="no run in this folder"):
        um.list_runs(tmp_path / "empty")
    with pytest.raises(ConfigError, match="`sort` is 'dice'; expected a column: run, problem, data"):
        um.list_runs(folder, sort="dice")


def test_markdown():
    table = pd.DataFrame({"run": ["a|b", "c"], "epochs": [4.0, 12.0], "val_dice": [0.12345, None]})
    assert to_markdown(table).splitlines() == [
        "| run | epochs | val_dice |",
        "| --- | --- | --- |",
        r"| a\|b | 4 | 0.123 |",
        "| c | 12 |  |",
    ]


def test_the_command(folder, command):
    code, printed, errors = command("runs", folder, "--sort", "val_zone_dice")
    assert (code, errors) == (0, [])
    assert "4 runs" in printed
    assert "broken: " in printed
    code, printed, _ = command("runs", folder, "--markdown")
    assert code == 0
    assert printed.startswith("| run | problem | data |")


@pytest.mark.slow
def test_it_starts_without_tensorflow(folder):
    code = (
        "import sys, unet_mtl; unet_mtl.list_runs(sys.argv[1]);"
        "print([name for name in ('tensorflow', 'keras', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
