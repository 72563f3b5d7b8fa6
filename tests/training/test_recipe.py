"""Averages of weights and limits of steps and time in whole trainings, interrupted and repeated ones included."""

import doctest

import keras
import numpy as np
import pandas as pd
import pytest
import yaml

from unet_mtl import TrainingSettings
from unet_mtl.batches.batches import Batches
from unet_mtl.config import make_config
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.errors import ConfigError
from unet_mtl.runs import RunFolder
from unet_mtl.studies.ablation.plans import plan_runs
from unet_mtl.training import recipe
from unet_mtl.training.limits import describe_end
from unet_mtl.training.recipe import describe_recipe
from unet_mtl.training.session import make_session

RECIPE = {
    "epochs": 3,
    "batch_size": 2,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "warmup_epochs": 0.7,
    "schedule": "polynomial",
    "weight_decay": 1e-3,
    "clip_norm": 1.0,
    "average_decay": 0.9,
    "balancing": "uncertainty",
}


class Tick(keras.callbacks.Callback):
    """A clock on which a step takes a second and a validation half of one; Ctrl-C at a step, if one is given."""

    def __init__(self, interrupt=None):
        super().__init__()
        self.now, self.steps, self.interrupt = 1000.0, 0, interrupt
        self.averages = []

    def on_train_batch_begin(self, batch, logs=None):
        self.now += 1
        self.steps += 1
        if self.steps == self.interrupt:
            raise KeyboardInterrupt

    def on_test_end(self, logs=None):
        self.now += 0.5

    def on_epoch_end(self, epoch, logs=None):
        self.averages.append([value.numpy() for value in self.model.average.values])


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def fit(dataset, column_tasks, column_settings, monkeypatch_module):
    """Start or continue a training, and return its session and clock. Nothing is compiled, which would take longer."""

    def run(folder, training, interrupt=None, *, eager=True):
        options = {name: value for name, value in column_settings.items() if name != "progress"}
        options |= {"training": TrainingSettings(**training)}
        config = make_config(dataset.description, column_tasks[:2], **options)
        session = make_session(config, split_dataset(dataset, SplitSettings()))
        session.trainer.run_eagerly = eager
        monkeypatch_module.setattr(type(session), "_draw", lambda self, run, progress: None)
        tick = Tick(interrupt)
        if interrupt:
            with pytest.raises(KeyboardInterrupt):
                session.fit(RunFolder(folder), callbacks=[tick], clock=lambda: tick.now)
        else:
            session.fit(RunFolder(folder), callbacks=[tick], clock=lambda: tick.now)
        return session, tick

    return run


@pytest.fixture(scope="module")
def averaged(fit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("averaged")
    return RunFolder(folder), *fit(folder, RECIPE)


def arrays(run):
    with np.load(run.checkpoint) as content:
        return {name: content[name] for name in content.files if name != "progress"}


def require_equal_runs(first, second):
    a, b = arrays(first), arrays(second)
    assert a.keys() == b.keys()
    for name, array in a.items():
        np.testing.assert_array_equal(array, b[name], err_msg=name)
    tables = [run.read_history().drop(columns="seconds") for run in (first, second)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    saved = [keras.saving.load_model(run.network, compile=False).get_weights() for run in (first, second)]
    for x, y in zip(*saved, strict=True):
        np.testing.assert_array_equal(x, y)


def test_an_interrupted_training_with_averages_is_an_uninterrupted_one(averaged, fit, tmp_path):
    run = RunFolder(tmp_path)
    fit(tmp_path, RECIPE, interrupt=5)
    assert len(run.read_history()) == 1
    fit(tmp_path, RECIPE)
    require_equal_runs(averaged[0], run)


@pytest.mark.slow
def test_the_same_in_a_compiled_training(fit, tmp_path):
    whole, resumed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "resumed")
    fit(whole.path, RECIPE, eager=False)
    fit(resumed.path, RECIPE, interrupt=5, eager=False)
    fit(resumed.path, RECIPE, eager=False)
    require_equal_runs(whole, resumed)


def test_averages_are_validated_and_saved_and_the_last_weights_kept(averaged, parts):
    run, session, tick = averaged
    table = run.read_history()
    best = int(table["val_size_mae"].argmin())
    row = table.iloc[best]
    network = keras.saving.load_model(run.network, compile=False)
    tasks, train = session.trainer.tasks, session.train
    batch = Batches(parts["val"], tasks, train.preprocess, inputs=train.inputs, batch_size=len(parts["val"]))
    inputs, targets, weights = batch[0]
    outputs = network.predict_on_batch(inputs)
    for task in tasks:
        values = np.asarray(task.loss().call(targets[task.name], outputs[task.name]), float)
        known = weights[task.name] > 0
        assert row[f"val_{task.name}_loss"] == pytest.approx(values[known].mean(), rel=1e-4)
    for value, saved in zip(tick.averages[best], network.get_weights(), strict=True):
        np.testing.assert_array_equal(value, saved)
    stored = list(arrays(run).values())
    raw = session.trainer.network.get_weights()
    assert any((a != b).any() for a, b in zip(tick.averages[-1], raw, strict=True))
    for weight, array in zip(session.trainer.network.variables, stored, strict=False):
        np.testing.assert_array_equal(weight.numpy(), array)
    for value, array in zip(tick.averages[-1], stored[-len(raw) - 2 : -2], strict=True):
        np.testing.assert_array_equal(value, array)


@pytest.mark.slow
def test_a_training_by_the_clock_is_repeated_by_its_plan(fit, tmp_path):
    """Also one that was interrupted; its time before that counts, and the last epoch is incomplete."""
    timed = {name: value for name, value in RECIPE.items() if name != "epochs"} | {"minutes": 0.5}
    run = RunFolder(tmp_path / "timed")
    fit(run.path, timed, interrupt=20)
    finished = len(run.read_history())
    assert finished == 6
    _, tick = fit(run.path, timed)
    steps = 3 * finished + tick.steps
    # 26 steps take 26 seconds, and the validations of 9 epochs take 4.5.
    assert steps == 25
    assert len(run.read_history()) == 9
    plan = yaml.safe_load(run.plan.read_text())["training"]
    assert plan["steps"][-1][1] == steps
    assert plan["steps"][0][0] == 10
    again = RunFolder(tmp_path / "again")
    fit(again.path, timed | plan)
    require_equal_runs(run, again)
    before = run.checkpoint.read_bytes()
    assert fit(run.path, timed)[1].steps == 0
    assert run.checkpoint.read_bytes() == before


@pytest.mark.slow
def test_a_number_of_steps_ends_within_an_epoch_and_whole_epochs_are_epochs(averaged, fit, tmp_path):
    run = RunFolder(tmp_path / "short")
    _, tick = fit(run.path, RECIPE | {"steps": 4})
    assert tick.steps == 4
    assert list(run.read_history()["learning_rate"])[-1] == 0
    same = RunFolder(tmp_path / "same")
    fit(same.path, RECIPE | {"epochs": None, "steps": 9})
    require_equal_runs(averaged[0], same)


def test_an_ablation_needs_epochs(dataset, column_tasks, column_settings):
    options = {name: value for name, value in column_settings.items() if name != "progress"}
    for limit in ({"minutes": 1}, {"steps": 9, "epochs": 3}):
        options["training"] = TrainingSettings(**limit)
        config = make_config(dataset.description, column_tasks, **options)
        with pytest.raises(ConfigError, match=r"set training\.epochs"):
            plan_runs(config, 1)


def test_words():
    assert doctest.testmod(recipe).failed == 0
    assert describe_recipe(TrainingSettings(**RECIPE), 100) == (
        "sgd, 3 epochs, 300 steps; learning rate 0.01, polynomial after a warm-up of 0.7 epochs; weight decay 0.001; "
        "gradients clipped to a norm of 1; averages of the weights (decay 0.9) are validated and saved, not the last "
        "weights"
    )
    assert describe_recipe(TrainingSettings(minutes=20, epochs=9), 5) == (
        "adamw, 20 minutes, at most 9 epochs, 45 steps; learning rate 0.001, cosine"
    )
    assert describe_recipe(TrainingSettings(minutes=1), 5).startswith("adamw, 1 minute; ")
    assert describe_recipe(TrainingSettings(steps=[[2, 8]]), 5).startswith(
        "adamw, 8 steps as planned by another"
    )
    assert describe_end([(10, 30), (20, 25)], 25, 10) == (
        "25 steps in 3 epochs fitted into the time; the same training without a clock: training.minutes=null "
        "training.epochs=null training.steps=[[10,30],[20,25]]"
    )
