"""Learning rates, optimizers and averages of weights, each against a computation in NumPy."""

import keras
import numpy as np
import pytest

from unet_mtl.optimization.average import Average, applied_average, ramp_steps
from unet_mtl.optimization.learning_rate import LearningRate
from unet_mtl.optimization.optimizers import OPTIMIZERS
from unet_mtl.optimization.plan import Plan
from unet_mtl.optimization.schedules import SCHEDULES

EXPECTED = {
    "cosine": lambda p: (1 + np.cos(np.pi * p)) / 2,
    "polynomial": lambda p: (1 - p) ** 0.9,
    "constant": np.ones_like,
}


@pytest.mark.parametrize("shape", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 1, 7])
@pytest.mark.parametrize("entries", [[(0, 40)], [(0, 60), (10, 50), (30, 40)], [(5, 40)]])
def test_the_rate_of_each_step(shape, warmup, entries):
    plan = Plan(entries)
    rate = LearningRate(0.02, shape, plan, warmup)
    steps = np.arange(43)
    found = []
    for step in steps:
        rate.follow(step)
        found.append(float(rate(step)))
    progress = np.array([0.0 if (s := plan.segment(step)) is None else s.at(step) for step in steps])
    rise = np.minimum((steps + 1) / warmup, 1) if warmup else 1
    np.testing.assert_allclose(found, 0.02 * rise * EXPECTED[shape](progress), rtol=1e-4, atol=1e-8)


def test_the_cosine_is_bit_for_bit_that_of_keras():
    """So that trainings of earlier versions can be repeated. Compiled, a division by a constant is another number."""
    import tensorflow as tf

    ours, theirs = LearningRate(1e-3, "cosine", Plan([(0, 97)])), keras.optimizers.schedules.CosineDecay
    compiled = [tf.function(lambda t, rate=rate: rate(t)) for rate in (ours, theirs(1e-3, 97))]
    for step in range(100):
        first, second = (function(tf.constant(step, tf.int64)) for function in compiled)
        assert float(first) == float(second)


def test_sgd_is_that_of_nnunet():
    """PyTorch's formula: the buffer is 0.99 * buffer + gradient, the step the gradient plus 0.99 * the buffer."""
    rng = np.random.default_rng(0)
    variable = keras.Variable(np.zeros(3, np.float32))
    optimizer = OPTIMIZERS["sgd"](0.01, weight_decay=0.0, global_clipnorm=None)
    buffer, expected = np.zeros(3), np.zeros(3)
    for _ in range(20):
        gradient = rng.normal(size=3)
        buffer = 0.99 * buffer + gradient
        expected -= 0.01 * (gradient + 0.99 * buffer)
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [variable])
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_lowers_a_loss_decays_and_clips(name):
    variable = keras.Variable(np.full(4, 3.0, np.float32))
    optimizer = OPTIMIZERS[name](0.01, weight_decay=0.1, global_clipnorm=1.0)
    assert (optimizer.weight_decay, optimizer.global_clipnorm) == (0.1, 1.0)
    for _ in range(10):
        optimizer.apply([keras.ops.convert_to_tensor(variable)], [variable])
    assert (variable.numpy() < 3).all()


def test_a_gradient_is_clipped_without_the_scale_of_its_loss():
    variable = keras.Variable(np.zeros(4, np.float32))
    optimizer = keras.optimizers.LossScaleOptimizer(
        OPTIMIZERS["sgd"](1.0, weight_decay=0.0, global_clipnorm=0.5), initial_scale=1024.0
    )
    optimizer.build([variable])
    optimizer.apply([keras.ops.convert_to_tensor(np.full(4, 1024 * 0.1, np.float32))], [variable])
    np.testing.assert_allclose(variable.numpy(), -0.1 * 1.99, rtol=1e-5)
    optimizer.apply([keras.ops.convert_to_tensor(np.full(4, 1024 * 10.0, np.float32))], [variable])
    moved = np.linalg.norm(variable.numpy() + 0.1 * 1.99)
    assert moved == pytest.approx(0.99 * 0.99 * 0.2 + 1.99 * 0.5, rel=1e-5)


def make_network():
    keras.utils.set_random_seed(0)
    image = keras.Input((4,))
    x = keras.layers.Dense(3)(image)
    x = keras.layers.BatchNormalization(momentum=0.5)(x)
    return keras.Model(image, keras.layers.Dropout(0.5)(x))


@pytest.mark.parametrize("total", [20, None])
def test_averages_of_all_weights_with_a_ramp(total):
    network, rng = make_network(), np.random.default_rng(0)
    average = Average(network, 0.99, total)
    assert len(average.weights) == 6  # kernel, bias, gamma, beta, and two statistics of batch normalization
    expected = [weight.numpy().astype(float) for weight in network.weights]
    for step in range(1, 21):
        decay = 0.99 * (1 - np.exp(-step / ramp_steps(total)))
        for weight in network.weights:
            weight.assign(rng.normal(size=weight.shape))
        average.update()
        new = [weight.numpy().astype(float) for weight in network.weights]
        expected = [decay * old + (1 - decay) * now for old, now in zip(expected, new, strict=True)]
    for value, wanted in zip(average.values, expected, strict=True):
        np.testing.assert_allclose(value.numpy(), wanted, rtol=1e-4, atol=1e-5)
    raw = network.get_weights()

    def interrupt():
        with applied_average(average):
            for weight, wanted in zip(network.weights, expected, strict=True):
                np.testing.assert_allclose(weight.numpy(), wanted, rtol=1e-4, atol=1e-5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    for old, now in zip(raw, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


@pytest.mark.parametrize("total", [1, 5, 50, 300, 2000, 10_000, 1_000_000])
def test_an_average_reaches_back_a_tenth_of_the_training_at_most(total):
    ramp = ramp_steps(total)
    assert 0 < ramp <= 2000
    decay = 0.9999 * (1 - np.exp(-total / ramp))
    assert 1 / (1 - decay) <= max(total / 10, np.e) * 1.001
    assert ramp_steps(None) == 2000


def test_averages_of_equal_weights_are_these_weights():
    network = make_network()
    average = Average(network, 0.999, 100)
    for _ in range(5):
        average.update()
    for value, weight in zip(average.values, network.weights, strict=True):
        np.testing.assert_array_equal(value.numpy(), weight.numpy())
