"""Streaming scores of counts: pinned to the NumPy face, whatever the batches; shapes, weights, edges."""

import json
from functools import partial

import keras
import numpy as np
import pytest

from metrics import (
    confusion_per_case,
    count_multilabel,
    counts_from_confusion,
    mean_over_classes,
    overlap,
)
from metrics.streaming import (
    F1,
    MCC,
    Accuracy,
    Dice,
    FBeta,
    IoU,
    MeanIoU,
    Precision,
    Recall,
    Specificity,
    VolumeSimilarity,
)

F2 = partial(FBeta, beta=2.0)
NUMPY_FACE = {
    Dice: overlap.dice,
    F1: overlap.f1,
    F2: partial(overlap.f1, beta=2.0),
    IoU: overlap.iou,
    MeanIoU: overlap.iou,
    Precision: overlap.precision,
    Recall: overlap.recall,
    Specificity: overlap.specificity,
    VolumeSimilarity: overlap.volume_similarity,
    MCC: overlap.mcc,
    Accuracy: overlap.accuracy,
}
OVERLAPS = [Dice, F1, F2, IoU, MeanIoU, Precision, Recall, VolumeSimilarity]


def whole_picture(kind, confusion):
    """The scores that look at all classes at once."""
    if kind is MCC:
        return overlap.multiclass_mcc(confusion)
    counted = confusion.sum(axis=(-2, -1))
    right = np.trace(confusion, axis1=-2, axis2=-1)
    return np.where(counted > 0, right / np.maximum(counted, 1), np.nan)


def expected_value(
    kind, truth, labels, n_classes, per="case", class_index=None, include_background=False, ignore=None
):
    confusion = confusion_per_case(truth, labels, n_classes, ignore=ignore)
    confusion = confusion if per == "case" else confusion.sum(axis=0)[None]
    if kind in (MCC, Accuracy) and class_index is None:
        values = whole_picture(kind, confusion)
    else:
        scores = NUMPY_FACE[kind](counts_from_confusion(confusion))
        values = (
            mean_over_classes(scores, include_background) if class_index is None else scores[:, class_index]
        )
    return np.nanmean(values)


@pytest.mark.parametrize("kind", NUMPY_FACE)
@pytest.mark.parametrize("per", ["case", "pooled"])
@pytest.mark.parametrize(
    "options", [{}, {"class_index": 1}, {"class_index": 0}, {"include_background": True}, {"ignore": 255}]
)
def test_masks_equal_the_numpy_face(kind, per, options, random_masks, stream):
    truth, probabilities, labels = random_masks(0, 3)
    if "ignore" in options:
        truth[:, :2] = 255
    expected = expected_value(kind, truth, labels, 3, per=per, **options)
    result = stream(kind(3, per=per, **options), truth, probabilities, [5, 3])
    assert result == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("kind", NUMPY_FACE)
@pytest.mark.parametrize("per", ["case", "pooled"])
def test_results_are_the_same_to_the_last_bit_whatever_the_batches(kind, per, random_masks, stream, cuts):
    truth, probabilities, _ = random_masks(0, 3)
    assert len({stream(kind(3, per=per), truth, probabilities, sizes) for sizes in [*cuts, [1] * 8]}) == 1


@pytest.mark.parametrize("kind", NUMPY_FACE)
def test_zero_weights_leave_cases_out(kind, random_masks, stream):
    truth, probabilities, labels = random_masks(1, 3)
    weights = np.array([1, 0, 0.25, 1, 0, 3, 1, 0], np.float32)
    truth[weights == 0] = 77
    probabilities[weights == 0] = np.nan
    kept = weights > 0
    for per in ("case", "pooled"):
        expected = expected_value(kind, truth[kept], labels[kept], 3, per=per)
        result = stream(kind(3, per=per), truth, probabilities, [5, 3], weights)
        assert result == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("shape", [(8,), (8, 1), (8, 1, 1), (8, 7, 6), (8, 7, 6, 1)])
def test_weight_shapes(shape, random_masks, stream):
    truth, probabilities, labels = random_masks(2, 2)
    weights = np.array([1, 0, 1, 1, 0, 1, 1, 0], np.float32)
    spread = np.broadcast_to(weights.reshape(8, *[1] * (len(shape) - 1)), shape).copy()
    expected = expected_value(Dice, truth[weights > 0], labels[weights > 0], 2)
    assert stream(Dice(2), truth, probabilities, [5, 3], spread) == pytest.approx(expected, abs=2e-7)
    with pytest.raises(ValueError, match="one weight a case"):
        Dice(2).update_state(truth, probabilities, 1.0)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("foreground", [1, 2, 3])
def test_sigmoid_channels(foreground, threshold, stream):
    rng = np.random.default_rng(foreground)
    truth = rng.integers(0, foreground + 1, size=(8, 7, 6, 1)).astype(np.uint8)
    prediction = rng.random((8, 7, 6, foreground)).astype(np.float32)
    labels = np.where(prediction.max(-1) >= threshold, prediction.argmax(-1) + 1, 0)
    expected = expected_value(Dice, truth[..., 0], labels, foreground + 1)
    metric = Dice(foreground + 1, threshold=threshold)
    assert stream(metric, truth, prediction, [5, 3]) == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("multilabel", [False, True])
def test_threshold_is_reached_by_equal(multilabel):
    below = np.nextafter(np.float32(0.5), np.float32(0))
    metric = Recall(1 if multilabel else 2, per="pooled", multilabel=multilabel)
    metric.update_state(np.array([[1], [1]]), np.array([[0.5], [below]], np.float32))
    assert float(metric.result()) == 0.5


def test_first_of_equals_wins():
    metric = Recall(3, per="pooled", class_index=1)
    metric.update_state([1], [[0.2, 0.4, 0.4]])
    assert float(metric.result()) == 1


@pytest.mark.parametrize("kind", NUMPY_FACE)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_label_vectors(kind, n_classes, stream):
    rng = np.random.default_rng(n_classes)
    truth = rng.integers(0, n_classes, size=8)
    probabilities = rng.dirichlet(np.ones(n_classes), size=8).astype(np.float32)
    labels = probabilities.argmax(-1)
    options = {"per": "pooled", "include_background": True}
    expected = expected_value(kind, truth, labels, n_classes, **options)
    for shaped in (truth, truth[:, None], truth.astype(np.float32)):
        result = stream(kind(n_classes, **options), shaped, probabilities, [5, 3])
        assert result == pytest.approx(expected, abs=2e-7)
    if n_classes == 2:
        for shaped in (probabilities[:, 1], probabilities[:, 1:]):
            assert stream(kind(2, **options), truth, shaped, [5, 3]) == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("size", [(), (5, 4)])
@pytest.mark.parametrize("per", ["case", "pooled"])
@pytest.mark.parametrize("kind", NUMPY_FACE)
def test_multilabel_equals_the_numpy_face(kind, per, size, stream):
    rng = np.random.default_rng(5)
    truth = (rng.random((8, *size, 3)) < 0.4).astype(np.int64)
    truth[rng.random(truth.shape) < 0.1] = 255
    truth[3] = 0
    scores = rng.random(truth.shape).astype(np.float32)
    counts = count_multilabel(truth, scores, threshold=0.6, ignore=255)
    counts = counts if per == "case" else counts.sum(axis=0)[None]
    by_class = NUMPY_FACE[kind](counts)
    expected = np.nanmean(mean_over_classes(by_class, include_background=True))
    if kind is Accuracy:
        right, wrong = (counts.tp + counts.tn).sum(-1), (counts.fp + counts.fn).sum(-1)
        expected = np.mean(right / (right + wrong))
    options = {"per": per, "threshold": 0.6, "ignore": 255, "multilabel": True}
    assert stream(kind(3, **options), truth, scores, [5, 3]) == pytest.approx(expected, abs=2e-7)
    single = stream(kind(3, class_index=1, **options), truth, scores, [8])
    assert single == pytest.approx(np.nanmean(by_class[..., 1]), abs=2e-7)


def test_multilabel_by_hand():
    """Channel 0: tp 1, fn 1; channel 1: fp 1, tn 1; channel 2: one entry ignored, tp 1."""
    metric = Dice(3, per="pooled", multilabel=True, ignore=-1)
    metric.update_state([[1, 0, 1], [1, 0, -1]], [[0.9, 0.6, 0.5], [0.1, 0.2, 0.9]])
    assert float(metric.result()) == pytest.approx((2 / 3 + 0 + 1) / 3)


@pytest.mark.parametrize("kind", NUMPY_FACE)
@pytest.mark.parametrize("per", ["case", "pooled"])
def test_undefined_is_nan(kind, per):
    metric = kind(2, per=per)
    assert np.isnan(float(metric.result()))
    empty = np.zeros((2, 3, 3), int)
    metric.update_state(empty, np.zeros((2, 3, 3, 1)))
    # a correct empty answer has no overlap score; MCC is 0 where a margin is zero
    right = {MCC: 0.0, Accuracy: 1.0, Specificity: 1.0}
    np.testing.assert_equal(float(metric.result()), right.get(kind, np.nan))
    metric.reset_state()
    metric.update_state(empty, np.ones((2, 3, 3, 1)), np.zeros(2))
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("kind", OVERLAPS)
def test_one_side_empty_is_zero(kind):
    for truth in (0, 1):
        metric = kind(2)
        metric.update_state(np.full((1, 3, 3), truth), np.full((1, 3, 3, 1), 1 - truth))
        assert float(metric.result()) == 0


def test_specificity_without_a_negative_is_undefined():
    metric = Specificity(2)
    metric.update_state([[1, 1], [0, 1]], [[[0.9], [0.9]], [[0.9], [0.9]]])
    assert float(metric.result()) == 0  # the second case alone: its only negative was called positive


def test_an_empty_batch_changes_nothing(random_masks, stream):
    truth, probabilities, _ = random_masks(5, 3)
    for kind in (Dice, MCC):
        results = [stream(kind(3), truth, probabilities, sizes) for sizes in ([8], [0, 8, 0])]
        assert results[0] == results[1]


@pytest.mark.parametrize("bad", [255, 3, -1, 0.5, np.nan])
def test_truth_that_is_no_class_shows_as_nan(bad, random_masks, stream):
    truth, probabilities, _ = random_masks(3, 3)
    truth = truth.astype(np.float32)
    truth[4, 0, 0] = bad
    assert np.isnan(stream(Dice(3), truth, probabilities, [5, 3]))
    assert np.isnan(stream(Dice(3, per="pooled"), truth, probabilities, [5, 3]))
    weights = (np.arange(8) != 4).astype(np.float32)
    assert not np.isnan(stream(Dice(3), truth, probabilities, [5, 3], weights))
    if bad == bad and bad % 1 == 0:
        assert not np.isnan(stream(Dice(3, ignore=int(bad)), truth, probabilities, [5, 3]))


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_counted_prediction_of_nan_shows_as_nan(multilabel, stream):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, size=(8, 3, 3) if multilabel else (8, 3))
    scores = rng.random((8, 3, 3)).astype(np.float32)
    scores[4, 1, 2] = np.nan
    make = partial(Dice, 3, multilabel=multilabel, ignore=255)
    assert np.isnan(stream(make(), truth, scores, [5, 3]))
    metric = make()
    metric.update_state(truth, scores)
    metric.reset_state()
    metric.update_state(truth[:4], scores[:4])
    assert not np.isnan(float(metric.result()))
    ignored = truth.copy()
    ignored[(4, 1, 2) if multilabel else (4, 1)] = 255
    assert not np.isnan(stream(make(), ignored, scores, [5, 3]))


@pytest.mark.parametrize("bad", [2, 255, 0.5, np.nan])
def test_multilabel_truth_other_than_0_and_1_shows_as_nan(bad, stream):
    truth = np.array([[1, 0], [0, 1]], np.float32)
    scores = np.array([[0.9, 0.1], [0.2, 0.3]], np.float32)
    truth[1, 0] = bad
    assert np.isnan(stream(Dice(2, multilabel=True), truth, scores, [2]))


@pytest.mark.parametrize("kind", NUMPY_FACE)
def test_predictions_in_the_ignored_area_change_nothing(kind, random_masks, stream):
    truth, probabilities, _ = random_masks(4, 3)
    truth[:, 3:] = 255
    changed = probabilities.copy()
    changed[:, 3:] = changed[:, 3:, :, ::-1]
    for per in ("case", "pooled"):
        plain = stream(kind(3, per=per, ignore=255), truth, probabilities, [5, 3])
        assert stream(kind(3, per=per, ignore=255), truth, changed, [5, 3]) == plain


def test_half_precision_is_lifted_first(random_masks, stream):
    truth, probabilities, _ = random_masks(7, 2, size=(64, 64))
    half = probabilities.astype(np.float16)
    expected = expected_value(Dice, truth, half.argmax(-1), 2, per="pooled")
    assert stream(Dice(2, per="pooled"), truth, half, [8]) == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("kind", NUMPY_FACE)
def test_config_round_trip(kind):
    options = {"per": "pooled", "class_index": 2, "threshold": 0.4, "ignore": 255, "include_background": True}
    options["multilabel"] = True
    metric = kind(4, name="score", **options)
    config = json.loads(json.dumps(metric.get_config()))
    beta = {"beta": 2.0} if kind is F2 else {}
    assert config == {"n_classes": 4, "name": "score", **options, **beta}
    assert type(metric).from_config(config).get_config() == config
    serialised = json.loads(json.dumps(keras.metrics.serialize(metric)))
    assert serialised["registered_name"] == f"unet_mtl>{type(metric).__name__}"
    copy = keras.metrics.deserialize(serialised)
    assert type(copy) is type(metric)
    assert copy.get_config() == config


def test_what_was_saved_before_the_package_was_split_is_read():
    saved = {"module": "metrics.streaming", "class_name": "Dice", "registered_name": "unet_mtl>Dice"}
    config = {"n_classes": 3, "per": "pooled", "class_index": None, "threshold": 0.4, "ignore": 255}
    saved["config"] = {**config, "include_background": False, "name": "zone_dice"}
    metric = keras.metrics.deserialize(saved)
    assert type(metric) is Dice
    assert (metric.name, metric.threshold, metric.multilabel) == ("zone_dice", 0.4, False)


def test_default_names():
    names = ["dice", "f1", "f2", "iou", "mean_iou", "precision", "recall", "specificity", "volume_similarity"]
    assert [kind(3).name for kind in NUMPY_FACE] == [*names, "mcc", "accuracy"]
    assert Dice(3, per="pooled").name == "dice_pooled"
    assert Dice(3, per="pooled", class_index=2).name == "dice_pooled_class2"
    assert FBeta(3, beta=0.5).name == "f0_5"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Dice(1), "n_classes must be 2 or more"),
        (lambda: Dice(0, multilabel=True), "1 with multilabel"),
        (lambda: Dice(2, per="image"), "'case' or 'pooled'"),
        (lambda: Dice(2, class_index=2), r"class_index must be in 0\.\.1"),
        (lambda: FBeta(2, beta=0), "beta must be above 0, got 0"),
        (
            lambda: Dice(4).update_state(np.zeros((1, 2, 2)), np.zeros((1, 2, 2, 2))),
            "4 .softmax. or 3 .sigmoid.",
        ),
        (
            lambda: Dice(4, multilabel=True).update_state(np.zeros((1, 2, 3)), np.zeros((1, 2, 3))),
            "4 channels for multilabel",
        ),
        (
            lambda: Dice(3, multilabel=True).update_state(np.zeros((1, 2)), np.zeros((1, 2, 3))),
            r"class indices of shape \(1, 2, 3\)",
        ),
        (
            lambda: Dice(2).update_state(np.zeros((1, 2, 2, 2)), np.zeros((1, 2, 2, 2))),
            "class indices of shape",
        ),
        (lambda: Dice(2).update_state(np.zeros((1, 2)), np.zeros((3, 2, 2))), r"shape \(3, 2\)"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("multilabel", [False, True])
def test_logits_where_a_threshold_decides_are_undefined(multilabel):
    truth = np.array([[1], [0]]) if multilabel else np.array([1, 0])
    options = {"per": "pooled", "multilabel": multilabel}
    for logits, expected in (([[2.0], [-1.0]], np.nan), ([[1.001], [-0.001]], 1.0)):
        metric = Dice(1 if multilabel else 2, **options)
        metric.update_state(truth, np.float32(logits))
        assert float(metric.result()) == pytest.approx(expected, nan_ok=True)
    softmax = Dice(2, per="pooled")
    softmax.update_state(np.array([1, 0]), np.float32([[-3.0, 2.0], [4.0, 1.0]]))
    assert float(softmax.result()) == 1
