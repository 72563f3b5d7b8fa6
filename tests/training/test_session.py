"""A training from data to run folder: repeated, interrupted, stopped and refused."""

import hashlib
import math
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import yaml

from unet_mtl import NetworkSettings, TrainingSettings, train
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.config import make_config
from unet_mtl.data import file_hashes
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.errors import ConfigError, DataError, RunError, TrainingError, WriteError
from unet_mtl.runs import RunFolder
from unet_mtl.training import callbacks
from unet_mtl.training import session as session_module
from unet_mtl.training.callbacks import Progress, load_checkpoint
from unet_mtl.training.run import run_training
from unet_mtl.training.session import make_session


def history(run):
    return run.read_history().drop(columns="seconds")


def checkpoint(run):
    with np.load(run.checkpoint) as arrays:
        return {name: arrays[name] for name in arrays.files if name != "progress"}


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.at = (epoch, batch)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def start(dataset, tasks, settings):
    """Start a run with one more callback, as `train` would, and return its folder."""

    def run(path, callback, **changes):
        options = {name: value for name, value in (settings | changes).items() if name != "progress"}
        config = make_config(dataset.description, tasks, **options)
        session = make_session(config, split_dataset(dataset, SplitSettings()))
        original = type(session).fit
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                type(session),
                "fit",
                lambda self, run, callbacks=(): original(self, run, callbacks=[callback]),
            )
            return run_training(config, dataset, Path(path), resume=False, progress=False)

    return run


@pytest.fixture(scope="module")
def one_worker(settings):
    """Return the arguments of `trained`, but with one worker."""
    return settings | {"training": settings["training"].model_copy(update={"workers": 1})}


@pytest.fixture(scope="module")
def resumed(start, dataset, tasks, one_worker, tmp_path_factory):
    path = tmp_path_factory.mktemp("interrupted") / "run"
    with pytest.raises(KeyboardInterrupt):
        start(path, Interrupt(epoch=2, batch=1), **one_worker)
    assert len(RunFolder(path).read_history()) == 2
    return train(dataset, tasks, path, **one_worker, delivery=Delivery(cache="off"), resume=True)


def test_one_seed_gives_one_history_even_if_interrupted_and_resumed(trained, resumed):
    """With another number of workers, and without a cache after the interruption, too."""
    pd.testing.assert_frame_equal(history(trained), history(resumed), check_exact=True)
    expected, found = checkpoint(trained), checkpoint(resumed)
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(array, found[name])
    assert trained.read_config()["training"]["workers"] != resumed.read_config()["training"]["workers"] == 1
    environment = resumed.read_environment()
    assert (environment["precision"], environment["seed"]) == ("float32", 7)


def test_what_a_run_holds(trained, tasks):
    names = {path.name for path in trained.path.iterdir()}
    assert names == {
        "checkpoint.npz",
        "config.yaml",
        "curves.png",
        "environment.json",
        "history.csv",
        "inputs.json",
        "network.keras",
        "preprocess.json",
        "splits.csv",
        "tasks.json",
        "tensorboard",
    }
    for part in ("train", "validation"):
        events = list((trained.tensorboard / part).glob("events.out.tfevents.*"))
        assert events
        assert all(path.stat().st_size > 100 for path in events)
    assert [task.name for task in trained.read_tasks()] == [task.name for task in tasks]
    assert trained.read_splits()["split"].value_counts().to_dict() == {"train": 5, "val": 3, "test": 4}
    assert list(trained.read_history()["epoch"]) == [1, 2, 3, 4]


def test_the_history_is_what_numpy_finds(trained, parts, settings):
    """Recompute losses and scores of validation in the best epoch from the saved network."""
    import metrics
    from unet_mtl.batches.batches import Batches

    network = keras.saving.load_model(trained.network, compile=False)
    tasks = trained.read_tasks()
    batches = Batches(parts["val"], tasks, settings["preprocess"], batch_size=len(parts["val"]))
    inputs, targets, weights = batches[0]
    outputs = network.predict_on_batch(inputs)
    table = trained.read_history()
    row = table.iloc[int(table["val_zone_dice"].argmax())]
    total = 0.0
    for task in tasks:
        values = np.asarray(task.loss().call(targets[task.name], outputs[task.name]), float)
        labelled = weights[task.name] > 0
        assert 0 < labelled.sum() < len(labelled)
        assert row[f"val_{task.name}_loss"] == pytest.approx(values[labelled].mean(), rel=1e-4)
        total += task.weight * values[labelled].mean()
        truth, output = targets[task.name][labelled], outputs[task.name][labelled]
        if task.kind == "segmentation":
            counts = metrics.count_cases(truth, output.argmax(-1), 3, ignore=255)
            expected = {"dice": metrics.dice(counts), "iou": metrics.iou(counts)}
            expected = {
                name: np.nanmean(metrics.mean_over_classes(score)) for name, score in expected.items()
            }
        elif task.kind == "classification":
            found = output.argmax(-1) if output.shape[-1] > 1 else (output[:, 0] >= 0.5).astype(int)
            expected = {"accuracy": np.mean(truth == found), "f1": metrics.macro_f1(truth, found)}
        else:
            errors = np.abs(truth[:, 0, 0] - output[:, 0])
            expected = {"mae": errors.mean() * task.numbers[0].deviation}
        for name, value in expected.items():
            assert row[f"val_{task.name}_{name}"] == pytest.approx(value, abs=1e-5), (task.name, name)
    assert row["val_loss"] == pytest.approx(total, rel=1e-4)


def test_the_saved_network_is_that_of_the_best_epoch(dataset, column_tasks, column_settings, tmp_path):
    kept = {}

    class Keep(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kept[epoch] = self.model.network.get_weights()

    options = {name: value for name, value in column_settings.items() if name != "progress"}
    options |= {"training": TrainingSettings(epochs=3, batch_size=5)}
    config = make_config(dataset.description, column_tasks, **options)
    session = make_session(config, split_dataset(dataset, SplitSettings()))
    session = type(session)(**vars(session) | {"monitor": "val_size_mae", "mode": "min"})
    run = RunFolder(tmp_path)
    session.fit(run, callbacks=[Keep()])
    best = int(run.read_history()["val_size_mae"].argmin())
    saved = keras.saving.load_model(run.network, compile=False).get_weights()
    for expected, found in zip(kept[best], saved, strict=True):
        np.testing.assert_array_equal(expected, found)
    assert any((a != b).any() for a, b in zip(kept[(best + 1) % 3], saved, strict=True))


def test_a_finished_run_resumed_stays_as_it_is(resumed, dataset, tasks, one_worker):
    """The place of cached images may change."""
    before = {path: path.read_bytes() for path in (resumed.network, resumed.checkpoint, resumed.history)}
    train(dataset, tasks, resumed.path, **one_worker, delivery=Delivery(cache="memory"), resume=True)
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 8}, "seed"),
        ({"training": TrainingSettings(epochs=9, batch_size=2)}, "training"),
        ({"augment": "none"}, "augment"),
    ],
)
def test_resume_refuses_other_settings(trained, dataset, tasks, settings, change, named):
    with pytest.raises(RunError, match=f"started with other settings of {named};"):
        train(dataset, tasks, trained.path, **settings | change, resume=True)


def test_resume_takes_tuples_as_what_they_became_in_yaml(trained):
    stored = trained.read_config()
    stored["preprocess"]["size"] = tuple(stored["preprocess"]["size"])
    trained.require_settings(stored)


def test_resume_takes_settings_that_an_earlier_version_did_not_have(
    trained, dataset, tasks, settings, tmp_path
):
    run = RunFolder(shutil.copytree(trained.path, tmp_path / "run"))
    stored = run.read_config()
    del stored["training"]["freeze_epochs"], stored["tasks"][0]["final_weight"], stored["network"]["weights"]
    run.config.write_text(yaml.safe_dump(stored))
    train(dataset, tasks, run.path, **settings, resume=True)
    with pytest.raises(RunError, match="started with other settings of network;"):
        train(dataset, tasks, run.path, **settings | {"network": {"dropout": 0.5}}, resume=True)


def test_resume_refuses_a_lost_checkpoint(trained, dataset, tasks, settings, tmp_path):
    run = RunFolder(shutil.copytree(trained.path, tmp_path / "run"))
    run.checkpoint.unlink()
    before = run.history.read_bytes()
    with pytest.raises(
        RunError, match=r"checkpoint\.npz is missing, although history\.csv has [0-9]+ epochs"
    ):
        train(dataset, tasks, run.path, **settings, resume=True)
    assert run.history.read_bytes() == before


def test_resume_refuses_other_data(trained, write_data, dataset, tasks, settings, tmp_path):
    from unet_mtl import read_dataset

    write_data(tmp_path / "tiny")
    run = shutil.copytree(trained.path, tmp_path / "run")
    text = (run / "config.yaml").read_text().replace(str(dataset.description.root), str(tmp_path / "tiny"))
    (run / "config.yaml").write_text(text)
    train(read_dataset(tmp_path / "tiny"), tasks, run, **settings, resume=True)
    table = (tmp_path / "tiny" / "cases.csv").read_text()
    (tmp_path / "tiny" / "cases.csv").write_text(
        table.replace("case_00,p00,train,0.5,normal", "case_00,p00,train,0.5,benign")
    )
    with pytest.raises(RunError, match="cannot be resumed: data_hash was"):
        train(read_dataset(tmp_path / "tiny"), tasks, run, **settings, resume=True)


def test_resume_of_what_is_no_run(dataset, tasks, settings, tmp_path):
    with pytest.raises(RunError, match="is not a run folder: no such folder"):
        train(dataset, tasks, tmp_path / "none", **settings, resume=True)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match=r"is not a run folder: it lacks config\.yaml"):
        train(dataset, tasks, tmp_path, **settings, resume=True)


def test_a_second_training_in_a_run_is_refused(trained, dataset, tasks, settings, tmp_path):
    run = RunFolder(shutil.copytree(trained.path, tmp_path / "run"))
    leftover = run.path / ".network.1.part.keras"
    leftover.write_text("half")
    with run.training():
        assert not leftover.exists()
        with pytest.raises(
            RunError, match=rf"{run.path} is in use by another training \(process {os.getpid()} on"
        ):
            train(dataset, tasks, run.path, **settings, resume=True)
    assert {path.name for path in run.path.iterdir()} == {path.name for path in trained.path.iterdir()}


def test_a_new_run_never_overwrites(trained, dataset, tasks, settings, tmp_path):
    with pytest.raises(RunError, match="exists already; give another folder"):
        train(dataset, tasks, trained.path, **settings)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="exists already"):
        train(dataset, tasks, tmp_path / "file", **settings)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"training": TrainingSettings(monitor="zone_loss")},
            ConfigError,
            "no score 'zone_loss'; there is zone_dice, zone_iou",
        ),
        ({"training": TrainingSettings(monitor="zone_iou")}, ConfigError, "set max or min for 'zone_iou'"),
        ({"precision": "mixed_float16"}, ConfigError, "mixed_float16 needs a GPU"),
        ({"augment": "heavy"}, ConfigError, "no preset 'heavy'"),
    ],
)
def test_nothing_is_written_where_a_setting_is_wrong(
    dataset, tasks, settings, tmp_path, change, error, message
):
    with pytest.raises(error, match=message):
        train(dataset, tasks, tmp_path / "run", **settings | change)
    assert not list(tmp_path.iterdir())


def test_an_unreadable_image_is_named_before_anything_is_written(write_data, tasks, settings, tmp_path):
    from unet_mtl import read_dataset

    write_data(tmp_path / "tiny")
    image = tmp_path / "tiny" / "images" / "case_03.png"
    image.write_bytes(image.read_bytes()[:200])
    with pytest.raises(DataError, match=r"case_03\.png"):
        train(read_dataset(tmp_path / "tiny"), tasks, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_stops_and_names_the_cases(
    dataset, column_tasks, column_settings, tmp_path
):
    rate = TrainingSettings(epochs=2, batch_size=2, learning_rate=1e30, schedule="constant")
    with pytest.raises(
        TrainingError, match=r"at epoch 1, step (\d); cases of that batch: case_\d\d"
    ) as caught:
        train(dataset, column_tasks, tmp_path / "run", **column_settings | {"training": rate})
    assert not RunFolder(tmp_path / "run").checkpoint.exists()
    assert "training.learning_rate" in str(caught.value)


def test_the_named_batch_is_the_one_that_holds_the_infinite_label(
    dataset, column_tasks, column_settings, tmp_path
):
    bad = next(r for r in dataset if r.split == "train" and "size_mm" in r.labels)
    options = {name: value for name, value in column_settings.items() if name != "progress"}
    config = make_config(dataset.description, column_tasks, **options)
    session = make_session(config, split_dataset(dataset, SplitSettings()))
    labels = {"size_mm": math.inf}
    records = [type(r)(**vars(r) | {"labels": labels}) if r is bad else r for r in session.train.dataset]
    session.train.dataset = session.train.dataset.only(records)
    with pytest.raises(TrainingError, match=f"the loss is (inf|nan) .*cases of that batch:.*{bad.case}"):
        session.fit(RunFolder(tmp_path))


@pytest.mark.parametrize(("split", "case"), [("train", "case_0[0-4]"), ("val", "case_0[5-7]")])
def test_a_file_that_goes_away_in_training_is_named(write_data, tasks, settings, tmp_path, split, case):
    from unet_mtl import read_dataset

    class Remove(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            for record in session.train.dataset if split == "train" else session.val.dataset:
                record.image.unlink()

    write_data(tmp_path / "tiny")
    dataset = read_dataset(tmp_path / "tiny")
    options = {name: value for name, value in settings.items() if name != "progress"}
    small = NetworkSettings(width=2, levels=2, normalization="none")
    config = make_config(dataset.description, tasks[2:3], **options | {"network": small})
    session = make_session(config, split_dataset(dataset, SplitSettings()))
    with pytest.raises(DataError, match=rf"{case}\.png: no such file"):
        session.fit(RunFolder(tmp_path / "run"), callbacks=[Remove()])


def test_a_disk_that_fills_up_leaves_the_last_finished_epoch(
    dataset, column_tasks, column_settings, tmp_path, monkeypatch
):
    class Fill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                monkeypatch.setattr(callbacks.np, "savez", refuse)
                monkeypatch.setattr(session_module, "save_figure", refuse_curves)

    def refuse(path, **arrays):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    def refuse_curves(figure, path, **options):
        raise WriteError("cannot write curves.png: the error of the checkpoint is the first one")

    options = {name: value for name, value in column_settings.items() if name != "progress"}
    config = make_config(dataset.description, column_tasks, **options)
    parts = split_dataset(dataset, SplitSettings())
    run = RunFolder(tmp_path)
    with pytest.raises(WriteError, match=r"cannot write .*checkpoint\.npz: No space left on device"):
        make_session(config, parts).fit(run, callbacks=[Fill()])
    assert not list(tmp_path.glob(".*"))
    trainer = make_session(config, parts).trainer
    assert load_checkpoint(run, trainer).epochs == 1
    keras.saving.load_model(run.network, compile=False)


def test_a_training_hashes_each_file_once(dataset, tasks, settings, tmp_path, monkeypatch):
    """For the fingerprint of the data and for the cache, in both splits that are read."""
    hashed = []
    original = hashlib.file_digest

    def digest(stream, kind):
        if Path(stream.name).is_relative_to(dataset.description.root):
            hashed.append(stream.name)
        return original(stream, kind)

    def read_all(session, run, callbacks=()):
        for batches in (session.train, session.val):
            for index in range(len(batches)):
                batches.make(index)

    monkeypatch.setattr(file_hashes, "_SETTLED_S", -60.0)
    monkeypatch.setattr(hashlib, "file_digest", digest)
    monkeypatch.setattr(session_module.Session, "fit", read_all)
    delivery = {"cache": "memory"}
    run = train(dataset, tasks, tmp_path / "run", **settings, delivery=delivery)
    files = [r.image for r in dataset] + [file.path for r in dataset for file in r.masks.get("zone", ())]
    assert sorted(hashed) == sorted(map(str, files))
    assert run.read_environment()["data_hash"] == dataset.fingerprint()


def test_monitor_defaults_to_the_primary_score_of_the_first_task(dataset, tasks, settings):
    options = {name: value for name, value in settings.items() if name != "progress"}
    parts = split_dataset(dataset, SplitSettings())
    for first, monitor, mode in (("zone", "val_zone_dice", "max"), ("size", "val_size_mae", "min")):
        ordered = sorted(tasks, key=lambda task: task.name != first)
        session = make_session(make_config(dataset.description, ordered, **options), parts)
        assert (session.monitor, session.mode) == (monitor, mode)
    wanted = TrainingSettings(monitor="zone_iou", mode="max")
    session = make_session(make_config(dataset.description, tasks, **options | {"training": wanted}), parts)
    assert (session.monitor, session.mode) == ("val_zone_iou", "max")


def test_progress_survives_json():
    import json
    from dataclasses import asdict

    progress = Progress(epochs=2, best_epoch=1, history=[{"epoch": 1, "loss": math.nan}])
    again = Progress(**json.loads(json.dumps(asdict(progress))))
    assert (again.epochs, again.best_epoch, math.isnan(again.best)) == (2, 1, True)
    assert math.isnan(again.history[0]["loss"])
