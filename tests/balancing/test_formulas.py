"""Each formula against computations by hand."""

import numpy as np
import pytest
from keras import ops

from unet_mtl import NetworkSettings, Regression, TrainingSettings
from unet_mtl.balancing import Dwa, GradNorm, Losses, PCGrad, Uncertainty
from unet_mtl.balancing.pcgrad import project
from unet_mtl.network import build_network
from unet_mtl.training.trainer import make_trainer


def losses(values, labelled):
    tensors = [ops.convert_to_tensor(np.float32(value)) for value in values]
    return Losses(tensors, [ops.convert_to_tensor(known) for known in labelled])


def factors(balancer):
    return np.array([float(factor) for factor in balancer.factors()])


def test_uncertainty_by_hand():
    balancer = Uncertainty().build([1.0, 0.5, 3.0], seed=0)
    balancer.log_variances.assign(np.log([4.0, 0.25, 9.0]))
    total = balancer.total(losses([2.0, 3.0, 0.0], [True, True, False]))
    # The third task has no label, so its logarithm is left out.
    assert float(total) == pytest.approx(2 / 4 + np.log(2) + 0.5 * (3 / 0.25 + np.log(0.5)), rel=1e-5)
    np.testing.assert_allclose(factors(balancer), [1 / 4, 0.5 / 0.25, 3 / 9], rtol=1e-6)


@pytest.mark.slow
def test_uncertainty_estimates_the_noise():
    """From pure noise a network can only learn the mean m, with L = mean((y - m)^2 / 2) = var(y) / 2.

    f(s) = L / s^2 + log s has f' = -2 L / s^3 + 1 / s = 0 at s^2 = 2 L = var(y). Neither the weight nor batches
    without labels may move that.
    """
    rng = np.random.default_rng(0)
    tasks = [Regression(name="a", loss="mse"), Regression(name="b", loss="mse", weight=0.2)]
    network = build_network(
        tasks, size=(4, 4), settings=NetworkSettings(width=2, levels=2, normalization="none")
    )
    settings = TrainingSettings(
        learning_rate=0.05, schedule="constant", weight_decay=0.1, balancing="uncertainty"
    )
    trainer = make_trainer(network, tasks, settings, steps=1)
    images = {"image": np.full((16, 4, 4, 3), 0.5, np.float32)}
    targets = {"a": rng.normal(0, 0.4, 16).astype("f"), "b": rng.normal(0, 2, 16).astype("f")}
    some, none = np.repeat([1, 0], 8).astype("f"), np.zeros(16, "f")
    for step in range(400):
        weights = {"a": np.ones(16, "f"), "b": none if step % 2 else some}
        trainer.train_on_batch(images, targets, sample_weight=weights)
    expected = [targets["a"].var(), targets["b"][:8].var()]
    np.testing.assert_allclose(np.exp(trainer.balancer.log_variances.numpy()), expected, rtol=0.03)
    # The total may be negative.
    assert float(trainer.train_on_batch(images, targets, sample_weight=weights | {"b": none})[0]) < 0


def test_no_weight_decay_on_log_variances():
    tasks = [Regression(name="a"), Regression(name="b")]
    network = build_network(tasks, size=(4, 4), settings=NetworkSettings(width=2, levels=2))
    settings = TrainingSettings(weight_decay=0.5, balancing="uncertainty")
    trainer = make_trainer(network, tasks, settings, steps=1)
    assert not trainer.optimizer._use_weight_decay(trainer.balancer.log_variances)
    assert trainer.optimizer._use_weight_decay(network.get_layer("a_logits").kernel)


def test_dwa_by_hand():
    balancer = Dwa().build([1.0, 0.5], seed=0)
    balancer.end_epoch(np.array([4.0, 10.0]))
    np.testing.assert_allclose(factors(balancer), [1, 0.5])  # no ratio after one epoch
    balancer.end_epoch(np.array([2.0, 9.0]))
    powers = np.exp([0.5 / 2, 0.9 / 2])
    np.testing.assert_allclose(factors(balancer), 2 * powers / powers.sum() * [1, 0.5], rtol=1e-6)
    # Without labels of the second task its ratio is unchanged, and the next one is relative to its last known loss.
    balancer.end_epoch(np.array([3.0, np.nan]))
    powers = np.exp([1.5 / 2, 0.9 / 2])
    np.testing.assert_allclose(factors(balancer), 2 * powers / powers.sum() * [1, 0.5], rtol=1e-6)
    balancer.end_epoch(np.array([3.0, 4.5]))
    powers = np.exp([1.0 / 2, 0.5 / 2])
    np.testing.assert_allclose(factors(balancer), 2 * powers / powers.sum() * [1, 0.5], rtol=1e-6)


def test_dwa_of_one_task_is_its_weight():
    """Keras warns of a softmax of one number, and warnings are errors in tests."""
    alone = Dwa().build([0.5], seed=0)
    alone.end_epoch(np.array([2.0]))
    assert list(alone.factors()) == [0.5]


def test_dwa_with_constant_losses_has_equal_weights_and_never_divides_by_0():
    balancer = Dwa(temperature=0.5).build([1.0, 1.0, 1.0], seed=0)
    for _ in range(4):
        balancer.end_epoch(np.array([0.1, 7.0, 0.0]))
        np.testing.assert_allclose(factors(balancer), [1, 1, 1], rtol=1e-6)


def test_gradnorm_by_hand():
    """Two tasks: one has a norm of 3 and half its first loss, the other a norm of 1 and its first loss.

    r is (0.5, 1) / 0.75 = (2/3, 4/3) and the mean of v * norm is 2, so that the targets for alpha = 1 are (4/3, 8/3):
    the first weight decreases, the second increases. Adam's first step is the learning rate, which gives 0.9 and 1.1
    with the required sum of 2.
    """
    balancer = GradNorm(alpha=1, learning_rate=0.1, initial_steps=1).build([1.0, 0.5], seed=0)
    balancer.initial.assign([8.0, 5.0])
    balancer.initial_steps.assign([1.0, 1.0])
    balancer.update_norms(losses([4.0, 5.0], [True, True]), ops.convert_to_tensor([3.0, 1.0]))
    np.testing.assert_allclose(factors(balancer), [0.9, 0.5 * 1.1], rtol=1e-5)
    # The second step, of Adam by hand: gradients (3, -1), then (2, 1) for v * norm = (1.8, 1.1), target 1.45.
    balancer.update_norms(losses([8.0, 5.0], [True, True]), ops.convert_to_tensor([2.0, 1.0]))
    first = (0.9 * 0.1 * np.array([3.0, -1.0]) + 0.1 * np.array([2.0, -1.0])) / (1 - 0.9**2)
    second = (0.999 * 0.001 * np.array([9.0, 1.0]) + 0.001 * np.array([4.0, 1.0])) / (1 - 0.999**2)
    moved = np.array([0.9, 1.1]) - 0.1 * first / np.sqrt(second)
    np.testing.assert_allclose(factors(balancer), 2 * moved / moved.sum() * [1, 0.5], rtol=1e-4)


def test_gradnorm_excludes_tasks_without_labels():
    """The zero of the third task would reduce the mean norm from 2 to 4/3, below the norm of the second task."""
    options = {"alpha": 0, "learning_rate": 0.1, "initial_steps": 1}
    two = GradNorm(**options).build([1.0, 1.0], seed=0)
    three = GradNorm(**options).build([1.0, 1.0, 1.0], seed=0)
    for _ in range(5):
        two.update_norms(losses([1.0, 1.0], [True] * 2), ops.convert_to_tensor([2.5, 1.5]))
        three.update_norms(
            losses([1.0, 1.0, 0.0], [True, True, False]), ops.convert_to_tensor([2.5, 1.5, 0.0])
        )
    np.testing.assert_allclose(factors(three), [*factors(two), 1.0], rtol=1e-6)
    assert factors(two)[0] < 0.9
    assert three.steps.numpy().tolist() == [5, 5, 0]


def test_gradnorm_waits_for_the_first_losses_and_takes_their_mean():
    balancer = GradNorm(initial_steps=3, learning_rate=0.1).build([1.0, 1.0], seed=0)
    norms = ops.convert_to_tensor([3.0, 1.0])
    for value in (1.0, 2.0):
        balancer.update_norms(losses([value, 5.0], [True, True]), norms)
        np.testing.assert_array_equal(factors(balancer), [1, 1])
    balancer.update_norms(losses([6.0, 5.0], [True, False]), norms)
    balancer.update_norms(losses([9.0, 5.0], [True, False]), norms)
    assert balancer.initial.numpy().tolist() == [9.0, 10.0]
    np.testing.assert_array_equal(factors(balancer), [1, 1])  # a single task is not balanced
    balancer.update_norms(losses([3.0, 5.0], [True, True]), norms)
    np.testing.assert_allclose(factors(balancer), [0.9, 1.1], rtol=1e-5)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_gradnorm_does_not_learn_from_an_overflow(bad):
    balancer = GradNorm(initial_steps=1).build([1.0, 1.0], seed=0)
    balancer.update_norms(losses([1.0, 1.0], [True, True]), ops.convert_to_tensor([1.0, 3.0]))
    before = [variable.numpy() for variable in balancer.variables]
    balancer.update_norms(losses([1.0, 1.0], [True, True]), ops.convert_to_tensor([bad, bad]))
    for expected, variable in zip(before, balancer.variables, strict=True):
        np.testing.assert_array_equal(expected, variable.numpy())


@pytest.mark.slow
def test_gradnorm_equalises_norms():
    """For slopes of 1 and 10, v converges to (20, 2) / 11, where v * norm is equal."""
    balancer = GradNorm(alpha=0, initial_steps=1).build([1.0, 1.0], seed=0)
    for _ in range(400):
        balancer.update_norms(losses([1.0, 1.0], [True, True]), ops.convert_to_tensor([1.0, 10.0]))
    np.testing.assert_allclose(factors(balancer), [20 / 11, 2 / 11], atol=0.05)
    assert factors(balancer).sum() == pytest.approx(2)


def projected_by_hand(vectors, order):
    """Apply algorithm 1 of the paper to the vectors."""
    total = np.zeros(vectors.shape[1])
    for own, others in enumerate(order):
        gradient = vectors[own].copy()
        for other in others:
            along = gradient @ vectors[other]
            if other != own and along < 0:
                gradient -= along / (vectors[other] @ vectors[other]) * vectors[other]
        total += gradient
    return total


def coefficients_of(vectors, order):
    products = ops.convert_to_tensor((vectors @ vectors.T).astype(np.float32))
    return ops.convert_to_numpy(project(products, ops.convert_to_tensor(order)))


def test_pcgrad_by_hand():
    """The projections of (1, 0) and (-1, 1) are (1/2, 1/2) and (0, 1)."""
    vectors = np.array([[1.0, 0.0], [-1.0, 1.0]])
    found = coefficients_of(vectors, np.array([[0, 1], [1, 0]], np.int32)) @ vectors
    np.testing.assert_allclose(found, [0.5, 1.5], rtol=1e-6)
    agreeing = np.array([[1.0, 0.0], [1.0, 1.0]])
    np.testing.assert_array_equal(coefficients_of(agreeing, np.array([[0, 1], [1, 0]], np.int32)), [1, 1])


@pytest.mark.parametrize("seed", range(5))
def test_pcgrad_is_the_algorithm_of_the_paper(seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(4, 3))
    order = np.stack([rng.permutation(4) for _ in range(4)]).astype(np.int32)
    found = coefficients_of(vectors, order) @ vectors
    np.testing.assert_allclose(found, projected_by_hand(vectors, order), rtol=1e-4, atol=1e-5)


def test_pcgrad_has_no_conflict_with_a_task_without_labels():
    vectors = np.array([[1.0, 0.0], [-1.0, 1.0], [0.0, 0.0]])
    order = np.array([[2, 1, 0], [2, 0, 1], [0, 1, 2]], np.int32)
    found = coefficients_of(vectors, order)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found @ vectors, [0.5, 1.5], rtol=1e-6)


def test_pcgrad_draws_a_new_order_each_step_from_the_seed():
    vectors = np.array([[1.0, 0.2], [-1.0, 0.3], [0.1, -1.0]], np.float32)
    products = ops.convert_to_tensor(vectors @ vectors.T)

    def draw(seed):
        balancer = PCGrad().build([1.0] * 3, seed=seed)
        return np.stack([ops.convert_to_numpy(balancer.coefficients(products)) for _ in range(20)])

    possible = {
        tuple(np.round(projected_by_hand(vectors, [a, b, c]), 4))
        for a in ((1, 2), (2, 1))
        for b in ((0, 2), (2, 0))
        for c in ((0, 1), (1, 0))
    }
    found = {tuple(np.round(row @ vectors, 4)) for row in draw(1)}
    assert 2 < len(found) <= len(possible)
    for row in found:
        assert min(np.abs(np.subtract(row, other)).max() for other in possible) < 2e-3
    np.testing.assert_array_equal(draw(1), draw(1))
    assert (draw(1) != draw(2)).any()
