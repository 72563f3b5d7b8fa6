"""Accuracy, balanced accuracy and kappa: scikit-learn, the NumPy face, hand-computed cases, edges."""

import json

import keras
import numpy as np
import pytest
import sklearn.metrics as sk

from metrics import classification, overlap
from metrics.streaming import Accuracy, BalancedAccuracy, CohenKappa

WEIGHTS = [None, "linear", "quadratic"]


def labels_and_probabilities(seed, n_classes, cases=60):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, size=cases)
    probabilities = rng.dirichlet(np.ones(n_classes), size=cases) + 0.4 * np.eye(n_classes)[truth]
    return truth, (probabilities / probabilities.sum(-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_labels_against_sklearn_and_the_numpy_face(n_classes, stream):
    truth, probabilities = labels_and_probabilities(n_classes, n_classes)
    found = probabilities.argmax(-1)
    cases = [
        (Accuracy(n_classes), sk.accuracy_score, classification.accuracy),
        (Accuracy(n_classes, per="pooled"), sk.accuracy_score, classification.accuracy),
        (BalancedAccuracy(n_classes), sk.balanced_accuracy_score, classification.balanced_accuracy),
    ]
    for metric, theirs, ours in cases:
        result = stream(metric, truth, probabilities, [7, 30, 23])
        assert result == pytest.approx(theirs(truth, found), abs=2e-7)
        assert result == pytest.approx(ours(truth, found), abs=2e-7)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_kappa_against_sklearn_and_the_numpy_face(n_classes, weights, stream):
    truth, probabilities = labels_and_probabilities(10 + n_classes, n_classes)
    found = probabilities.argmax(-1)
    results = {
        stream(CohenKappa(n_classes, weights=weights), truth, probabilities, sizes)
        for sizes in ([60], [7, 30, 23], [4] * 15)
    }
    assert len(results) == 1
    result = results.pop()
    assert result == pytest.approx(sk.cohen_kappa_score(truth, found, weights=weights), abs=5e-7)
    assert result == pytest.approx(
        classification.cohen_kappa(truth, found, n_classes, weights=weights), abs=5e-7
    )


def test_masks_with_ignore_and_weights(random_masks, stream):
    truth, probabilities, found = random_masks(1, 3)
    truth[:, :2] = 255
    probabilities[:, 0] = np.nan
    sample_weight = np.array([1, 0, 2, 1, 0, 1, 1, 1], np.float32)
    probabilities[sample_weight == 0] = np.nan
    counted = (truth != 255) & (sample_weight[:, None, None] > 0)
    for metric, theirs in [
        (Accuracy(3, per="pooled", ignore=255), sk.accuracy_score),
        (BalancedAccuracy(3, ignore=255), sk.balanced_accuracy_score),
        (
            CohenKappa(3, weights="linear", ignore=255),
            lambda t, p: sk.cohen_kappa_score(t, p, weights="linear"),
        ),
    ]:
        result = stream(metric, truth, probabilities, [5, 3], sample_weight)
        assert result == pytest.approx(theirs(truth[counted], found[counted]), abs=5e-7)


def test_accuracy_per_case_is_the_mean_of_the_cases():
    metric = Accuracy(2)
    metric.update_state([[1, 1, 1, 1], [1, 0, 1, 0]], np.full((2, 4, 1), 0.9))
    assert float(metric.result()) == 0.75


def test_accuracy_of_one_class_is_against_the_rest(random_masks, stream):
    truth, probabilities, found = random_masks(2, 3)
    result = stream(Accuracy(3, per="pooled", class_index=1), truth, probabilities, [5, 3])
    assert result == pytest.approx(sk.accuracy_score((truth == 1).ravel(), (found == 1).ravel()), abs=2e-7)


def test_multilabel_accuracy_is_the_share_of_right_entries(stream):
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, size=(20, 4))
    scores = rng.random((20, 4)).astype(np.float32)
    result = stream(Accuracy(4, multilabel=True), truth, scores, [13, 7])
    assert result == pytest.approx(1 - sk.hamming_loss(truth, scores >= 0.5), abs=2e-7)


def test_a_class_only_predicted_does_not_count_for_balanced_accuracy():
    metric = BalancedAccuracy(3)
    metric.update_state([0, 0, 1], [[0.9, 0.1, 0.0], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]])
    assert float(metric.result()) == 0.75


def test_sigmoid_labels_use_the_threshold():
    truth, scores = [0, 1, 1, 0], [0.2, 0.3, 0.9, 0.6]
    found = [0, 1, 1, 1]
    for metric, theirs in [
        (Accuracy(2, threshold=0.3), sk.accuracy_score),
        (BalancedAccuracy(2, threshold=0.3), sk.balanced_accuracy_score),
        (CohenKappa(2, threshold=0.3), sk.cohen_kappa_score),
    ]:
        metric.update_state(truth, scores)
        assert float(metric.result()) == pytest.approx(theirs(truth, found), abs=2e-7)


@pytest.mark.parametrize("make", [Accuracy, BalancedAccuracy, CohenKappa])
def test_nothing_counted_and_bad_input_are_nan(make):
    metric = make(3)
    assert np.isnan(float(metric.result()))
    sure = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]], np.float32)
    metric.update_state([0, 1], sure, [0.0, 0.0])
    assert np.isnan(float(metric.result()))
    metric.update_state([0, 1], sure)
    assert float(metric.result()) == 1
    for truth, scores in [([0, 3], sure), ([0, -1], sure), ([0, 1], sure * [[1], [np.nan]])]:
        metric.update_state(truth, scores)
        assert np.isnan(float(metric.result()))
        metric.reset_state()


@pytest.mark.parametrize("weights", WEIGHTS)
def test_kappa_of_one_class_is_nan_and_of_chance_0(weights):
    metric = CohenKappa(2, weights=weights)
    metric.update_state([1, 1], [0.9, 0.8])
    assert np.isnan(float(metric.result()))
    metric.reset_state()
    metric.update_state([0, 0, 1, 1], [0.1, 0.9, 0.2, 0.8])
    assert float(metric.result()) == 0
    metric.reset_state()
    metric.update_state([0, 1], [0.9, 0.2])
    assert float(metric.result()) == -1


def test_kappa_by_hand():
    """Quadratic, classes 0..2: disagreement (0 + 0 + 1 + 0) / 4, expected 5 / 4 from the margins."""
    metric = CohenKappa(3, weights="quadratic")
    metric.update_state([0, 1, 2, 2], np.eye(3)[[0, 1, 1, 2]])
    # margins (1, 1, 2) and (1, 2, 1): sum of (i - j)^2 * true * predicted = 20, by 16
    assert float(metric.result()) == pytest.approx(1 - (1 / 4) / (20 / 16))


@pytest.mark.parametrize(
    ("metric", "name", "own"),
    [
        (BalancedAccuracy(3, threshold=0.4, ignore=255), "balanced_accuracy", {}),
        (CohenKappa(3, threshold=0.4, ignore=255), "cohen_kappa", {"weights": None}),
        (
            CohenKappa(3, weights="linear", threshold=0.4, ignore=255),
            "cohen_kappa_linear",
            {"weights": "linear"},
        ),
    ],
)
def test_config_round_trip(metric, name, own):
    config = {"n_classes": 3, "threshold": 0.4, "ignore": 255, "name": name, **own}
    assert metric.get_config() == config
    copy = keras.metrics.deserialize(json.loads(json.dumps(keras.metrics.serialize(metric))))
    assert type(copy) is type(metric)
    assert copy.get_config() == config


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CohenKappa(1), "n_classes must be 2 or more"),
        (lambda: CohenKappa(3, weights="cubic"), "'linear' or 'quadratic'; got 3, 'cubic'"),
        (lambda: BalancedAccuracy(1), "n_classes must be 2 or more"),
        (lambda: CohenKappa(3).update_state([0], [[0.5]]), "3 .softmax. or 2 .sigmoid."),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_balanced_accuracy_of_masks_is_the_numpy_face(random_masks, stream):
    from metrics import confusion_matrix

    truth, probabilities, found = random_masks(6, 4)
    result = stream(BalancedAccuracy(4), truth, probabilities, [5, 3])
    assert result == pytest.approx(
        float(overlap.balanced_accuracy(confusion_matrix(truth, found, 4))), abs=2e-7
    )
