"""Numbers of labelled cases are reported everywhere, and a split without labels of a task does not stop a run."""

import contextlib
import io
import json
import math
from dataclasses import replace

import pandas as pd
import pytest

import unet_mtl as um
from unet_mtl.cli.tables import print_scores
from unet_mtl.config import make_config
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.errors import DataError
from unet_mtl.plots.curves import describe_curve, plot_curves
from unet_mtl.training import session
from unet_mtl.training.labels import count_labels, describe_labels
from unet_mtl.training.session import make_session

COLUMNS = {"zone": "zone", "diagnosis": "diagnosis", "size": "size_mm", "side": "side"}
EXPECTED = {
    # conftest.MISSING by hand: train is 0-4, val 5-7, test 8-11
    "zone": {"train": 4, "val": 2, "test": 3},
    "diagnosis": {"train": 3, "val": 2, "test": 3},
    "size": {"train": 4, "val": 2, "test": 3},
    "side": {"train": 4, "val": 2, "test": 0},
}


def strip(dataset, names, split):
    """Return the data set without labels of some tasks in one split, or in all splits for None."""

    def stripped(record):
        if split is not None and record.split != split:
            return record
        gone = {COLUMNS[name] for name in names}
        known = {part: {k: v for k, v in getattr(record, part).items() if k not in gone} for part in PARTS}
        return replace(record, **known)

    return dataset.only([stripped(record) for record in dataset])


PARTS = ("masks", "labels")


def test_labels_are_counted_by_task_and_split(tasks, parts):
    assert count_labels(tasks, parts) == EXPECTED


class Both(um.Classification):
    """Learns two columns, as tasks of several numbers do."""

    @property
    def target_names(self):
        return ("diagnosis", "side")


def test_a_case_of_which_something_is_known_counts_as_one(parts):
    """The weight of the case does not matter; cases 5 and 9 have neither label."""
    assert count_labels([Both(name="both")], parts) == {"both": {"train": 5, "val": 2, "test": 3}}


def test_the_run_keeps_the_counts_and_evaluation_agrees(trained):
    assert trained.read_environment()["labels"] == EXPECTED


def test_the_start_of_a_training_says_n():
    lines = describe_labels(EXPECTED, "zone")
    assert lines[0] == "zone       labelled: 4 train, 2 validation, 3 test"
    assert lines[3] == "side       labelled: 4 train, 2 validation, 0 test"
    assert len(lines) == 4
    none = EXPECTED | {"zone": {"train": 4, "val": 0, "test": 3}, "side": {"train": 4, "val": 0, "test": 0}}
    lines = describe_labels(none, "zone")
    assert "zone       labelled: 4 train, 0 validation, 3 test; no labels in validation" in lines[0]
    assert "no validation case has a label of 'zone'" in lines[-1]
    assert "set training.monitor to a score of diagnosis or size" in lines[-1]
    assert len(describe_labels(none, "size")) == 4
    empty = {"zone": {"train": 1, "val": 0}}
    assert describe_labels(empty, "zone")[-1].endswith("the newest network is kept")


def test_curves_say_what_they_are_made_of():
    nan = math.nan
    history = pd.DataFrame(
        {
            "epoch": [1, 2],
            "loss": [2.0, 1.0],
            "val_loss": [2.0, 1.0],
            "mask_dice": [0.1, 0.2],
            "val_mask_dice": [0.1, nan],
            "mask_edge_dice": [0.1, nan],
            "val_mask_edge_dice": [nan, nan],
            "kind_f1": [0.1, 0.2],
            "val_kind_f1": [nan, nan],
        }
    )
    counts = {"loss": (40, 12), "mask_dice": (23, 6), "mask_edge_dice": (3, 0), "kind_f1": (9, 4)}
    assert describe_curve(history, "loss", (40, 12)) == "40 train, 12 validation cases"
    figure = plot_curves(history, best_epoch=1, monitor="val_mask_dice", counts=counts)
    said = {axes.get_title(): [text.get_text() for text in axes.texts] for axes in figure.axes}
    assert said["loss"] == ["40 train, 12 validation cases"]
    assert said["mask_dice (monitored)"] == ["23 train, 6 validation labelled"]
    assert said["mask_edge_dice"] == ["3 train labelled, no labels in validation"]
    assert said["kind_f1"] == ["9 train, 4 validation labelled (undefined there)"]
    figure.canvas.draw()


@pytest.fixture(scope="module")
def unmeasured(dataset, tasks, settings, tmp_path_factory, drawing):
    """A run without validation labels of masks, which are monitored, and of sizes; its output and notes on curves."""
    printed, figures = io.StringIO(), []
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(
        session, "plot_curves", lambda *a, **k: figures.append(plot_curves(*a, **k)) or figures[0]
    )
    training = um.TrainingSettings(epochs=3, batch_size=2, patience=1, spread_labels=True)
    with contextlib.redirect_stderr(printed), drawing():
        run = um.train(
            strip(dataset, ["zone", "size"], "val"),
            tasks,
            tmp_path_factory.mktemp("runs") / "unmeasured",
            **settings | {"progress": True, "training": training},
        )
    monkeypatch.undo()
    said = {axes.get_title(): axes.texts[0].get_text() for axes in figures[0].axes if axes.get_title()}
    return run, printed.getvalue(), said


def test_training_goes_on_where_validation_has_no_label(unmeasured):
    run, printed, _ = unmeasured
    history = run.read_history()
    # NaN never counts as worse: patience does not stop it, and the newest network is kept.
    assert list(history["epoch"]) == [1, 2, 3]
    assert (
        history[["val_zone_loss", "val_zone_dice", "val_zone_iou", "val_size_loss", "val_size_mae"]]
        .isna()
        .all(axis=None)
    )
    measured = [
        "loss",
        "val_loss",
        "zone_loss",
        "size_mae",
        "val_diagnosis_loss",
        "val_side_loss",
        "val_side_accuracy",
    ]
    assert history[measured].notna().all(axis=None)
    assert run.read_environment()["labels"]["zone"] == {"train": 4, "val": 0, "test": 3}
    assert run.curves.stat().st_size > 10_000
    assert "zone       labelled: 4 train, 0 validation, 3 test; no labels in validation" in printed
    assert "no validation case has a label of 'zone', so that the newest network is kept" in printed
    assert "epoch 3: loss" in printed
    assert "zone_dice undefined" in printed
    assert "nan" not in printed


def test_the_curves_of_a_training_say_n(unmeasured):
    said = unmeasured[2]
    assert said["loss"] == "5 train, 3 validation cases (these without zone, size)"
    assert said["zone_dice (monitored)"] == said["zone_loss"] == "4 train labelled, no labels in validation"
    assert said["diagnosis_accuracy"] == "3 train, 2 validation labelled"
    assert set(said) - {"loss"} == {
        *("zone_loss", "zone_dice (monitored)", "zone_iou", "size_loss", "size_mae"),
        *(f"{name}_{score}" for name in ("diagnosis", "side") for score in ("loss", "accuracy", "f1")),
    }


def test_the_setting_reaches_the_batches(unmeasured, dataset, tasks, settings):
    assert unmeasured[0].read_config()["training"]["spread_labels"] is True
    options = {name: value for name, value in settings.items() if name != "progress"}
    parts = split_dataset(dataset, SplitSettings())
    for spread in (True, False):
        training = um.TrainingSettings(batch_size=2, spread_labels=spread)
        made = make_session(
            make_config(dataset.description, tasks, **options | {"training": training}), parts
        )
        assert made.train.spread_labels is spread
        assert not made.val.spread_labels


@pytest.mark.parametrize("name", list(COLUMNS))
def test_no_label_in_train_is_an_error(dataset, tasks, settings, tmp_path, name):
    with pytest.raises(DataError, match=f"task '{name}': none of the 5 train cases has a"):
        um.train(strip(dataset, [name], "train"), tasks, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def measure(trained):
    """Evaluates the trained run on cases of this test, and writes that into a folder, if there is one."""
    from unet_mtl.evaluation.evaluator import evaluate_cases
    from unet_mtl.evaluation.files import write_evaluation
    from unet_mtl.inference.predictor import Predictor

    # Sums of a batch depend on its size by rounding, so that cases are predicted one by one.
    predictor = Predictor.load(trained, batch_size=1)

    def measured(dataset, folder=None):
        evaluation = evaluate_cases(predictor, dataset)
        if folder is None:
            return evaluation
        return write_evaluation(folder, evaluation, predictor, dataset, facts={}, splits={}, digest="")

    return measured


def test_scores_are_those_of_the_labelled_cases_alone(dataset, tasks, measure):
    everything = measure(dataset).scores
    for task in tasks:
        labelled = dataset.only([record for record in dataset if task.is_labelled(record)])
        assert 0 < len(labelled) < len(dataset)
        expected = measure(labelled).scores
        found, expected = (t[t["task"] == task.name].reset_index(drop=True) for t in (everything, expected))
        pd.testing.assert_frame_equal(found, expected, rtol=1e-6)
        counted = found["n"] + found["n_undefined"]
        assert (counted == len(labelled)).all()


@pytest.mark.slow
@pytest.mark.parametrize("gone", [["zone"], ["diagnosis", "side"], list(COLUMNS)])
def test_a_head_without_labels_says_n_0_and_leaves_no_old_picture(dataset, measure, tmp_path, capsys, gone):
    old = ["zone_dice", "diagnosis_confusion", "size_agreement", "side_confusion", "overlays/worst_1_case_99"]
    (tmp_path / "overlays").mkdir()
    for name in old:
        (tmp_path / f"{name}.png").write_bytes(b"of other cases")
    evaluation = measure(strip(dataset, gone, None), tmp_path)
    rows = evaluation.scores.set_index("task")
    for name in COLUMNS:
        of_task = rows.loc[[name]]
        if name in gone:
            assert list(zip(of_task["score"], of_task["n"], strict=True)) == [("no labelled case", 0)]
        else:
            assert (of_task["n"] > 0).any()
    pictures = {path.name.split("_")[0] for path in tmp_path.glob("*.png")}
    assert pictures == set(COLUMNS) - set(gone)
    assert (tmp_path / "overlays" / "overview.png").is_file() == (len(gone) < 4)
    assert not (tmp_path / "overlays" / "worst_1_case_99.png").exists()
    summary = json.loads((tmp_path / "summary.json").read_text())
    said = {row["task"]: row["n"] for row in summary["scores"] if row["score"] == "no labelled case"}
    assert said == dict.fromkeys(gone, 0)
    print_scores(evaluation)
    assert capsys.readouterr().out.count("no labelled case") == len(gone)


def test_pictures_say_n_in_their_titles(dataset, measure, tmp_path, monkeypatch):
    from unet_mtl.evaluation import files as report

    titles = {}

    def save(figure, path, **_):
        axes = figure.axes[0].get_title() if figure.axes else ""
        titles[path.name] = figure.get_suptitle() or axes

    monkeypatch.setattr(report, "save_figure", save)
    measure(dataset, tmp_path)
    assert titles["zone_dice.png"] == "zone, n=9"
    assert titles["diagnosis_confusion.png"] == "diagnosis, n=8"
    assert titles["size_agreement.png"] == "size, n=9"
    assert titles["side_confusion.png"] == "side, n=6"
    assert titles["overview.png"].startswith("by zone_dice, n=")
    assert titles["overview.png"].endswith("of 12 cases")
