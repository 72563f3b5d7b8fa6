"""Rows of the summary table: the cases and patients behind each figure, labels and headlines."""

import inspect
import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unet_mtl.api import score
from unet_mtl.cli.tables import print_scores

DOCS = Path(__file__).parents[2] / "docs"


def measure(truth, prediction, **options):
    return score(truth, prediction, **{"progress": False} | options)


def rows_of(evaluation):
    return evaluation.scores.set_index("score")


@pytest.fixture
def rare(write_masks):
    """Class 2 occurs only in case a; class 3 has a name but no pixel."""
    truth = write_masks("truth", a=[[0, 1, 2, 2, 0]], b=[[0, 1, 1, 0, 0]], c=[[1, 1, 0, 0, 0]])
    prediction = write_masks("prediction", a=[[0, 1, 2, 0, 0]], b=[[0, 1, 1, 1, 0]], c=[[0, 1, 0, 0, 0]])
    return truth, prediction


NAMES = ["background", "x", "y", "z"]


def test_a_class_that_nobody_has_is_undefined_when_pooled(rare):
    rows = rows_of(measure(*rare, classes=NAMES))
    for name in ("dice", "iou", "precision", "recall", "mcc"):
        line = rows.loc[f"pooled_{name}_z"]
        assert line[["value", "low", "high"]].isna().all(), name
        assert line[["n", "n_undefined"]].tolist() == [0, 3]
        assert rows.loc[f"pooled_{name}_x", ["n", "n_undefined"]].tolist() == [3, 0]
    assert (rows["n"] + rows["n_undefined"] == 3).all()


def test_a_pooled_interval_needs_two_patients_with_the_class(rare):
    found = measure(*rare, classes=NAMES)
    for name in ("dice", "iou", "precision", "recall", "mcc"):
        line = rows_of(found).loc[f"pooled_{name}_y"]
        assert not math.isnan(line["value"])
        assert line[["low", "high"]].isna().all(), name
        assert line["n"] == 3
        assert rows_of(found).loc[f"pooled_{name}_x", ["low", "high"]].notna().all()


def test_two_cases_of_one_patient_are_one_patient(write_masks, tmp_path):
    truth = write_masks("truth", a=[[0, 0, 0]], b=[[0, 1, 1]], c=[[0, 0, 1]])
    prediction = write_masks("prediction", a=[[0, 0, 0]], b=[[0, 0, 1]], c=[[0, 0, 1]])

    def interval(b, c):
        (tmp_path / "table.csv").write_text(f"case,patient\na,p\nb,{b}\nc,{c}\n")
        found = measure(truth, prediction, patients=tmp_path / "table.csv")
        return rows_of(found).loc["pooled_dice", ["low", "high"]]

    assert interval("q", "q").isna().all()
    assert interval("q", "r").notna().all()


def test_a_class_that_is_predicted_alone_is_somebodys(write_masks):
    truth = write_masks("truth", a=[[0, 0]], b=[[0, 0]], c=[[0, 1]])
    prediction = write_masks("prediction", a=[[0, 1]], b=[[0, 1]], c=[[0, 1]])
    assert rows_of(measure(truth, prediction)).loc["pooled_dice", ["low", "high"]].notna().all()


def test_means_over_classes_are_called_so(rare, capsys):
    found = measure(*rare, classes=NAMES, tolerance=1)
    labels = rows_of(found)["label"]
    assert labels["dice"] == "dice (mean of classes)"
    assert labels["surface_dice_px"] == "surface_dice_px (mean of classes)"
    assert labels["boundary_iou"] == "boundary_iou (mean of classes)"
    for name in ("dice_x", "dice_foreground", "hd95_px_y", "pooled_dice_x"):
        assert labels[name] == name
    print_scores(found)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("hd95_px (mean of classes)") for line in lines)
    assert not any(line.startswith(("masks", "dice  ")) for line in lines)
    (undefined,) = (line for line in lines if line.startswith("pooled_dice_z"))
    assert undefined.split() == ["pooled_dice_z", "0", "undefined"]
    assert "dice (mean of classes)" in str(found)


def test_one_class_has_no_mean(write_masks):
    found = measure(write_masks("a", a=[[0, 1]]), write_masks("b", a=[[0, 1]]))
    assert (found.scores["label"] == found.scores["score"]).all()


def test_the_key_error_lists_what_there_is(rare):
    found = measure(*rare)
    with pytest.raises(
        KeyError, match=r"no score 'auc' of task 'masks'; it has dice, iou, .*pooled_mcc_class_2"
    ):
        found.value("masks", "auc")
    with pytest.raises(KeyError, match="no task 'mask'; there is 'masks'"):
        found.value("mask", "dice")


def test_counts_are_whole_numbers_in_summary_json(rare):
    found = measure(*rare, classes=NAMES)
    text = (found.folder / "summary.json").read_text()
    rows = {row["score"]: row for row in json.loads(text)["scores"]}
    for name, row in rows.items():
        kinds = {key: type(row[key]) for key in ("n", "n_undefined", "n_missed", "n_hallucinated")}
        assert (kinds["n"], kinds["n_undefined"]) == (int, int), name
        other = type(None) if name.startswith("pooled") else int
        assert (kinds["n_missed"], kinds["n_hallucinated"]) == (other, other), name
    assert rows["dice_y"]["n_undefined"] == 2
    assert rows["dice_x"]["n_undefined"] == 0


@pytest.mark.usefixtures("all_resamples")
def test_summary_json_reproduces_the_run(write_masks, tmp_path):
    truth = write_masks("truth", m_a=[[0, 128, 255, 7]], m_b=[[0, 128, 128, 0]], m_c=[[128, 0, 0, 255]])
    prediction = write_masks("prediction", a_p=[[0, 128, 255, 0]], b_p=[[0, 0, 128, 0]])
    (tmp_path / "table.tsv").write_text("ID\twho\tr\tc\nx_a\tp\t1\t2\nx_b\tp\t1\t2\nx_c\tq\t1\t2\n")
    options = {
        "classes": ("background", "x", "y"),
        "values": {0: 0, 128: 1, 255: 2, 7: 255},
        "spacing": "r,c",
        "tolerance": 1.5,
        "patients": tmp_path / "table.tsv",
        "patient_column": "who",
        "truth_names": "m_{case}",
        "prediction_names": "{case}_p",
        "table_names": "x_{case}",
        "missing": "leave-out",
    }
    first = measure(truth, prediction, out=tmp_path / "first", **options)
    content = json.loads((tmp_path / "first" / "summary.json").read_text())
    assert content["arguments"] == json.loads(json.dumps(options, default=str)) | {
        "truth": str(truth),
        "prediction": str(prediction),
        "case_column": "ID",
    }
    again = score(**content["arguments"], out=tmp_path / "again", progress=False)
    pd.testing.assert_frame_equal(again.scores, first.scores)
    assert (tmp_path / "again" / "summary.json").read_text() == (
        tmp_path / "first" / "summary.json"
    ).read_text()
    assert content["interval"] == {
        "over": "patients",
        "level": 0.95,
        "resamples": 1000,
        "seed": 0,
        "notes": ["intervals: none, since they need 2 patients"],
    }
    methods = {row["score"]: row["method"] for row in content["scores"]}
    assert methods["dice_x"] == "t by patient"
    assert methods["pooled_dice_x"] == "bootstrap (expanded)"
    assert (content["n_patients"], content["n_pairs"], content["classes"]) == (1, 2, ["background", "x", "y"])
    assert content["numbers"]["truth"] == {"0": 0, "7": 255, "128": 1, "255": 2}
    assert content["numbers"]["prediction"] == {"0": 0, "128": 1, "255": 2}
    assert content["warnings"] == list(first.warnings)
    assert content["version"] == "0.1.0"


def test_arguments_that_were_not_given_reproduce_as_well(write_masks, tmp_path):
    folders = write_masks("truth", a=[[0, 4, 1]]), write_masks("prediction", a=[[0, 1, 4]])
    measure(*folders, out=tmp_path / "first", spacing=np.array([0.5, 1]))
    arguments = json.loads((tmp_path / "first" / "summary.json").read_text())["arguments"]
    assert arguments["spacing"] == [0.5, 1.0]
    score(**arguments, out=tmp_path / "again", progress=False)
    assert (tmp_path / "again" / "summary.json").read_text() == (
        tmp_path / "first" / "summary.json"
    ).read_text()


def test_the_rim_is_the_one_that_is_said():
    import metrics

    # 200 x 200: 2 % of the diagonal are 5.66 pixels; a square of 20 keeps 8 x 8 inside of such a rim.
    true, found = np.zeros((2, 200, 200), int)
    true[50:70, 50:70] = found[50:70, 50:70] = 1
    found[56:64, 56:64] = 0
    scores = metrics.score_mask(true, found, ["background", "x"])[""].scores
    assert scores["boundary_iou"] == metrics.boundary_iou(true, found, width=0.02 * math.hypot(200, 200))
    tiny = metrics.score_mask(true[50:70, 50:70], found[50:70, 50:70], ["background", "x"])[""].scores
    assert tiny["boundary_iou"] == metrics.boundary_iou(true[50:70, 50:70], found[50:70, 50:70], width=1)


def test_the_document_names_every_key_and_argument(rare):
    text = (DOCS / "score.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", text))
    found = measure(*rare)
    content = json.loads((found.folder / "summary.json").read_text())
    keys = {*content, *content["arguments"], *content["interval"], *content["scores"][0], *content["numbers"]}
    assert keys - named == set()
    arguments = set(inspect.signature(score).parameters) - {"out", "progress"}
    assert arguments == set(content["arguments"])
    lines = (DOCS / "api.md").read_text(encoding="utf-8").splitlines()
    (row,) = (line for line in lines if line.startswith("| `score("))
    assert all(name in row for name in arguments - {"truth", "prediction"})
    assert "score.md" in row
