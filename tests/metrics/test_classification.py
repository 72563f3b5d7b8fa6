"""Label scores against scikit-learn, with its edges replaced by ours."""

from functools import partial

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.classification import (
    accuracy,
    adjacent_accuracy,
    balanced_accuracy,
    check_class_scores,
    cohen_kappa,
    exact_match,
    grade_mae,
    kappa_from_confusion,
    log_loss,
    macro_f1,
    macro_grade_mae,
    quadratic_weighted_kappa,
    top_k_accuracy,
)
from metrics.counts import confusion_matrix
from metrics.regression import concordance

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None)
WEIGHTS = [None, "linear", "quadratic"]
LABEL_SCORES = [
    balanced_accuracy,
    macro_f1,
    cohen_kappa,
    quadratic_weighted_kappa,
    adjacent_accuracy,
    grade_mae,
    macro_grade_mae,
]
pairs_of_labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=25)


def random_labels(seed, n_classes=5, cases=60):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, size=cases)
    return truth, np.where(rng.random(cases) < 0.5, truth, rng.integers(0, n_classes, size=cases))


def random_probabilities(seed, n_classes=4, cases=80):
    rng = np.random.default_rng(seed)
    return rng.integers(0, n_classes, size=cases), rng.dirichlet(np.ones(n_classes), size=cases)


@pytest.mark.parametrize("seed", range(4))
def test_labels_against_sklearn(seed):
    truth, prediction = random_labels(seed)
    assert accuracy(truth, prediction) == pytest.approx(sk.accuracy_score(truth, prediction))
    assert macro_f1(truth, prediction) == pytest.approx(sk.f1_score(truth, prediction, average="macro"))
    expected = sk.balanced_accuracy_score(truth, prediction)
    assert balanced_accuracy(truth, prediction) == pytest.approx(expected)
    assert balanced_accuracy(truth, prediction, 9) == pytest.approx(expected)


def test_balanced_accuracy_counts_only_classes_in_the_truth():
    assert balanced_accuracy([0, 0, 1, 1], [0, 2, 1, 1], 4) == pytest.approx(0.75)


def test_macro_f1_leaves_absent_classes_out_and_counts_invented_ones():
    assert macro_f1([0, 0, 2, 2], [0, 0, 2, 2], 4) == 1
    assert macro_f1([0, 0, 1, 1], [0, 0, 1, 3], 5) == pytest.approx((1 + 2 / 3 + 0) / 3)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("n_classes", [2, 5])
def test_kappa_against_sklearn(weights, n_classes):
    truth, prediction = random_labels(n_classes, n_classes)
    expected = sk.cohen_kappa_score(truth, prediction, weights=weights)
    assert cohen_kappa(truth, prediction, weights=weights) == pytest.approx(expected, rel=1e-13)
    assert cohen_kappa(truth, prediction, n_classes + 3, weights) == pytest.approx(expected, rel=1e-13)


def test_kappa_by_hand():
    # rows 3, 3, 2, columns 2, 3, 3 of 8 cases: 6 agree, (6 + 9 + 6) / 8 would by chance
    matrix = [[2, 1, 0], [0, 2, 1], [0, 0, 2]]
    by_chance = (6 + 9 + 6) / 64
    assert kappa_from_confusion(matrix) == pytest.approx((6 / 8 - by_chance) / (1 - by_chance))
    # squared distances: 2 seen; by chance (1 * (9 + 6 + 9 + 6) + 4 * (9 + 4)) / 8
    assert kappa_from_confusion(matrix, "quadratic") == pytest.approx(1 - 2 / ((30 + 52) / 8))
    assert kappa_from_confusion(matrix, "linear") == pytest.approx(1 - 2 / ((30 + 26) / 8))


def test_kappa_keeps_the_distance_over_a_grade_that_nobody_has():
    truth, prediction = [0, 0, 2, 3, 3], [0, 2, 2, 3, 0]
    closed = sk.cohen_kappa_score(truth, prediction, weights="linear")
    expected = sk.cohen_kappa_score(truth, prediction, weights="linear", labels=range(4))
    assert cohen_kappa(truth, prediction, weights="linear") == pytest.approx(expected)
    assert expected != pytest.approx(closed)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_kappa_of_many_matrices_at_once(weights):
    rng = np.random.default_rng(0)
    matrices = rng.integers(0, 9, size=(2, 3, 4, 4))
    scores = kappa_from_confusion(matrices, weights)
    assert scores.shape == (2, 3)
    assert scores.dtype == np.float64
    for index in np.ndindex(2, 3):
        truth, prediction = (
            np.repeat(labels.ravel(), matrices[index].ravel()) for labels in np.indices((4, 4))
        )
        assert scores[index] == pytest.approx(sk.cohen_kappa_score(truth, prediction, weights=weights))


@pytest.mark.parametrize("weights", WEIGHTS)
def test_kappa_where_both_sides_hold_one_class(weights):
    assert np.isnan(cohen_kappa([1, 1], [1, 1], weights=weights))
    assert np.isnan(cohen_kappa([1], [1], 3, weights=weights))
    assert np.isnan(cohen_kappa([], [], 3, weights=weights))
    assert np.isnan(kappa_from_confusion([[7]], weights))
    assert cohen_kappa([0, 0], [1, 1], weights=weights) == 0
    assert cohen_kappa([0, 0, 0], [0, 1, 2], weights=weights) == 0
    assert cohen_kappa([0, 1, 0, 1], [1, 0, 1, 0], weights=weights) == -1


def test_kappa_of_huge_masks():
    # 10^12 pixels of background; the lesion's own numbers decide: 1 - 2 * 1000 N / (2 * 2000 * (N - 2000))
    pixels = 10**12
    matrix = [[pixels - 3000, 1000], [1000, 1000]]
    expected = 1 - 2000 * pixels / (2 * 2000 * (pixels - 2000))
    assert kappa_from_confusion(matrix) == pytest.approx(expected, rel=1e-12)


@PROPERTY
@given(pairs_of_labels)
def test_kappa_properties(pairs):
    truth, prediction = np.array(pairs).T
    for weights in WEIGHTS:
        score = cohen_kappa(truth, prediction, weights=weights)
        assert cohen_kappa(prediction, truth, weights=weights) == pytest.approx(score, nan_ok=True)
        # numbered from the other end, the distances are the same
        mirrored = cohen_kappa(4 - truth, 4 - prediction, weights=weights)
        assert mirrored == pytest.approx(score, nan_ok=True)
        assert np.isnan(score) or -1 <= score <= 1
    assert cohen_kappa(truth, truth) == 1 or len(set(truth)) == 1
    order = np.array([3, 0, 4, 1, 2])
    assert cohen_kappa(order[truth], order[prediction]) == pytest.approx(
        cohen_kappa(truth, prediction), nan_ok=True
    )


@PROPERTY
@given(pairs_of_labels.filter(lambda pairs: len(pairs) > 1))
def test_quadratic_kappa_is_the_concordance_of_the_grades(pairs):
    truth, prediction = np.array(pairs).T
    expected = concordance(truth, prediction)
    assert quadratic_weighted_kappa(truth, prediction, 5) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("seed", range(3))
def test_grade_errors_by_averaging(seed):
    truth, prediction = random_labels(seed)
    errors = np.abs(truth - prediction)
    assert grade_mae(truth, prediction) == pytest.approx(sk.mean_absolute_error(truth, prediction))
    expected = np.mean([errors[truth == grade].mean() for grade in np.unique(truth)])
    assert macro_grade_mae(truth, prediction) == pytest.approx(expected)
    assert macro_grade_mae(truth, prediction, 9) == pytest.approx(expected)


def test_grade_errors_by_hand():
    truth, prediction = [0, 0, 0, 3], [0, 0, 1, 1]
    assert grade_mae(truth, prediction) == (0 + 0 + 1 + 2) / 4
    assert macro_grade_mae(truth, prediction) == (1 / 3 + 2) / 2
    assert macro_grade_mae([4, 4], [4, 2]) == 1


def test_small_types_do_not_wrap_around():
    assert grade_mae(np.uint8([0]), np.uint8([3])) == 3
    assert macro_grade_mae(np.uint8([3]), np.uint8([0])) == 3
    assert cohen_kappa(np.array([True, False]), np.array([True, False])) == 1


@pytest.mark.parametrize("n_classes", [2, 4])
def test_log_loss_against_sklearn(n_classes):
    truth, probabilities = random_probabilities(n_classes, n_classes)
    expected = sk.log_loss(truth, probabilities, labels=range(n_classes))
    assert log_loss(truth, probabilities) == pytest.approx(expected, rel=1e-12)
    if n_classes == 2:
        assert log_loss(truth, probabilities[:, 1]) == pytest.approx(expected, rel=1e-12)
        assert log_loss(truth.astype(bool), probabilities[:, 1]) == pytest.approx(expected, rel=1e-12)


def test_log_loss_by_hand():
    assert log_loss([0, 1], [0.25, 0.5]) == pytest.approx(-(np.log(0.75) + np.log(0.5)) / 2)
    assert log_loss([2], np.full((1, 3), 1 / 3)) == pytest.approx(np.log(3))


def test_log_loss_of_certain_answers():
    perfect = log_loss([0, 1], [[1.0, 0.0], [0.0, 1.0]])
    assert perfect == 0
    assert np.copysign(1, perfect) == 1
    largest = -np.log(2.0**-52)
    assert log_loss([0, 1], [0.0, 0.0]) == pytest.approx(largest / 2)
    assert log_loss([1], [1e-300]) == pytest.approx(largest)
    # the same number costs the same in every dtype
    assert log_loss([1], np.array([0.0], np.float32)) == pytest.approx(largest)
    assert log_loss([0], np.array([[0.0, 1.0]])) == pytest.approx(
        sk.log_loss([0], [[0.0, 1.0]], labels=[0, 1])
    )


def test_log_loss_of_one_class_in_the_truth():
    assert log_loss([1, 1], [[0.5, 0.5], [0.75, 0.25]]) == pytest.approx(np.log(8) / 2)
    assert log_loss([0, 0], [0.5, 0.75]) == pytest.approx(np.log(8) / 2)


def test_log_loss_lets_rounding_pass():
    assert log_loss([0], [[0.6664, 0.3334]]) == pytest.approx(-np.log(0.6664))
    assert log_loss([0], [[1.0000001, 0.0]]) == 0
    assert log_loss([0], [[1.0, -1e-8]]) == 0


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_top_k_against_sklearn(k):
    truth, probabilities = random_probabilities(k, 5)
    expected = sk.top_k_accuracy_score(truth, probabilities, k=k, labels=range(5))
    assert top_k_accuracy(truth, probabilities, k) == pytest.approx(expected)


def test_top_1_is_accuracy_without_ties():
    truth, probabilities = random_probabilities(0)
    assert top_k_accuracy(truth, probabilities, 1) == accuracy(truth, probabilities.argmax(axis=1))


def test_top_k_counts_ties_against():
    constant = np.full((3, 4), 0.25)
    for k in (1, 2, 3):
        assert top_k_accuracy([0, 1, 3], constant, k) == 0
    # two classes share the second place: with k = 2 neither has it, with k = 3 both
    shared = [[0.4, 0.25, 0.25, 0.1]] * 3
    assert top_k_accuracy([0, 1, 2], shared, 2) == pytest.approx(1 / 3)
    assert top_k_accuracy([0, 1, 2], shared, 3) == 1


def test_top_k_of_all_classes_is_1():
    truth, probabilities = random_probabilities(1)
    assert top_k_accuracy(truth, probabilities, 4) == top_k_accuracy(truth, probabilities, 9) == 1
    assert top_k_accuracy([0, 1], np.full((2, 2), 0.5), 2) == 1


@PROPERTY
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_order_of_cases_changes_nothing(seed, k):
    truth, probabilities = random_probabilities(seed, 5, 20)
    labels = probabilities.argmax(axis=1)
    mixed = np.random.default_rng(seed).permutation(20)
    for score in (log_loss, partial(top_k_accuracy, k=k)):
        assert score(truth[mixed], probabilities[mixed]) == pytest.approx(score(truth, probabilities))
    for score in LABEL_SCORES:
        assert score(truth[mixed], labels[mixed]) == pytest.approx(score(truth, labels))


@pytest.mark.parametrize("score", [accuracy, *LABEL_SCORES])
def test_no_case_is_nan(score):
    assert np.isnan(score([], []))


def test_no_case_of_probabilities_is_nan():
    assert np.isnan(log_loss([], []))
    assert np.isnan(log_loss([], np.zeros((0, 3))))
    assert np.isnan(top_k_accuracy([], np.zeros((0, 3)), 1))


@pytest.mark.parametrize("score", LABEL_SCORES)
@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        ([0, 1], [0], "they must agree"),
        ([0, 3], [0, 1], "outside 0..1"),
        ([0, -1], [0, 1], "value -1"),
        ([0.0, 1.0], [0, 1], "class indices, got dtype float64"),
        ([0, 1], [0.0, np.nan], "class indices, got dtype float64"),
    ],
)
def test_refusals_of_labels(score, truth, prediction, message):
    with pytest.raises(ValueError, match=message):
        score(truth, prediction, 2)
    if "outside" not in message:
        with pytest.raises(ValueError, match=message):
            score(truth, prediction)


@pytest.mark.parametrize("score", [log_loss, partial(top_k_accuracy, k=1), check_class_scores])
@pytest.mark.parametrize(
    ("truth", "scores", "message"),
    [
        ([0, 1], [[0.5, 0.5]], r"y_true must be \(cases,\).* got \(2,\), \(1, 2\)"),
        ([[0, 1]], [[0.5, 0.5]], r"got \(1, 2\), \(1, 2\)"),
        ([0, 2], [[0.5, 0.5], [0.2, 0.8]], "labels 0..2, probabilities 2 columns"),
        ([0, -1], [[0.5, 0.5], [0.2, 0.8]], "labels -1..0.* drop the cases without a label"),
        ([0.0, 1.0], [[0.5, 0.5], [0.2, 0.8]], "class indices, got dtype float64"),
        ([0, 1], [[0.5, 0.5], [np.nan, 0.8]], "probabilities hold NaN: drop"),
    ],
)
def test_refusals_of_probabilities(score, truth, scores, message):
    with pytest.raises(ValueError, match=message):
        score(truth, scores)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy([0, 1], [0]), "they must agree"),
        (lambda: cohen_kappa([0, 1], [0, 1], weights="cubic"), "weights must be None.* got 'cubic'"),
        (lambda: kappa_from_confusion([1, 2]), "square"),
        (lambda: kappa_from_confusion([[0.5, 0.5], [0.1, 0.9]]), "whole numbers"),
        (lambda: log_loss([0, 1], [[0.5, 0.5], [0.5, 0.6]]), "row 1 .* sums to 1.1, not 1: apply softmax"),
        (lambda: log_loss([0, 0], [[0.7], [0.6]]), "probability of class 1 alone"),
        (lambda: log_loss([0, 1], [[2.0, -1.0], [0.5, 0.5]]), r"in 0..1, got -1..2: apply softmax"),
        (lambda: log_loss([0, 1], [0.5, 1.2]), "in 0..1"),
        (lambda: log_loss([0, 2], [0.5, 0.2]), "labels 0..2, probabilities 2 columns"),
        (lambda: log_loss([0, 1], [0.5, np.nan]), "NaN"),
        (lambda: top_k_accuracy([0], [[0.5, 0.5]], 0), "k must be 1 or more, got 0"),
        (lambda: top_k_accuracy([0], [0.5], 1), "probabilities"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_checked_arrays():
    labels, scores = check_class_scores(np.uint8([1, 0]), [[1, 2], [3, 4]])
    assert labels.dtype == np.intp
    assert scores.dtype == np.float64
    assert confusion_matrix(labels, labels, 2).trace() == 2


def test_probabilities_are_no_labels():
    with pytest.raises(ValueError, match="y_pred must hold labels, got dtype float64: threshold or argmax"):
        accuracy([0, 1], [0.2, 0.9])
    assert accuracy(["a", "b"], ["a", "c"]) == 0.5
    assert accuracy([True], [1]) == 1


@pytest.mark.parametrize("seed", range(3))
def test_adjacent_accuracy_from_the_errors_of_single_cases(seed):
    """scikit-learn has no such score."""
    truth, prediction = random_labels(seed)
    expected = np.mean([abs(t - p) < 1.5 for t, p in zip(truth.tolist(), prediction.tolist(), strict=True)])
    assert adjacent_accuracy(truth, prediction) == pytest.approx(expected)
    assert adjacent_accuracy(truth, prediction, 9) == pytest.approx(expected)


def test_adjacent_accuracy_by_hand():
    assert adjacent_accuracy([0, 0, 3, 3, 1], [0, 2, 2, 0, 2]) == 3 / 5
    assert adjacent_accuracy([0, 1], [1, 0]) == 1


@pytest.mark.parametrize("seed", range(3))
def test_exact_match_against_sklearn(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (40, 3))
    prediction = np.where(rng.random(truth.shape) < 0.8, truth, 1 - truth)
    assert 0 < exact_match(truth, prediction) < accuracy(truth, prediction)
    assert exact_match(truth, prediction) == pytest.approx(sk.accuracy_score(truth, prediction))


def test_exact_match_without_cases_and_of_bad_input():
    assert np.isnan(exact_match(np.zeros((0, 3), int), np.zeros((0, 3), int)))
    for truth, prediction, message in [
        ([0, 1], [0, 1], r"\(cases, labels\) with a label or more, got shape \(2,\)"),
        ([[], []], [[], []], r"got shape \(2, 0\)"),
        ([[0, 1]], [[0.2, 0.9]], "y_pred must hold labels, got dtype float64"),
        ([[0, 1]], [[0], [1]], r"\(1, 2\) but y_pred has \(2, 1\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            exact_match(truth, prediction)
