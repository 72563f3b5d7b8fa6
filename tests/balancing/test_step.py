"""The step with gradients of single tasks: equality with Keras' own step, and correct measurements."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from unet_mtl import NetworkSettings, Regression, Segmentation, TrainingSettings
from unet_mtl.balancing.pcgrad import project
from unet_mtl.balancing.shared import last_shared_kernel, shared_variables
from unet_mtl.losses.base import weighted_mean
from unet_mtl.network import build_network
from unet_mtl.training.callbacks import BalanceLog
from unet_mtl.training.trainer import MultiTaskTrainer


class Plain(MultiTaskTrainer):
    """A trainer without balancer: Keras' own step, and the sum of weighted losses."""

    train_step = keras.Model.train_step

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        total = 0.0
        for task in self.tasks:
            values = self.task_losses[task.name](y[task.name], y_pred[task.name])
            weights = sample_weight[task.name]
            self.loss_means[task.name].update_state(values, weights)
            total = total + task.weight * weighted_mean(values, weights)
        return total


@pytest.mark.slow
def test_fixed_equals_a_trainer_without_balancer_bit_by_bit(small, rows, monkeypatch):
    runs = []
    for plain, measure_every in ((True, 0), (False, 0), (False, 2)):
        with monkeypatch.context() as patch:
            if plain:
                patch.setattr("unet_mtl.training.trainer.MultiTaskTrainer", Plain)
            balancing = {"name": "fixed", "measure_every": measure_every}
            trainer = small(balancing, learning_rate=0.01, scores=True)
        assert type(trainer) is (Plain if plain else MultiTaskTrainer)
        assert plain or (trainer.task_step is not None) == (measure_every > 0)
        history = trainer.fit(rows, validation_data=rows, epochs=3, shuffle=False, verbose=0).history
        runs.append((history, [*trainer.network.variables, *trainer.optimizer.variables]))
    for history, variables in runs[1:]:
        assert history == runs[0][0]
        for a, b in zip(runs[0][1], variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def task_gradients(trainer, batch, variables):
    """Return the gradient of each task, from a tape of its own; the random state is restored."""
    inputs, targets, weights = batch
    states = [(v, v.numpy()) for v in trainer.network.non_trainable_variables]
    by_task = {}
    for task in trainer.tasks:
        for variable, value in states:
            variable.assign(value)
        with tf.GradientTape() as tape:
            outputs = trainer.network(inputs, training=True)[task.name]
            loss = weighted_mean(task.loss().call(targets[task.name], outputs), weights[task.name])
        gradients = zip(tape.gradient(loss, variables), variables, strict=True)
        flat = [np.zeros(v.shape) if g is None else g.numpy() for g, v in gradients]
        by_task[task.name] = np.concatenate([gradient.ravel() for gradient in flat])
    for variable, value in states:
        variable.assign(value)
    return by_task


def without_decay(trainer, optimizer):
    trainer.compile(optimizer=optimizer)
    return trainer


def test_measures_are_norms_and_cosines(small, rows):
    """In the first batch all tasks have labels; a learning rate of 0 leaves the network unchanged."""
    trainer = without_decay(small({"name": "fixed", "measure_every": 1}), keras.optimizers.SGD(0.0))
    trainer.run_eagerly = True  # takes less time than to trace a function that runs once
    gradients = task_gradients(trainer, rows[0], shared_variables(trainer.network))
    first = tf.data.Dataset.from_tensors(rows[0])
    history = trainer.fit(first, epochs=1, shuffle=False, verbose=0, callbacks=[BalanceLog()]).history
    assert [history[f"{task}_weight"][0] for task in ("zone", "age", "kind")] == [1.0, 0.5, 2.0]
    for name, gradient in gradients.items():
        assert history[f"{name}_gradient"][0] == pytest.approx(np.linalg.norm(gradient), rel=1e-4)
    for a, b in (("zone", "age"), ("zone", "kind"), ("age", "kind")):
        norms = np.linalg.norm(gradients[a]) * np.linalg.norm(gradients[b])
        expected = gradients[a] @ gradients[b] / norms
        assert history[f"cosine_{a}_{b}"][0] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_measures_are_means_over_steps_with_the_labels(small, rows):
    """`age` has no label in the second batch, and `kind` has one in the first only; every step is measured."""
    trainer = without_decay(small({"name": "fixed", "measure_every": 1}), keras.optimizers.SGD(0.0))
    by_batch = []
    for index in range(3):
        by_batch.append(task_gradients(trainer, rows[index], shared_variables(trainer.network)))
        trainer.network(rows[index][0], training=True)  # the random state advances as in a step
    trainer = without_decay(small({"name": "fixed", "measure_every": 1}), keras.optimizers.SGD(0.0))
    history = trainer.fit(rows, epochs=1, shuffle=False, verbose=0, callbacks=[BalanceLog()]).history
    steps = {"zone": [0, 1, 2], "age": [0, 2], "kind": [0]}
    for name, batches in steps.items():
        expected = np.mean([np.linalg.norm(by_batch[i][name]) for i in batches])
        assert history[f"{name}_gradient"][0] == pytest.approx(expected, rel=1e-3), name
    cosines = [
        by_batch[i]["zone"]
        @ by_batch[i]["age"]
        / np.prod([np.linalg.norm(by_batch[i][n]) for n in ("zone", "age")])
        for i in (0, 2)
    ]
    assert history["cosine_zone_age"][0] == pytest.approx(np.mean(cosines), rel=1e-2, abs=1e-4)


@pytest.mark.slow
def test_every_nth_step_is_measured_and_traced_only_then(small, rows):
    """Every 4th step with three steps per epoch, counted across a resumption; a short training traces nothing."""
    trainer = small({"name": "fixed", "measure_every": 4})
    trainer.optimizer.iterations.assign(2)  # as after a resumption
    traced = []
    update = trainer.measures.update
    trainer.measures.update = lambda *arguments: [traced.append(1), update(*arguments)]
    logs = BalanceLog()
    history = trainer.fit(rows, epochs=1, shuffle=False, verbose=0, callbacks=[logs]).history
    assert traced == [1]
    assert float(trainer.measures.norm_counts[0]) == 1
    assert history["zone_gradient"][0] > 0
    trainer = small({"name": "fixed", "measure_every": 4})
    update = trainer.measures.update
    trainer.measures.update = lambda *arguments: [traced.append(2), update(*arguments)]
    history = trainer.fit(rows, epochs=1, shuffle=False, verbose=0, callbacks=[logs]).history
    assert traced == [1]
    assert np.isnan(history["zone_gradient"][0])
    history = trainer.fit(rows, epochs=2, initial_epoch=1, shuffle=False, verbose=0, callbacks=[logs]).history
    assert traced == [1, 2]
    assert history["zone_gradient"][0] > 0


def test_no_measured_step_with_labels_is_nan(small, rows):
    trainer = small({"name": "fixed", "measure_every": 1})
    trainer.run_eagerly = True
    second = rows[1]
    batches = tf.data.Dataset.from_tensors(second)
    history = trainer.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[BalanceLog()]).history
    assert np.isnan(history["age_gradient"][0])
    assert np.isnan(history["cosine_zone_age"][0])
    assert history["zone_gradient"][0] > 0
    later = trainer.fit(
        batches, epochs=2, initial_epoch=1, shuffle=False, verbose=0, callbacks=[BalanceLog()]
    ).history
    assert np.isnan(later["age_gradient"][0])


def test_pcgrad_projects_on_shared_layers_only(small, rows, monkeypatch):
    """One step of gradient descent against algorithm 1 on the weighted gradients of single tasks."""
    order = np.array([[2, 1, 0], [0, 2, 1], [1, 0, 2]], np.int32)
    trainer = without_decay(small("pcgrad"), keras.optimizers.SGD(1.0))
    trainer.run_eagerly = True
    trainer.balancer.coefficients = lambda products: project(products, tf.constant(order))
    variables = trainer.network.trainable_variables
    shared = {id(v) for v in shared_variables(trainer.network)}
    before = [v.numpy() for v in variables]
    factors = {task.name: task.weight for task in trainer.tasks}
    by_task = task_gradients(trainer, rows[0], shared_variables(trainer.network))
    weighted = [factors[name] * by_task[name] for name in factors]
    assert min(a @ b for a in weighted for b in weighted) < 0  # otherwise the test would show nothing
    projected = np.zeros_like(weighted[0])
    for own in range(3):
        gradient = weighted[own].copy()
        for other in order[own]:
            if other != own and gradient @ weighted[other] < 0:
                gradient -= gradient @ weighted[other] / (weighted[other] @ weighted[other]) * weighted[other]
        projected += gradient
    heads = [v for v in variables if id(v) not in shared]
    plain = sum(factors[name] * g for name, g in task_gradients(trainer, rows[0], heads).items())
    trainer.train_on_batch(*rows[0][:2], sample_weight=rows[0][2])
    moved = {id(v): (old - v.numpy()).ravel() for v, old in zip(variables, before, strict=True)}
    found = np.concatenate([moved[id(v)] for v in shared_variables(trainer.network)])
    np.testing.assert_allclose(found, projected, rtol=2e-3, atol=2e-5)
    assert np.abs(found - sum(weighted)).max() > 1e-3
    np.testing.assert_allclose(np.concatenate([moved[id(v)] for v in heads]), plain, rtol=2e-3, atol=2e-5)


def test_gradnorm_reads_the_last_shared_kernel(small, rows):
    trainer = without_decay(small("gradnorm"), keras.optimizers.SGD(0.0))
    kernel = last_shared_kernel(trainer.network)
    assert kernel is trainer.network.get_layer("encoder1_conv2").kernel
    expected = [np.linalg.norm(g) for g in task_gradients(trainer, rows[0], [kernel]).values()]
    seen = []
    trainer.balancer.update_norms = lambda losses, norms: seen.append(norms)
    trainer.run_eagerly = True
    trainer.train_on_batch(*rows[0][:2], sample_weight=rows[0][2])
    np.testing.assert_allclose(seen[0].numpy(), expected, rtol=1e-4)


def test_shared_variables_of_a_u_net():
    tasks = [
        Segmentation(name="zone", classes=("background", "a")),
        Segmentation(name="vessel", classes=("background", "b")),
        Regression(name="age"),
    ]
    network = build_network(tasks, size=(8, 8), settings=NetworkSettings(width=2, levels=2))
    names = {v.path.split("/")[0] for v in shared_variables(network)}
    heads = {f"{task.name}_logits" for task in tasks}
    assert names == {layer.name for layer in network.layers if layer.trainable_variables} - heads
    # Two of the three tasks depend on the decoder, all on the encoder.
    assert last_shared_kernel(network).path.startswith("encoder1_conv2")
    alone = build_network(tasks[2:], size=(8, 8), settings=NetworkSettings(width=2, levels=2))
    assert shared_variables(alone) == []
    assert last_shared_kernel(alone) is None


def test_shared_variables_of_other_graphs():
    """One layer is applied to two inputs, each input has a layer of its own, and one task shares nothing."""
    first, second = keras.Input((3,), name="first"), keras.Input((3,), name="second")
    own = [keras.layers.Dense(2, name="own1")(first), keras.layers.Dense(2, name="own2")(second)]
    twice = keras.layers.Dense(4, name="twice")
    a, b = (keras.layers.Dense(1, name=name)(twice(x)) for name, x in zip("ab", own, strict=True))
    c = keras.layers.Dense(1, name="c")(second)
    network = keras.Model({"first": first, "second": second}, {"a": a, "b": b, "c": c})
    assert [v.path for v in shared_variables(network)] == ["twice/kernel", "twice/bias"]
    assert last_shared_kernel(network) is twice.kernel


def test_the_saved_network_has_no_state_of_the_balancer(small, tmp_path):
    trainer = small("uncertainty")
    trainer.network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    assert again.count_params() == trainer.network.count_params()
    assert isinstance(TrainingSettings(balancing="uncertainty").to_config()["balancing"], dict)
