"""Loss and gradient of the trainer against float64, for logits from -100 to 100 and every kind of task.

Heads end in probabilities, which float32 rounds to 1 from a logit of 17 on. What trains the network must not depend on
that: a confident false positive has a large loss and the full gradient.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import expit, log_expit, log_softmax, logsumexp

from unet_mtl import (
    Classification,
    Multilabel,
    Ordinal,
    OverlappingSegmentation,
    Regression,
    Segmentation,
)
from unet_mtl.losses.values import LOG_VARIANCES
from unet_mtl.tasks import TASKS, Features
from unet_mtl.tasks.loss_settings import Tversky
from unet_mtl.tasks.number import Number
from unet_mtl.training.trainer import MultiTaskTrainer

N, SIDE = 48, 2
PAIR = ("no", "yes")
MASK = ("background", "a", "b")
EXAMPLES = {
    "mask of two classes": Segmentation(name="t", classes=MASK[:2]),
    "focal mask of two classes": Segmentation(name="t", classes=MASK[:2], focal=2.0),
    "sigmoid mask": Segmentation(name="t", classes=MASK, activation="sigmoid", tversky=Tversky()),
    "softmax mask": Segmentation(name="t", classes=MASK),
    "focal softmax mask": Segmentation(name="t", classes=MASK, focal=0.5, dice=0.5),
    "overlapping masks": OverlappingSegmentation(name="t", classes=MASK),
    "two classes": Classification(name="t", classes=PAIR, class_weights=(1.0, 3.0)),
    "focal two classes": Classification(name="t", classes=PAIR, focal=0.5),
    "three classes": Classification(name="t", classes=("x", "y", "z")),
    "focal three classes": Classification(name="t", classes=("x", "y", "z"), focal=2.0),
    "grades": Ordinal(name="t", classes=("1", "2", "3", "4")),
    "cumulative grades": Ordinal(name="t", classes=("1", "2", "3"), method="cumulative"),
    "labels": Multilabel(name="t", targets=("a", "b", "c"), classes=(PAIR,) * 3),
    "number": Regression(name="t", numbers=(Number(column="t"),)),
    "squared number": Regression(name="t", numbers=(Number(column="t"),), loss="mse"),
    "number with interval": Regression(name="t", numbers=(Number(column="t"),), loss="gaussian"),
}


def channels_of(task):
    """Return the number of inputs of the head, which become its logits."""
    if task.kind == "ordinal":
        return 1 if task.method == "cumulative" else len(task.classes) - 1
    if task.kind == "regression":
        return 2 if task.loss_kind == "gaussian" else 1
    if task.kind == "multilabel":
        return len(task.targets)
    sigmoid = task.kind == "overlapping_segmentation" or len(task.classes) == 2
    return len(task.classes) - (sigmoid or getattr(task, "activation", "") == "sigmoid")


def make_truth(task, rng):
    if task.kind == "segmentation":
        truth = rng.integers(0, len(task.classes), (N, SIDE, SIDE)).astype(np.uint8)
        truth[:, 0, 0] = np.where(rng.random(N) < 0.3, 255, truth[:, 0, 0])
        return truth
    if task.kind == "overlapping_segmentation":
        return rng.choice(np.array([0, 1, 255], np.uint8), (N, SIDE, SIDE, 2), p=[0.45, 0.45, 0.1])
    if task.kind == "multilabel":
        return rng.choice(np.array([0, 1, 255], np.uint8), (N, 3), p=[0.4, 0.4, 0.2])
    if task.kind == "regression":
        return np.stack([rng.normal(size=(N, 1)), np.ones((N, 1))], axis=-1).astype(np.float32)
    return rng.integers(0, len(task.classes), N).astype(np.int32)


def binary(truth, z, focal=0.0):
    return -np.where(truth, expit(-z) ** focal * log_expit(z), expit(z) ** focal * log_expit(-z))


def categorical(index, z, focal=0.0):
    """Return the cross-entropy over the last axis; 1 - p is the sum of the other classes."""
    right = np.arange(z.shape[-1]) == index[..., None]
    log_wrong = logsumexp(np.where(right, -np.inf, z), axis=-1) - logsumexp(z, axis=-1)
    return -np.exp(focal * log_wrong) * log_softmax(z, axis=-1)[right].reshape(index.shape)


def overlap_cost(truth, p, known, tversky=None):
    p, truth = np.where(known, p, 0.0), truth & known
    tp, n_true, n_positive = ((x * known).sum(axis=(1, 2)) for x in (truth * p, truth, p))
    if tversky is None:
        return (1 - (2 * tp + 1) / (n_true + n_positive + 1)).mean(axis=-1)
    errors = tversky.alpha * (n_positive - tp) + tversky.beta * (n_true - tp)
    return (errors / (tp + errors + 0.5)).mean(axis=-1)


def mean_of(values, known):
    axes = tuple(range(1, values.ndim))
    return np.where(known, values, 0).sum(axis=axes) / np.maximum(known.sum(axis=axes), 1)


def mask_loss(task, truth, z):
    known = truth != 255
    index = np.where(known, truth, 0)
    hot = np.arange(1, len(task.classes)) == index[..., None]
    if z.shape[-1] == len(task.classes):
        entropy, p = categorical(index, z, task.focal), np.exp(log_softmax(z, axis=-1))[..., 1:]
    else:
        entropy, p = binary(hot, z, task.focal).mean(axis=-1), expit(z)
    dice = overlap_cost(hot, p, known[..., None], task.tversky)
    return mean_of(entropy, known) + task.dice * dice


def number_loss(task, truth, z):
    error = np.abs(z[:, 0] - truth[:, 0, 0])
    if task.loss_kind == "huber":
        return np.where(error < 1, error**2 / 2, error - 0.5)
    if task.loss_kind == "mse":
        return error**2 / 2
    low, high = LOG_VARIANCES
    s = low + np.logaddexp(0, high - np.logaddexp(0, high - z[:, 1]) - low)
    return (np.log(2 * np.pi) + s + error**2 / np.exp(s)) / 2


def expected_loss(task, truth, z):
    """Return the loss of each case in float64, from the inputs of the head."""
    if task.kind == "segmentation":
        return mask_loss(task, truth, z)
    if task.kind == "regression":
        return number_loss(task, truth, z)
    if task.kind == "overlapping_segmentation":
        known = truth != 255
        return mean_of(binary(truth == 1, z), known) + overlap_cost(truth == 1, expit(z), known)
    if task.kind == "multilabel":
        return mean_of(binary(truth == 1, z), truth != 255)
    if task.kind == "ordinal":
        steps = np.arange(len(task.classes) - 1)
        asked = truth[:, None] >= steps if task.method == "corn" else True
        return (binary(truth[:, None] > steps, z) * asked).sum(axis=1)
    factors = np.array(task.class_weights or (1,) * len(task.classes))[truth]
    if z.shape[-1] == 1:
        return binary(truth == 1, z[:, 0], task.focal) * factors
    return categorical(truth, z, task.focal) * factors


def expected_gradient(task, truth, z, step=1e-3):
    """Return the gradient of the loss of each case by central differences in float64."""
    gradient = np.empty_like(z)
    for place in np.ndindex(z.shape[1:]):
        ends = []
        for sign in (1, -1):
            moved = z.copy()
            moved[:, *place] += sign * step
            ends.append(expected_loss(task, truth, moved))
        gradient[:, *place] = (ends[0] - ends[1]) / (2 * step)
    return gradient


def make_trainer(task, precision):
    """Return a trainer whose network is the head of the task, with inputs that become its logits."""
    channels = channels_of(task)
    image = keras.Input((SIDE, SIDE, channels) if task.spatial else (channels,), name="image")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        output = task.build_head(Features(image, None) if task.spatial else Features(None, image))
    finally:
        keras.config.set_dtype_policy(before)
    network = keras.Model({"image": image}, {task.name: output})
    for layer in network.layers:
        if isinstance(layer, layers.Dense | layers.Conv2D):
            kernel = np.zeros(layer.kernel.shape)
            kernel[..., :, :] = np.eye(*kernel.shape[-2:])
            layer.set_weights([kernel, *(np.zeros(b.shape) for b in layer.weights[1:])])
    return MultiTaskTrainer(network, [task])


def losses_and_gradient(trainer, truth, z):
    """Return the loss of each case and its gradient, from the functions that a step of the trainer calls."""
    (task,) = trainer.tasks
    logits = tf.constant(z, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = trainer.task_losses[task.name](truth, trainer({"image": logits}, training=True)[task.name])
    return values.numpy(), tape.gradient(values, logits).numpy()


def test_every_kind_has_an_example():
    learned = {name for name, kind in TASKS.items() if not kind.derived}
    assert {task.kind for task in EXAMPLES.values()} == learned


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_loss_and_gradient_are_those_of_float64(name, precision):
    task = EXAMPLES[name]
    rng = np.random.default_rng(0)
    truth = make_truth(task, rng)
    shape = (N, SIDE, SIDE, channels_of(task)) if task.spatial else (N, channels_of(task))
    # Whole numbers up to 100 are exact in bfloat16. Half of them are near 0, where most logits are.
    z = np.where(rng.random(shape) < 0.5, rng.integers(-100, 101, shape), rng.integers(-5, 6, shape)).astype(
        float
    )
    values, gradient = losses_and_gradient(make_trainer(task, precision), truth, z)
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(values, expected_loss(task, truth, z), rtol=1e-4, atol=1e-6)
    rounding = 1e-4 if precision == "float32" else 2e-2
    np.testing.assert_allclose(gradient, expected_gradient(task, truth, z), rtol=rounding, atol=1e-5)


@pytest.mark.parametrize("logit", [17.0, 20.0, 50.0, 100.0])
@pytest.mark.parametrize("name", ["mask of two classes", "two classes"])
def test_a_confident_false_positive_has_the_full_gradient(name, logit):
    """The sigmoid of 17 is 1 in float32; from probabilities the loss would be 16.1 and its gradient 0."""
    task = EXAMPLES[name].model_copy(
        update={"dice": 0.0} if name.startswith("mask") else {"class_weights": None}
    )
    trainer = make_trainer(task, "float32")
    truth = np.zeros((1, SIDE, SIDE), np.uint8) if task.spatial else np.zeros(1, np.int32)
    z = np.full((1, SIDE, SIDE, 1) if task.spatial else (1, 1), logit)
    assert (trainer.network({"image": z.astype("f")})[task.name].numpy() == 1).all()
    values, gradient = losses_and_gradient(trainer, truth, z)
    assert values == pytest.approx([logit], rel=1e-6)
    assert gradient.sum() == pytest.approx(1, rel=1e-6)


def test_the_network_gives_probabilities_and_scores_read_them():
    task = EXAMPLES["two classes"]
    trainer = make_trainer(task, "float32")
    z = np.array([[-3.0], [0.5], [2.0]], np.float32)
    inputs = {"image": z}
    np.testing.assert_allclose(trainer.network(inputs)["t"], expit(z), rtol=1e-6)
    np.testing.assert_allclose(trainer(inputs)["t"], z)
    trainer.compile(optimizer="sgd")
    ones = {"t": np.ones(3, np.float32)}
    seen = []
    trainer.scores["t"][0].update_state = lambda truth, output, sample_weight: seen.append(output)
    trainer.compute_metrics(inputs, {"t": np.array([0, 1, 1])}, trainer(inputs), ones)
    np.testing.assert_allclose(seen[0], expit(z), rtol=1e-6)


@pytest.mark.parametrize("own_head", ["dense", "relu"])
def test_a_head_without_a_last_sigmoid_trains_on_its_probabilities(own_head):
    """Heads of a user's own kind of task may end in any layer; the loss then reads its output."""
    image = keras.Input((1,), name="image")
    if own_head == "dense":
        output = layers.Dense(1, activation="sigmoid", name="t")(image)
    else:
        output = layers.Activation("relu", name="t")(image)
    trainer = MultiTaskTrainer(
        keras.Model({"image": image}, {"t": output}), [EXAMPLES["two classes"].model_copy()]
    )
    assert trainer.activations == {}
    found = trainer({"image": np.array([[0.3]], np.float32)})["t"]
    np.testing.assert_array_equal(found, trainer.network({"image": np.array([[0.3]], np.float32)})["t"])
    p = float(found[0, 0])
    loss = trainer.task_losses["t"](np.array([0]), found)
    assert float(loss[0]) == pytest.approx(-np.log(1 - p), rel=1e-5)
