"""Loss and metrics of each head receive its own target and output, in Keras' `fit` and in our trainer.

Keras 3.14.0 gave metrics to the wrong head, and 3.5.0 ordered losses by name; the names here are in no order.
"""

import keras
import numpy as np
import pytest

from unet_mtl import (
    Classification,
    NetworkSettings,
    Regression,
    Segmentation,
    TrainingSettings,
    build_network,
)
from unet_mtl.training.trainer import MultiTaskTrainer, make_trainer

TASKS = [
    Segmentation(name="zone", classes=("background", "a", "b")),
    Regression(name="age"),
    Classification(name="kind", classes=("x", "y", "z")),
    Regression(name="diameter"),
]
NAMES = [task.name for task in TASKS]
BATCH = 4


class Probe(keras.metrics.Metric):
    """Keeps the mean of the last targets, squared outputs or weights that it received."""

    def __init__(self, name, *, part):
        super().__init__(name=name)
        self.part = part
        self.seen = self.add_weight(shape=(), initializer="zeros", name="seen")

    def update_state(self, y_true, y_pred, sample_weight=None):
        means = {
            "true": keras.ops.mean(keras.ops.cast(y_true, "float32")),
            "predicted": keras.ops.mean(keras.ops.square(y_pred)),
            "weight": keras.ops.mean(keras.ops.cast(sample_weight, "float32")),
        }
        self.seen.assign(means[self.part])

    def result(self):
        return self.seen


class Squares(keras.losses.Loss):
    """Mean squares of the outputs times a factor that differs between heads; targets are ignored."""

    def __init__(self, factor):
        super().__init__(reduction="mean_with_sample_weight")
        self.factor = factor

    def call(self, y_true, y_pred):
        y_pred = keras.ops.reshape(y_pred, (BATCH, -1))
        return self.factor * keras.ops.mean(keras.ops.square(y_pred), axis=-1)


@pytest.fixture(scope="module")
def network():
    return build_network(TASKS, size=(8, 8), settings=NetworkSettings(width=4, levels=2))


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    targets = {
        "zone": np.full((BATCH, 8, 8), 2, np.uint8),
        "age": np.full(BATCH, 5, np.float32),
        "kind": np.full(BATCH, 1, np.int32),
        "diameter": np.full(BATCH, -3, np.float32),
    }
    weights = {name: np.eye(BATCH, dtype=np.float32)[: i + 1].sum(0) for i, name in enumerate(NAMES)}
    return {"image": rng.random((BATCH, 8, 8, 3), np.float32)}, targets, weights


PARTS = ("true", "predicted", "weight")


def expected_probes(network, batch):
    images, targets, weights = batch
    outputs = network.predict_on_batch(images)
    return {
        name: {
            "true": targets[name].mean(),
            "predicted": np.square(outputs[name]).mean(),
            "weight": weights[name].mean(),
        }
        for name in NAMES
    }


def assert_each_head_received_its_own(logs, network, batch, factors):
    """Compare each head's probes and loss with NumPy, and return the losses in the order of the heads."""
    images, _, weights = batch
    expected, outputs = expected_probes(network, batch), network.predict_on_batch(images)
    means = []
    for name in NAMES:
        for part in PARTS:
            assert logs[f"{name}_probe_{part}"] == pytest.approx(expected[name][part], rel=1e-4), (name, part)
        by_case = np.square(outputs[name].reshape(BATCH, -1)).mean(-1)
        means.append(factors[name] * (by_case * weights[name]).sum() / weights[name].sum())
        assert logs[f"{name}_loss"] == pytest.approx(means[-1], rel=1e-4), name
    return means


def test_plain_keras_routes_by_name(network, batch):
    factors = {name: 10.0**i for i, name in enumerate(NAMES)}
    probes = {name: [Probe(f"probe_{part}", part=part) for part in PARTS] for name in sorted(NAMES)}
    network.compile(
        loss={name: Squares(factors[name]) for name in sorted(NAMES)},
        weighted_metrics=probes,
        optimizer="sgd",
    )
    images, targets, weights = batch
    logs = network.test_on_batch(images, targets, sample_weight=weights, return_dict=True)
    assert_each_head_received_its_own(logs, network, batch, factors)


def test_the_trainer_routes_by_name(network, batch, monkeypatch):
    factors = {name: 10.0**i for i, name in enumerate(NAMES)}
    for kind in (Segmentation, Regression, Classification):
        monkeypatch.setattr(kind, "loss", lambda self: Squares(factors[self.name]))
        monkeypatch.setattr(
            kind,
            "training_metrics",
            lambda self: [Probe(f"{self.name}_probe_{part}", part=part) for part in PARTS],
        )
    trainer = MultiTaskTrainer(network, TASKS)
    trainer.compile(optimizer="sgd")
    images, targets, weights = batch
    logs = trainer.test_on_batch(images, targets, sample_weight=weights, return_dict=True)
    means = assert_each_head_received_its_own(logs, network, batch, factors)
    assert logs["loss"] == pytest.approx(sum(means), rel=1e-4)


@pytest.fixture(scope="module")
def trainer():
    network = build_network(TASKS, size=(8, 8), settings=NetworkSettings(width=4, levels=2))
    trainer = make_trainer(network, TASKS, TrainingSettings(epochs=1, schedule="constant"), steps=1)
    variables = [*trainer.variables, *trainer.optimizer.variables]
    return trainer, [(variable, variable.numpy()) for variable in variables]


@pytest.mark.parametrize("learned", NAMES)
def test_a_label_trains_its_own_head_only(learned, trainer, batch):
    trainer, start = trainer
    for variable, value in start:
        variable.assign(value)
    network = trainer.network
    images, targets, _ = batch
    weights = {name: np.full(BATCH, name == learned, np.float32) for name in NAMES}
    heads = {name: network.get_layer(f"{name}_logits") for name in NAMES}
    before = {name: head.get_weights() for name, head in heads.items()}
    trainer.train_on_batch(images, targets, sample_weight=weights)
    changed = {
        name
        for name, head in heads.items()
        if any((a != b).any() for a, b in zip(before[name], head.get_weights(), strict=True))
    }
    assert changed == {learned}
