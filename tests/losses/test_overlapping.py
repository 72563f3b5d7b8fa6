"""The loss of overlapping classes against a computation in NumPy, and against that of exclusive classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from unet_mtl.losses.masks import MaskLoss
from unet_mtl.losses.overlapping import OverlapLoss

SIDE, CHANNELS = 5, 3


def make_case(batch, seed=0):
    """Return truth with independent channels, an unlabelled region, and a pixel unlabelled in one channel only."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (batch, SIDE, SIDE, CHANNELS)).astype(np.uint8)
    truth[:, 0, :2] = 255
    truth[0, 3, 3, 1] = 255
    output = 1 / (1 + np.exp(-rng.normal(0, 2, truth.shape)))
    return truth, output.astype(np.float32)


def expected_loss(truth, output, *, dice=1.0, cross_entropy=1.0, smooth=1.0):
    """Compute the loss entry by entry, in float64."""
    values = []
    for mask, probabilities in zip(truth, output.astype(float), strict=True):
        entropies, costs = [], []
        for channel in range(mask.shape[-1]):
            both = either = 0.0
            for row, column in np.ndindex(mask.shape[:2]):
                wanted, p = mask[row, column, channel], probabilities[row, column, channel]
                if wanted == 255:
                    continue
                entropies.append(-np.log(p if wanted else 1 - p))
                both += p * wanted
                either += p + wanted
            costs.append(1 - (2 * both + smooth) / (either + smooth))
        values.append(cross_entropy * np.mean(entropies or [0.0]) + dice * np.mean(costs))
    return np.array(values)


@pytest.mark.parametrize("batch", [1, 3, SIDE])
@pytest.mark.parametrize("options", [{}, {"dice": 0.3, "cross_entropy": 2.0, "smooth": 5.0}])
def test_it_is_the_sum_in_numpy(batch, options):
    truth, output = make_case(batch)
    values = OverlapLoss(**options).call(truth, output)
    assert values.shape == (batch,)
    np.testing.assert_allclose(values, expected_loss(truth, output, **options), rtol=1e-5)
    np.testing.assert_array_equal(values, OverlapLoss(**options).call(truth.astype(np.float32), output))


def test_where_nothing_overlaps_it_is_the_loss_of_class_indices():
    rng = np.random.default_rng(1)
    indices = rng.integers(0, CHANNELS + 1, (4, SIDE, SIDE))
    indices[:, :2, 1] = 255
    hot = (indices[..., None] == np.arange(1, CHANNELS + 1)).astype(np.uint8)
    hot[indices == 255] = 255
    _, output = make_case(4)
    expected = MaskLoss(CHANNELS + 1, smooth=3.0).call(indices, output)
    np.testing.assert_allclose(OverlapLoss(smooth=3.0).call(hot, output), expected, rtol=1e-6)


def test_unlabelled_pixels_change_neither_loss_nor_gradient():
    truth, output = make_case(2)
    unlabelled = truth == 255
    changed = np.where(unlabelled, np.float32(1), output)
    found = []
    for probabilities in map(tf.constant, (output, changed)):
        with tf.GradientTape() as tape:
            tape.watch(probabilities)
            values = OverlapLoss().call(truth, probabilities)
        found.append((values.numpy(), tape.gradient(values, probabilities).numpy()))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert not found[0][1][unlabelled].any()
    assert found[0][1][~unlabelled].all()


def test_empty_and_unlabelled_masks_cost_nothing():
    truth = np.zeros((2, 16, 16, 2), np.uint8)
    truth[1] = 255
    output = np.full(truth.shape, 1e-8, np.float32)
    output[1] = 0.7
    np.testing.assert_allclose(OverlapLoss().call(truth, output), [0, 0], atol=1e-5)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_certain_predictions_stay_finite(probability):
    truth, _ = make_case(2)
    output = tf.fill(truth.shape, probability)
    with tf.GradientTape() as tape:
        tape.watch(output)
        values = OverlapLoss().call(truth, output)
    assert np.isfinite(values).all()
    assert np.isfinite(tape.gradient(values, output)).all()


def test_a_label_weight_belongs_to_its_case():
    truth, output = make_case(SIDE)
    values = expected_loss(truth, output)
    weights = np.array([1, 0, 0, 0.5, 2], np.float32)
    expected = (weights * values).sum() / weights.sum()
    assert float(OverlapLoss()(truth, output, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)
    assert float(OverlapLoss()(truth, output, sample_weight=0 * weights)) == 0


def test_it_survives_serialisation():
    loss = OverlapLoss(dice=0.5, cross_entropy=2.0, smooth=3.0, name="a")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is OverlapLoss
    assert again.get_config() == loss.get_config()
    assert again.reduction == "mean_with_sample_weight"


def test_class_indices_are_refused():
    with pytest.raises(
        ValueError, match=r"got \(1, 4, 4\) and \(1, 4, 4, 2\)\. For class indices, use MaskLoss"
    ):
        OverlapLoss().call(np.zeros((1, 4, 4), np.uint8), np.zeros((1, 4, 4, 2), np.float32))
