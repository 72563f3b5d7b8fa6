"""Folds end to end: an interruption between two folds, a continuation, and the evaluation."""

import json

import pandas as pd
import pytest
import yaml

import unet_mtl as um
from unet_mtl.runs import FoldsFolder
from unet_mtl.studies import trainings


@pytest.fixture(scope="module")
def config(data_folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    content = {
        "data": str(data_folder),
        "tasks": [{"kind": "segmentation", "name": "zone"}, {"kind": "classification", "name": "diagnosis"}],
        "split": {"column": "ratio"},
        "preprocess": {"size": [32, 32]},
        "network": {"width": 4, "levels": 2},
        "training": {"epochs": 1, "batch_size": 2},
        "precision": "float32",
    }
    path.write_text(yaml.safe_dump(content))
    return path


def state_of(run):
    return {path.name: path.stat().st_mtime_ns for path in run.path.iterdir() if path.is_file()}


@pytest.mark.slow
def test_folds_are_trained_continued_and_measured_out_of_fold(config, tmp_path, command, monkeypatch):
    out = tmp_path / "out"
    train, begun = trainings.run_training, []

    def stop_before_the_second(settings, *arguments, **options):
        begun.append(options["heading"])
        if len(begun) == 2:
            raise KeyboardInterrupt
        return train(settings, *arguments, **options)

    monkeypatch.setattr(trainings, "run_training", stop_before_the_second)
    code, _, lines = command("train", config, "--run", out, "--folds", 2)
    assert (code, begun) == (130, ["fold 1 of 2", "fold 2 of 2"])
    assert "with the same command and --resume" in lines[-1]
    assert any(line.startswith("fold 1 of 2: ") for line in lines)

    code, _, (line,) = command("evaluate", out)
    assert (code, line.split(": ", 2)[2].split(";")[0]) == (1, "the training of fold 2 of 2 has not ended")

    monkeypatch.setattr(trainings, "run_training", train)
    code, _, (line,) = command("train", config, "seed=8", "--run", out, "--folds", 2, "--resume")
    assert code == 1
    assert "was started with other settings of seed" in line
    folds = FoldsFolder(out)
    before = state_of(folds.run(1))
    code, output, lines = command("train", config, "--run", out, "--folds", 2, "--resume")
    assert code == 0, lines
    assert f"unet-mtl evaluate {out}" in output
    assert state_of(folds.run(1)) == before
    assert not any(line.startswith("fold 1 of 2: ") for line in lines)
    assert any(line.startswith("fold 2 of 2: ") for line in lines)

    table = folds.read_folds()
    assert sorted(table["fold"].value_counts()) == [6, 6]
    for run, number in zip(folds.runs, (1, 2), strict=True):
        splits = run.read_splits().set_index("case")["split"]
        assert set(splits.index[splits == "test"]) == set(table["case"][table["fold"] == number])
        assert set(splits) == {"train", "val", "test"}

    code, output, lines = command("evaluate", out)
    assert code == 0, lines
    assert "12 cases measured, each by the network of 2 that did not learn from its patient" in output
    assert "mean (sd) over folds" in output
    written = out / "evaluation/out_of_fold"
    assert {"summary.json", "scores_by_fold.csv", "overlays"} <= {path.name for path in written.iterdir()}
    cases = pd.read_csv(written / "cases.csv").set_index("case")
    assert cases["fold"].to_dict() == table.set_index("case")["fold"].to_dict()
    for run in folds.runs:
        own = um.evaluate(run, progress=False).cases.set_index("case").select_dtypes("number")
        pd.testing.assert_frame_equal(cases.loc[own.index, own.columns], own, rtol=1e-4, atol=1e-5)
    (accuracy,) = (
        r
        for r in json.loads((written / "summary.json").read_text())["scores"]
        if r["score"] == "accuracy" and r["task"] == "diagnosis"
    )
    known = cases.dropna(subset="diagnosis_truth")
    right = known["diagnosis_truth"] == known["diagnosis_predicted"]
    assert accuracy["value"] == pytest.approx(right.mean())
    assert accuracy["mean_over_folds"] == pytest.approx(right.groupby(known["fold"]).mean().mean())
    assert accuracy["n_folds"] == 2
