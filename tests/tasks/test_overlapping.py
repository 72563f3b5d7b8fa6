"""Overlapping classes: thresholds, scores, names and pictures, by hand."""

import numpy as np
import pandas as pd
import pytest

import unet_mtl as um
from unet_mtl.errors import ConfigError
from unet_mtl.plots.overlay import new_figure

TASK = um.OverlappingSegmentation(name="layers", classes=("background", "Whole organ", "core"))
ONE = um.OverlappingSegmentation(name="layers", classes=("background", "lesion"))


def layers(*planes):
    return np.dstack([np.array(plane, np.uint8) for plane in planes])


def score(task, truth, mask):
    return task.score_case(truth, task.decode(mask.astype(np.float32)), None)


def test_each_class_has_its_own_threshold():
    task = TASK.model_copy(update={"threshold": 0.25})
    below = np.nextafter(np.float32(0.25), np.float32(0))
    prediction = task.decode(np.array([[[0.25, 0.9], [below, 0.25], [0.1, 0.2]]], np.float32))
    assert prediction.mask.tolist() == [[[1, 1], [0, 1], [0, 0]]]
    assert prediction.mask.dtype == np.uint8
    assert prediction.cells() == {"whole_organ_px": 1, "core_px": 2}
    assert {key: mask.tolist() for key, mask in prediction.masks().items()} == {
        "whole_organ": [[1, 0, 0]],
        "core": [[1, 1, 0]],
    }
    assert prediction.title() == ""


def test_scores_by_hand():
    truth = layers([[1, 1, 1, 0, 255]], [[0, 1, 1, 0, 255]])
    mask = layers([[1, 1, 0, 0, 1]], [[0, 1, 1, 1, 1]])
    found = score(TASK, truth, mask)
    dice = {name: item.value for name, item in found.scores.items() if name.startswith("dice")}
    # Union of the classes: the truth is pixels 0 to 2, the prediction 0 to 3.
    assert dice == pytest.approx(
        {"dice": 0.8, "dice_whole_organ": 0.8, "dice_core": 0.8, "dice_foreground": 6 / 7}
    )
    assert {field: found.facts[f"core_{field}"] for field in ("tp", "fp", "fn", "tn")} == {
        "tp": 2, "fp": 1, "fn": 0, "tn": 1,
    }  # fmt: skip
    assert found.scores["hd_px_core"].value == 1


def test_the_names_are_those_of_segmentation():
    truth = layers([[1, 0, 0]], [[0, 1, 0]])
    for task, several in ((TASK, truth), (ONE, truth[..., :1])):
        other = um.Segmentation(name="layers", classes=task.classes, activation="sigmoid")
        indices = (several * np.arange(1, several.shape[-1] + 1, dtype=np.uint8)).sum(-1, dtype=np.uint8)
        expected = other.score_case(indices, other.decode(several.astype(np.float32)), None)
        found = score(task, several, several)
        assert list(found.scores) == list(expected.scores)
        assert dict(found.facts) == dict(expected.facts)
        assert [task.score_label(name) for name in found.scores] == [
            other.score_label(name) for name in found.scores
        ]
        facts = pd.DataFrame([found.facts])
        assert task.score_set(facts) == pytest.approx(other.score_set(facts), nan_ok=True)


def test_missed_and_hallucinated_classes_are_told_apart():
    found = score(TASK, layers([[1, 1]], [[0, 0]]), layers([[1, 1]], [[1, 0]])).scores
    names = ("dice", "dice_whole_organ", "dice_core", "dice_foreground")
    assert [found[name].hallucinated for name in names] == [True, False, True, False]
    assert not any(found[name].missed for name in names)
    found = score(TASK, layers([[1, 1]], [[1, 0]]), layers([[1, 1]], [[0, 0]])).scores
    assert [found[name].missed for name in names] == [True, False, True, False]
    assert found["dice"].value == 0.5


def test_pooled_scores_by_hand():
    cases = [
        score(TASK, layers([[1, 1, 0]], [[1, 0, 0]]), layers([[1, 0, 0]], [[0, 0, 0]])),
        score(TASK, layers([[1, 1, 1]], [[0, 0, 0]]), layers([[1, 1, 1]], [[1, 0, 0]])),
    ]
    facts = pd.DataFrame([case.facts for case in cases])
    pooled = TASK.score_set(facts)
    assert pooled["pooled_dice_whole_organ"] == pytest.approx(2 * 4 / (2 * 4 + 1))
    assert pooled["pooled_dice_core"] == 0
    assert TASK.contributing_cases(facts.iloc[:1])["pooled_dice_core"].tolist() == [True]


def test_streaming_scores_are_means_over_classes_and_cases_of_labelled_pixels():
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, (3, 6, 5, 2)).astype(np.uint8)
    truth[:, :2] = 255
    truth[2, ..., 1] = np.where(truth[2, ..., 1] == 255, 255, 0)
    raw = rng.random(truth.shape).astype(np.float32)
    raw[2, ..., 1] = 0
    dice, iou = [], []
    for mask, answer in zip(truth, raw, strict=True):
        values = []
        for channel in range(2):
            known = mask[..., channel] != 255
            true, found = mask[known, channel] == 1, answer[known, channel] >= 0.5
            if (true | found).any():
                values.append(2 * (true & found).sum() / (true.sum() + found.sum()))
        dice.append(np.mean(values))
        iou.append(np.mean([value / (2 - value) for value in values]))
    expected = {"layers_dice": np.mean(dice), "layers_iou": np.mean(iou)}
    streaming = TASK.training_metrics()
    for metric in streaming:
        for part in (slice(0, 2), slice(2, 3)):
            metric.update_state(truth[part], raw[part])
    assert {metric.name: float(metric.result()) for metric in streaming} == pytest.approx(expected, abs=1e-6)


def test_contours_of_every_class_true_and_predicted():
    truth = layers(np.pad(np.ones((6, 6)), 3), np.pad(np.ones((2, 2)), 5))
    truth[0] = 255
    prediction = TASK.decode(np.roll(truth == 1, 1, 0).astype(np.float32))
    axes = new_figure(3, 3).subplots()
    TASK.draw_case(axes, truth, prediction)
    assert axes.get_legend_handles_labels()[1] == [
        *("Whole organ, predicted", "Whole organ, true", "core, predicted", "core, true"),
        "not labelled",
    ]
    lines = [collection.get_paths()[0].get_extents() for collection in axes.collections[:4]]
    # Outlines run half way between pixels; the predicted ones are shifted by one row.
    heights = [(round(line.y0, 2), round(line.y1, 2)) for line in lines]
    assert heights == [(3.5, 9.5), (2.5, 8.5), (5.5, 7.5), (4.5, 6.5)]
    TASK.draw_case(axes, None, prediction)


def test_the_error_for_the_other_overlap_names_the_other_kind(layered_folder):
    dataset = um.read_dataset(layered_folder)
    for method in ("adapt", "read", "cache_key"):
        arguments = {
            "adapt": (dataset,),
            "read": (dataset.records[1], dataset.description),
            "cache_key": (dataset.description,),
        }[method]
        plain = um.Segmentation(name="a", target="layers")
        with pytest.raises(
            ConfigError, match=r"'a': the classes of mask 'layers' overlap .*set `kind: overlapping_segm"
        ):
            getattr(plain, method)(*arguments)
        layered = um.OverlappingSegmentation(name="b", target="zone")
        with pytest.raises(
            ConfigError,
            match=r"'b': the classes of mask 'zone' exclude each other .*set `kind: segmentation`, or",
        ):
            getattr(layered, method)(*arguments)


def test_tolerance_can_be_changed_for_evaluation():
    from unet_mtl.evaluation.evaluator import with_tolerance

    (task,) = with_tolerance([TASK], 2.0)
    assert task.tolerance == 2.0
