"""From a table with missing labels to pictures: every n equals the count in the files."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from unet_mtl.cli import app

PHANTOM = Path(__file__).parents[2] / "data_samples" / "phantom"
COLUMNS = {"diagnosis": "diagnosis", "diameter": "lesion_diameter_mm"}
SMALL = "preprocess.size=[64,64] network.width=2 network.levels=2 training.epochs=1 precision=float32"
N = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Thirty cases of the phantom without half of the masks, 70 % of the diagnoses and 95 % of the diameters.

    One diameter is left in train, none in validation, one in test.
    """
    path = shutil.copytree(PHANTOM, tmp_path_factory.mktemp("holes") / "phantom")
    rng = np.random.default_rng(22)
    table = pd.read_csv(path / "cases.csv", dtype=str, keep_default_na=False).head(N)
    table.loc[rng.random(N) < 0.7, "diagnosis"] = ""
    table.loc[rng.random(N) < 0.95, "lesion_diameter_mm"] = ""
    table.to_csv(path / "cases.csv", index=False)
    pd.read_csv(path / "splits.csv").head(N).to_csv(path / "splits.csv", index=False)
    for case in table["case"][rng.random(N) < 0.5]:
        (path / "masks" / f"{case}.png").unlink(missing_ok=True)
    return path


@pytest.fixture(scope="module")
def printed(folder, drawing):
    """The output of each command; the run is in folder/run."""
    outputs = {}
    run = str(folder / "run")
    commands = {
        "train": [
            "train",
            str(folder / "config.yaml"),
            *SMALL.split(),
            "training.spread_labels=true",
            "--run",
            run,
        ],
        "val": ["evaluate", run, "--split", "val"],
        "test": ["evaluate", run],
    }
    for name, arguments in commands.items():
        with drawing():
            done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        outputs[name] = done.output
    return outputs


@pytest.fixture(scope="module")
def labelled(folder, printed):
    """The number of labels of each task and split, counted in the files."""
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    split = pd.read_csv(folder / "run" / "splits.csv").set_index("case")["split"]
    known = pd.DataFrame({task: table[column].to_numpy() != "" for task, column in COLUMNS.items()})
    known["mask"] = [(folder / "masks" / f"{case}.png").is_file() for case in table["case"]]
    return known.groupby(split.loc[table["case"]].to_numpy()).sum().to_dict()


@pytest.mark.slow
def test_the_output_of_train_and_the_run_have_n(folder, printed, labelled):
    assert sum(labelled["mask"].values()) < 0.7 * N
    assert 0 in labelled["diameter"].values()
    for task, n in labelled.items():
        line = rf"{task} +labelled: {n['train']} train, {n['val']} validation, {n['test']} test"
        assert re.search(line, printed["train"]), line
    assert json.loads((folder / "run" / "environment.json").read_text())["labels"] == labelled


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.slow
def test_table_summary_and_pictures_of_a_split(folder, printed, labelled, split):
    written = folder / "run" / "evaluation" / split
    rows = json.loads((written / "summary.json").read_text())["scores"]
    for task, counts in labelled.items():
        n = counts[split]
        own = [row for row in rows if row["task"] == task]
        if n:
            assert {row["n"] + row["n_undefined"] for row in own} == {n}
        else:
            assert [(row["score"], row["n"]) for row in own] == [("no labelled case", 0)]
            assert re.search(rf"{task} +no labelled case +0", printed[split])
        assert len(list(written.glob(f"{task}_*.png"))) == (n > 0)
    cases = pd.read_csv(written / "cases.csv")
    assert cases["mask_lesion_tp"].notna().sum() == labelled["mask"][split]


@pytest.mark.slow
def test_pictures_of_training(folder, printed):
    assert (folder / "run" / "curves.png").stat().st_size > 20_000
