"""Steps of a network with two parameters, with gradients computed by hand.

The output of both tasks is w . x, and the loss is half its squared distance to the label. The first of two cases only
has a label of `a`, the second one only of `b`, so that at w = 0 the gradients are -label * x: (1, 0) and (-1, 1).
"""

import keras
import numpy as np
import pytest

from unet_mtl import Regression
from unet_mtl.balancing import Fixed, GradNorm, PCGrad
from unet_mtl.training.trainer import MultiTaskTrainer

X = np.array([[1, 0], [-1, 1]], np.float32)
LABELS = {"a": np.array([-1, 0], np.float32), "b": np.array([0, -1], np.float32)}
LABELLED = {"a": np.array([1, 0], np.float32), "b": np.array([0, 1], np.float32)}


def step(balancing, weights=(1.0, 1.0), measure_every=0):
    """Take one step of gradient descent at rate 1, and return the trainer and w."""
    x = keras.Input((2,), name="x")
    shared = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(x)
    outputs = {name: keras.layers.Identity(name=name)(shared) for name in LABELS}
    network = keras.Model({"x": x}, outputs)
    tasks = [
        Regression(name=name, loss="mse", weight=weight) for name, weight in zip(LABELS, weights, strict=True)
    ]
    trainer = MultiTaskTrainer(network, tasks, balancing.build(weights, seed=0), measure_every)
    trainer.compile(optimizer=keras.optimizers.SGD(1.0))
    trainer.train_on_batch({"x": X}, LABELS, LABELLED)
    return trainer, network.trainable_variables[0].numpy()[:, 0]


def test_fixed_adds_the_gradients():
    np.testing.assert_allclose(step(Fixed())[1], [0, -1], atol=1e-6)
    np.testing.assert_allclose(step(Fixed(), (1.0, 0.5))[1], [-0.5, -0.5], atol=1e-6)


def test_measures():
    trainer, w = step(Fixed(), measure_every=1)
    np.testing.assert_allclose(w, [0, -1], atol=1e-6)
    expected = {"a_gradient": 1, "b_gradient": np.sqrt(2), "cosine_a_b": -1 / np.sqrt(2)}
    assert trainer.measures.results() == pytest.approx(expected)


def test_pcgrad_removes_conflicting_components():
    """Without its component along (-1, 1), (1, 0) is (1/2, 1/2); without that along (1, 0), (-1, 1) is (0, 1)."""
    np.testing.assert_allclose(step(PCGrad())[1], [-0.5, -1.5], atol=1e-6)
    # with half the weight of b: (1/2, 1/2) and (0, 1/2)
    np.testing.assert_allclose(step(PCGrad(), (1.0, 0.5))[1], [-0.5, -1], atol=1e-6)


def test_gradnorm_increases_the_weight_of_the_smaller_gradient():
    """For norms of 1 and sqrt(2) and equal rates both targets are the mean norm; Adam's first step is its rate."""
    trainer, w = step(GradNorm(initial_steps=1, learning_rate=0.025))
    np.testing.assert_allclose(w, [0, -1], atol=1e-6)  # with the weights of before the update
    np.testing.assert_allclose([float(v) for v in trainer.balancer.factors()], [1.025, 0.975], rtol=1e-5)
