"""The scores of an evaluation, recomputed with pandas from cases.csv and from the predictions."""

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest

import unet_mtl as um
from unet_mtl.errors import DataError, RunError
from unet_mtl.evaluation.evaluator import evaluate_cases
from unet_mtl.evaluation.source import cases_to_measure
from unet_mtl.evaluation.summary import COLUMNS
from unet_mtl.inference.predictor import Predictor


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    return um.RunFolder(shutil.copytree(trained.path, tmp_path_factory.mktemp("evaluated") / "run"))


@pytest.fixture(scope="module")
def evaluation(run, drawing):
    with drawing():
        return um.evaluate(run, progress=False)


@pytest.fixture(scope="module")
def cases(evaluation):
    return pd.read_csv(evaluation.folder / "cases.csv", dtype={"case": str})


def rows_of(evaluation, task):
    table = evaluation.scores
    return table[table["task"] == task].set_index("score")


def test_cases_and_their_missing_labels(cases):
    assert list(cases["case"]) == [f"case_{i:02d}" for i in (8, 9, 10, 11)]
    assert list(cases["patient"]) == [f"p{i:02d}" for i in (8, 9, 10, 11)]
    assert list(cases["zone_core_tp"].notna()) == [True, True, True, False]
    assert list(cases["diagnosis_truth"].notna()) == [True, False, True, True]
    assert list(cases["size_truth"].notna()) == [True, True, False, True]
    assert not any(column.startswith("side") for column in cases)


def test_every_row_has_its_n(evaluation):
    assert list(evaluation.scores.columns) == list(COLUMNS)
    table = evaluation.scores.set_index(["task", "score"])
    counted = table["n"] + table["n_undefined"].fillna(0)
    for task in ("zone", "diagnosis", "size"):
        assert (counted[task] == 3).all()
    assert len(rows_of(evaluation, "side")) == 1
    row = rows_of(evaluation, "side").loc["no labelled case"]
    assert (row["n"], math.isnan(row["value"]), row["headline"]) == (0, True, True)


def test_the_table_is_the_mean_of_cases_csv(evaluation, cases):
    compared = 0
    for task in ("zone", "diagnosis", "size"):
        for score, row in rows_of(evaluation, task).iterrows():
            column = f"{task}_{score}"
            if column not in cases:
                continue
            values = cases[column].dropna()
            assert row["n"] == len(values)
            assert row["value"] == pytest.approx(values.mean(), nan_ok=True), column
            assert row["median"] == pytest.approx(values.median(), nan_ok=True), column
            compared += 1
    assert compared > 20


def test_set_scores_from_cases_csv(evaluation, cases, parts):
    diagnosis = cases.dropna(subset="diagnosis_truth")
    right = (diagnosis["diagnosis_truth"] == diagnosis["diagnosis_predicted"]).mean()
    assert evaluation.value("diagnosis", "accuracy") == pytest.approx(right)
    labels = [record.labels["diagnosis"] for record in parts["train"] if "diagnosis" in record.labels]
    majority = max(("normal", "benign", "malignant"), key=labels.count)
    expected = (diagnosis["diagnosis_truth"] == majority).mean()
    assert evaluation.value("diagnosis", "majority_accuracy") == pytest.approx(expected)
    size = cases.dropna(subset="size_truth")
    errors = size["size_predicted"] - size["size_truth"]
    assert evaluation.value("size", "rmse") == pytest.approx(np.sqrt((errors**2).mean()))
    assert evaluation.value("size", "bias") == pytest.approx(errors.mean())
    tp, fp, fn = (cases[f"zone_core_{field}"].sum() for field in ("tp", "fp", "fn"))
    assert evaluation.value("zone", "pooled_dice_core") == pytest.approx(2 * tp / (2 * tp + fp + fn))
    with pytest.raises(KeyError, match="no score 'auc' of task 'diagnosis'"):
        evaluation.value("diagnosis", "auc")


def test_scores_are_those_of_the_masks_at_the_original_size(run, parts, cases):
    predictor = Predictor.load(run)
    tasks = {task.name: task for task in predictor.tasks}
    by_case = cases.set_index("case")
    for record in parts["test"]:
        truth = tasks["zone"].read(record, parts["test"].description)
        answer = predictor(record.image)
        if truth is not None:
            core, found = truth == 1, answer["zone"].mask == 1
            assert by_case.loc[record.case, "zone_core_tp"] == (core & found).sum()
            assert by_case.loc[record.case, "zone_core_fp"] == (~core & found).sum()
            if core.any() or found.any():
                dice = 2 * (core & found).sum() / (core.sum() + found.sum())
                assert by_case.loc[record.case, "zone_dice_core"] == pytest.approx(dice)


def test_missed_hallucinated_and_undefined_are_counted(evaluation, cases):
    row = rows_of(evaluation, "zone").loc["dice_core"]
    true = cases["zone_core_tp"] + cases["zone_core_fn"]
    found = cases["zone_core_tp"] + cases["zone_core_fp"]
    assert row["n_missed"] == ((true > 0) & (found == 0)).sum()
    assert row["n_hallucinated"] == ((true == 0) & (found > 0)).sum()
    assert row["n_undefined"] == ((true == 0) & (found == 0)).sum()


def test_intervals_hold_their_value(evaluation):
    table = evaluation.scores.dropna(subset=["low", "high"])
    assert len(table) > 20
    # The resamples of a set score may all lie on one side of it, those of a mean cannot.
    means = table[table["median"].notna()]
    assert (means["low"] <= means["value"] + 1e-9).all()
    assert (means["value"] <= means["high"] + 1e-9).all()
    assert (table["low"] <= table["high"]).all()


@pytest.mark.slow
def test_the_same_again(run, parts, evaluation):
    again = evaluate_cases(Predictor.load(run, batch_size=3), parts["test"])
    pd.testing.assert_frame_equal(again.scores, evaluation.scores, rtol=1e-4)
    assert "4 cases measured" in again.title


def test_summary_json_has_the_table(evaluation, run):
    content = json.loads((run.evaluation("test") / "summary.json").read_text())
    assert (content["n_cases"], content["split"]) == (4, "test")
    assert len(content["scores"]) == len(evaluation.scores)
    found = {(row["task"], row["score"]): row["value"] for row in content["scores"]}
    assert found["side", "no labelled case"] is None
    assert found["size", "bias"] == pytest.approx(evaluation.value("size", "bias"))


@pytest.mark.parametrize(("split", "n"), [("val", 3), ("train", 5), ("all", 12)])
def test_other_splits(run, split, n):
    name, dataset = cases_to_measure(run, split, None)
    assert (name, len(dataset)) == (split, n)


def test_an_unknown_split_names_the_known(run):
    with pytest.raises(DataError, match="split 'tst' has no cases; expected one of test, train, val, or all"):
        um.evaluate(run, split="tst", progress=False)


def test_another_data_set(run, write_data, tmp_path):
    write_data(tmp_path / "clinic")
    name, everything = cases_to_measure(run, None, tmp_path / "clinic")
    assert (name, len(everything)) == ("clinic_all", 12)
    chosen = um.evaluate(run, data=tmp_path / "clinic", split="val", progress=False)
    assert list(chosen.cases["case"]) == [f"case_{i:02d}" for i in (5, 6, 7)]
    assert chosen.folder == run.path / "evaluation" / "clinic_val"
    assert rows_of(chosen, "side").loc["accuracy", "n"] == 2


def test_cases_without_spacing_are_measured_in_pixels(run, write_data, tmp_path, evaluation, cases):
    write_data(tmp_path / "holes")
    table = pd.read_csv(tmp_path / "holes" / "cases.csv", dtype=str)
    table.loc[table["case"] == "case_09", "spacing"] = ""
    table.to_csv(tmp_path / "holes" / "cases.csv", index=False)
    found = um.evaluate(run, data=tmp_path / "holes", split="test", progress=False)
    zone = rows_of(found, "zone")
    assert (zone.loc["dice_rim", "n"] + zone.loc["dice_rim", "n_undefined"]) == 3
    for name in ("hd95_{}", "assd_{}_rim", "masd_{}_foreground"):
        assert zone.loc[name.format("mm"), ["n", "n_undefined"]].sum() == 2
        assert zone.loc[name.format("px"), ["n", "n_undefined"]].sum() == 1
    # A pixel is 0.5 mm: the same masks as where the spacing of case 9 is known.
    known = cases.set_index("case")["zone_hd95_mm"]
    assert zone.loc["hd95_px", "value"] == pytest.approx(known["case_09"] / 0.5, nan_ok=True)
    others = known.drop("case_09").dropna()
    assert zone.loc["hd95_mm", "value"] == pytest.approx(others.mean(), nan_ok=True)
    table = found.cases.set_index("case")
    assert table["zone_hd95_mm"].isna()["case_09"]
    assert table["zone_hd95_px"].drop("case_09").isna().all()


@pytest.mark.slow
def test_a_tolerance_of_ones_own(run, evaluation, tmp_path):
    run = um.RunFolder(shutil.copytree(run.path, tmp_path / "run"))
    assert not [score for score in evaluation.scores["score"] if "surface_dice" in score]
    loose, strict = (um.evaluate(run, tolerance=mm, progress=False) for mm in (1000.0, 1e-9))
    summary = json.loads((loose.folder / "summary.json").read_text())
    names = [name for name in loose.scores["score"] if name.startswith("surface_dice_mm")]
    assert names
    found = loose.cases[[f"zone_{name}" for name in names]].to_numpy()
    assert set(found[~np.isnan(found)]) <= {0.0, 0.5, 1.0}  # within a metre unless missed; 0.5 of two classes
    assert strict.value("zone", names[0]) <= loose.value("zone", names[0])
    assert summary["tolerance"]["zone"] == 1e-9  # the last one measured
    for bad in (0, -1, float("nan")):
        with pytest.raises(um.UnetMtlError, match=r"expected millimetres \(or pixels\) above 0"):
            um.evaluate(run, tolerance=bad, progress=False)


def test_a_broken_image_stops_an_evaluation(run, write_data, tmp_path):
    write_data(tmp_path / "broken")
    (tmp_path / "broken" / "images" / "case_09.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"case_09\.png: not a readable image"):
        um.evaluate(run, data=tmp_path / "broken", progress=False)
    assert not (run.path / "evaluation" / "broken_all").exists()


def test_changed_data_are_refused(run, write_data, tmp_path, dataset):
    write_data(tmp_path / "data")
    copy = um.RunFolder(shutil.copytree(run.path, tmp_path / "run"))
    text = copy.config.read_text().replace(str(dataset.description.root), str(tmp_path / "data"))
    copy.config.write_text(text)
    assert len(cases_to_measure(copy, None, None)[1]) == 4
    mask = tmp_path / "data" / "masks" / "case_00.png"
    shutil.copy(tmp_path / "data" / "masks" / "case_01.png", mask)
    with pytest.raises(DataError, match=r"the data have changed since .* was trained on them"):
        um.evaluate(copy, progress=False)
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(DataError, match="no such folder"):
        um.evaluate(copy, progress=False)


def test_what_is_no_run(tmp_path):
    with pytest.raises(RunError, match="is not a run folder"):
        um.evaluate(tmp_path, progress=False)
