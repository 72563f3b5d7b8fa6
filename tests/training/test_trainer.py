"""The trainer's losses and scores over an epoch, with a rate of 0 so that NumPy can follow."""

import keras
import numpy as np
import pytest

import metrics
from unet_mtl import (
    Classification,
    NetworkSettings,
    Regression,
    Segmentation,
    TrainingSettings,
    build_network,
)
from unet_mtl.losses.masks import MaskLoss
from unet_mtl.tasks.number import Number
from unet_mtl.training.trainer import LabelledMean, make_trainer

TASKS = [
    Segmentation(name="zone", classes=("background", "a", "b")),
    Regression(name="age", numbers=(Number(column="age", deviation=10.0),), weight=0.5),
    Classification(name="kind", classes=("x", "y", "z"), class_weights=(1.0, 2.0, 4.0)),
]
N = 11


class Fixed(keras.utils.PyDataset):
    """Batches of 4, 4 and 3, or of another size."""

    def __init__(self, *parts, size=4):
        super().__init__()
        self.parts = parts
        self.size = size

    def __len__(self):
        return -(-N // self.size)

    def __getitem__(self, index):
        rows = slice(self.size * index, self.size * (index + 1))
        return tuple({name: array[rows] for name, array in part.items()} for part in self.parts)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    inputs = {"image": rng.random((N, 8, 8, 3), np.float32)}
    targets = {
        "zone": rng.integers(0, 3, (N, 8, 8)).astype(np.uint8),
        "age": rng.normal(size=N).astype(np.float32),
        "kind": rng.integers(0, 3, N).astype(np.int32),
    }
    targets["zone"][:, :2] = 255
    weights = {name: np.ones(N, np.float32) for name in targets}
    weights["zone"][[0, 5, 9, 10]] = 0
    weights["age"][4:8] = 0  # a whole batch
    weights["kind"][1:] = 0  # one label in all
    for name, target in targets.items():
        target[weights[name] == 0] = 0
    return inputs, targets, weights


@pytest.fixture(scope="module")
def trainer():
    network = build_network(
        TASKS, size=(8, 8), settings=NetworkSettings(width=4, levels=2, normalization="none")
    )
    still = make_trainer(network, TASKS, TrainingSettings(), steps=3)
    still.compile(optimizer=keras.optimizers.SGD(0.0))
    return still


def expected_logs(network, data):
    inputs, targets, weights = data
    outputs = network.predict_on_batch(inputs)
    values = {
        task.name: np.asarray(task.loss().call(targets[task.name], outputs[task.name]), float)
        for task in TASKS
    }
    logs = {f"{name}_loss": np.average(value, weights=weights[name]) for name, value in values.items()}
    logs["loss"] = sum(task.weight * logs[f"{task.name}_loss"] for task in TASKS)
    known = weights["zone"] > 0
    counts = metrics.count_cases(targets["zone"][known], outputs["zone"][known].argmax(-1), 3, ignore=255)
    logs["zone_dice"] = np.nanmean(metrics.mean_over_classes(metrics.dice(counts)))
    known = weights["age"] > 0
    logs["age_mae"] = 10 * np.abs(targets["age"] - outputs["age"][:, 0])[known].mean()
    logs["kind_accuracy"] = float(outputs["kind"][0].argmax() == targets["kind"][0])
    return logs


def test_an_epoch_is_exact_over_labelled_cases(trainer, data):
    expected = expected_logs(trainer.network, data)
    # Twice: the second epoch must not remember the first.
    history = trainer.fit(
        Fixed(*data), validation_data=Fixed(*data), epochs=2, verbose=0, shuffle=False
    ).history
    for name, value in expected.items():
        for epoch in (0, 1):
            assert history[name][epoch] == pytest.approx(value, rel=1e-4, abs=1e-6), name
            assert history[f"val_{name}"][epoch] == pytest.approx(value, rel=1e-4, abs=1e-6), name


@pytest.mark.parametrize("factors", [None, (0.3, 2.0, 5.0)])
def test_the_loss_of_an_epoch_does_not_depend_on_the_batch_size(trainer, data, factors, monkeypatch):
    """It is the sum of the tasks' means over labelled cases, weighted by the balancer's factors."""
    if factors:
        monkeypatch.setattr(trainer.balancer, "factors", lambda: factors)
    factors = factors or [task.weight for task in TASKS]
    expected = expected_logs(trainer.network, data)
    total = sum(factor * expected[f"{task.name}_loss"] for factor, task in zip(factors, TASKS, strict=True))
    found = [
        trainer.evaluate(Fixed(*data, size=size), verbose=0, return_dict=True)["loss"]
        for size in (1, 3, 4, 10, 11)
    ]
    np.testing.assert_allclose(found, total, rtol=1e-5)


def test_a_loss_that_is_not_finite_stays_so(trainer, data):
    """The mean of a diverged task is NaN like that of a task without labels, which must not hide it."""
    inputs, targets, weights = data
    bias = trainer.network.get_layer(
        "zone_logits"
    ).bias  # a NaN in the image would be lost in some kernels of ReLU
    before = bias.numpy()
    bias.assign(np.full_like(before, np.nan))
    found = trainer.evaluate(Fixed(inputs, targets, weights), verbose=0, return_dict=True)
    bias.assign(before)
    assert np.isnan(found["loss"])
    nothing = {name: np.zeros(N, np.float32) for name in weights}
    found = trainer.evaluate(Fixed(inputs, targets, nothing), verbose=0, return_dict=True)
    assert np.isnan(found["loss"])


def test_the_gradient_is_that_of_the_sum_over_labelled_cases(data):
    """One step of plain gradient descent, against the gradient over the labelled cases alone."""
    import tensorflow as tf

    network = build_network(TASKS, size=(8, 8), settings=NetworkSettings(width=4, levels=2))
    trainer = make_trainer(network, TASKS, TrainingSettings(), steps=1)
    trainer.compile(optimizer=keras.optimizers.SGD(1.0))
    inputs, targets, weights = ({k: v[:8] for k, v in part.items()} for part in data)
    bias = network.get_layer("zone_logits").bias
    before = bias.numpy()
    known = np.flatnonzero(weights["zone"])
    with tf.GradientTape() as tape:
        outputs = network(inputs, training=True)["zone"]
        loss = tf.reduce_mean(tf.gather(MaskLoss(3).call(targets["zone"], outputs), known))
    gradient = tape.gradient(loss, bias.value).numpy()
    trainer.train_on_batch(inputs, targets, sample_weight=weights)
    np.testing.assert_allclose(before - bias.numpy(), gradient, rtol=1e-3, atol=1e-6)


def test_no_label_in_an_epoch_is_nan_and_not_zero():
    mean = LabelledMean()
    mean.update_state(np.ones(3, "f"), np.zeros(3, "f"))
    assert np.isnan(float(mean.result()))
    mean.update_state(np.array([1, 5, 9], "f"), np.array([0, 1, 1], "f"))
    assert float(mean.result()) == 7


def test_schedule_and_decay():
    network = build_network(TASKS, size=(8, 8), settings=NetworkSettings(width=4, levels=2))
    settings = TrainingSettings(epochs=5, learning_rate=0.01, weight_decay=0.1)
    optimizer = make_trainer(network, TASKS, settings, steps=4).optimizer
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    optimizer.iterations.assign(20)
    assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-8)
    decayed = {v.path for v in network.trainable_variables if optimizer._use_weight_decay(v)}
    assert decayed == {v.path for v in network.trainable_variables if v.name == "kernel"}
    constant = make_trainer(network, TASKS, TrainingSettings(schedule="constant"), steps=4).optimizer
    constant.iterations.assign(1000)
    assert float(constant.learning_rate) == pytest.approx(1e-3)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_only_float16_scales_its_loss(precision):
    network = build_network(
        TASKS, size=(8, 8), settings=NetworkSettings(width=4, levels=2), precision=precision
    )
    optimizer = make_trainer(network, TASKS, TrainingSettings(), steps=1).optimizer
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) == (precision == "mixed_float16")
    kernels = [variable for variable in optimizer.variables if "kernel" in variable.path]
    assert len(kernels) == 2 * sum(v.name == "kernel" for v in network.trainable_variables)
