"""Selection of the best network, early stopping, and the files that remain when the disk is full."""

import math
import resource
import signal
from contextlib import contextmanager

import keras
import numpy as np
import pytest

from unet_mtl import TrainingSettings
from unet_mtl.errors import RunError, WriteError
from unet_mtl.network import build_network
from unet_mtl.nn.settings import NetworkSettings
from unet_mtl.runs import RunFolder
from unet_mtl.tasks import Regression
from unet_mtl.training.callbacks import Checkpointer, Progress, load_checkpoint, save_checkpoint, save_network
from unet_mtl.training.trainer import make_trainer

NAN = math.nan


def make(width=4):
    tasks = [Regression(name="age")]
    network = build_network(tasks, size=(8, 8), settings=NetworkSettings(width=width, levels=2))
    return make_trainer(network, tasks, TrainingSettings(), steps=1)


@pytest.fixture(scope="module")
def trainer():
    return make()


def play(values, *, mode, patience, monkeypatch):
    """Return the epoch of the saved network, and the number of finished epochs."""
    saved = []
    monkeypatch.setattr(
        "unet_mtl.training.callbacks.save_network", lambda network, run: saved.append(len(seen))
    )
    monkeypatch.setattr("unet_mtl.training.callbacks.save_checkpoint", lambda *_: None)
    monkeypatch.setattr(RunFolder, "write_history", lambda self, rows: None)
    checkpointer = Checkpointer(
        RunFolder("x"), None, Progress(), monitor="val_s", mode=mode, patience=patience
    )
    checkpointer.set_model(keras.Sequential())
    seen = []
    for epoch, value in enumerate(values):
        seen.append(value)
        checkpointer.on_epoch_begin(epoch)
        checkpointer.on_epoch_end(epoch, {"val_s": value})
        if checkpointer.model.stop_training:
            break
    assert checkpointer.progress.best_epoch == saved[-1]
    assert checkpointer.progress.finished == checkpointer.model.stop_training
    return saved[-1], len(seen)


@pytest.mark.parametrize(
    ("values", "mode", "patience", "expected"),
    [
        ([0.1, 0.3, 0.2, 0.25, 0.9], "max", None, (5, 5)),
        ([0.1, 0.3, 0.2, 0.25, 0.9], "max", 2, (2, 4)),
        ([0.1, 0.3, 0.2, 0.25, 0.9], "max", 3, (5, 5)),
        ([5.0, 3.0, 4.0, 3.0, 3.0], "min", 2, (2, 4)),
        ([0.5, 0.1, 0.1], "max", 1, (1, 2)),
        ([NAN, NAN, 0.2, NAN, 0.1], "max", 2, (3, 5)),
        ([NAN, NAN, NAN], "max", 1, (3, 3)),
    ],
)
def test_which_network_is_kept_and_when_training_stops(values, mode, patience, expected, monkeypatch):
    assert play(values, mode=mode, patience=patience, monkeypatch=monkeypatch) == expected


def test_a_checkpoint_gives_everything_back(trainer, tmp_path):
    run = RunFolder(tmp_path)
    images = {"image": np.random.default_rng(0).random((2, 8, 8, 3), np.float32)}
    trainer.train_on_batch(images, {"age": np.ones(2, "f")}, sample_weight={"age": np.ones(2, "f")})
    save_checkpoint(run, trainer, Progress(epochs=3, best=0.5, best_epoch=2, history=[{"epoch": 1}]))
    other = make()
    progress = load_checkpoint(run, other)
    assert progress == Progress(epochs=3, best=0.5, best_epoch=2, history=[{"epoch": 1}])
    assert int(other.optimizer.iterations.numpy()) == 1
    for ours, theirs in ((trainer.network, other.network), (trainer.optimizer, other.optimizer)):
        for a, b in zip(ours.variables, theirs.variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_checkpoint_of_another_network_is_refused(trainer, tmp_path):
    run = RunFolder(tmp_path)
    save_checkpoint(run, trainer, Progress())
    with pytest.raises(RunError, match=r"checkpoint\.npz belongs to another network"):
        load_checkpoint(run, make(width=5))


@contextmanager
def full_disk(limit):
    """No file may grow beyond `limit` bytes: the kernel refuses, as for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("limit", [0, 1000, 20_000])
def test_a_full_disk_leaves_the_old_checkpoint_and_network(trainer, tmp_path, limit):
    run = RunFolder(tmp_path)
    save_checkpoint(run, trainer, Progress(epochs=1))
    save_network(trainer.network, run)
    with full_disk(limit):
        with pytest.raises(WriteError, match=r"cannot write .*checkpoint\.npz: File too large"):
            save_checkpoint(run, trainer, Progress(epochs=2))
        with pytest.raises(WriteError, match=r"cannot write .*network\.keras: File too large"):
            save_network(trainer.network, run)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.npz", "network.keras"]
    assert load_checkpoint(run, make()).epochs == 1
    assert keras.saving.load_model(run.network).count_params() == trainer.network.count_params()


@pytest.mark.parametrize("damage", ["cut", "other", "empty"])
def test_a_damaged_checkpoint_is_named(trainer, tmp_path, damage):
    run = RunFolder(tmp_path)
    save_checkpoint(run, trainer, Progress())
    whole = run.checkpoint.read_bytes()
    run.checkpoint.write_bytes(
        {"cut": whole[: len(whole) // 2], "other": b"no archive", "empty": b""}[damage]
    )
    with pytest.raises(RunError, match=r"checkpoint\.npz cannot be read \(.*\); restore the file"):
        load_checkpoint(run, trainer)
