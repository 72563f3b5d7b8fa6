"""Thresholds against scikit-learn, and those of several classes against exhaustive search."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_curve, roc_curve

from unet_mtl import Classification
from unet_mtl.decisions.aims import Aim
from unet_mtl.decisions.thresholds import choose_for_class, choose_for_classes, choose_threshold


def draw(seed, n=60, prevalence=0.4):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < prevalence
    truth[:2] = [False, True]
    logits = rng.normal(0, 1, n) + 1.5 * truth - 0.8
    return truth, np.round(1 / (1 + np.exp(-logits)), 2).astype(np.float32)  # with ties


def rates(truth, answers):
    (tn, fp), (fn, tp) = confusion_matrix(truth, answers, labels=[False, True])
    return tp / (tp + fn), tn / (tn + fp), fp, fn


@pytest.mark.parametrize("seed", range(8))
def test_f1_is_the_best_of_scikit_learn(seed):
    truth, shown = draw(seed)
    choice = choose_threshold(truth, shown, Aim("f1"), 0.5)
    precision, recall, _ = precision_recall_curve(truth, shown)
    best = np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12))
    assert choice.value == pytest.approx(best)
    assert f1_score(truth, shown >= np.float32(choice.threshold)) == pytest.approx(best)
    assert choice.untuned == pytest.approx(f1_score(truth, shown >= np.float32(0.5)))


@pytest.mark.parametrize("seed", range(8))
def test_other_aims_are_the_best_of_the_roc_curve(seed):
    truth, shown = draw(seed)
    fpr, tpr, _ = roc_curve(truth, shown, drop_intermediate=False)
    n, n_negative = truth.sum(), (~truth).sum()

    def answers(aim):
        choice = choose_threshold(truth, shown, aim, 0.5)
        found = rates(truth, shown >= np.float32(choice.threshold))
        assert (choice.sensitivity, choice.specificity) == pytest.approx(found[:2])
        return found

    sensitivity, specificity, *_ = answers(Aim("youden"))
    assert sensitivity + specificity - 1 == pytest.approx((tpr - fpr).max())
    sensitivity, specificity, *_ = answers(Aim("sensitivity", 0.8))
    assert sensitivity >= 0.8
    assert specificity == pytest.approx((1 - fpr)[tpr >= 0.8].max())
    sensitivity, specificity, *_ = answers(Aim("specificity", 0.8))
    assert specificity >= 0.8
    assert sensitivity == pytest.approx(tpr[1 - fpr >= 0.8].max())
    *_, fp, fn = answers(Aim("cost", costs=((1, 4),)))
    assert fp + 4 * fn == pytest.approx((n_negative * fpr + 4 * n * (1 - tpr)).min())


def test_rounding_does_not_change_an_answer():
    truth, shown = [0, 0, 1, 1], np.array([0.1, 0.3, 0.7, 0.9], np.float32)
    threshold = choose_threshold(truth, shown, Aim("youden"), 0.2).threshold
    assert threshold == pytest.approx(0.5)


def test_of_equal_thresholds_the_former_one_stays():
    shown = np.array([0.1, 0.3, 0.7, 0.9], np.float32)
    assert choose_threshold([0, 0, 1, 1], shown, Aim("f1"), 0.35).threshold == 0.35


@pytest.mark.parametrize("aim", [Aim("sensitivity", 1.0), Aim("specificity", 1.0)])
def test_an_aim_that_only_equal_answers_reach_is_not_reached(aim):
    truth = [1, 0, 1, 0]  # the most probable case is negative, and the least probable one is positive
    shown = np.array([0.2, 0.9, 0.6, 0.4], np.float32)
    assert choose_threshold(truth, shown, aim, 0.5) is None


@pytest.mark.parametrize("truth", [[0, 0, 0], [1, 1, 1]])
def test_one_class_alone_gives_no_threshold(truth):
    assert choose_threshold(truth, np.array([0.2, 0.5, 0.7], np.float32), Aim("f1"), 0.5) is None


def test_numbers_next_to_each_other_are_separated():
    low = np.float32(0.5)
    shown = np.array([low, np.nextafter(low, np.float32(1))])
    choice = choose_threshold([0, 1], shown, Aim("f1"), 0.9)
    assert (shown >= np.float32(choice.threshold)).tolist() == [False, True]


def draw_classes(seed, n=80):
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    logits = rng.normal(0, 1, (n, 3)) + 1.2 * np.eye(3)[truth] + [0.8, 0, -0.8]
    shown = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return truth, shown


@pytest.mark.parametrize("seed", [0])
def test_thresholds_of_classes_are_near_the_best_of_all(seed):
    truth, shown = draw_classes(seed)
    thresholds, value, untuned = choose_for_classes(truth, shown, Aim("f1"))
    task = Classification(name="a", classes=("a", "b", "c"), thresholds=thresholds)
    assert sum(thresholds) == pytest.approx(1)
    assert untuned == pytest.approx(f1_score(truth, shown.argmax(1), average="macro"))
    assert value == pytest.approx(f1_score(truth, task.decide(shown), average="macro"))
    grid = np.geomspace(1 / 8, 8, 15)
    every = (
        f1_score(truth, (shown / [1, b, c]).argmax(1), average="macro")
        for b, c in itertools.product(grid, grid)
    )
    assert untuned < value
    assert value >= max(every) - 0.03


@pytest.mark.parametrize("seed", range(4))
def test_the_aim_of_one_class_holds_for_the_answers(seed):
    truth, shown = draw_classes(seed)
    thresholds, choice = choose_for_class(truth, shown, 2, Aim("sensitivity", 0.85))
    answers = Classification(name="a", classes=("a", "b", "c"), thresholds=thresholds).decide(shown)
    sensitivity, specificity, *_ = rates(truth == 2, answers == 2)
    assert (choice.sensitivity, choice.specificity) == pytest.approx((sensitivity, specificity))
    assert sensitivity >= 0.85
    share = shown[:, 2] / (shown[:, 2] + shown[:, :2].max(1))
    fpr, tpr, _ = roc_curve(truth == 2, share, drop_intermediate=False)
    assert specificity == pytest.approx((1 - fpr)[tpr >= 0.85].max())


def test_two_classes_as_thresholds_of_several():
    """The quotients are a generalisation of the threshold of two classes."""
    p = np.linspace(0.01, 0.99, 99)
    shown = np.column_stack([1 - p, p])
    quotients = shown / [1 - 0.3141, 0.3141]
    assert (quotients.argmax(1) == (p >= 0.3141)).all()
