"""Label smoothing of classes, grades and yes-or-no labels, against computations in float64."""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from unet_mtl import Classification, Multilabel, Ordinal
from unet_mtl.losses.classes import ClassLoss
from unet_mtl.losses.grades import GradeLoss
from unet_mtl.losses.multilabel import MultilabelLoss

N, K = 4, 3
LOGITS = st.lists(st.floats(-90, 90, width=32), min_size=N * K, max_size=N * K).map(
    lambda values: np.reshape(values, (N, K)).astype(np.float32)
)
SMOOTHING = st.floats(0, 0.9)


def loss_and_gradient(loss, truth, logits):
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = loss.of_logits(truth, logits)
        total = tf.reduce_sum(values)
    return values.numpy(), tape.gradient(total, logits).numpy()


def expected_binary(truth, logits, smoothing):
    """Return the elementwise loss and its gradient in float64."""
    logits = logits.astype(float)
    target = truth * (1 - smoothing) + smoothing / 2
    loss = -target * scipy.special.log_expit(logits) - (1 - target) * scipy.special.log_expit(-logits)
    return loss, scipy.special.expit(logits) - target


def require_close(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


@settings(deadline=None, max_examples=12)
@given(LOGITS, SMOOTHING, st.lists(st.integers(0, K - 1), min_size=N, max_size=N))
def test_classes(logits, smoothing, classes):
    target = np.eye(K)[classes] * (1 - smoothing) + smoothing / K
    logarithm = scipy.special.log_softmax(logits.astype(float), axis=1)
    weights = np.array([1.0, 2.0, 0.5])[classes]
    expected = (
        -(target * logarithm).sum(1) * weights,
        (scipy.special.softmax(logits.astype(float), axis=1) - target) * weights[:, None],
    )
    loss = ClassLoss(K, (1.0, 2.0, 0.5), label_smoothing=smoothing)
    require_close(loss_and_gradient(loss, np.array(classes), logits), expected)
    yes = np.array(classes) > 0
    values, gradient = expected_binary(yes[:, None], logits[:, :1], smoothing)
    found = loss_and_gradient(ClassLoss(2, label_smoothing=smoothing), yes.astype(int), logits[:, :1])
    require_close(found, (values[:, 0], gradient))


@settings(deadline=None, max_examples=12)
@given(LOGITS, SMOOTHING, st.lists(st.integers(0, K), min_size=N, max_size=N), st.booleans())
def test_grades(logits, smoothing, grades, conditional):
    above = np.array(grades)[:, None] > np.arange(K)
    values, gradient = expected_binary(above, logits, smoothing)
    counted = np.array(grades)[:, None] >= np.arange(K) if conditional else np.ones((N, K))
    loss = GradeLoss(K + 1, conditional=conditional, label_smoothing=smoothing)
    require_close(
        loss_and_gradient(loss, np.array(grades), logits), ((values * counted).sum(1), gradient * counted)
    )


@settings(deadline=None, max_examples=12)
@given(LOGITS, SMOOTHING, st.lists(st.sampled_from([0, 1, 255]), min_size=N * K, max_size=N * K))
def test_labels_of_which_some_are_unknown(logits, smoothing, labels):
    labels = np.reshape(labels, (N, K)).astype(np.uint8)
    values, gradient = expected_binary(labels == 1, logits, smoothing)
    known = labels != 255
    n = np.maximum(known.sum(1), 1)
    loss = MultilabelLoss(label_smoothing=smoothing)
    require_close(
        loss_and_gradient(loss, labels, logits),
        ((values * known).sum(1) / n, gradient * known / n[:, None]),
    )


def test_certainty_costs_and_the_best_logit_is_finite():
    """With a smoothing of 0.2, the best probability of the true one of two classes is 0.9."""
    loss = ClassLoss(2, label_smoothing=0.2)
    logits = np.log(np.array([[0.9 / 0.1], [0.99 / 0.01], [0.8 / 0.2]], np.float32))
    best, certain, uncertain = loss.of_logits(np.ones(3, int), logits).numpy()
    assert best < min(certain, uncertain)


def test_tasks_pass_the_setting_on():
    two, three = ("no", "yes"), ("a", "b", "c")
    for task in (
        Classification(name="kind", classes=three, label_smoothing=0.1),
        Ordinal(name="grade", classes=three, label_smoothing=0.1),
        Multilabel(name="findings", targets=("x", "y"), classes=(two, two), label_smoothing=0.1),
    ):
        loss = task.loss()
        assert loss.label_smoothing == 0.1
        assert type(loss).from_config(loss.get_config()).get_config() == loss.get_config()
    for wrong, message in (
        ({"label_smoothing": 1}, "less than 1"),
        ({"label_smoothing": 0.1, "focal": 2}, "one of them"),
    ):
        with pytest.raises(ValidationError, match=message):
            Classification(name="kind", **wrong)
