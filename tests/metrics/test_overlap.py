"""Overlap scores: scikit-learn on random masks, the table of empty cases, shared properties, huge counts."""

from functools import partial
from math import sqrt

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import (
    Counts,
    average,
    confusion_matrix,
    counts_from_confusion,
    dice,
    f1,
    iou,
    kappa,
    mcc,
    mean_iou,
    mean_over_classes,
    multiclass_mcc,
    precision,
    recall,
    specificity,
    volume_similarity,
)
from metrics.overlap import accuracy, balanced_accuracy

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None)
SHARES = [dice, iou, precision, recall, f1, volume_similarity]
ALL = [*SHARES, specificity, accuracy, mcc, kappa]
whole = st.integers(0, 10**6)
counts_strategy = st.builds(Counts, tp=whole, fp=whole, fn=whole, tn=whole)


def random_masks(seed, n_classes=4, size=(9, 11)):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, size=size)
    return truth, np.where(rng.random(size) < 0.6, truth, rng.integers(0, n_classes, size=size))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (dice, partial(sk.f1_score, average=None)),
        (f1, partial(sk.f1_score, average=None)),
        (partial(f1, beta=2.0), partial(sk.fbeta_score, beta=2.0, average=None)),
        (partial(f1, beta=0.5), partial(sk.fbeta_score, beta=0.5, average=None)),
        (iou, partial(sk.jaccard_score, average=None)),
        (precision, partial(sk.precision_score, average=None)),
        (recall, partial(sk.recall_score, average=None)),
        (specificity, lambda t, p: [sk.recall_score(t != k, p != k) for k in range(4)]),
        (accuracy, lambda t, p: [sk.accuracy_score(t == k, p == k) for k in range(4)]),
        (mcc, lambda t, p: [sk.matthews_corrcoef(t == k, p == k) for k in range(4)]),
        (kappa, lambda t, p: [sk.cohen_kappa_score(t == k, p == k) for k in range(4)]),
    ],
)
def test_against_sklearn(ours, theirs, seed):
    truth, prediction = random_masks(seed)
    result = ours(counts_from_confusion(confusion_matrix(truth, prediction, 4)))
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, theirs(truth.ravel(), prediction.ravel()), rtol=1e-13)


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_multiclass_mcc_against_sklearn(n_classes):
    truth, prediction = random_masks(n_classes, n_classes)
    confusion = confusion_matrix(truth, prediction, n_classes)
    expected = sk.matthews_corrcoef(truth.ravel(), prediction.ravel())
    assert multiclass_mcc(confusion) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(multiclass_mcc(np.stack([confusion, confusion.T])), [expected] * 2, rtol=1e-13)
    if n_classes == 2:
        assert multiclass_mcc(confusion) == pytest.approx(mcc(counts_from_confusion(confusion))[1], rel=1e-13)


def test_hand_picture():
    truth = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    shifted = np.array([[0, 1, 1], [0, 1, 1], [0, 0, 0]])
    counts = counts_from_confusion(confusion_matrix(truth, shifted, 2))[1]
    assert (counts.tp, counts.fp, counts.fn, counts.tn) == (2, 2, 2, 3)
    assert [float(score(counts)) for score in (dice, iou, precision, recall)] == [0.5, 1 / 3, 0.5, 0.5]
    assert float(specificity(counts)) == 0.6
    assert float(mcc(counts)) == pytest.approx((2 * 3 - 2 * 2) / sqrt(4 * 4 * 5 * 5))


@pytest.mark.parametrize("score", SHARES)
def test_table_of_empty_cases(score):
    both = Counts(tp=0, fp=0, fn=0, tn=9)
    missed, hallucinated = Counts(tp=0, fp=0, fn=2, tn=7), Counts(tp=0, fp=2, fn=0, tn=7)
    assert np.isnan(score(both))
    assert score(both, empty="one") == 1
    assert score(both, empty="zero") == 0
    for word in ("nan", "one", "zero"):
        assert score(missed, empty=word) == 0
        assert score(hallucinated, empty=word) == 0
    with pytest.raises(ValueError, match="empty must be one of"):
        score(both, empty="skip")


@pytest.mark.parametrize(
    "counts", [(0, 0, 0, 9), (0, 0, 2, 7), (0, 2, 0, 7), (5, 2, 0, 0), (5, 0, 2, 0), (9, 0, 0, 0)]
)
def test_mcc_is_zero_where_a_margin_is(counts):
    counts = Counts(*counts)
    assert mcc(counts) == 0
    assert multiclass_mcc([[counts.tn, counts.fp], [counts.fn, counts.tp]]) == 0


def test_mcc_of_an_always_negative_classifier():
    assert mcc(Counts(tp=0, fp=0, fn=1, tn=999)) == 0


def test_nothing_counted():
    nothing = Counts(tp=0, fp=0, fn=0, tn=0)
    for score in ALL:
        assert np.isnan(score(nothing))
    assert np.isnan(multiclass_mcc(np.zeros((3, 3), int)))


def test_specificity_without_negatives():
    assert np.isnan(specificity(Counts(tp=5, fp=0, fn=1, tn=0)))


@pytest.mark.parametrize("score", ALL)
@pytest.mark.parametrize("shape", [(), (3,), (0, 3), (2, 3)])
def test_shape_is_kept(score, shape):
    ones = np.ones(shape, int)
    assert score(Counts(ones, ones, ones, ones)).shape == shape


@PROPERTY
@given(counts_strategy)
def test_mcc_flips_sign_with_the_prediction(counts):
    flipped = Counts(tp=counts.fn, fp=counts.tn, fn=counts.tp, tn=counts.fp)
    np.testing.assert_allclose(mcc(flipped), -mcc(counts), rtol=0, atol=1e-15)


@PROPERTY
@given(*[st.integers(1, 10**10)] * 4)
def test_multiclass_mcc_of_two_classes_is_mcc(tp, fp, fn, tn):
    expected = float(mcc(Counts(tp=tp, fp=fp, fn=fn, tn=tn)))
    assert float(multiclass_mcc([[tn, fp], [fn, tp]])) == pytest.approx(expected, abs=1e-14)


def test_one_rare_pixel_beside_huge_counts_is_not_lost():
    # s^2 - sum p^2 in float64 gives 0 of its 2 * 10^10 here
    confusion = [[10**10, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert float(multiclass_mcc(confusion)) == pytest.approx(sqrt(0.5), rel=1e-9)
    assert float(mcc(Counts(tp=1, fp=1, fn=0, tn=10**10))) == pytest.approx(sqrt(0.5), rel=1e-9)


def test_perfect_and_opposite():
    assert mcc(Counts(tp=3, fp=0, fn=0, tn=10**9 + 7)) == 1
    assert multiclass_mcc(np.diag([3, 5, 7])) == 1
    assert mcc(Counts(tp=0, fp=3, fn=7, tn=0)) == pytest.approx(-1)


@pytest.mark.parametrize("score", [*ALL, mean_iou])
def test_masks_are_no_counts(score):
    mask = np.ones((2, 2), int)
    cure = rf"{score.__name__} takes Counts, got ndarray: {score.__name__}\(count_cases\(y_true, y_pred"
    for arguments in ((mask,), (mask, mask)):
        with pytest.raises(TypeError, match=cure):
            score(*arguments)


@pytest.mark.parametrize("beta", [0.0, -1.0, float("nan")])
def test_beta_must_be_above_zero(beta):
    with pytest.raises(ValueError, match="beta must be above 0"):
        f1(Counts(tp=1, fp=1, fn=1, tn=1), beta=beta)


def test_mean_over_classes():
    values = [[0.9, 0.5, 0.7], [0.9, np.nan, 0.7], [0.9, np.nan, np.nan], [np.nan] * 3]
    np.testing.assert_allclose(mean_over_classes(values), [0.6, 0.7, np.nan, np.nan])
    np.testing.assert_allclose(mean_over_classes(values, include_background=True), [0.7, 0.8, 0.9, np.nan])
    assert np.isnan(mean_over_classes([0.9]))


def test_mean_iou_leaves_absent_classes_out():
    truth, prediction = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    counts = counts_from_confusion(confusion_matrix(truth, prediction, 5))
    assert float(mean_iou(counts)) == pytest.approx(2 / 3)
    expected = sk.jaccard_score(truth, prediction, average="macro")
    assert float(mean_iou(counts, include_background=True)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("how", ["macro", "micro", "weighted"])
@pytest.mark.parametrize(
    ("score", "theirs"),
    [(f1, sk.f1_score), (iou, sk.jaccard_score), (precision, sk.precision_score), (recall, sk.recall_score)],
)
@pytest.mark.parametrize("include_background", [False, True])
def test_averages_against_sklearn(score, theirs, how, include_background, seed):
    truth, prediction = random_masks(seed)
    counts = counts_from_confusion(confusion_matrix(truth, prediction, 4))
    labels = range(0 if include_background else 1, 4)
    expected = theirs(truth.ravel(), prediction.ravel(), labels=labels, average=how)
    result = average(score, counts, how, include_background=include_background)
    assert result == pytest.approx(expected, rel=1e-13)


def test_averages_leave_absent_classes_out_and_keep_the_cases_apart():
    # class 1: 8 of 10 found; class 2 absent; class 3 hallucinated
    counts = Counts(tp=[80, 8, 0, 0], fp=[2, 0, 0, 1], fn=[1, 2, 0, 0], tn=[8, 81, 91, 90])
    assert float(average(recall, counts)) == pytest.approx((0.8 + 0) / 2)
    assert float(average(recall, counts, "micro")) == 0.8
    assert float(average(recall, counts, "weighted")) == 0.8
    both = Counts(*(np.stack([part, 0 * part]) for part in (counts.tp, counts.fp, counts.fn, counts.tn)))
    for how in ("macro", "micro", "weighted"):
        assert average(recall, both, how).tolist() == pytest.approx(
            [float(average(recall, counts, how)), np.nan], nan_ok=True
        )
    with pytest.raises(ValueError, match="how must be 'macro', 'micro' or 'weighted', got 'sum'"):
        average(recall, counts, "sum")


@pytest.mark.parametrize("seed", range(3))
def test_balanced_accuracy_against_sklearn(seed):
    truth, prediction = random_masks(seed)
    expected = sk.balanced_accuracy_score(truth.ravel(), prediction.ravel())
    confusion = confusion_matrix(truth, prediction, 4)
    assert balanced_accuracy(confusion) == pytest.approx(expected, rel=1e-13)
    assert np.isnan(balanced_accuracy(np.zeros((3, 3), int)))
    assert balanced_accuracy([[3, 1, 0], [0, 2, 2], [0, 0, 0]]) == (3 / 4 + 2 / 4) / 2  # class 2: invented
    with_absent = confusion_matrix(truth, prediction, 6)  # two classes that nobody has
    assert balanced_accuracy(with_absent) == pytest.approx(expected, rel=1e-13)


def test_volume_similarity_by_hand():
    # areas 10 and 6, wherever they lie: 1 - 4 / 16
    assert float(volume_similarity(Counts(tp=6, fp=0, fn=4, tn=9))) == 0.75
    assert float(volume_similarity(Counts(tp=0, fp=6, fn=10, tn=9))) == 0.75


def test_kappa_of_one_class_and_of_nothing():
    assert np.isnan(kappa(Counts(tp=0, fp=0, fn=0, tn=9)))
    assert np.isnan(kappa(Counts(tp=0, fp=0, fn=0, tn=0)))
    assert float(kappa(Counts(tp=0, fp=0, fn=3, tn=9))) == 0
    assert float(kappa(Counts(tp=0, fp=5, fn=5, tn=0))) == -1
