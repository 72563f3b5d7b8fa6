"""The contract of losses, over `LOSSES`; a newcomer of a kind is covered by the example of its kind."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from unet_mtl import Ordinal, Regression
from unet_mtl.losses import LOSSES, LossSpec
from unet_mtl.losses.base import PerSampleLoss, weighted_mean
from unet_mtl.tasks import TASKS

N, SIDE, CLASSES = 5, 6, 3


class Example:
    """Truth of N cases for a loss, and outputs for it.

    Attributes:
        arguments: Arguments of the loss.
        truth: The truth; in part unknown if the kind admits that.
        perfect: The outputs that are right for every case.
        unknown: Which outputs are about unknown labels, in the shape of `perfect`.
        extremes: Outputs at the ends of what an activation can give.
    """

    def __init__(self, kind, spec):
        self.rng = np.random.default_rng(3)
        self.outputs = spec.outputs
        self.extremes = (0.0, 1.0)
        getattr(self, kind)()
        self.truth, self.perfect = np.asarray(self.truth), np.asarray(self.perfect, np.float32)

    def segmentation(self):
        self.arguments = (CLASSES,)
        self.truth = self.rng.integers(0, CLASSES, (N, SIDE, SIDE)).astype(np.uint8)
        self.perfect = np.eye(CLASSES)[self.truth]
        self.truth[:, 0, :3] = 255
        self.unknown = np.repeat((self.truth == 255)[..., None], CLASSES, axis=-1)

    def overlapping_segmentation(self):
        self.arguments = ()
        self.truth = self.rng.integers(0, 2, (N, SIDE, SIDE, 2)).astype(np.uint8)
        self.perfect = self.truth.copy()
        self.truth[:, 1, :4] = 255
        self.truth[0, 3, 3, 1] = 255
        self.unknown = self.truth == 255

    def classification(self):
        self.arguments = (CLASSES, (1.0, 2.0, 0.5))
        self.truth = np.array([0, 1, 2, 1, 0])
        self.perfect = np.eye(CLASSES)[self.truth]
        self.unknown = np.zeros(self.perfect.shape, bool)

    def ordinal(self):
        self.arguments = (4,)
        self.truth = np.array([0, 1, 2, 3, 1])
        self.perfect = self.truth[:, None] > np.arange(3)
        self.unknown = np.zeros(self.perfect.shape, bool)

    def multilabel(self):
        self.arguments = ([[1.0, 2.0], [0.5, 3.0]],)
        self.truth = np.array([[0, 1], [1, 0], [255, 1], [0, 255], [1, 1]], np.uint8)
        self.perfect = self.truth == 1
        self.unknown = self.truth == 255

    def regression(self):
        self.arguments = ()
        values = self.rng.normal(size=(N, 2))
        known = np.array([[1, 1], [1, 1], [0, 1], [1, 0], [1, 1]])
        self.truth = np.stack([values * known, known], -1).astype(np.float32)
        # A network that is certain, and right, predicts a small variance.
        self.perfect = np.concatenate([values, np.full((N, 2 * (self.outputs - 1)), -30.0)], axis=1)
        self.unknown = np.tile(known == 0, self.outputs)
        self.extremes = (-1e4, 1e4)

    def random_outputs(self, seed=0):
        rng = np.random.default_rng(seed)
        if self.extremes == (0.0, 1.0):
            outputs = rng.uniform(0.05, 0.95, self.perfect.shape)
            if (self.perfect.sum(-1) == 1).all() and self.perfect.shape[-1] == CLASSES:
                outputs /= outputs.sum(-1, keepdims=True)
        else:
            outputs = rng.normal(0, 2, self.perfect.shape)
        return outputs.astype(np.float32)


@pytest.fixture(
    params=[(kind, name) for kind, losses in LOSSES.items() for name in losses], ids=lambda key: "-".join(key)
)
def case(request):
    """The loss and its example."""
    kind, name = request.param
    spec = LOSSES[kind][name]
    example = Example(kind, spec)
    return spec.build(*example.arguments), example


def values_and_gradient(loss, truth, outputs, weights):
    outputs = tf.constant(outputs)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        values = loss.call(truth, outputs)
        total = weighted_mean(values, np.asarray(weights, np.float32))
    return values.numpy(), float(total), tape.gradient(total, outputs).numpy()


def test_every_kind_of_task_has_losses():
    assert set(LOSSES) == {name for name, kind in TASKS.items() if not kind.derived}
    assert all(LOSSES.values())


def test_it_divides_by_the_weights_and_survives_serialisation(case):
    loss, _ = case
    assert isinstance(loss, PerSampleLoss)
    assert loss.reduction == "mean_with_sample_weight"
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


def test_one_value_per_sample_that_depends_on_this_sample_alone(case):
    loss, example = case
    outputs = example.random_outputs()
    values = loss.call(example.truth, outputs).numpy()
    assert values.shape == (N,)
    for i in range(N):
        single = loss.call(example.truth[i : i + 1], outputs[i : i + 1]).numpy()
        np.testing.assert_allclose(single, values[i : i + 1], rtol=1e-6)
    assert len(set(values.round(6))) == N


def test_unknown_labels_have_no_effect_and_no_gradient(case):
    loss, example = case
    outputs = example.random_outputs()
    changed = np.where(example.unknown, example.random_outputs(1), outputs)
    values, _, gradient = values_and_gradient(loss, example.truth, outputs, np.ones(N))
    np.testing.assert_array_equal(values, loss.call(example.truth, changed).numpy())
    assert (gradient[example.unknown] == 0).all()
    assert (gradient[~example.unknown] != 0).mean() > 0.25


def test_a_weight_of_zero_is_exact(case):
    loss, example = case
    outputs = example.random_outputs()
    weights = np.array([1, 0, 0.5, 0, 2])
    values, total, gradient = values_and_gradient(loss, example.truth, outputs, weights)
    assert total == pytest.approx((weights * values).sum() / weights.sum(), rel=1e-6)
    assert (gradient[weights == 0] == 0).all()
    assert all(gradient[i].any() for i in np.flatnonzero(weights))
    filled = example.truth.copy()
    filled[weights == 0] = 0
    _, other_total, other_gradient = values_and_gradient(loss, filled, outputs, weights)
    assert other_total == total
    np.testing.assert_array_equal(other_gradient, gradient)
    _, total, gradient = values_and_gradient(loss, example.truth, outputs, np.zeros(N))
    assert total == 0
    assert not gradient.any()


def test_it_is_finite_at_the_ends(case):
    loss, example = case
    for extreme in example.extremes:
        outputs = np.full(example.perfect.shape, extreme, np.float32)
        values, _, gradient = values_and_gradient(loss, example.truth, outputs, np.ones(N))
        assert np.isfinite(values).all()
        assert np.isfinite(gradient).all()
    values, _, gradient = values_and_gradient(loss, example.truth, example.perfect, np.ones(N))
    assert np.isfinite(values).all()
    assert np.isfinite(gradient).all()


def test_a_perfect_prediction_is_near_the_minimum(case):
    loss, example = case
    perfect = loss.call(example.truth, example.perfect).numpy()
    others = [loss.call(example.truth, example.random_outputs(seed)).numpy() for seed in range(20)]
    assert (perfect < np.min(others, axis=0)).all()
    # On the way from any prediction to the perfect one the loss falls.
    start = example.random_outputs()
    path = [loss.call(example.truth, start + s * (example.perfect - start)).numpy() for s in (0.5, 0.9, 1.0)]
    assert (np.diff(path, axis=0) <= 1e-6).all()
    if example.outputs == 1:
        np.testing.assert_allclose(perfect, 0, atol=1e-5)


def test_the_losses_of_a_regression():
    losses = {name: Regression(name="age", loss=name).loss() for name in LOSSES["regression"]}
    assert {name: loss.get_config().get("delta", "none") for name, loss in losses.items()} == {
        "huber": 1.0,
        "mse": None,
        "gaussian": "none",
    }


def test_a_loss_that_is_registered_at_run_time_can_be_set(monkeypatch):
    narrow = LossSpec("unet_mtl.losses.values", "ValueLoss", {"delta": 0.1})
    monkeypatch.setitem(LOSSES["regression"], "narrow", narrow)
    task = Regression(name="age", loss="narrow")
    assert Regression.model_validate(task.to_config()) == task
    assert task.loss().delta == 0.1
    monkeypatch.undo()
    with pytest.raises(ValueError, match="Input should be 'huber', 'mse' or 'gaussian'"):
        Regression(name="age", loss="narrow")
    with pytest.raises(ValueError, match="Input should be 'corn' or 'cumulative'"):
        Ordinal(name="grade", method="narrow")
