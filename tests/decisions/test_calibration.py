"""Temperatures, spreads and scores of calibration against SciPy and scikit-learn."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, log_loss

import metrics
from unet_mtl import Classification, Multilabel, Regression
from unet_mtl.decisions.aims import Aims
from unet_mtl.decisions.calibration import CalibrationSums, compare_sums, score_sums
from unet_mtl.decisions.classes import ClassTuner
from unet_mtl.decisions.labels import LabelTuner
from unet_mtl.decisions.numbers import NumberTuner, fit_spread
from unet_mtl.decisions.tuner import Sample
from unet_mtl.tasks.number import Number

N = 150


def tune(tuner, truths, raws, patients=None):
    for index, (truth, raw) in enumerate(zip(truths, raws, strict=True)):
        patient = f"p{index // 2}" if patients is None else patients[index]
        tuner.see(Sample(truth, raw, tuner.task.decode(raw), patient))
    assert tuner.end_pass() is False
    return tuner


def aims_of(*texts, task, parts=()):
    return Aims(texts or ["f1"], [task], {task.name: parts})


@pytest.fixture(scope="module")
def binary():
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, N)
    truth = (rng.random(N) < expit(logits / 3)).astype(int)  # too certain by a factor of 3
    task = Classification(name="side", classes=("left", "right"))
    raws = expit(logits).astype(np.float32)[:, None]
    return truth, logits, raws, tune(ClassTuner(task, aims_of(task=task)), truth, raws)


def test_the_temperature_of_two_classes_is_that_of_scipy(binary):
    truth, logits, _, tuner = binary
    found = minimize_scalar(lambda t: log_loss(truth, expit(logits / t)), bounds=(0.1, 20), method="bounded")
    assert tuner.task.temperature == pytest.approx(found.x, rel=1e-3)
    assert 1.5 < tuner.task.temperature < 6


def test_the_task_shows_tempered_probabilities_and_decides_by_them(binary):
    truth, logits, raws, tuner = binary
    shown = np.array([tuner.task.decode(raw).probabilities[1] for raw in raws])
    np.testing.assert_allclose(shown, expit(logits / tuner.task.temperature), atol=1e-5)
    answers = np.array([tuner.task.decode(raw).label == "right" for raw in raws])
    np.testing.assert_array_equal(answers, shown >= np.float32(tuner.task.threshold))
    (row,) = tuner.choices
    tp = (answers & (truth == 1)).sum()
    assert row["tuned"] == pytest.approx(2 * tp / (answers.sum() + truth.sum()))
    assert (row["n"], row["n_positive"]) == (N, truth.sum())


def test_scores_before_and_after_are_those_of_scikit_learn(binary):
    truth, logits, raws, tuner = binary
    rows = {row["score"]: row for row in tuner.calibration}
    for name, score in (("log_loss", log_loss), ("brier", brier_score_loss)):
        assert rows[name]["before"] == pytest.approx(score(truth, raws[:, 0].astype(float)), rel=1e-4)
        after = score(truth, expit(logits / tuner.task.temperature))
        assert rows[name]["after"] == pytest.approx(after, rel=1e-4)
        assert rows[name]["after_low"] < after < rows[name]["after_high"]
    assert rows["log_loss"]["after"] < rows["log_loss"]["before"]
    assert rows["log_loss"]["n_patients"] == N // 2


@pytest.mark.parametrize("several", [False, True])
def test_sums_of_cases_give_the_scores_of_the_set(several):
    rng = np.random.default_rng(2)
    shown = softmax(rng.normal(0, 2, (60, 3)), 1) if several else rng.random(60)
    truth = rng.integers(0, 3 if several else 2, 60)
    sums = [CalibrationSums.of(truth[i : i + 4], shown[i : i + 4]) for i in range(0, 60, 4)]
    drawn = np.array([0, 3, 3, 7, 14])
    rows = np.concatenate([np.arange(4 * i, 4 * i + 4) for i in drawn])
    for cases, chosen in ((None, np.arange(60)), (drawn, rows)):
        found = score_sums(sums, cases)
        expected = metrics.expected_calibration_error(truth[chosen], shown[chosen])
        assert found["calibration_error"] == pytest.approx(expected)
        assert found["brier"] == pytest.approx(metrics.brier_score(truth[chosen], shown[chosen]))
        assert found["log_loss"] == pytest.approx(metrics.log_loss(truth[chosen], shown[chosen]))


def test_cases_without_outcomes_count_nothing():
    empty, one = CalibrationSums.of([], []), CalibrationSums.of([1], [0.8])
    assert score_sums([empty, one]) == pytest.approx(score_sums([one]))
    assert np.isnan(list(score_sums([empty]).values())).all()
    assert np.isnan(compare_sums([one], [one], ["a"], "t")[0]["before_low"])


def test_the_temperature_of_several_classes_is_that_of_scipy():
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (N, 3))
    truth = np.array([rng.choice(3, p=softmax(row / 2.5)) for row in logits])
    task = Classification(name="d", classes=("a", "b", "c"))
    tuner = ClassTuner(task, aims_of("youden", task=task, parts=task.classes))
    tune(tuner, truth, softmax(logits, 1).astype(np.float32))
    found = minimize_scalar(
        lambda t: log_loss(truth, softmax(logits / t, 1)), bounds=(0.1, 20), method="bounded"
    )
    assert tuner.task.temperature == pytest.approx(found.x, rel=1e-3)


def test_a_cost_matrix_gives_the_answer_of_least_expected_cost():
    costs = np.array([[0, 1, 5], [1, 0, 2], [20, 4, 0]])
    rng = np.random.default_rng(4)
    shown = softmax(rng.normal(0, 1, (N, 3)), 1)
    truth = np.array([rng.choice(3, p=p) for p in shown])
    task = Classification(name="d", classes=("a", "b", "c"))
    tuner = ClassTuner(task, aims_of("cost:0,1,5/1,0,2/20,4,0", task=task, parts=task.classes))
    tune(tuner, truth, shown.astype(np.float32))
    tempered = softmax(np.log(shown) / tuner.task.temperature, 1)
    for raw, p in zip(shown.astype(np.float32), tempered, strict=True):
        expected = [sum(p[j] * costs[j][k] for j in range(3)) for k in range(3)]
        assert tuner.task.decode(raw).label == "abc"[int(np.argmin(expected))]
    (row,) = tuner.choices
    assert row["tuned"] < row["untuned"]


def test_labels_have_one_temperature_and_a_threshold_each():
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 2, (N, 2))
    truth = (rng.random((N, 2)) < expit(logits / 2)).astype(np.uint8)
    truth[::5, 0] = 255
    task = Multilabel(name="signs", targets=("mass", "scar"), classes=(("no", "yes"), ("no", "yes")))
    aims = aims_of("signs.mass=sensitivity>=0.9", "signs.scar=f1", task=task, parts=task.targets)
    tuner = tune(LabelTuner(task, aims), truth, expit(logits).astype(np.float32))
    known = truth != 255
    found = minimize_scalar(
        lambda t: log_loss(truth[known], expit(logits[known] / t)), bounds=(0.1, 20), method="bounded"
    )
    assert tuner.task.temperature == pytest.approx(found.x, rel=1e-3)
    present = np.array([tuner.task.decode(raw).present for raw in expit(logits).astype(np.float32)])
    positive = truth[:, 0] == 1
    assert 0.9 <= present[positive, 0].mean() < 1
    assert [row["n"] for row in tuner.choices] == [known[:, 0].sum(), N]


def test_a_spread_is_the_most_likely_one():
    rng = np.random.default_rng(6)
    errors = rng.normal(0, 2.5, 400)
    found = minimize_scalar(lambda s: -norm.logpdf(errors, scale=s).sum(), bounds=(0.1, 20), method="bounded")
    assert fit_spread(errors) == pytest.approx(found.x, rel=1e-3)
    assert fit_spread(np.empty(0)) == 1


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_intervals_of_numbers_cover_after_the_spread(scale):
    rng = np.random.default_rng(7)
    number = Number(column="size", unit="mm", scale=scale, mean=2.0, deviation=0.5)
    task = Regression(name="size", loss="gaussian", scale=scale, numbers=(number,))
    raws = np.column_stack([rng.normal(0, 1, 400), np.full(400, -2.0)]).astype(np.float32)
    truths = [{"size": number.restore(raw[0] + rng.normal(0, 1.1))} for raw in raws]
    tuner = tune(NumberTuner(task, aims_of(task=task)), truths, raws)
    (spread,) = tuner.task.spreads
    assert spread == pytest.approx(1.1 / np.exp(-1), rel=0.1)
    answers = [tuner.task.decode(raw) for raw in raws]
    inside = [a.low <= truth["size"] <= a.high for a, truth in zip(answers, truths, strict=True)]
    assert np.mean(inside) == pytest.approx(tuner.calibration[0]["after"])
    assert 0.92 < np.mean(inside) < 0.98
    assert tuner.calibration[0]["before"] < 0.6
    assert answers[0].value == task.decode(raws[0]).value


def test_numbers_without_intervals_have_nothing_to_tune():
    task = Regression(name="size", numbers=(Number(column="size"),))
    tuner = tune(NumberTuner(task, aims_of(task=task)), [{"size": 1.0}], [np.zeros(1, np.float32)])
    assert tuner.finish() is None


def test_few_cases_are_noted():
    task = Classification(name="side", classes=("left", "right"))
    raws = np.array([[0.2], [0.4], [0.6], [0.3]], np.float32)
    tuner = tune(ClassTuner(task, aims_of(task=task)), [0, 1, 1, 0], raws)
    assert "fitted on 4 cases only" in tuner.notes[0]
    assert "depends on 2 positive cases of validation" in tuner.notes[1]
    tuner = tune(ClassTuner(task, aims_of(task=task)), [0, 0, 0, 0], raws)
    assert "validation has no positive case" in tuner.notes[-1]
    assert not tuner.choices
    tuner = tune(ClassTuner(task, aims_of(task=task)), [], [])
    assert tuner.notes == ["side: nothing was chosen, since no validation case has a label"]
    assert tuner.finish() is None


def test_a_network_that_is_wrong_gets_no_temperature():
    task = Classification(name="side", classes=("left", "right"))
    truth = np.arange(40) % 2
    raws = np.where(truth == 1, 0.1, 0.9).astype(np.float32)[:, None]
    tuner = tune(ClassTuner(task, aims_of(task=task)), truth, raws)
    assert "favour wrong answers" in tuner.notes[0]
    assert tuner.task.temperature == 1


def test_an_unreachable_aim_is_noted():
    task = Classification(name="side", classes=("left", "right"))
    truth = [1] * 12 + [0] * 12
    raws = np.linspace(0.1, 0.9, 24).astype(np.float32)[:, None]
    tuner = tune(ClassTuner(task, aims_of("sensitivity>=0.95", task=task)), truth, raws)
    assert any("no threshold reaches sensitivity>=0.95 on validation" in note for note in tuner.notes)
    assert tuner.task.threshold == 0.5
