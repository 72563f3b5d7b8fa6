"""Runs that read only columns: training, evaluation, and prediction through the command line."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from unet_mtl import Predictor, evaluate
from unet_mtl.cli import app
from unet_mtl.errors import DataError
from unet_mtl.inference.columns import describe_unmatched

ROOT = Path(__file__).parents[2]
CONFIG = """\
data: set
inputs:
  clinical: {columns: [age, device, biopsy], hidden: [8]}
tasks:
  - {kind: classification, name: diagnosis}
  - {kind: regression, name: size}
network: {trunk: [16]}
training: {epochs: 15, batch_size: 16, learning_rate: 0.02}
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def output_of(result):
    """The output of a command, with the error that `main` would print."""
    return " ".join(f"{result.output} {result.exception}".split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set without images. The targets follow from the columns, some of which are unknown."""
    folder = tmp_path_factory.mktemp("columns")
    rng = np.random.default_rng(0)
    age = rng.uniform(30, 80, 120)
    device = rng.choice(["A", "B"], 120)
    table = pd.DataFrame(
        {
            "case": [f"c{i:03d}" for i in range(120)],
            "age": age.round(1).astype(str),
            "device": device,
            "biopsy": rng.choice(["yes", "no"], 120),
            "diagnosis": np.where(age > 55, "old", "young"),
            "size": (age / 10 + 3 * (device == "B")).round(2).astype(str),
        }
    )
    for column, share in (("age", 0.1), ("device", 0.2), ("diagnosis", 0.3), ("size", 0.5)):
        table.loc[rng.random(120) < share, column] = ""
    (folder / "set").mkdir()
    table.to_csv(folder / "set" / "cases.csv", index=False)
    description = {
        "table": "cases.csv",
        "columns": {
            "age": {"unit": "years"},
            "device": {"type": "category"},
            "biopsy": {"type": "yes/no"},
            "diagnosis": {"classes": ["young", "old"]},
            "size": {"unit": "mm"},
        },
    }
    (folder / "set" / "dataset.yaml").write_text(yaml.safe_dump(description))
    (folder / "config.yaml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    result = run("train", folder / "config.yaml", "--run", folder / "run")
    assert result.exit_code == 0, result.output
    return folder / "run"


def test_a_table_alone_is_checked(folder):
    result = run("check", folder / "set")
    assert result.exit_code == 0, result.output
    assert "120" in result.output


def test_a_table_alone_is_learned_and_measured(trained):
    evaluation = evaluate(trained, progress=False)
    table = evaluation.scores.set_index(["task", "score"])
    assert table.loc[("diagnosis", "accuracy"), "value"] > 0.85
    # A tenth of the ages is unknown, which limits the score.
    assert table.loc[("size", "r2"), "value"] > 0.5
    assert not (evaluation.folder / "overlays").exists()


def test_predict_reads_a_table(trained, folder, tmp_path):
    new = pd.DataFrame(
        {
            "case": ["old", "young", "unseen", "nothing"],
            "age": ["75", "35", "75", ""],
            "device": ["A", "B", "C", ""],
            "biopsy": ["Y", "false", "1", "no"],
        }
    )
    new.to_csv(tmp_path / "new.csv", index=False)
    result = run("predict", trained, "--table", tmp_path / "new.csv", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "4 cases predicted" in result.output
    found = pd.read_csv(tmp_path / "out" / "predictions.csv").set_index("case")
    assert found["diagnosis"].to_dict() | {"nothing": ""} == {
        "old": "old",
        "young": "young",
        "unseen": "old",
        "nothing": "",
    }
    assert found["unknown_columns"].fillna("").to_list() == ["", "", "device=C", "age;device"]
    assert "2 of them with columns that are unknown or were never seen in training" in result.output
    assert np.isfinite(found["size_mm"]).all()
    # An unseen device is predicted between the known ones, which differ by 3.
    assert found.loc["old", "size_mm"] - 2 < found.loc["unseen", "size_mm"] < found.loc["old", "size_mm"] + 5
    # Python gives the same answer.
    answer = Predictor.load(trained)(columns={"age": 75.0, "device": "A", "biopsy": "yes"})
    assert answer["size"].value == pytest.approx(found.loc["old", "size_mm"], abs=1e-3)


def test_a_wrong_cell_is_its_rows_error_alone(trained, tmp_path):
    (tmp_path / "new.csv").write_text(
        "case,age,device,biopsy\na,old,A,yes\nb,50,A,perhaps\nc,50,A,no\nd,,,\n"
    )
    result = run("predict", trained, "--table", tmp_path / "new.csv", "--out", tmp_path / "out")
    assert result.exit_code == 1
    found = pd.read_csv(tmp_path / "out" / "predictions.csv").set_index("case")
    assert "age is 'old', which is not a number" in found.loc["a", "error"]
    assert "biopsy is 'perhaps', which is not among its classes (no, yes)" in found.loc["b", "error"]
    assert pd.isna(found.loc["c", "error"])
    assert "'biopsy' is known, and the run was not trained to do without" in found.loc["d", "error"]
    assert found["size_mm"].notna().to_list() == [False, False, True, False]


@pytest.mark.parametrize(
    ("table", "more", "words"),
    [
        (
            "case,age,device\na,1,A\n",
            [],
            "no column 'biopsy'; it has 'case', 'age', 'device'; empty cells are unknown",
        ),
        ("name,age,device,biopsy\na,1,A,y\n", [], "no column 'case'; .* with (`case_column`|--case-column)"),
        ("case,age,device,biopsy\na,1,A,y\na,2,A,y\n", [], "case 'a' has several rows"),
        ("case,age,device,biopsy\n,1,A,y\n", [], "row 1 below the header has no 'case'"),
        ("case,age,device,biopsy\na,1,A,y\n", ["set"], "the run reads no images; leave them out"),
        (None, [], "the run reads only columns; give the table"),
    ],
)
def test_tables_that_cannot_be_used(trained, folder, tmp_path, table, more, words):
    options = []
    if table is not None:
        (tmp_path / "new.csv").write_text(table)
        options = ["--table", tmp_path / "new.csv"]
    result = run("predict", trained, *(folder / name for name in more), *options, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert re.search(words, output_of(result)), output_of(result)
    assert not (tmp_path / "out").exists()


def test_overlays_need_images(trained, tmp_path):
    result = run("overlay", trained, ROOT / "data_samples" / "phantom" / "images", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "reads no images; there is nothing to draw on" in output_of(result)


def test_a_table_alone_cannot_be_repaired(folder):
    result = run("check", folder / "set", "--fix", folder / "fixed")
    assert result.exit_code == 1
    assert "has only a table and no images to repair; correct its cells" in output_of(result)
    assert not (folder / "fixed").exists()


def test_rows_without_an_image_are_named_or_refused(tmp_path):
    path = tmp_path / "new.csv"
    rows = {"a": {}, "b": {}, "P-07": {}}
    assert describe_unmatched(path, rows, ["x/a", "b", "P-07", "more"]) == ""
    assert (
        describe_unmatched(path, rows, ["x/a", "p7"])
        == f"{path}: 2 of 3 rows without an image: 'b', 'P-07'; 'P-07' may be image 'p7'"
    )
    with pytest.raises(
        DataError, match=r"1 of 1 row without an image: .* may be image 'x/a'; correct the names"
    ):
        describe_unmatched(path, {r"x\a": {}}, ["x/a"])
    with pytest.raises(DataError, match=r"3 of 3 rows without an image: .*`case_column`"):
        describe_unmatched(path, rows, ["1", "2"])
