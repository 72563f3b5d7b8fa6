"""One-hot masks and probabilities to class indices."""

import numpy as np
import pytest

from metrics import labels_from_one_hot, labels_from_probabilities


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_one_hot_gives_back_what_it_was_made_of(axis, dtype):
    labels = np.random.default_rng(0).integers(0, 4, size=(3, 5, 6))
    one_hot = np.moveaxis(np.eye(4, dtype=dtype)[labels], -1, axis)
    np.testing.assert_array_equal(labels_from_one_hot(one_hot, axis=axis), labels)


def test_softmax_takes_the_largest_and_the_first_of_equals():
    probabilities = [[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.3, 0.3, 0.4]]
    assert labels_from_probabilities(probabilities).tolist() == [1, 0, 2]
    assert labels_from_probabilities(np.transpose(probabilities), axis=0).tolist() == [1, 0, 2]


def test_sigmoid_needs_the_threshold_and_reaches_it_by_equal():
    probabilities = [[0.2, 0.7], [0.69, 0.1], [0.9, 0.8], [0.7, 0.7]]
    assert labels_from_probabilities(probabilities, threshold=0.7).tolist() == [2, 0, 1, 1]
    below = np.nextafter(np.float32(0.5), np.float32(0))
    assert labels_from_probabilities(np.float32([[0.5], [below]]), threshold=0.5).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: labels_from_one_hot([[0, 0], [0, 1]]), "exactly one class, one has 0: add a background"),
        (lambda: labels_from_one_hot([[1, 1], [0, 1]]), "exactly one class, one has 2"),
        (lambda: labels_from_one_hot([[0.3, 0.7]]), "0 and 1 only: use labels_from_probabilities"),
        (lambda: labels_from_one_hot([[np.nan, 1]]), "0 and 1 only"),
        (lambda: labels_from_one_hot(3), "an axis of classes"),
        (lambda: labels_from_one_hot(np.zeros((4, 0))), r"an axis of classes, got shape \(4, 0\)"),
        (lambda: labels_from_probabilities([[0.2, np.nan]]), "hold NaN"),
        (lambda: labels_from_probabilities([[3.0, -2.0]], threshold=0.5), "-2..3: apply sigmoid to logits"),
        (lambda: labels_from_probabilities(np.zeros((4, 0)), threshold=0.5), "an axis of classes"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_case_at_all():
    assert labels_from_one_hot(np.zeros((0, 3))).shape == (0,)
    assert labels_from_probabilities(np.zeros((0, 3)), threshold=0.5).shape == (0,)
