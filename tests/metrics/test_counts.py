"""Counting: against scikit-learn, hand-made pictures, and the rules on what is ignored and refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import confusion_matrix as sk_confusion_matrix

from metrics import (
    Counts,
    confusion_matrix,
    confusion_per_case,
    count_cases,
    count_multilabel,
    counts_from_confusion,
    foreground,
)

PROPERTY = settings(derandomize=True, max_examples=30, deadline=None)
TRUTH = np.array([[0, 1, 1], [0, 2, 1], [0, 0, 2]])
PREDICTION = np.array([[0, 1, 0], [1, 2, 1], [0, 2, 1]])


def fields(counts):
    return [getattr(counts, name).tolist() for name in ("tp", "fp", "fn", "tn")]


def test_hand_picture():
    # rows are the truth: of 4 background pixels 2 are right, one was given class 1, one class 2
    assert confusion_matrix(TRUTH, PREDICTION, 3).tolist() == [[2, 1, 1], [1, 2, 0], [0, 1, 1]]
    counts = counts_from_confusion(confusion_matrix(TRUTH, PREDICTION, 3))
    assert fields(counts) == [[2, 2, 1], [1, 2, 1], [2, 1, 1], [4, 4, 6]]
    assert counts.tp.dtype == np.int64


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.int64, np.uint64])
@pytest.mark.parametrize("n_classes", [2, 3, 16, 17, 100])
def test_against_sklearn(dtype, n_classes):
    rng = np.random.default_rng(n_classes)
    truth, prediction = rng.integers(0, n_classes, size=(2, 4, 31, 7)).astype(dtype)
    expected = sk_confusion_matrix(truth.ravel(), prediction.ravel(), labels=range(n_classes))
    result = confusion_matrix(truth, prediction, n_classes)
    assert result.dtype == np.int64
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("n_classes", [2, 3, 5, 6])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.6])
def test_pictures_of_many_blocks_with_an_ignored_area(n_classes, share):
    rng = np.random.default_rng(n_classes)
    truth, prediction = rng.integers(0, n_classes, size=(2, 413, 517)).astype(np.uint8)
    dropped = rng.random(truth.shape) < share
    expected = sk_confusion_matrix(truth[~dropped], prediction[~dropped], labels=range(n_classes))
    truth[dropped], prediction[dropped] = 255, 199
    np.testing.assert_array_equal(confusion_matrix(truth, prediction, n_classes, ignore=255), expected)
    prediction[-1, -1], truth[-1, -1] = n_classes, 0
    with pytest.raises(ValueError, match=f"y_pred holds the value {n_classes}"):
        confusion_matrix(truth, prediction, n_classes, ignore=255)


def test_bools_lists_and_mixed_dtypes():
    assert confusion_matrix([True, False, True], [1, 0, 0], 2).tolist() == [[1, 0], [1, 1]]
    assert confusion_matrix(np.uint8([16, 3]), np.int64([16, 16]), 17)[[16, 3], [16, 16]].tolist() == [1, 1]


@pytest.mark.parametrize("shape", [(0,), (0, 5), (2, 0)])
def test_empty_input_counts_nothing(shape):
    assert confusion_matrix(np.zeros(shape), np.zeros(shape), 3).tolist() == np.zeros((3, 3)).tolist()


def test_ignored_everywhere_counts_nothing():
    assert confusion_matrix(np.full((3, 3), 255), PREDICTION, 3, ignore=255).sum() == 0


@PROPERTY
@given(
    truth=hnp.arrays(np.uint8, (6, 5), elements=st.sampled_from([0, 1, 2, 255])),
    prediction=hnp.arrays(np.uint8, (6, 5), elements=st.integers(0, 2)),
    other=hnp.arrays(np.uint8, (6, 5), elements=st.integers(0, 255)),
)
def test_predictions_in_the_ignored_area_change_nothing(truth, prediction, other):
    changed = np.where(truth == 255, other, prediction)
    before = confusion_matrix(truth, prediction, 3, ignore=255)
    np.testing.assert_array_equal(confusion_matrix(truth, changed, 3, ignore=255), before)
    assert before.sum() == (truth != 255).sum()


def test_ignore_looks_at_the_truth_only():
    assert confusion_matrix([0, 1], [1, 0], 2, ignore=1).tolist() == [[0, 1], [0, 0]]
    assert confusion_matrix([-1, 1], [1, 1], 2, ignore=-1).sum() == 1


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        ([0, 1], [0, 1, 1], r"shape \(2,\) but y_pred has \(3,\)"),
        ([[0, 1]], [[0], [1]], "they must agree"),
        ([0, 1], [0.2, 0.9], "y_pred must hold class indices, got dtype float64: threshold or argmax"),
        ([0.0, 1.0], [0, 1], "y_true must hold class indices"),
        (["a", "b"], [0, 1], "y_true must hold class indices"),
        ([0, 255], [0, 1], r"y_true holds the value 255, outside 0\.\.1 .*pass ignore=255"),
        ([0, -1], [0, 1], "y_true holds the value -1"),
        ([0, 1], [0, 2], r"y_pred holds the value 2, outside 0\.\.1 \(n_classes=2\): map the values"),
    ],
)
def test_refusals(truth, prediction, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(truth, prediction, 2)


def test_needs_a_class():
    with pytest.raises(ValueError, match="n_classes must be 1 or more"):
        confusion_matrix([], [], 0)


def test_cases_of_one_array_and_of_different_sizes():
    counts = count_cases(np.stack([TRUTH, PREDICTION]), np.stack([PREDICTION, PREDICTION]), 3)
    assert counts.shape == (2, 3)
    assert counts.tp.tolist() == [[2, 2, 1], [3, 4, 2]]
    ragged = count_cases((m for m in (TRUTH, TRUTH[:2])), iter([PREDICTION, PREDICTION[:2]]), 3)
    assert ragged.tn.tolist() == [[4, 4, 6], [3, 2, 5]]
    assert fields(counts.sum(axis=0)[1]) == [6, 2, 1, 9]


def test_cases_of_label_vectors():
    assert count_cases([0, 1, 2], [0, 2, 2], 3).tp.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_no_case_at_all():
    counts = count_cases([], [], 3)
    assert counts.shape == (0, 3)
    assert fields(counts.sum(axis=0)) == [[0, 0, 0]] * 4


def test_an_array_that_may_be_one_mask_is_refused():
    with pytest.raises(ValueError, match=r"y_true of shape \(3, 3\) may be one mask .*\[y_true\] for one"):
        count_cases(TRUTH, PREDICTION, 3)
    with pytest.raises(ValueError, match="y_pred of shape"):
        count_cases([TRUTH], PREDICTION, 3)
    assert count_cases([TRUTH], [PREDICTION], 3).shape == (1, 3)
    assert count_cases(list(TRUTH), list(PREDICTION), 3).shape == (3, 3)


def test_errors_name_the_case():
    with pytest.raises(ValueError, match="case 1: y_true holds the value 3"):
        count_cases([TRUTH, TRUTH + 1], [PREDICTION, PREDICTION], 3)
    with pytest.raises(ValueError, match="different numbers of cases: one ends after 1"):
        count_cases([TRUTH], [PREDICTION, PREDICTION], 3)


@PROPERTY
@given(st.permutations(range(4)), st.permutations(range(3)), st.integers(0, 99))
def test_permuting_cases_and_classes(cases, classes, seed):
    truth, prediction = np.random.default_rng(seed).integers(0, 3, size=(2, 4, 5, 5))
    plain = confusion_per_case(truth, prediction, 3)
    rename = np.array(classes)
    moved = confusion_per_case(rename[truth[cases]], rename[prediction[cases]], 3)
    np.testing.assert_array_equal(moved[:, rename][:, :, rename], plain[list(cases)])


def test_multilabel_against_sklearn():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, size=(6, 5, 4, 3))
    probabilities = rng.random(truth.shape)
    counts = count_multilabel(truth, probabilities, threshold=0.4)
    assert counts.shape == (6, 3)
    for case in range(6):
        for channel in range(3):
            matrix = sk_confusion_matrix(
                truth[case, ..., channel].ravel(),
                probabilities[case, ..., channel].ravel() >= 0.4,
                labels=[0, 1],
            )
            assert fields(counts[case, channel]) == [matrix[1, 1], matrix[0, 1], matrix[1, 0], matrix[0, 0]]
    assert fields(count_multilabel(truth, probabilities >= 0.4)) == fields(
        count_multilabel(truth, (probabilities >= 0.4).astype(int), threshold=1)
    )


def test_multilabel_entries_are_ignored_one_by_one():
    truth = [[1, 255, 0], [255, 255, 1]]
    counts = count_multilabel(truth, [[0.9, np.nan, 0.5], [0.1, 0.9, 0.2]], ignore=255)
    assert fields(counts) == [
        [[1, 0, 0], [0, 0, 0]],
        [[0, 0, 1], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 1]],
        [[0, 0, 0], [0, 0, 0]],
    ]


def test_multilabel_ignores_any_value():
    counts = count_multilabel([[1, 0, 1]], [[1, 1, 0]], ignore=1)
    assert fields(counts.sum(axis=0)) == [[0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_multilabel_without_a_case_and_of_different_sizes():
    assert count_multilabel([], []).shape == (0, 0)
    sizes = [np.ones((2, 3, 2)), np.ones((4, 1, 2))]
    assert count_multilabel(sizes, sizes).tp.tolist() == [[6, 6], [4, 4]]


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        ([[1, 0]], [[0.5]], r"case 0: .*got \(2,\) and \(1,\)"),
        ([[1, 0], [1, 2]], [[0, 0], [0, 0]], r"case 1: y_true must hold 0 and 1 \(or ignore=None\) only"),
        ([[1, 0]], [[0.5, np.nan]], "case 0: y_pred holds NaN"),
        ([[1, 0], [1]], [[1, 0], [1]], r"same classes, got cases with \[1, 2\]"),
        ([[1, 0]], [[1, 0], [1, 0]], "different numbers of cases"),
        ([1, 0], [1, 0], r"got \(\) and \(\)"),
    ],
)
def test_multilabel_refusals(truth, prediction, message):
    with pytest.raises(ValueError, match=message):
        count_multilabel(truth, prediction)


def test_foreground_is_the_union_of_all_other_classes():
    expected = counts_from_confusion(confusion_matrix(TRUTH > 0, PREDICTION > 0, 2))[..., 1]
    result = foreground(confusion_matrix(TRUTH, PREDICTION, 3))
    assert result.shape == ()
    assert fields(result) == fields(expected)
    assert foreground(confusion_per_case([TRUTH, TRUTH], [PREDICTION, TRUTH], 3)).fp.tolist() == [2, 0]


@pytest.mark.parametrize("matrix", [[1, 2], [[1, 2]], np.zeros((3, 0, 0), int)])
def test_confusion_must_be_square(matrix):
    with pytest.raises(ValueError, match="square"):
        counts_from_confusion(matrix)


def test_whole_numbers_only():
    with pytest.raises(ValueError, match="whole numbers, got dtype float64"):
        counts_from_confusion([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match=r"Counts\.fn must be whole numbers"):
        Counts(tp=1, fp=1, fn=0.5, tn=1)
    with pytest.raises(ValueError, match="one shape"):
        Counts(tp=1, fp=1, fn=[1, 2], tn=1)
