import numpy as np
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

import metrics

KEYS = ["background", "lesion", "shadow"]


def structures(truth, prediction, keys=KEYS):
    matrix = metrics.confusion_matrix(np.array(truth), np.array(prediction), len(keys))
    return metrics.score_structures(matrix, keys)


def test_every_structure_against_scikit_learn():
    rng = np.random.default_rng(3)
    truth, prediction = rng.integers(0, 3, (2, 40, 30))
    found = structures(truth, prediction)
    assert list(found) == ["", "foreground", "lesion", "shadow"]
    for index, key in ((1, "lesion"), (2, "shadow")):
        true, predicted = truth.ravel() == index, prediction.ravel() == index
        assert found[key].scores["dice"] == pytest.approx(f1_score(true, predicted))
        assert found[key].scores["mcc"] == pytest.approx(matthews_corrcoef(true, predicted))
        assert int(found[key].counts.tp) == int((true & predicted).sum())
    union = f1_score(truth.ravel() > 0, prediction.ravel() > 0)
    assert found["foreground"].scores["dice"] == pytest.approx(union)
    mean = (found["lesion"].scores["dice"] + found["shadow"].scores["dice"]) / 2
    assert found[""].scores["dice"] == pytest.approx(mean)
    assert found[""].counts is None


@pytest.mark.parametrize(
    ("truth", "prediction", "dice", "missed", "hallucinated"),
    [
        ([[0, 1]], [[0, 0]], 0.0, True, False),
        ([[0, 0]], [[0, 1]], 0.0, False, True),
        ([[0, 0]], [[0, 0]], np.nan, False, False),
        ([[0, 1]], [[0, 1]], 1.0, False, False),
    ],
)
def test_missed_hallucinated_and_empty(truth, prediction, dice, missed, hallucinated):
    found = structures(truth, prediction)
    assert found["lesion"].scores["dice"] == pytest.approx(dice, nan_ok=True)
    for key in ("", "foreground", "lesion"):
        assert (found[key].missed, found[key].hallucinated) == (missed, hallucinated)
    assert not (found["shadow"].missed)
    assert not (found["shadow"].hallucinated)
    assert np.isnan(found["shadow"].scores["mcc"])
    assert found["shadow"].scores["specificity"] == 1


def test_two_classes_have_one_structure_and_a_class_named_foreground_keeps_its_name():
    assert list(structures([[0, 1]], [[0, 1]], ["background", "lesion"])) == [""]
    found = structures([[0, 1, 2]], [[0, 1, 1]], ["background", "foreground", "rim"])
    assert found["foreground"].scores["recall"] == 1
    assert found["foreground"].scores["precision"] == 0.5
