"""Factors of gradients into the encoder, and weights that move: gradients by hand, and unchanged outputs."""

from types import SimpleNamespace
from unittest.mock import Mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from pydantic import ValidationError

from unet_mtl import (
    Classification,
    Inputs,
    NetworkSettings,
    Regression,
    Segmentation,
    TrainingSettings,
    build_network,
)
from unet_mtl.balancing import BALANCERS, Losses
from unet_mtl.batches.inputs.columns import FittedInput, NumberColumn
from unet_mtl.errors import ConfigError
from unet_mtl.nn.graph import find_encoder
from unet_mtl.nn.heads import split_activations
from unet_mtl.optimization.plan import Plan
from unet_mtl.training.shared_gradient import SharedGradients
from unet_mtl.training.task_schedule import TaskSchedule, make_weights, weight_at
from unet_mtl.training.trainer import MultiTaskTrainer, make_trainer

LESION = Segmentation(name="lesion", classes=("background", "lesion"))
KIND = Classification(name="kind", classes=("x", "y", "z"))
SIZE = Regression(name="size", target="size_mm")
CLINICAL = FittedInput(name="clinical", columns=(NumberColumn(name="age", mean=0, deviation=1),), hidden=(3,))


def scaled(task, **settings):
    return type(task).model_validate(task.to_config() | settings)


def build(tasks, *, tables=(), **settings):
    keras.utils.set_random_seed(3)
    settings = NetworkSettings(**{"width": 2, "levels": 2} | settings)
    network = build_network(tasks, Inputs(tables=tables), size=(4, 4), settings=settings)
    rng = np.random.default_rng(0)
    network.set_weights([w + rng.uniform(0, 0.3, w.shape).astype(np.float32) for w in network.get_weights()])
    return network


def make_batch(network, n=3):
    rng = np.random.default_rng(1)
    return {name: rng.random((n, *tensor.shape[1:]), np.float32) for name, tensor in network.input.items()}


def gradients(trainer, name):
    """Return the gradient of the sum of squares of an output by variable; None if it does not depend on one."""
    variables = trainer.network.trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(trainer(make_batch(trainer.network), training=False)[name]))
    found = tape.gradient(loss, variables)
    return {v.path: None if g is None else g.numpy() for v, g in zip(variables, found, strict=True)}


def assert_scaled(found, expected, factor):
    """Compare gradients that have a factor in the encoder, and no other difference."""
    assert any(path.startswith("encoder") for path in found)
    for path, gradient in expected.items():
        if gradient is None:
            assert found[path] is None
        else:
            own = np.float32(factor) if path.startswith("encoder") else np.float32(1)
            np.testing.assert_allclose(found[path], own * gradient, rtol=1e-4, atol=1e-6, err_msg=path)


@pytest.fixture
def product():
    """A network whose output is v w x, with w in the encoder and v in the head."""
    image = keras.Input((1, 1, 1), name="image")
    x = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones", name="encoder0_conv")(image)
    x = layers.GlobalAveragePooling2D(name="pooled")(x)
    x = layers.Dense(1, use_bias=False, kernel_initializer="ones", name="size")(x)
    network = keras.Model({"image": image}, {"size": x})
    network.set_weights([np.full((1, 1, 1, 1), 3.0), np.full((1, 1), 5.0)])
    return network


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0])
def test_gradients_by_hand(product, factor):
    """The loss is (v w x - y)^2 / 2 with v = 5, w = 3, x = 2 and y = 29."""
    model = SharedGradients(product, [scaled(SIZE, shared_gradient=factor)]).model
    assert (model is product) == (factor == 1)
    with tf.GradientTape() as tape:
        output = model({"image": np.full((1, 1, 1, 1), 2, np.float32)})["size"]
        loss = tf.reduce_sum(tf.square(output - 29)) / 2
    of_encoder, of_head = tape.gradient(loss, product.trainable_variables)
    assert float(output[0, 0]) == 30
    assert float(tf.squeeze(of_encoder)) == factor * (30 - 29) * 5 * 2
    assert float(tf.squeeze(of_head)) == (30 - 29) * 3 * 2


POOLED = [("join", "attention"), ("film", "mask")]


@pytest.fixture(scope="module", params=POOLED, ids=str)
def pair(request):
    """Trainers with and without factors, of the same network."""
    fusion, pooling = request.param
    tasks = [scaled(KIND, shared_gradient=0.5), LESION, scaled(SIZE, detach_epochs=2)]
    network = build(tasks, tables=(CLINICAL,), fusion=fusion, pooling=pooling, trunk=(4,))
    config = network.get_config()
    trainers = MultiTaskTrainer(network, tasks), MultiTaskTrainer(network, [KIND, LESION, SIZE])
    assert network.get_config() == config
    return trainers


def test_the_gradient_of_the_encoder_alone_has_the_factor(pair):
    """That of the other layers, such as attention, film, trunk and tables, is complete."""
    reduced, full = pair
    reduced.shared_gradients.set_epoch(0)
    for name, factor in {"kind": 0.5, "lesion": 1.0, "size": 0.0}.items():
        assert_scaled(gradients(reduced, name), gradients(full, name), factor)
    reduced.shared_gradients.set_epoch(1)
    assert_scaled(gradients(reduced, "size"), gradients(full, "size"), 0.0)
    reduced.shared_gradients.set_epoch(2)
    assert_scaled(gradients(reduced, "size"), gradients(full, "size"), 1.0)


def test_any_factor_and_the_same_outputs(pair):
    reduced, full = pair
    batch = make_batch(full.network)
    expected, outputs = gradients(full, "kind"), full(batch, training=False)
    layer = reduced.shared_gradients.layers["kind"]
    for factor in [0.0, 1.0, *np.random.default_rng(4).random(2)]:
        layer.factor.assign(factor)
        assert_scaled(gradients(reduced, "kind"), expected, factor)
        for name, output in reduced(batch, training=False).items():
            np.testing.assert_array_equal(output, outputs[name])
    reduced.shared_gradients.set_epoch(0)


def test_gradients_of_several_tasks_add_up(pair):
    """The encoder's gradient of the sum is the sum of the factors times the gradients."""
    reduced, full = pair
    reduced.shared_gradients.set_epoch(5)
    reduced.shared_gradients.layers["size"].factor.assign(0.25)
    parts = {name: gradients(full, name) for name in ("kind", "lesion", "size")}
    batch, variables = make_batch(full.network), full.network.trainable_variables
    with tf.GradientTape() as tape:
        total = sum(tf.reduce_sum(tf.square(x)) for x in reduced(batch, training=False).values())
    for variable, gradient in zip(variables, tape.gradient(total, variables), strict=True):
        if variable.path.startswith("encoder"):
            terms = [
                factor * parts[name][variable.path]
                for name, factor in {"kind": 0.5, "lesion": 1, "size": 0.25}.items()
            ]
            np.testing.assert_allclose(gradient, sum(terms), rtol=1e-3, atol=1e-5)
    reduced.shared_gradients.set_epoch(0)


def test_mixed_precision_has_the_same_outputs():
    tasks = [scaled(KIND, shared_gradient=0.3), LESION]
    network = build_network(
        tasks, size=(4, 4), settings=NetworkSettings(width=2, levels=2), precision="mixed_bfloat16"
    )
    batch = make_batch(network)
    expected = MultiTaskTrainer(network, [KIND, LESION])(batch, training=False)
    for name, output in MultiTaskTrainer(network, tasks)(batch, training=False).items():
        np.testing.assert_array_equal(output, expected[name])


def test_defaults_leave_the_graph_as_it_is():
    tasks = [KIND, LESION, SIZE]
    network = build(tasks)
    trainer = MultiTaskTrainer(network, tasks)
    plain, _ = split_activations(network, trainer.activations)
    assert [operation.name for operation in trainer.body.operations] == [o.name for o in plain.operations]
    assert trainer.shared_gradients.layers == {}
    assert trainer.scheduled_weights == []
    moving = MultiTaskTrainer(network, [scaled(KIND, final_weight=0.5), LESION, SIZE])
    assert len(moving.variables) == len(trainer.variables) + 1


def test_the_saved_network_has_no_factor(tmp_path, pair):
    reduced, _ = pair
    reduced.network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    assert again.count_params() == reduced.network.count_params()
    assert not [o.name for o in again.operations if "shared_gradient" in o.name]


def test_names_that_begin_like_the_encoder():
    """A task and a table may have such names."""
    table = CLINICAL.model_copy(update={"name": "encoder1"})
    tasks = [SIZE.model_copy(update={"name": "encoder_size"}), LESION]
    network = build(tasks, tables=(table,), fusion="film")
    found = find_encoder(network, "image")
    names = {layer.name for layer in network.layers if id(layer) in found}
    image_layers = {layer.name for layer in build([LESION]).layers if layer.name.startswith("encoder")}
    assert names == image_layers
    assert "encoder1_hidden1" in {layer.name for layer in network.layers}


def test_detached_tasks_alone_are_refused():
    tasks = [scaled(KIND, shared_gradient=0), scaled(SIZE, shared_gradient=0)]
    network = build(tasks)
    with pytest.raises(
        ConfigError, match="0 for kind, size, and no other task reads the image, so that nothing"
    ):
        MultiTaskTrainer(network, tasks)
    MultiTaskTrainer(network, [tasks[0], SIZE])


@pytest.mark.parametrize("setting", [{"shared_gradient": 0.5}, {"detach_epochs": 1}])
def test_settings_without_effect_are_refused(setting):
    with pytest.raises(ValidationError, match=f"predicts masks; remove `{next(iter(setting))}`"):
        scaled(LESION, **setting)
    alone = scaled(SIZE, inputs=("clinical",), **setting)
    with pytest.raises(ConfigError, match="which the task does not read; remove them, or add 'image'"):
        build([LESION, alone], tables=(CLINICAL,))


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), "half"])
def test_factors_are_from_0_to_1(value):
    with pytest.raises(ValidationError, match="shared_gradient"):
        scaled(KIND, shared_gradient=value)


@pytest.mark.parametrize(
    ("weight", "final", "epochs", "expected"),
    [
        (1.0, None, 3, [1, 1, 1]),
        (1.0, 0.2, 5, [1, 0.8, 0.6, 0.4, 0.2]),
        (0.0, 2.0, 3, [0, 1, 2]),
        (1.0, 0.5, 1, [1]),
    ],
)
def test_weights_move_linearly(weight, final, epochs, expected):
    task = scaled(KIND, weight=weight, final_weight=final)
    assert [weight_at(task, epoch, epochs) for epoch in range(epochs)] == pytest.approx(expected)


def make_rows(n=4):
    """Return a batch for `KIND`, `LESION` and `SIZE` at 4x4."""
    rng = np.random.default_rng(2)
    targets = {
        "kind": rng.integers(0, 3, n),
        "lesion": rng.integers(0, 2, (n, 4, 4)).astype(np.uint8),
        "size": rng.normal(size=n).astype(np.float32),
    }
    weights = {name: np.ones(n, np.float32) for name in targets}
    return {"image": rng.random((n, 4, 4, 3), np.float32)}, targets, weights


@pytest.mark.parametrize("balancing", BALANCERS)
def test_every_balancer_applies_the_present_weight(balancing):
    tasks = [scaled(KIND, weight=1.0, final_weight=0.25), LESION]
    balancer = BALANCERS[balancing]().build(make_weights(tasks), seed=0)
    schedule = TaskSchedule(steps=5)
    plan = Plan([(0, 20)])
    schedule.set_model(SimpleNamespace(tasks=tasks, balancer=balancer, plan=plan, shared_gradients=Mock()))
    seen = []
    for epoch in range(4):
        schedule.on_epoch_begin(epoch)
        values = [tf.constant(10.0), tf.constant(1.0)]
        total = float(balancer.total(Losses(values, [tf.constant(True)] * 2)))
        seen.append([float(factor) for factor in balancer.factors()])
        assert total == pytest.approx(10 * seen[-1][0] + 1, rel=1e-5)
    np.testing.assert_allclose(seen, [[1, 1], [0.75, 1], [0.5, 1], [0.25, 1]], rtol=1e-6)


def test_weights_follow_a_plan_that_a_clock_changes():
    task = scaled(LESION, final_weight=0.0)
    (weight,) = make_weights([task])
    plan, schedule = Plan(), TaskSchedule(steps=10)
    balancer = SimpleNamespace(weights=[weight])
    schedule.set_model(SimpleNamespace(tasks=[task], balancer=balancer, plan=plan, shared_gradients=Mock()))
    seen = []
    for epoch in range(4):
        schedule.on_epoch_begin(epoch)
        seen.append(float(weight))
        if epoch == 0:  # 30 steps in all are planned after the first 10, none of which is progress
            plan.entries.append((10, 30))
    # At step 20 half of the plan is done, which is 1.5 of 3 epochs, and the last of these begins after 2.
    np.testing.assert_allclose(seen, [1, 1, 0.25, 0], atol=1e-6)


def step_of_encoder(balancing, seen=None, **settings):
    """Return how a step of gradient descent on `SIZE`, with settings, and `LESION` moves the first kernel."""
    tasks = [scaled(SIZE, **settings), LESION]
    network = build(tasks)
    trainer = make_trainer(network, tasks, TrainingSettings(balancing=balancing), steps=1)
    trainer.compile(optimizer=keras.optimizers.SGD(1.0), run_eagerly=True)
    if seen is not None:
        trainer.balancer.update_norms = lambda losses, norms: seen.append(norms.numpy())
    kernel = network.get_layer("encoder0_conv1").kernel
    before = kernel.numpy()
    rng = np.random.default_rng(2)
    targets = {
        "lesion": rng.integers(0, 2, (4, 4, 4)).astype(np.uint8),
        "size": np.arange(4, dtype=np.float32),
    }
    labelled = {name: np.ones(4, np.float32) for name in targets}
    trainer.train_on_batch({"image": rng.random((4, 4, 4, 3), np.float32)}, targets, sample_weight=labelled)
    return kernel.numpy() - before


def test_gradnorm_balances_without_the_factor():
    """It would otherwise undo the factor with a larger weight."""
    norms = []
    moved = [step_of_encoder("gradnorm", norms, shared_gradient=factor) for factor in (1.0, 0.5)]
    np.testing.assert_allclose(norms[1], norms[0], rtol=1e-4)
    assert np.abs(moved[1] - moved[0]).max() > 1e-4


def test_pcgrad_projects_with_the_factor():
    """A detached task conflicts with no other, like one of weight 0."""
    moved = [step_of_encoder("pcgrad", **{setting: 0.0}) for setting in ("shared_gradient", "weight")]
    np.testing.assert_allclose(moved[0], moved[1], rtol=1e-4, atol=1e-6)
