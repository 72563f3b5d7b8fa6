"""What only TensorFlow has: graphs with unknown sizes, XLA, a long epoch inside one graph."""

import keras
import numpy as np
import pytest

from metrics import streaming

if keras.backend.backend() != "tensorflow":
    pytest.skip("graphs of unknown size are TensorFlow's", allow_module_level=True)

import tensorflow as tf

MASK_KINDS = [
    streaming.Dice,
    streaming.MCC,
    streaming.Accuracy,
    streaming.BalancedAccuracy,
    streaming.CohenKappa,
    streaming.AUROC,
    streaming.AveragePrecision,
]
PARTS = (slice(0, 5), slice(5, 8), slice(8, 8))


def in_a_graph(metric, specs, batches, jit_compile):
    update = tf.function(
        lambda *batch: metric.update_state(*batch), input_signature=specs, jit_compile=jit_compile
    )
    for batch in batches:
        update(*batch)
    return float(tf.function(metric.result)())


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("kind", MASK_KINDS)
def test_masks_of_unknown_size(kind, jit_compile, random_masks):
    truth, probabilities, _ = random_masks(8, 3)
    truth, weights = truth.astype(np.uint8), np.array([1, 1, 0, 1, 1, 1, 1, 0], np.float32)
    specs = [
        tf.TensorSpec((None, None, None), tf.uint8),
        tf.TensorSpec((None, None, None, 3), tf.float32),
        tf.TensorSpec((None,), tf.float32),
    ]
    batches = [(truth[part], probabilities[part], weights[part]) for part in PARTS]
    eager = kind(3, ignore=1)
    eager.update_state(truth, probabilities, weights)
    assert in_a_graph(kind(3, ignore=1), specs, batches, jit_compile) == pytest.approx(
        float(eager.result()), abs=2e-7
    )


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("kind", [streaming.Dice, streaming.AUROC])
def test_multilabel_masks_of_unknown_size(kind, jit_compile):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, size=(8, 6, 5, 3)).astype(np.uint8)
    scores = rng.random(truth.shape).astype(np.float32)
    specs = [
        tf.TensorSpec((None, None, None, 3), tf.uint8),
        tf.TensorSpec((None, None, None, 3), tf.float32),
    ]
    eager = kind(3, multilabel=True)
    eager.update_state(truth, scores)
    batches = [(truth[part], scores[part]) for part in PARTS]
    result = in_a_graph(kind(3, multilabel=True), specs, batches, jit_compile)
    assert result == pytest.approx(float(eager.result()), abs=2e-7)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    "kind", [streaming.MeanAbsoluteError, streaming.RootMeanSquaredError, streaming.R2, streaming.Pearson]
)
def test_values_of_unknown_number(kind, jit_compile):
    """XLA must not undo the compensation: a far zero still costs nothing."""
    rng = np.random.default_rng(1)
    truth = (1e6 + rng.normal(size=(8, 1))).astype(np.float32)
    prediction = (truth + rng.normal(size=(8, 1))).astype(np.float32)
    specs = [tf.TensorSpec((None, 1), tf.float32)] * 2
    eager = kind()
    eager.update_state(truth, prediction)
    batches = [(truth[part], prediction[part]) for part in PARTS]
    result = in_a_graph(kind(), specs, batches, jit_compile)
    assert result == pytest.approx(float(eager.result()), rel=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_long_epoch_loses_nothing(jit_compile):
    metric = streaming.MeanAbsoluteError()
    metric.update_state([0.0], [2.0**24])

    @tf.function(jit_compile=jit_compile)
    def epoch():
        for _ in tf.range(20000):
            metric.update_state(tf.constant([0.0]), tf.constant([0.25]))

    epoch()
    # plain float32 would still hold 2^24 after adding a quarter 20,000 times
    assert float(metric.result()) == pytest.approx((2.0**24 + 5000) / 20001, rel=1e-7)
