"""Thresholds, edge cases and keys of masks, by hand."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from unet_mtl import Segmentation

TWO = Segmentation(name="zone", classes=("background", "lesion"), threshold=0.25)
THREE = Segmentation(name="zone", classes=("background", "Core", "outer rim"))


def predict(task, mask):
    hot = np.eye(len(task.classes), dtype=np.float32)[np.asarray(mask)]
    return task.decode(hot[..., 1:] if len(task.classes) == 2 else hot)


def score(task, truth, mask):
    return task.score_case(np.asarray(truth, np.uint8), predict(task, mask), None)


def test_the_threshold_itself_counts():
    raw = np.array([[[0.25], [np.nextafter(np.float32(0.25), np.float32(0))]]], np.float32)
    assert TWO.decode(raw).mask.tolist() == [[1, 0]]


def test_the_largest_sigmoid_wins_where_it_reaches_the_threshold():
    task = Segmentation(name="zone", classes=("background", "a", "b"), activation="sigmoid", threshold=0.5)
    raw = np.array([[[0.6, 0.7], [0.5, 0.1], [0.4, 0.49]]], np.float32)
    prediction = task.decode(raw)
    assert prediction.mask.tolist() == [[2, 1, 0]]
    np.testing.assert_allclose(prediction.probabilities[0, 0], [0.3, 0.6, 0.7], rtol=1e-6)


def test_softmax_takes_the_largest_class():
    raw = np.array([[[0.4, 0.35, 0.25], [0.2, 0.3, 0.5]]], np.float32)
    assert THREE.decode(raw).mask.tolist() == [[0, 2]]
    assert THREE.decode(raw).mask.dtype == np.uint8


def test_auto_is_sigmoid_for_two_classes_only():
    assert (TWO.is_sigmoid, THREE.is_sigmoid) == (True, False)


@pytest.mark.parametrize(
    ("truth", "mask", "dice", "missed", "hallucinated"),
    [
        ([[1, 1, 0, 0]], [[1, 0, 0, 0]], 2 / 3, False, False),
        ([[1, 1, 0, 0]], [[0, 0, 0, 0]], 0, True, False),
        ([[0, 0, 0, 0]], [[0, 1, 0, 0]], 0, False, True),
        ([[0, 0, 0, 0]], [[0, 0, 0, 0]], np.nan, False, False),
        ([[1, 1, 255, 255]], [[1, 1, 1, 1]], 1, False, False),
        ([[255, 255, 0, 0]], [[1, 1, 0, 0]], np.nan, False, False),
    ],
)
def test_edges_of_one_class(truth, mask, dice, missed, hallucinated):
    found = score(TWO, truth, mask).scores
    assert list(found) == [
        *("dice", "iou", "precision", "recall", "specificity", "mcc", "accuracy"),
        *("hd_px", "hd95_px", "assd_px", "masd_px", "boundary_iou"),
    ]
    assert found["dice"].value == pytest.approx(dice, nan_ok=True)
    assert (found["dice"].missed, found["dice"].hallucinated) == (missed, hallucinated)


def test_several_classes_by_hand():
    truth = [[0, 1, 1, 2], [0, 0, 2, 255]]
    mask = [[0, 1, 2, 2], [1, 0, 2, 1]]
    found = score(THREE, truth, mask)
    # Core: TP 1, FP 1, FN 1; rim: TP 2, FP 1; union: TP 4, FP 1.
    expected = {
        "dice_core": 0.5,
        "dice_outer_rim": 0.8,
        "dice_foreground": 8 / 9,
        "dice": 0.65,
        "iou_core": 1 / 3,
    }
    for name, value in expected.items():
        assert found.scores[name].value == pytest.approx(value), name
    counts = {field: found.facts[f"core_{field}"] for field in ("tp", "fp", "fn", "tn")}
    assert counts == {"tp": 1, "fp": 1, "fn": 1, "tn": 4}
    assert found.facts["foreground_tp"] == 4


def test_one_class_missed_marks_the_mean_as_well():
    found = score(THREE, [[1, 2]], [[0, 2]]).scores
    assert [found[name].missed for name in ("dice", "dice_core", "dice_outer_rim", "dice_foreground")] == [
        True,
        True,
        False,
        False,
    ]
    assert found["dice"].value == 0.5


def test_distances_between_outlines():
    truth, mask = np.zeros((1, 8), np.uint8), np.zeros((1, 8), np.uint8)
    truth[0, 1:3], mask[0, 2:5] = 1, 1
    task = TWO.model_copy(update={"tolerance": 0.5})
    found = task.score_case(truth, predict(task, mask), (2.0, 0.5)).scores
    # Distances from the truth are 0.5 and 0 mm, from the mask 0, 0.5 and 1 mm.
    assert found["hd_mm"].value == 1
    assert found["assd_mm"].value == pytest.approx(2 / 5)
    assert found["surface_dice_mm"].value == pytest.approx(4 / 5)
    assert not any(name.endswith("_px") for name in found)
    # Within half a pixel are only the two shared pixels, and within one pixel four.
    loose = TWO.model_copy(update={"tolerance": 1.0})
    assert score(task, truth, mask).scores["surface_dice_px"].value == pytest.approx(2 / 5)
    assert score(loose, truth, mask).scores["surface_dice_px"].value == pytest.approx(4 / 5)
    with pytest.raises(ValidationError, match="greater than 0"):
        Segmentation(name="zone", tolerance=0)


def test_outlines_in_unlabelled_pixels_are_ignored():
    truth = [[0, 1, 1, 0, 255, 255]]
    assert score(TWO, truth, [[0, 1, 1, 0, 0, 1]]).scores["hd_px"].value == 0


def test_headline_scores():
    found = score(THREE.model_copy(update={"tolerance": 1.0}), [[0, 1, 1, 2]], [[0, 1, 2, 2]]).scores
    assert [name for name in found if THREE.is_headline(name)] == [
        *("dice", "iou", "precision", "recall", "specificity", "mcc", "accuracy"),
        *("hd95_px", "assd_px", "surface_dice_px"),
        *("dice_foreground", "dice_core", "dice_outer_rim"),
    ]


def test_pooled_scores_by_hand():
    cases = [score(TWO, [[1, 1, 0, 0]], [[1, 0, 0, 0]]), score(TWO, [[0, 0, 0, 0]], [[1, 0, 0, 0]])]
    pooled = TWO.score_set(pd.DataFrame([case.facts for case in cases]))
    assert pooled["pooled_dice"] == pytest.approx(2 / (2 + 1 + 1))
    assert pooled["pooled_precision"] == 0.5
    assert pooled["pooled_recall"] == 0.5
    assert pooled["pooled_iou"] == pytest.approx(1 / 3)


def test_classes_whose_names_look_alike_keep_their_own_scores():
    task = Segmentation(name="zone", classes=("background", "ER-", "ER+"))
    found = score(task, [[1, 1, 2, 2]], [[1, 1, 1, 2]])
    dice = {name: item.value for name, item in found.scores.items() if name.startswith("dice")}
    assert dice.pop("dice") == pytest.approx((0.8 + 2 / 3) / 2)
    assert dice.pop("dice_foreground") == 1
    assert sorted(dice.values()) == pytest.approx([2 / 3, 0.8])
    assert list(predict(task, [[1, 1, 2]]).cells().values()) == [2, 1]


def test_a_class_called_foreground_keeps_its_name():
    task = Segmentation(name="zone", classes=("background", "foreground", "rim"))
    assert score(task, [[1, 2, 2, 0]], [[1, 1, 2, 0]]).scores["dice_foreground"].value == pytest.approx(2 / 3)


def test_pixels_of_each_class():
    assert predict(THREE, [[0, 1, 1], [2, 0, 1]]).cells() == {"core_px": 3, "outer_rim_px": 1}
