"""Scores of grades from thresholds: scikit-learn on grades counted by hand, and edges."""

import json

import keras
import numpy as np
import pytest
import sklearn.metrics as sk

from metrics import classification
from metrics.streaming import GradeMAE, QuadraticWeightedKappa


def grades_of(outputs, conditional):
    """Case by case, in Python's numbers: thresholds are passed one after the other, until one is not."""
    grades = []
    for row in outputs.astype(float):
        beyond, grade = 1.0, 0
        for given in row:
            beyond = beyond * given if conditional else min(beyond, given)
            if beyond < 0.5:
                break
            grade += 1
        grades.append(grade)
    return np.array(grades)


@pytest.mark.parametrize("conditional", [True, False], ids=["conditional", "cumulative"])
@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_against_sklearn_and_the_numpy_face(n_classes, conditional, stream):
    rng = np.random.default_rng(n_classes)
    outputs = (rng.random((60, n_classes - 1)) ** 0.4).astype(np.float32)
    truth = rng.integers(0, n_classes, 60)
    truth[:30] = grades_of(outputs[:30], conditional)
    found = grades_of(outputs, conditional)
    assert len(set(found.tolist())) > 1
    kappa, mae = (make(n_classes, conditional=conditional) for make in (QuadraticWeightedKappa, GradeMAE))
    sizes = [7, 30, 23]
    expected = sk.cohen_kappa_score(truth, found, weights="quadratic", labels=range(n_classes))
    assert stream(kappa, truth, outputs, sizes) == pytest.approx(expected, abs=5e-7)
    assert stream(mae, truth, outputs, sizes) == pytest.approx(sk.mean_absolute_error(truth, found), abs=5e-7)
    assert float(kappa.result()) == pytest.approx(
        classification.quadratic_weighted_kappa(truth, found, n_classes), abs=5e-7
    )
    assert float(mae.result()) == pytest.approx(classification.grade_mae(truth, found), abs=5e-7)


@pytest.mark.parametrize(("conditional", "grades"), [(True, [1, 0, 1]), (False, [2, 0, 2])])
def test_the_two_readings_differ_by_hand(conditional, grades):
    """0.7 * 0.7 is below a half, 0.7 is not; a threshold above its forerunner counts as equal to it."""
    outputs = [[0.7, 0.7], [0.4, 0.9], [0.5, 0.5]]
    metric = GradeMAE(3, conditional=conditional)
    metric.update_state(grades, outputs)
    assert float(metric.result()) == 0
    metric.update_state([0, 0, 0], outputs)
    assert float(metric.result()) == pytest.approx(sum(grades) / 6)


@pytest.mark.parametrize("make", [QuadraticWeightedKappa, GradeMAE])
def test_unlabelled_and_ignored_cases_have_no_say(make):
    outputs = np.array([[0.9, 0.8], [0.2, 0.1], [np.nan, 3.0], [0.9, 0.9]], np.float32)
    metric, few = make(3, ignore=255), make(3)
    metric.update_state([[2], [1], [0], [255]], outputs, np.array([1.0, 0.5, 0.0, 1.0], np.float32))
    few.update_state([2, 1], outputs[:2])
    assert float(metric.result()) == float(few.result())
    assert not np.isnan(float(few.result()))


@pytest.mark.parametrize("make", [QuadraticWeightedKappa, GradeMAE])
def test_nothing_counted_and_bad_input_are_nan(make):
    metric = make(3)
    assert np.isnan(float(metric.result()))
    metric.update_state([0, 2], [[0.1, 0.1], [0.9, 0.9]], [0.0, 0.0])
    assert np.isnan(float(metric.result()))
    for truth, outputs in [
        ([3, 0], [[0.1, 0.1]] * 2),
        ([0, 1], [[np.nan, 0.1]] * 2),
        ([0, 1], [[0.1, -4.0]] * 2),
    ]:
        metric.update_state(truth, outputs)
        assert np.isnan(float(metric.result()))
        metric.reset_state()


def test_one_grade_everywhere_has_no_kappa():
    metric = QuadraticWeightedKappa(3)
    metric.update_state([1, 1], [[0.9, 0.1]] * 2)
    assert np.isnan(float(metric.result()))
    metric.update_state([0, 2], [[0.9, 0.1]] * 2)
    assert float(metric.result()) == 0


@pytest.mark.parametrize(
    ("make", "name"), [(QuadraticWeightedKappa, "quadratic_weighted_kappa"), (GradeMAE, "grade_mae")]
)
def test_config_round_trip(make, name):
    metric = make(4, conditional=True, ignore=255)
    assert metric.get_config() == {"n_classes": 4, "conditional": True, "ignore": 255, "name": name}
    copy = keras.metrics.deserialize(json.loads(json.dumps(keras.metrics.serialize(metric))))
    assert type(copy) is make
    assert copy.get_config() == metric.get_config()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GradeMAE(1), "n_classes must be 2 or more, got 1"),
        (lambda: GradeMAE(4).update_state([0], [[0.5] * 4]), r"must be \(batch, 3\), .* got shape \(1, 4\)"),
        (
            lambda: QuadraticWeightedKappa(2).update_state([0], [0.5]),
            r"must be \(batch, 1\), .* got shape \(1,\)",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
