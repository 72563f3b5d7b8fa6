"""Pooling by attention and by predicted masks, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from unet_mtl import (
    Classification,
    NetworkSettings,
    OverlappingSegmentation,
    Regression,
    Segmentation,
    build_network,
)
from unet_mtl.balancing.shared import last_shared_kernel, shared_variables
from unet_mtl.nn.pooling import SMALLEST_AREA, PoolingInput, build_attention_pooling, build_mask_pooling

LESION = Segmentation(name="lesion", classes=("background", "lesion"))
ZONE = Segmentation(name="zone", classes=("background", "a", "b"))
ORGANS = OverlappingSegmentation(name="organs", classes=("background", "a", "b"))
KIND = Classification(name="kind", classes=("x", "y", "z"))
SIZE = Regression(name="size")


def build(*tasks, pooling="mask", precision="float32", **settings):
    keras.utils.set_random_seed(2)
    settings = NetworkSettings(width=2, levels=3, pooling=pooling, **settings)
    return build_network(tasks, size=(8, 8), settings=settings, precision=precision)


@pytest.fixture(scope="module")
def pooled_by_a_mask():
    """A model from features of three levels and a mask to the pooled features."""
    levels = [keras.Input((8 // 2**i, 8 // 2**i, 2 + i)) for i in range(3)]
    foreground = keras.Input((8, 8, 1))
    features = PoolingInput(levels, lambda: {"lesion": foreground})
    return keras.Model([*levels, foreground], build_mask_pooling(features, "pooled"))


def random_levels(rng, n=3):
    return [rng.normal(size=(n, 8 // 2**i, 8 // 2**i, 2 + i)).astype(np.float32) for i in range(3)]


def reference(levels, mask):
    """Compute the pooled features in float64, from the mask's means over the pixels of each position."""
    parts = []
    for x in levels:
        factor = 8 // x.shape[1]
        shape = (len(x), x.shape[1], factor, x.shape[2], factor, 1)
        p = mask.astype(np.float64).reshape(shape).mean((2, 4))
        for weights in (p, 1 - p):
            area = weights.mean((1, 2)) + SMALLEST_AREA
            parts.append((weights * x).mean((1, 2)) / area)
    return np.concatenate([*parts, levels[-1].max((1, 2))], axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_mask_pooling_is_that_of_numpy(pooled_by_a_mask, seed):
    """Also for an empty mask, a full one, a few pixels and probabilities near 0."""
    rng = np.random.default_rng(seed)
    levels = random_levels(rng, 6)
    mask = rng.random((6, 8, 8, 1)).astype(np.float32)
    mask[0], mask[1], mask[2], mask[3] = 0, 1, mask[2] > 0.95, mask[3] * 1e-4
    found = pooled_by_a_mask.predict_on_batch([*levels, mask])
    np.testing.assert_allclose(found, reference(levels, mask), rtol=1e-3, atol=1e-4)
    inside, outside = found[:, :2], found[:, 2:4]
    assert (inside[0] == 0).all()
    assert (outside[1] == 0).all()
    np.testing.assert_allclose(outside[0], levels[0][0].mean((0, 1)), rtol=1e-3, atol=1e-5)


def test_the_weighted_mean_by_hand():
    """Features 1 to 4 at four positions, of which a mask takes the first entirely and the second by half."""
    x, p = keras.Input((2, 2, 1)), keras.Input((2, 2, 1))
    model = keras.Model([x, p], build_mask_pooling(PoolingInput([x], lambda: {"m": p}), "pooled"))
    features = np.array([[1, 2], [3, 4]], np.float32).reshape(1, 2, 2, 1)
    mask = np.array([[1, 0.5], [0, 0]], np.float32).reshape(1, 2, 2, 1)
    found = model.predict_on_batch([features, mask])
    np.testing.assert_allclose(found, [[(1 + 1) / 1.5, (1 + 3 + 4) / 2.5, 4]], rtol=1e-5)


def test_no_gradient_passes_through_the_mask():
    """The head of the mask has none, and the encoder only that through its features."""
    network = build(LESION, KIND)
    images = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network({"image": images}, training=True)["kind"][:, 0])
    gradients = tape.gradient(loss, network.trainable_variables)
    reached = {
        v.path.split("/")[0]
        for v, g in zip(network.trainable_variables, gradients, strict=True)
        if g is not None
    }
    layers = {layer.name for layer in network.layers if layer.trainable_variables}
    assert reached == {name for name in layers if name.startswith(("encoder", "kind"))}
    assert all(np.abs(g).max() > 0 for g in gradients if g is not None and len(g.shape) == 4)


def test_the_gradient_of_features_is_that_of_the_weighted_mean(pooled_by_a_mask):
    rng = np.random.default_rng(0)
    levels = [tf.constant(x) for x in random_levels(rng)]
    mask = tf.constant(rng.random((3, 8, 8, 1)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch([*levels, mask])
        inside = tf.reduce_sum(pooled_by_a_mask([*levels, mask])[:, 0])
    to_first, to_mask = tape.gradient(inside, [levels[0], mask])
    assert to_mask is None
    p = mask.numpy()[..., 0]
    expected = p / p.sum((1, 2), keepdims=True)
    np.testing.assert_allclose(to_first.numpy()[..., 0], expected, rtol=1e-3)
    assert (to_first.numpy()[..., 1] == 0).all()


@pytest.mark.parametrize(
    ("task", "raw", "expected"),
    [
        (LESION, [[0.3]], [0.3]),
        (ZONE, [[0.2, 0.7, 0.1]], [0.8]),
        (ZONE.model_copy(update={"activation": "sigmoid"}), [[0.6, 0.9]], [0.9]),
        (ORGANS, [[0.6, 0.1]], [0.6]),
    ],
)
def test_the_foreground_of_each_kind_of_mask(task, raw, expected):
    output = keras.Input((1, 1, len(raw[0])))
    model = keras.Model(output, keras.layers.Identity()(task.build_foreground(output)))
    found = model.predict_on_batch(np.array(raw, np.float32)[:, None, None])
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-6)


def test_each_mask_task_has_a_pair_of_means():
    network = build(KIND, ZONE, ORGANS)
    assert network.get_layer("kind_logits").kernel.shape[0] == 2 * 2 * (2 + 4 + 8) + 8
    assert list(network.output) == ["kind", "zone", "organs"]


def test_without_a_mask_it_is_average_and_maximum():
    found, expected = build(KIND, SIZE), build(KIND, SIZE, pooling="both")
    assert [layer.name for layer in found.layers] == [layer.name for layer in expected.layers]
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_attention_is_a_softmax_over_positions():
    x = keras.Input((3, 4, 2))
    model = keras.Model(x, build_attention_pooling(PoolingInput([x], dict), "pooled"))
    features = np.random.default_rng(0).normal(size=(2, 3, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(model.predict_on_batch(features), features.mean((1, 2)), rtol=1e-4, atol=1e-6)
    kernel = np.array([30.0, -2.0], np.float32)
    model.set_weights([kernel.reshape(1, 1, 2, 1)])
    logits = (features.astype(np.float64) @ kernel).reshape(2, 12)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    expected = (weights[..., None] * features.reshape(2, 12, 2)).sum(1)
    np.testing.assert_allclose(model.predict_on_batch(features), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("pooling", ["attention", "mask"])
def test_numbers_are_float32_in_mixed_precision(pooling):
    network = build(LESION, KIND, pooling=pooling, precision="mixed_bfloat16")
    assert network.get_layer("encoder0_conv1").compute_dtype == "bfloat16"
    pooled = [operation for operation in network.operations if operation.name.startswith("pooled")]
    types = {operation.name: operation.output.dtype for operation in pooled}
    types.pop("pooled_max", None)  # a maximum is not rounded again
    assert set(types.values()) == {"float32"}


@pytest.mark.parametrize("pooling", ["attention", "mask"])
def test_two_builds_have_equal_names(pooling):
    """Those of operations, too, which Keras counts in each process."""
    first, second = build(ZONE, KIND, pooling=pooling), build(ZONE, KIND, pooling=pooling)
    assert first.get_config() == second.get_config()


def test_shared_variables_are_those_with_a_gradient_of_several_tasks():
    """The class depends on the decoder through the mask, and does not train it."""
    network = build(LESION, KIND)
    shared = {variable.path.split("/")[0] for variable in shared_variables(network)}
    trained = {layer.name for layer in network.layers if layer.trainable_variables}
    assert shared == {name for name in trained if name.startswith("encoder")}
    assert last_shared_kernel(network) is network.get_layer("encoder2_conv2").kernel
    attention = build(LESION, KIND, SIZE, pooling="attention")
    shared = {variable.path.split("/")[0] for variable in shared_variables(attention)}
    assert "pooled_attention_logits" in shared
    assert last_shared_kernel(attention) is attention.get_layer("encoder2_conv2").kernel
