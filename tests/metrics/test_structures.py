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


def test_surfaces_of_every_structure_in_millimetres():
    # lesion: pixels at columns 1 and 2, found at 1 alone; shadow: at column 5, found at column 8
    truth = np.array([[0, 1, 1, 0, 0, 2, 0, 0, 0, 0]])
    prediction = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 2, 0]])
    found = metrics.score_mask(truth, prediction, KEYS, spacing_mm=(1.0, 0.5), tolerance=0.5)
    assert list(found) == ["", "foreground", "lesion", "shadow"]
    lesion, shadow, union = (found[key].scores for key in ("lesion", "shadow", "foreground"))
    assert (lesion["hd_mm"], lesion["assd_mm"], lesion["masd_mm"]) == (0.5, 0.5 / 3, 0.125)
    assert lesion["hd95_mm"] == pytest.approx(0.95 * 0.5)
    assert lesion["surface_dice_mm"] == 1
    assert (shadow["hd_mm"], shadow["assd_mm"], shadow["surface_dice_mm"]) == (1.5, 1.5, 0)
    assert union["hd_mm"] == 1.5  # from column 8 to 5
    assert union["assd_mm"] == pytest.approx((0 + 0.5 + 1.5 + 0 + 1.5) / 5)  # column 5 is nearest to column 8
    assert found[""].scores["hd_mm"] == (0.5 + 1.5) / 2
    assert found[""].scores["dice"] == (2 / 3 + 0) / 2
    assert found["lesion"].scores["boundary_iou"] == 0.5


def test_a_missed_structure_gets_the_diagonal_and_an_absent_one_is_undefined():
    truth, prediction = np.zeros((2, 6, 8), int)
    truth[2, 2] = 1
    found = metrics.score_mask(truth, prediction, KEYS)
    assert found["lesion"].scores["hd95_px"] == 10
    assert found["lesion"].missed
    assert np.isnan(found["shadow"].scores["hd95_px"])
    assert found[""].scores["hd95_px"] == 10
    assert "surface_dice_px" not in found[""].scores
    assert found["foreground"].scores["boundary_iou"] == 0


def test_two_classes_have_surfaces_under_the_one_key():
    found = metrics.score_mask([[0, 1]], [[0, 1]], ["background", "lesion"], tolerance=1)
    assert list(found) == [""]
    assert found[""].scores["hd95_px"] == 0
    assert found[""].scores["surface_dice_px"] == 1
    assert found[""].counts is not None


def test_ignored_pixels_have_no_structure():
    truth = np.array([[0, 1, 255, 255]], np.uint8)
    found = metrics.score_mask(truth, np.array([[0, 1, 1, 2]], np.uint8), KEYS, ignore=255)
    assert found["lesion"].scores["hd_px"] == 0
    assert not found["shadow"].hallucinated
    assert np.isnan(found["shadow"].scores["hd_px"])
