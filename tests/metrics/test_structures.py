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


def test_overlapping_structures_by_hand():
    # An organ of columns 0 to 3 with a tumour at 2 and 3; found: the organ without column 0, the tumour at 3 alone.
    organ, tumour = [[1, 1, 1, 1, 0]], [[0, 0, 1, 1, 0]]
    found_organ, found_tumour = [[0, 1, 1, 1, 0]], [[0, 0, 0, 1, 0]]
    truth, prediction = np.dstack([organ, tumour]), np.dstack([found_organ, found_tumour])
    found = metrics.score_overlapping(
        truth, prediction, ["organ", "tumour"], spacing_mm=(1.0, 0.5), tolerance=0.5
    )
    assert list(found) == ["", "foreground", "organ", "tumour"]
    dice = {key: structure.scores["dice"] for key, structure in found.items()}
    assert dice == pytest.approx(
        {"": (6 / 7 + 2 / 3) / 2, "foreground": 6 / 7, "organ": 6 / 7, "tumour": 2 / 3}
    )
    assert found["tumour"].scores["hd_mm"] == 0.5
    assert found["organ"].scores["surface_dice_mm"] == 1
    assert int(found["tumour"].counts.tn) == 3
    assert found[""].counts is None


def test_overlapping_masks_that_do_not_overlap_are_scored_as_class_indices():
    rng = np.random.default_rng(5)
    truth, prediction = rng.integers(0, 3, (2, 12, 9))
    truth[:3] = 255
    hot = [np.stack([mask == 1, mask == 2], -1).astype(np.uint8) for mask in (truth, prediction)]
    hot[0][truth == 255] = 255
    options = {"spacing_mm": (0.7, 0.4), "tolerance": 1.0, "ignore": 255}
    expected = metrics.score_mask(truth, prediction, KEYS, **options)
    found = metrics.score_overlapping(*hot, KEYS[1:], **options)
    assert list(found) == list(expected)
    for key, structure in expected.items():
        assert found[key].scores == pytest.approx(structure.scores), key


@pytest.mark.parametrize(
    ("truth", "prediction", "missed", "hallucinated"),
    [
        ([[[1, 1]]], [[[1, 0]]], ["", "shadow"], []),
        ([[[1, 0]]], [[[1, 1]]], [], ["", "shadow"]),
        ([[[0, 0]]], [[[1, 0]]], [], ["", "foreground", "lesion"]),
        ([[[0, 0]]], [[[0, 0]]], [], []),
    ],
)
def test_what_was_missed_or_hallucinated_of_overlapping_structures(truth, prediction, missed, hallucinated):
    found = metrics.score_overlapping(truth, prediction, KEYS[1:])
    assert [key for key, structure in found.items() if structure.missed] == missed
    assert [key for key, structure in found.items() if structure.hallucinated] == hallucinated


def test_a_pixel_may_be_labelled_for_one_of_two_overlapping_structures():
    truth = np.array([[[1, 255], [0, 1], [0, 255]]], np.uint8)
    prediction = np.array([[[1, 1], [0, 1], [0, 1]]], np.uint8)
    found = metrics.score_overlapping(truth, prediction, KEYS[1:], ignore=255)
    assert [found[key].scores["dice"] for key in ("lesion", "shadow", "foreground")] == [1, 1, 1]
    counts = found["foreground"].counts
    assert [int(n) for n in (counts.tp, counts.fp, counts.fn, counts.tn)] == [2, 0, 0, 0]


def test_one_channel_has_one_key():
    found = metrics.score_overlapping([[[1], [0]]], [[[1], [1]]], ["lesion"])
    assert list(found) == [""]
    assert found[""].scores["dice"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        (np.zeros((4, 4)), np.zeros((4, 4)), r"\(rows, columns, 2\).* got \(4, 4\) and \(4, 4\)"),
        (np.zeros((4, 4, 3), int), np.zeros((4, 4, 3), int), "a channel for each of 2 keys"),
        (np.zeros((4, 4, 2), int), np.zeros((4, 5, 2), int), "a channel for each of 2 keys"),
        (np.full((4, 4, 2), 2), np.zeros((4, 4, 2), int), "2"),
    ],
)
def test_masks_that_do_not_fit_the_keys_are_refused(truth, prediction, message):
    with pytest.raises(ValueError, match=message):
        metrics.score_overlapping(truth, prediction, KEYS[1:])
