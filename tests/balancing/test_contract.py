"""The contract of balancers, over `BALANCERS`."""

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from keras import ops
from pydantic import TypeAdapter, ValidationError

from unet_mtl import Regression, TrainingSettings, train
from unet_mtl.balancing import BALANCERS, AnyBalancing, Losses
from unet_mtl.errors import ConfigError
from unet_mtl.runs import RunFolder
from unet_mtl.training.callbacks import BalanceLog

WEIGHTS = [1.0, 0.5, 2.0]


@pytest.fixture(params=BALANCERS)
def name(request):
    return request.param


def losses(values, labelled):
    tensors = [ops.convert_to_tensor(np.float32(value)) for value in values]
    return Losses(tensors, [ops.convert_to_tensor(known) for known in labelled])


def factors(balancer):
    return np.array([float(factor) for factor in balancer.factors()])


def test_settings_survive_json_and_are_frozen(name):
    settings = BALANCERS[name]()
    assert settings.name == name
    one = TrainingSettings(balancing=name)
    assert one.balancing == settings
    assert TrainingSettings.model_validate(json.loads(json.dumps(one.to_config()))) == one
    assert TrainingSettings(balancing={"name": name, "measure_every": 0}).balancing.measure_every == 0
    with pytest.raises(ValidationError):
        settings.measure_every = 3
    with pytest.raises(ValidationError, match="speed"):
        TrainingSettings(balancing={"name": name, "speed": 3})


def test_the_error_for_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValidationError, match="'fixed', 'uncertainty', 'dwa', 'gradnorm', 'pcgrad'"):
        TypeAdapter(AnyBalancing).validate_python("mgda")
    with pytest.raises(
        ValidationError, match="give one of fixed, uncertainty, dwa, gradnorm, pcgrad, or a mapping"
    ):
        TypeAdapter(AnyBalancing).validate_python(3)


def test_the_initial_total_is_the_fixed_sum(name):
    balancer = BALANCERS[name]().build(WEIGHTS, seed=0)
    np.testing.assert_allclose(factors(balancer), WEIGHTS, rtol=1e-6)
    total = balancer.total(losses([3.0, 5.0, 7.0], [True, True, True]))
    assert float(total) == pytest.approx(3 + 2.5 + 14)


def test_the_state_is_in_the_variables(name):
    """A balancer that receives the variables of another continues as that one does."""
    one, other = (BALANCERS[name]().build(WEIGHTS, seed=seed) for seed in (0, 1))

    def learn(balancer, step):
        if balancer.needs_norms:
            balancer.update_norms(
                losses([3.0, 5.0, step], [True, True, True]), ops.ones(3) * [1.0, 2.0, step]
            )
        balancer.end_epoch(np.array([3.0, 5.0, step]))
        if balancer.combines_gradients:
            return ops.convert_to_numpy(balancer.coefficients(ops.convert_to_tensor(CONFLICTING)))
        return factors(balancer)

    for step in range(1, 15):
        learn(one, step)
    for ours, theirs in zip(one.variables, other.variables, strict=True):
        theirs.assign(ours)
    for step in range(15, 18):
        np.testing.assert_array_equal(learn(one, step), learn(other, step))


# Inner products of three vectors that conflict pairwise; the sum of the projections depends on the order.
VECTORS = np.array([[1.0, 0.2], [-1.0, 0.3], [0.1, -1.0]], np.float32)
CONFLICTING = VECTORS @ VECTORS.T


def test_an_epoch_without_labels_changes_nothing_for_its_task(name):
    balancer = BALANCERS[name]().build(WEIGHTS, seed=0)
    for means in ([3.0, 5.0, 7.0], [3.0, np.nan, 7.0], [np.nan] * 3):
        balancer.end_epoch(np.array(means))
        np.testing.assert_allclose(factors(balancer), WEIGHTS, rtol=1e-6)


def test_gradients_of_single_tasks_are_refused_on_other_backends(name, small, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    settings = BALANCERS[name]()
    if settings.needs_tape:
        words = f"{name} needs the gradients of single tasks.*runs on jax; set fixed, uncertainty or dwa"
        with pytest.raises(ConfigError, match=words):
            small(name)
    else:
        assert settings.resolve_measure_every("jax") == 0
        with pytest.raises(ConfigError, match="measure_every is 5, and Keras runs on jax"):
            small({"name": name, "measure_every": 5})


def test_a_single_task_shares_no_layer(name, small, rows):
    tasks = [Regression(name="age")]
    if BALANCERS[name].needs_tape:
        with pytest.raises(ConfigError, match="no two tasks share one; set fixed, uncertainty or dwa"):
            small(name, tasks=tasks)
    else:
        assert small(name, tasks=tasks).task_step is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision"),
    [(name, "mixed_float16") for name in BALANCERS] + [("gradnorm", "mixed_bfloat16")],
)
def test_mixed_precision_trains(name, small, rows, precision):
    """float16 starts with a loss scale of 32768, which must affect neither the weights nor the norms.

    Where a gradient overflows, the step is dropped and the scale halved: once here.
    """
    trainer = small({"name": name, "measure_every": 1}, precision=precision, learning_rate=1e-4)
    before = [v.numpy() for v in trainer.network.trainable_variables]
    history = trainer.fit(rows, epochs=1, shuffle=False, verbose=0, callbacks=[BalanceLog()]).history
    assert any(
        (a != b.numpy()).any() for a, b in zip(before, trainer.network.trainable_variables, strict=True)
    )
    assert int(trainer.optimizer.iterations.numpy()) >= 3 - (precision == "mixed_float16")
    assert all(np.isfinite(values).all() for key, values in history.items())
    assert all(0.01 < history[f"{task}_gradient"][0] < 100 for task in ("zone", "age", "kind"))
    assert history["kind_weight"][0] == pytest.approx(2, rel=0.1)
    parts = [history[f"{task}_weight"][0] * history[f"{task}_loss"][0] for task in ("zone", "age", "kind")]
    assert history["loss"][0] == pytest.approx(sum(parts), rel=1e-5)


@pytest.mark.parametrize("name", [name for name in BALANCERS if name != "fixed"])
@pytest.mark.slow
def test_a_resumed_training_equals_an_uninterrupted_one(
    name, dataset, column_tasks, column_settings, tmp_path, monkeypatch, drawing
):
    """The interruption is in the third epoch, when the balancer depends on the first two and a weight has moved."""
    column_tasks = [
        task.model_copy(update={"final_weight": 0.2}) for task in column_tasks[:1]
    ] + column_tasks[1:]
    balancing = {"name": name, "measure_every": 3} | QUICK.get(name, {})
    training = TrainingSettings(epochs=4, batch_size=2, learning_rate=3e-3, balancing=balancing)
    settings = column_settings | {"training": training}
    original = keras.Model.fit

    def copied(self, *arguments, **options):
        copy = CopyRun(tmp_path / "whole", tmp_path / "halves")
        return original(self, *arguments, **options | {"callbacks": [*options["callbacks"], copy]})

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "fit", copied)
        whole = train(dataset, column_tasks, tmp_path / "whole", **settings)
    assert len(RunFolder(tmp_path / "halves").read_history()) == 2
    with drawing():
        halves = train(dataset, column_tasks, tmp_path / "halves", **settings, resume=True)
    expected, found = (run.read_history().drop(columns="seconds") for run in (whole, halves))
    pd.testing.assert_frame_equal(expected, found, check_exact=True)
    with np.load(whole.checkpoint) as a, np.load(halves.checkpoint) as b:
        assert a.files == b.files
        for key in a.files:
            if key != "progress":
                np.testing.assert_array_equal(a[key], b[key])
    columns = [
        "size_weight",
        "length_gradient",
        "cosine_size_diagnosis",
        "cosine_size_length",
        "cosine_diagnosis_length",
    ]
    assert set(columns) <= set(expected.columns)
    assert (halves.path / "balance.png").stat().st_size > 5000
    assert expected["size_weight"].nunique() > 1


QUICK = {"gradnorm": {"initial_steps": 2}}
"""Options for a run with fewer than the default of ten labelled steps."""


class CopyRun(keras.callbacks.Callback):
    """Copies the run folder in the middle of the third epoch, as a power failure would leave it."""

    def __init__(self, run, copy):
        super().__init__()
        self.folders = (run, copy)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (2, 1):
            shutil.copytree(*self.folders)
