"""Thresholds and clean-up of masks: by hand, and against the masks that the task gives at each threshold."""

import numpy as np
import pytest

from unet_mtl import OverlappingSegmentation, Segmentation
from unet_mtl.data.resized import Resized
from unet_mtl.decisions.aims import Aims
from unet_mtl.decisions.masks import MaskTuner
from unet_mtl.decisions.pixels import THRESHOLDS, count_at_thresholds, count_mask
from unet_mtl.decisions.tuner import Sample
from unet_mtl.tasks.clean_up import CleanUp

SIZE = (12, 12)
KEYS = ("background", "core", "rim")

MASK = np.array(
    [
        [1, 1, 1, 0, 0, 0],
        [1, 0, 1, 0, 2, 0],
        [1, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 1],
    ],
    np.uint8,
)


@pytest.mark.parametrize(
    ("plan", "changes"),
    [
        (CleanUp(), {}),
        (CleanUp(fill_holes=True), {(1, 1): 1}),
        # Parts touch at corners: the ring and (3, 3) are one part of 9 pixels.
        (CleanUp(largest=True), {(4, 5): 0, (5, 5): 0}),
        (CleanUp(min_area=2), {(1, 4): 0}),
        (CleanUp(min_area=3), {(1, 4): 0, (4, 5): 0, (5, 5): 0}),
        (CleanUp(min_area=3, fill_holes=True), {(1, 4): 0, (4, 5): 0, (5, 5): 0, (1, 1): 1}),
        (CleanUp(min_area=0.5, unit="mm2"), {(1, 4): 0}),  # 2 pixels have 0.5 mm2
        (CleanUp(min_area=0.51, unit="mm2"), {(1, 4): 0, (4, 5): 0, (5, 5): 0}),
    ],
    ids=str,
)
def test_clean_up_by_hand(plan, changes):
    expected = MASK.copy()
    for place, value in changes.items():
        expected[place] = value
    np.testing.assert_array_equal(plan.apply_to_classes(MASK, 3, (0.5, 0.5)), expected)
    planes = np.stack([MASK == 1, MASK == 2], -1).astype(np.uint8)
    both = np.stack([expected == 1, expected == 2], -1)
    np.testing.assert_array_equal(plan.apply_to_planes(planes, (0.5, 0.5)), both)


def test_a_hole_of_another_class_remains_and_an_unknown_spacing_removes_nothing():
    mask = MASK.copy()
    mask[1, 1] = 2
    np.testing.assert_array_equal(CleanUp(fill_holes=True).apply_to_classes(mask, 3), mask)
    plan = CleanUp(min_area=100, unit="mm2")
    np.testing.assert_array_equal(plan.apply_to_classes(MASK, 3, None), MASK)
    empty = np.zeros((4, 4), np.uint8)
    np.testing.assert_array_equal(CleanUp(largest=True, min_area=3).apply_to_classes(empty, 2), empty)


def test_the_foreground_of_a_softmax_has_a_threshold():
    raw = np.random.default_rng(0).dirichlet([1, 1, 1, 1, 1, 1], (5, 7)).astype(np.float32)
    task = Segmentation(name="zone", classes=tuple("abcdef"), foreground_threshold=0.7)
    for size in ((5, 7), (13, 29)):  # the latter is resized a few channels at a time
        output = Resized(raw, size)
        whole = output.whole()
        expected = np.where(1 - whole[..., 0] >= np.float32(0.7), whole[..., 1:].argmax(-1) + 1, 0)
        np.testing.assert_array_equal(task.decode_resized(output).mask, expected)


def test_the_temperature_of_a_mask_changes_what_is_shown_but_not_the_classes():
    raw = np.random.default_rng(1).dirichlet([1, 1, 1], SIZE).astype(np.float32)
    before = Segmentation(name="zone", classes=KEYS).decode(raw)
    after = Segmentation(name="zone", classes=KEYS, temperature=2.0).decode(raw)
    np.testing.assert_array_equal(after.mask, before.mask)
    roots = np.sqrt(raw.astype(float))
    np.testing.assert_allclose(after.probabilities, roots / roots.sum(-1, keepdims=True), atol=1e-6)


def make_task(kind):
    if kind == "overlapping":
        return OverlappingSegmentation(name="zone", classes=KEYS)
    if kind == "binary":
        return Segmentation(name="zone", classes=KEYS[:2])
    return Segmentation(name="zone", classes=KEYS, activation=kind)


def draw(kind, seed, n=12):
    """Return truths with unlabelled pixels, and outputs of half the size, whose foreground is too improbable."""
    rng = np.random.default_rng(seed)
    channels = {"binary": 1, "softmax": 3}.get(kind, 2)
    for _ in range(n):
        large = np.kron(rng.random((3, 3)), np.ones((4, 4)))
        truth = (large > 0.5).astype(np.uint8) + (large > 0.8)
        noise = rng.normal(0, 1.2, (6, 6, 3)) + 2.2 * np.eye(3)[truth[::2, ::2]] - [0, 1, 1]
        if kind == "softmax":
            raw = np.exp(noise) / np.exp(noise).sum(-1, keepdims=True)
        else:
            raw = 1 / (1 + np.exp(1 - noise[..., 1 : 1 + channels]))
        if kind == "binary":
            truth = np.minimum(truth, 1)
        if kind == "overlapping":
            truth = np.stack([truth == 1, truth == 2], -1).astype(np.uint8)
        truth[0] = 255
        yield truth, raw.astype(np.float32)


def dice_of(task, cases):
    """Return the mean over images of the mean Dice over classes that occur in truth or prediction."""
    scores = []
    for truth, raw in cases:
        mask = task.finish(task.decode_resized(Resized(raw, SIZE)), None).mask
        known = truth != 255
        pairs = [((truth == i) & known, (mask == i) & known) for i in range(1, len(task.classes))]
        sizes = [(2 * (true & found).sum(), true.sum() + found.sum()) for true, found in pairs]
        each = [overlap / size for overlap, size in sizes if size]
        scores += [np.mean(each)] if each else []
    return float(np.mean(scores))


def run_tuner(task, cases, *aims, clean_up=False):
    tuner = MaskTuner(task, Aims(aims, [task], {task.name: MaskTuner.parts_of(task)}), clean_up=clean_up)
    for _ in range(3):
        for index, (truth, raw) in enumerate(cases):
            answer = tuner.task.decode_resized(Resized(raw, SIZE))
            tuner.see(Sample(truth, raw, answer, f"p{index}"))
        if not tuner.end_pass():
            break
    return tuner


@pytest.mark.parametrize("kind", ["binary", "softmax", "sigmoid"])
def test_the_threshold_has_the_best_dice_of_all(kind):
    cases = list(draw(kind, 3))
    tuner = run_tuner(make_task(kind), cases)
    name = "foreground_threshold" if kind == "softmax" else "threshold"
    tried = [
        dice_of(tuner.task.model_copy(update={name: float(threshold)}), cases) for threshold in THRESHOLDS
    ]
    assert dice_of(tuner.task, cases) == pytest.approx(max(tried))
    (row,) = tuner.choices
    assert row["untuned"] == pytest.approx(dice_of(make_task(kind), cases))
    assert row["tuned"] == pytest.approx(max(tried))
    assert row["tuned"] > row["untuned"]
    assert name in tuner.finish().settings


def test_classes_that_overlap_have_thresholds_of_their_own():
    cases = list(draw("overlapping", 4))
    tuner = run_tuner(make_task("overlapping"), cases, "zone.rim=sensitivity>=0.9")
    core, rim = tuner.choices
    assert (core["part"], core["aim"], rim["aim"], rim["score"]) == (
        "core",
        "dice",
        "sensitivity>=0.9",
        "specificity",
    )
    recalls = []
    for truth, raw in cases:
        mask = tuner.task.decode_resized(Resized(raw, SIZE)).mask
        tp, _, fn, _ = count_mask(truth, mask, 3)[1]
        recalls.append(tp / (tp + fn) if tp + fn else np.nan)
    assert 0.9 <= np.nanmean(recalls) < 1


def test_the_clean_up_is_that_of_the_best_dice():
    rng = np.random.default_rng(5)
    cases = []
    for _ in range(10):
        truth = np.zeros(SIZE, np.uint8)
        truth[2:8, 3:9] = 1
        raw = np.where(truth == 1, 0.9, 0.1)
        raw[4, 5] = 0.1  # a hole
        raw[10, rng.integers(0, 12)] = 0.9  # a small false part
        cases.append((truth, raw.astype(np.float32)[..., None]))
    tuner = run_tuner(make_task("binary"), cases, clean_up=True)
    plan = tuner.task.clean_up
    assert plan.fill_holes
    assert plan.unit == "px"  # no case has a spacing
    assert 1 < plan.min_area < 36
    assert dice_of(tuner.task, cases) == 1
    assert tuner.choices[-1]["tuned"] == pytest.approx(1)
    assert tuner.choices[-1]["untuned"] == pytest.approx(2 * 35 / (36 + 36))
    assert "clean-up: parts of at least" in tuner.finish().text


def test_masks_that_no_candidate_improves_are_left_alone():
    truth = np.zeros(SIZE, np.uint8)
    truth[2:8, 3:9] = 1
    cases = [(truth, np.where(truth == 1, 0.9, 0.1).astype(np.float32)[..., None])] * 12
    tuner = run_tuner(make_task("binary"), cases, clean_up=True)
    assert tuner.task.clean_up is None
    assert tuner.task.threshold == 0.5
    assert tuner.finish() is None  # every pixel is right, so that there is no temperature either


def test_an_empty_validation_gives_no_threshold_of_a_mask():
    empty = (np.zeros(SIZE, np.uint8), np.full((*SIZE, 1), 0.2, np.float32))
    tuner = run_tuner(make_task("binary"), [empty])
    assert any("no validation image has the class" in note for note in tuner.notes)
    tuner = run_tuner(make_task("binary"), [])
    assert tuner.notes == ["zone: nothing was chosen, since no validation case has a mask"]


def test_a_pixel_at_the_threshold_is_positive():
    shown = np.array([0.2, 0.5, 0.5, 0.8], np.float32)
    truth = np.array([False, True, False, True])
    found = count_at_thresholds(truth, shown, np.array([0.2, 0.5, 0.8], np.float32))
    assert found.tolist() == [[2, 2, 1], [2, 1, 0], [0, 0, 1], [0, 1, 2]]  # tp, fp, fn, tn
