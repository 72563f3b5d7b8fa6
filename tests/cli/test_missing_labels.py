"""From a table with holes to pictures: each n is what pandas counts in the files."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unet_mtl.cli import main
from unet_mtl.evaluation import summary

PHANTOM = Path(__file__).parents[2] / "data_samples" / "phantom"
COLUMNS = {"diagnosis": "diagnosis", "diameter": "lesion_diameter_mm"}
SMALL = "preprocess.size=[64,64] network.width=2 network.levels=2 training.epochs=1 precision=float32"
N = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Thirty cases of the phantom, half of the masks, 70 % of the diagnoses, 95 % of the diameters removed.

    One diameter is left in train, none in validation, one in test.
    """
    path = shutil.copytree(PHANTOM, tmp_path_factory.mktemp("holes") / "phantom")
    rng = np.random.default_rng(4)
    table = pd.read_csv(path / "cases.csv", dtype=str, keep_default_na=False).head(N)
    table.loc[rng.random(N) < 0.7, "diagnosis"] = ""
    table.loc[rng.random(N) < 0.95, "lesion_diameter_mm"] = ""
    table.to_csv(path / "cases.csv", index=False)
    for case in table["case"][rng.random(N) < 0.5]:
        (path / "masks" / f"{case}.png").unlink(missing_ok=True)
    return path


@pytest.fixture(scope="module")
def printed(folder, drawing):
    """By command, what it wrote on the screen; the run is in folder/run."""
    import contextlib
    import io

    found = {}
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
        screen = io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(screen),
            contextlib.redirect_stderr(screen),
            drawing(),
        ):
            patch.setattr(sys, "argv", ["unet-mtl", *arguments])
            for kind in summary.RESAMPLES:
                patch.setitem(summary.RESAMPLES, kind, 50)
            with pytest.raises(SystemExit) as ended:
                main()
        assert ended.value.code == 0, screen.getvalue()
        found[name] = screen.getvalue()
    return found


@pytest.fixture(scope="module")
def labelled(folder, printed):
    """By task and split, counted from the files."""
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    split = pd.read_csv(folder / "run" / "splits.csv").set_index("case")["split"]
    known = pd.DataFrame({task: table[column].to_numpy() != "" for task, column in COLUMNS.items()})
    known["mask"] = [(folder / "masks" / f"{case}.png").is_file() for case in table["case"]]
    return known.groupby(split.loc[table["case"]].to_numpy()).sum().to_dict()


def test_the_start_of_train_and_the_run_say_n(folder, printed, labelled):
    assert sum(labelled["mask"].values()) < 0.7 * N
    assert 0 in labelled["diameter"].values()
    for task, n in labelled.items():
        line = rf"{task} +labelled: {n['train']} train, {n['val']} validation, {n['test']} test"
        assert re.search(line, printed["train"]), line
    assert json.loads((folder / "run" / "environment.json").read_text())["labels"] == labelled


@pytest.mark.parametrize("split", ["val", "test"])
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


def test_pictures_of_training(folder, printed):
    assert (folder / "run" / "curves.png").stat().st_size > 20_000
