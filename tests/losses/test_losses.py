"""Each loss against a computation in NumPy, and the reduction against `sum(w * l) / sum(w)`."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from unet_mtl.losses.base import weighted_mean
from unet_mtl.losses.classes import ClassLoss
from unet_mtl.losses.grades import GradeLoss
from unet_mtl.losses.masks import MaskLoss, soft_dice
from unet_mtl.losses.multilabel import MultilabelLoss
from unet_mtl.losses.tversky import soft_tversky
from unet_mtl.losses.values import GaussianLoss, ValueLoss, bound_log_variance

SIDE = 4
CLASSES = 3


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def expected_mask_loss(
    truth, output, *, n_classes=CLASSES, dice=1.0, cross_entropy=1.0, smooth=1.0, focal=0.0, tversky=None
):
    """Compute the loss pixel by pixel, in float64."""
    values = []
    for mask, probabilities in zip(truth, output.astype(float), strict=True):
        entropies, pixels = [], [p for p in np.ndindex(mask.shape) if mask[p] != 255]
        binary = probabilities.shape[-1] == n_classes - 1
        for pixel in pixels:
            p = probabilities[pixel]
            if binary:
                hits = [mask[pixel] == index for index in range(1, n_classes)]
                right = np.array([q if hit else 1 - q for q, hit in zip(p, hits, strict=True)])
            else:
                right = p[mask[pixel]]
            entropies.append(np.mean(-((1 - right) ** focal) * np.log(right)))
        costs = []
        for index in range(1, n_classes):
            p = {pixel: probabilities[pixel][index - binary] for pixel in pixels}
            both = sum(p[pixel] for pixel in pixels if mask[pixel] == index)
            either = sum(p.values()) + sum(mask[pixel] == index for pixel in pixels)
            if tversky is None:
                costs.append(1 - (2 * both + smooth) / (either + smooth))
            else:
                false = sum(value for pixel, value in p.items() if mask[pixel] != index)
                missed = sum(1 - value for pixel, value in p.items() if mask[pixel] == index)
                found = both + smooth / 2
                similar = found / (found + tversky["alpha"] * false + tversky["beta"] * missed)
                costs.append((1 - similar) ** (1 / tversky["gamma"]))
        values.append(cross_entropy * np.mean(entropies or [0.0]) + dice * np.mean(costs))
    return np.array(values)


def make_masks(batch, channels, seed=0):
    """Return truth with an ignored region, and probabilities."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, CLASSES, (batch, SIDE, SIDE)).astype(np.uint8)
    truth[:, 0, :2] = 255
    logits = rng.normal(0, 2, (batch, SIDE, SIDE, channels))
    return truth, (softmax(logits) if channels == CLASSES else sigmoid(logits)).astype(np.float32)


def values_and_gradient(loss, truth, output, weights=None):
    output = tf.constant(output)
    with tf.GradientTape() as tape:
        tape.watch(output)
        values = loss.call(truth, output)
        total = weighted_mean(values, np.ones(len(truth), np.float32) if weights is None else weights)
    return values.numpy(), tape.gradient(total, output).numpy()


# With a batch as large as the image is wide, weights of cases could be mistaken for weights of columns.
@pytest.mark.parametrize("batch", [1, 3, SIDE])
@pytest.mark.parametrize("channels", [CLASSES, CLASSES - 1], ids=["softmax", "sigmoid"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dice": 0.3, "cross_entropy": 2.0, "smooth": 5.0},
        {"focal": 2.0},
        {"focal": 0.5, "tversky": {"alpha": 0.3, "beta": 0.7, "gamma": 1.0}},
        {"tversky": {"alpha": 0.2, "beta": 0.9, "gamma": 4 / 3}, "smooth": 3.0},
    ],
)
def test_mask_loss_is_the_sum_in_numpy(batch, channels, options):
    truth, output = make_masks(batch, channels)
    values = MaskLoss(CLASSES, **options).call(truth, output)
    assert values.shape == (batch,)
    np.testing.assert_allclose(values, expected_mask_loss(truth, output, **options), rtol=1e-5)


@pytest.mark.parametrize("channels", [CLASSES, CLASSES - 1], ids=["softmax", "sigmoid"])
def test_mask_loss_reads_masks_with_a_last_axis_and_of_any_type(channels):
    truth, output = make_masks(2, channels)
    loss = MaskLoss(CLASSES)
    plain = loss.call(truth, output).numpy()
    np.testing.assert_array_equal(plain, loss.call(truth[..., None], output))
    np.testing.assert_array_equal(plain, loss.call(truth.astype(np.float32), output))


def test_no_index_outside_the_classes_is_looked_up(monkeypatch):
    """PyTorch raises for such an index; TensorFlow silently returns zeros."""
    one_hot, seen = keras.ops.one_hot, []

    def look(indices, *arguments, **options):
        seen.append(np.asarray(indices))
        return one_hot(indices, *arguments, **options)

    monkeypatch.setattr(keras.ops, "one_hot", look)
    truth, output = make_masks(2, CLASSES)
    MaskLoss(CLASSES).call(truth, output)
    (indices,) = seen
    assert indices.max() < CLASSES
    np.testing.assert_array_equal(indices, np.where(truth == 255, 0, truth))


RARE = {"focal": 2.0, "tversky": {"alpha": 0.3, "beta": 0.7, "gamma": 4 / 3}}


@pytest.mark.parametrize("options", [{}, RARE], ids=["plain", "focal Tversky"])
@pytest.mark.parametrize("channels", [CLASSES, CLASSES - 1], ids=["softmax", "sigmoid"])
def test_an_ignored_pixel_changes_neither_loss_nor_gradient(channels, options):
    loss = MaskLoss(CLASSES, **options)
    truth, output = make_masks(2, channels)
    changed = output.copy()
    changed[:, 0, :2] = np.eye(channels, dtype=np.float32)[-1]
    values, gradient = values_and_gradient(loss, truth, output)
    other_values, other_gradient = values_and_gradient(loss, truth, changed)
    np.testing.assert_array_equal(values, other_values)
    np.testing.assert_array_equal(gradient, other_gradient)
    assert not gradient[:, 0, :2].any()
    assert gradient[:, 1:].any()


@pytest.mark.parametrize("options", [{}, RARE], ids=["plain", "focal Tversky"])
def test_a_mask_of_only_ignored_pixels_costs_nothing(options):
    truth, output = make_masks(2, CLASSES)
    truth[0] = 255
    values, gradient = values_and_gradient(MaskLoss(CLASSES, **options), truth, output)
    assert values[0] == pytest.approx(0, abs=1e-6)
    assert not gradient[0].any()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("channels", [CLASSES, CLASSES - 1], ids=["softmax", "sigmoid"])
def test_a_correct_empty_prediction_costs_nothing(channels):
    truth = np.zeros((2, 32, 32), np.uint8)
    output = np.full((2, 32, 32, channels), 1e-7, np.float32)
    if channels == CLASSES:
        output[..., 0] = 1
    assert MaskLoss(CLASSES, cross_entropy=0).call(truth, output).numpy() == pytest.approx(0, abs=1e-3)
    # A partly wrong prediction changes the loss of its own image only, not of the batch.
    output[1, :8, :8] = np.eye(channels)[-1]
    dice = MaskLoss(CLASSES, cross_entropy=0).call(truth, output).numpy()
    assert dice[0] == pytest.approx(0, abs=1e-3)
    assert dice[1] == pytest.approx(0.5 * 64 / 65, rel=1e-3)


def test_soft_dice_by_hand():
    truth = np.array([1, 1, 0, 0], np.float32).reshape(1, 2, 2, 1)
    probabilities = np.array([0.5, 1.0, 0.5, 0.0], np.float32).reshape(1, 2, 2, 1)
    valid = np.ones_like(truth)
    assert float(soft_dice(truth, probabilities, valid, 1.0)[0, 0]) == pytest.approx(
        1 - (2 * 1.5 + 1) / (4 + 1)
    )
    valid[0, 1, 0] = 0
    assert float(soft_dice(truth, probabilities, valid, 1.0)[0, 0]) == pytest.approx(
        1 - (2 * 1.5 + 1) / (3.5 + 1)
    )


def test_soft_tversky_by_hand():
    truth = np.array([1, 1, 0, 0], np.float32).reshape(1, 2, 2, 1)
    probabilities = np.array([0.5, 1.0, 0.25, 0.0], np.float32).reshape(1, 2, 2, 1)
    valid = np.ones_like(truth)
    # TP 1.5, FP 0.25, FN 0.5
    options = {"alpha": 0.2, "beta": 0.8, "smooth": 2.0}
    cost = 1 - 2.5 / (2.5 + 0.2 * 0.25 + 0.8 * 0.5)
    assert float(soft_tversky(truth, probabilities, valid, **options)[0, 0]) == pytest.approx(cost)
    focal = soft_tversky(truth, probabilities, valid, gamma=2.0, **options)
    assert float(focal[0, 0]) == pytest.approx(np.sqrt(cost))


def test_tversky_with_halves_is_dice():
    truth, output = make_masks(3, CLASSES)
    halves = {"alpha": 0.5, "beta": 0.5, "gamma": 1.0}
    for smooth in (1.0, 30.0):
        dice = MaskLoss(CLASSES, smooth=smooth).call(truth, output)
        tversky = MaskLoss(CLASSES, smooth=smooth, tversky=halves).call(truth, output)
        np.testing.assert_allclose(tversky, dice, rtol=1e-5)


@pytest.mark.parametrize("gamma", [1.0, 4 / 3, 3.0])
def test_tversky_of_a_correct_prediction_is_0_with_a_finite_slope(gamma):
    truth = np.zeros((2, 4, 4), np.uint8)
    truth[1, :2] = 1
    output = np.stack([truth == 0, truth == 1, truth == 2], -1).astype(np.float32)
    loss = MaskLoss(3, cross_entropy=0, tversky={"alpha": 0.3, "beta": 0.7, "gamma": gamma})
    values, gradient = values_and_gradient(loss, truth, output)
    np.testing.assert_allclose(values, [0, 0], atol=1e-7)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("focal", [0.5, 2.0])
def test_focal_loss_of_classes_by_hand(focal):
    """Correct predictions count less, and the slope at a probability of 1 is finite."""
    two, three = (
        np.array([[0.8], [0.3], [0.1]], np.float32),
        np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], "f"),
    )
    right = np.array([0.8, 0.7, 0.1])
    found = ClassLoss(2, (1.0, 4.0), focal=focal).call(np.array([1, 0, 1]), two)
    np.testing.assert_allclose(found, -((1 - right) ** focal) * np.log(right) * [4, 1, 4], rtol=1e-5)
    right = np.array([0.2, 0.8])
    found = ClassLoss(3, focal=focal).call(np.array([1, 2]), three)
    np.testing.assert_allclose(found, -((1 - right) ** focal) * np.log(right), rtol=1e-5)
    for loss, output in (
        (ClassLoss(2, focal=focal), [[1.0], [0.0]]),
        (ClassLoss(3, focal=focal), np.eye(3)[[1, 0]]),
    ):
        values, gradient = values_and_gradient(loss, np.array([1, 0]), np.array(output, np.float32))
        np.testing.assert_allclose(values, 0, atol=1e-6)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_confidently_wrong_pixels_have_a_gradient(activation):
    """At a probability of exp(-40), clipping at 1e-7 would stop the gradient."""
    logits = tf.constant(
        np.tile([40.0, 0, 0] if activation == "softmax" else [-40.0, -40.0], (1, 2, 2, 1)), "float32"
    )
    truth = np.ones((1, 2, 2), np.uint8)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        output = tf.nn.softmax(logits) if activation == "softmax" else tf.sigmoid(logits)
        loss = tf.reduce_sum(MaskLoss(CLASSES, dice=0).call(truth, output))
    gradient = tape.gradient(loss, logits).numpy()
    wanted = gradient[..., 1] if activation == "softmax" else gradient[..., 0]
    assert (wanted < -0.1).all()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_certain_predictions_stay_finite(probability):
    truth = np.array([[[0, 1], [1, 2]]], np.uint8)
    for channels in (2, 3):
        output = np.full((1, 2, 2, channels), probability, np.float32)
        values, gradient = values_and_gradient(MaskLoss(3), truth, output)
        assert np.isfinite(values).all()
        assert np.isfinite(gradient).all()


def test_class_loss_is_the_sum_in_numpy():
    rng = np.random.default_rng(1)
    truth = np.array([2, 0, 1, 2])
    output = softmax(rng.normal(size=(4, 3))).astype(np.float32)
    expected = -np.log(output[range(4), truth])
    np.testing.assert_allclose(ClassLoss(3).call(truth, output), expected, rtol=1e-5)
    np.testing.assert_allclose(ClassLoss(3).call(truth[:, None], output), expected, rtol=1e-5)
    weights = np.array([0.5, 2.0, 3.0])
    found = ClassLoss(3, class_weights=weights).call(truth, output)
    np.testing.assert_allclose(found, expected * weights[truth], rtol=1e-5)


def test_class_loss_of_two_classes_is_the_sum_in_numpy():
    truth, output = np.array([1, 0, 1]), np.array([[0.8], [0.3], [0.1]], np.float32)
    expected = -np.log([0.8, 0.7, 0.1])
    np.testing.assert_allclose(ClassLoss(2).call(truth, output), expected, rtol=1e-5)
    found = ClassLoss(2, class_weights=(1.0, 4.0)).call(truth, output)
    np.testing.assert_allclose(found, expected * [4, 1, 4], rtol=1e-5)


def test_value_loss_is_the_sum_in_numpy():
    truth, output = np.array([0.0, 1.0, -2.0]), np.array([[0.5], [4.0], [-2.0]], np.float32)
    np.testing.assert_allclose(ValueLoss().call(truth, output), [0.125, 0.5 + 2.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(ValueLoss(2.0).call(truth, output), [0.125, 2.0 + 2.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(ValueLoss(None).call(truth, output), [0.125, 4.5, 0.0], rtol=1e-6)


def test_conditional_grade_loss_is_the_likelihood_of_the_grade():
    """P(0) = 1 - a, P(1) = a (1 - b), P(2) = a b (1 - c), P(3) = a b c."""
    a, b, c = 0.8, 0.6, 0.3
    chances = np.array([1 - a, a * (1 - b), a * b * (1 - c), a * b * c])
    truth, output = np.array([3, 0, 2, 1]), np.tile(np.array([[a, b, c]], np.float32), (4, 1))
    assert chances.sum() == pytest.approx(1)
    np.testing.assert_allclose(GradeLoss(4).call(truth, output), -np.log(chances[truth]), rtol=1e-5)
    np.testing.assert_allclose(GradeLoss(4).call(truth[:, None], output), -np.log(chances[truth]), rtol=1e-5)
    weights = np.array([0.5, 1.0, 2.0, 4.0])
    found = GradeLoss(4, weights).call(truth, output)
    np.testing.assert_allclose(found, -np.log(chances[truth]) * weights[truth], rtol=1e-5)


def test_cumulative_grade_loss_is_the_sum_in_numpy():
    truth, output = np.array([0, 1, 2]), np.array([[0.8, 0.6], [0.7, 0.2], [0.9, 0.5]], np.float32)
    expected = [-np.log(0.2 * 0.4), -np.log(0.7 * 0.8), -np.log(0.9 * 0.5)]
    np.testing.assert_allclose(GradeLoss(3, conditional=False).call(truth, output), expected, rtol=1e-5)


def test_a_threshold_learns_from_its_conditional_subset_only():
    truth, output = np.array([0, 1, 2, 3]), np.full((4, 3), 0.5, np.float32)
    _, gradient = values_and_gradient(GradeLoss(4), truth, output)
    np.testing.assert_array_equal(np.sign(gradient), [[1, 0, 0], [-1, 1, 0], [-1, -1, 1], [-1, -1, -1]])
    _, gradient = values_and_gradient(GradeLoss(4, conditional=False), truth, output)
    np.testing.assert_array_equal(np.sign(gradient), [[1, 1, 1], [-1, 1, 1], [-1, -1, 1], [-1, -1, -1]])


def test_multilabel_loss_is_the_mean_over_the_known_labels():
    truth = np.array([[1, 0, 255], [255, 255, 1], [255, 255, 255]], np.uint8)
    output = np.array([[0.8, 0.3, 0.9], [0.1, 0.2, 0.4], [0.5, 0.5, 0.5]], np.float32)
    expected = [-(np.log(0.8) + np.log(0.7)) / 2, -np.log(0.4), 0]
    np.testing.assert_allclose(MultilabelLoss().call(truth, output), expected, rtol=1e-5)
    weights = [[1.0, 3.0], [0.5, 7.0], [1.0, 2.0]]
    expected = [-(3 * np.log(0.8) + 0.5 * np.log(0.7)) / 2, -2 * np.log(0.4), 0]
    np.testing.assert_allclose(MultilabelLoss(weights).call(truth, output), expected, rtol=1e-5)


def test_an_unknown_label_changes_neither_loss_nor_gradient():
    loss, truth, output = make_case("labels")
    changed = np.where(truth == 255, np.float32(0), output)
    values, gradient = values_and_gradient(loss, truth, output)
    other_values, other_gradient = values_and_gradient(loss, truth, changed)
    np.testing.assert_array_equal(values, other_values)
    np.testing.assert_array_equal(gradient, other_gradient)
    assert (gradient[truth == 255] == 0).all()
    assert (gradient[truth != 255] != 0).all()


def test_every_known_label_weighs_the_same():
    """If the weight of a case is its share of known labels, the loss is the mean over all known labels."""
    truth = np.array([[1, 0, 1, 0], [255, 255, 255, 1], [255, 0, 1, 255], [255] * 4], np.uint8)
    output = np.random.default_rng(0).uniform(0.1, 0.9, (4, 4)).astype(np.float32)
    known = truth != 255
    singles = -np.log(np.where(truth == 1, output, 1 - output))[known]
    found = weighted_mean(MultilabelLoss().call(truth, output), known.mean(axis=1).astype(np.float32))
    assert float(found) == pytest.approx(singles.mean(), rel=1e-5)


def test_labels_need_two_class_weights_each():
    with pytest.raises(ValueError, match="two factors per label, for no and for yes, received"):
        MultilabelLoss([[1.0, 2.0], [1.0]])


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_certain_thresholds_and_labels_stay_finite(probability):
    for loss, truth in [
        (GradeLoss(3), np.array([0, 1, 2])),
        (GradeLoss(3, conditional=False), np.array([0, 1, 2])),
        (MultilabelLoss(), np.array([[0, 1], [255, 1], [0, 255]])),
    ]:
        values, gradient = values_and_gradient(loss, truth, np.full((3, 2), probability, np.float32))
        assert np.isfinite(values).all()
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("delta", [None, 1.0])
def test_value_loss_of_several_is_the_mean_of_the_known(delta):
    truth, known, output = make_numbers(2)
    expected = [
        np.mean(
            [
                float(ValueLoss(delta).call(truth[i, [k]], output[i, [k], None])[0])
                for k in np.flatnonzero(row)
            ]
        )
        if row.any()
        else 0
        for i, row in enumerate(known)
    ]
    target = np.stack([truth, known], -1)
    np.testing.assert_allclose(ValueLoss(delta).call(target, output), expected, rtol=1e-5)
    everything = ValueLoss(delta).call(truth, output)
    np.testing.assert_allclose(
        everything, ValueLoss(delta).call(np.stack([truth, known * 0 + 1], -1), output)
    )


def test_gaussian_loss_is_the_negative_log_likelihood():
    truth, known, output = make_numbers(4)
    log_variance = np.logaddexp(0, 5 - np.logaddexp(0, 5 - output[:, 2:].astype(float)) + 10) - 10
    np.testing.assert_allclose(bound_log_variance(output[:, 2:]), log_variance, rtol=1e-4, atol=1e-5)
    densities = scipy.stats.norm.logpdf(truth, output[:, :2], np.exp(log_variance / 2))
    expected = -(densities * known).sum(-1) / np.maximum(known.sum(-1), 1)
    target = np.stack([truth, known], -1)
    np.testing.assert_allclose(GaussianLoss().call(target, output), expected, rtol=1e-4, atol=1e-5)
    one = GaussianLoss().call(truth[:, 0], output[:, ::2])
    np.testing.assert_allclose(one, -densities[:, 0], rtol=1e-4, atol=1e-5)


def test_the_bound_is_smooth_and_changes_nothing_in_the_middle():
    raw = np.linspace(-30, 30, 601).astype(np.float32)
    found = keras.ops.convert_to_numpy(bound_log_variance(raw))
    assert found.min() >= -10
    assert found.max() <= 5 + 1e-3
    middle = np.abs(raw + 2.5) < 3.5
    np.testing.assert_allclose(found[middle], raw[middle], atol=0.02)
    # nowhere flat within the range that outputs reach
    inside = (raw > -20) & (raw < 15)
    assert (np.diff(found[inside]) > 0).all()
    in_numpy = bound_log_variance(raw.astype(float), lambda x: np.logaddexp(0, x))
    np.testing.assert_allclose(found, in_numpy, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("raw", [-1e6, -20.0, 20.0, 1e6])
def test_an_extreme_log_variance_stays_finite_and_recovers(raw):
    """A wrong prediction with a far too small variance increases it, and the reverse."""
    target = np.array([[[3.0 if raw < 0 else 0.0, 1.0]]], np.float32)
    values, gradient = values_and_gradient(GaussianLoss(), target, np.array([[0.0, raw]], np.float32))
    assert np.isfinite(values).all()
    assert np.isfinite(gradient).all()
    if abs(raw) < 100:
        assert np.sign(gradient[0, 1]) == np.sign(raw)


@pytest.mark.parametrize("loss", [ValueLoss(), GaussianLoss()])
def test_an_unknown_number_has_no_effect(loss):
    truth, known, output = make_numbers(4 if isinstance(loss, GaussianLoss) else 2)
    target = np.stack([truth, known], -1)
    filled = np.stack([np.where(known > 0, truth, 77.0), known], -1).astype(np.float32)
    values, gradient = values_and_gradient(loss, target, output, known.mean(-1))
    other_values, other_gradient = values_and_gradient(loss, filled, output, known.mean(-1))
    np.testing.assert_array_equal(values, other_values)
    np.testing.assert_array_equal(gradient, other_gradient)
    unknown = np.tile(known == 0, output.shape[1] // 2)
    assert (gradient[unknown] == 0).all()
    assert (gradient[~unknown] != 0).all()


@pytest.mark.parametrize("loss", [ValueLoss(), GaussianLoss()])
def test_truth_of_another_number_of_numbers_is_refused(loss):
    output = np.zeros((3, 4 if isinstance(loss, GaussianLoss) else 2), np.float32)
    for shape in ((3,), (3, 1), (3, 3), (3, 2, 1), (3, 1, 2)):
        with pytest.raises(ValueError, match=r"predicts 2 numbers a case, .* received shape \(3,"):
            loss.call(np.zeros(shape, np.float32), output)
    with pytest.raises(ValueError, match="mean and a log-variance for each number, received 3 outputs"):
        GaussianLoss().call(np.zeros(3), np.zeros((3, 3), np.float32))


def make_numbers(outputs, batch=SIDE):
    """Return two numbers per case, some of them unknown and in one case both, and outputs."""
    rng = np.random.default_rng(5)
    known = np.array([[1, 1], [0, 1], [1, 0], [0, 0]], np.float32)[:batch]
    return (
        rng.normal(0, 2, (batch, 2)).astype("f") * known,
        known,
        rng.normal(0, 2, (batch, outputs)).astype("f"),
    )


def make_case(kind, batch=SIDE):
    rng = np.random.default_rng(2)
    if kind in ("conditional grade", "cumulative grade"):
        loss = GradeLoss(4, (1.0, 2.0, 3.0, 0.5), conditional=kind == "conditional grade")
        return loss, rng.integers(0, 4, batch), sigmoid(rng.normal(size=(batch, 3))).astype("f")
    if kind == "labels":
        truth = np.array([[0, 1, 255], [1, 1, 0], [255, 255, 0], [1, 255, 0]], np.uint8)[:batch]
        loss = MultilabelLoss([[1.0, 2.0], [0.5, 3.0], [1.0, 1.0]])
        return loss, truth, sigmoid(rng.normal(size=(batch, 3))).astype("f")
    if kind in ("mask", "focal Tversky mask"):
        return MaskLoss(CLASSES, **({} if kind == "mask" else RARE)), *make_masks(batch, CLASSES)
    if kind in ("class", "focal class"):
        return (
            ClassLoss(3, (1.0, 2.0, 3.0), focal=0.0 if kind == "class" else 2.0),
            rng.integers(0, 3, batch),
            softmax(rng.normal(size=(batch, 3))).astype("f"),
        )
    if kind == "value":
        return ValueLoss(), rng.normal(size=batch).astype("f"), rng.normal(size=(batch, 1)).astype("f")
    truth, known, output = make_numbers(4 if kind == "intervals" else 2, batch)
    return GaussianLoss() if kind == "intervals" else ValueLoss(), np.stack([truth, known], -1), output


KINDS = [
    "mask",
    "focal Tversky mask",
    "class",
    "focal class",
    "value",
    "values",
    "intervals",
    "conditional grade",
    "cumulative grade",
    "labels",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [SIDE, 3])
def test_a_label_weight_belongs_to_its_case(kind, batch):
    loss, truth, output = make_case(kind, batch)
    values = loss.call(truth, output).numpy().astype(float)
    for weights in ([1, 0, 0, 0], [1, 1, 0, 1], [0.5, 2, 0, 0.25]):
        weights = np.array(weights[:batch], np.float32)
        expected = (weights * values).sum() / weights.sum()
        assert float(weighted_mean(values.astype("f"), weights)) == pytest.approx(expected, rel=1e-5)
        # Keras' own call, which `compile` uses, must give the same result.
        assert float(loss(truth, output, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(truth, output)) == pytest.approx(values.mean(), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_without_labels_has_no_loss_and_no_gradient(kind):
    loss, truth, output = make_case(kind)
    weights = np.zeros(len(truth), np.float32)
    _, gradient = values_and_gradient(loss, truth, output, weights)
    assert float(weighted_mean(loss.call(truth, output), weights)) == 0
    assert float(loss(truth, output, sample_weight=weights)) == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_unlabelled_case_has_no_effect(kind):
    loss, truth, output = make_case(kind)
    filled = truth.copy()
    filled[1] = 0
    weights = np.array([1, 0, 1, 1], np.float32)
    values, gradient = values_and_gradient(loss, truth, output, weights)
    other_values, other_gradient = values_and_gradient(loss, filled, output, weights)
    np.testing.assert_array_equal(np.delete(values, 1), np.delete(other_values, 1))
    np.testing.assert_array_equal(gradient, other_gradient)
    assert not gradient[1].any()


@pytest.mark.parametrize(
    "loss",
    [
        MaskLoss(3, dice=0.5, cross_entropy=2.0, smooth=3.0, name="a"),
        MaskLoss(3, focal=2.0, tversky={"alpha": 0.3, "beta": 0.7, "gamma": 1.5}),
        ClassLoss(3, (1.0, 2.0, 0.5), focal=1.5, name="b"),
        ClassLoss(2),
        ValueLoss(None),
        ValueLoss(2.5, name="c"),
        GradeLoss(3, (1.0, 2.0, 0.5), conditional=False, name="d"),
        GradeLoss(5),
        MultilabelLoss([[1.0, 2.0], [0.5, 3.0]], name="e"),
        MultilabelLoss(),
        GaussianLoss(name="f"),
    ],
)
def test_losses_survive_serialisation(loss):
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert again.reduction == "mean_with_sample_weight"


def test_losses_work_in_a_plain_compile_with_a_batch_as_large_as_the_image_is_wide():
    image = keras.Input((SIDE, SIDE, 1))
    mask = keras.layers.Conv2D(CLASSES, 1, activation="softmax", name="zone")(image)
    value = keras.layers.Dense(1, name="count")(keras.layers.GlobalAveragePooling2D()(image))
    model = keras.Model(image, {"zone": mask, "count": value})
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss={"zone": MaskLoss(CLASSES), "count": ValueLoss()})
    rng = np.random.default_rng(3)
    images = rng.normal(size=(SIDE, SIDE, SIDE, 1)).astype("f")
    truth = {"zone": make_masks(SIDE, CLASSES)[0], "count": rng.normal(size=SIDE).astype("f")}
    weights = {"zone": np.array([1, 0, 0, 1], "f"), "count": np.array([0, 1, 0, 0], "f")}
    outputs = model.predict_on_batch(images)
    logs = model.train_on_batch(images, truth, sample_weight=weights, return_dict=True)
    masks = expected_mask_loss(truth["zone"], outputs["zone"])[[0, 3]].mean()
    values = ValueLoss().call(truth["count"], outputs["count"]).numpy()[1]
    assert logs["loss"] == pytest.approx(masks + values, rel=1e-4)
