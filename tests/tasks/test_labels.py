"""Classification with examples computed by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from unet_mtl import Classification, Multilabel, Ordinal, Regression
from unet_mtl.config import make_config
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.errors import ConfigError
from unet_mtl.training.session import make_session

TWO = Classification(name="side", classes=("left", "right"), threshold=0.25)
THREE = Classification(name="grade", classes=("low", "mid", "high"))


def with_labels(dataset, column, values):
    records = [replace(r, labels={column: value}) for r, value in zip(dataset, values, strict=False)]
    return dataset.only(records)


def test_two_classes():
    answers = [TWO.decode(np.array([p], np.float32)) for p in (0.25, 0.2, 0.9)]
    assert [answer.label for answer in answers] == ["right", "left", "right"]
    np.testing.assert_allclose(answers[0].probabilities, [0.75, 0.25])
    assert answers[2].cells() == {"": "right", "probability_left": 0.1, "probability_right": 0.9}
    assert answers[2].title() == "side: right (0.90)"
    assert answers[0].title() == "side: right (0.25)"


def test_three_classes():
    answer = THREE.decode(np.array([0.2, 0.5, 0.3], np.float32))
    assert answer.label == "mid"
    assert answer.cells() == {
        "": "mid",
        "probability_low": 0.2,
        "probability_mid": 0.5,
        "probability_high": 0.3,
    }


def test_classes_whose_names_look_alike_keep_their_own_probabilities():
    task = Classification(name="status", classes=("HER2-", "HER2+", "unclear"))
    rng = np.random.default_rng(0)
    truths = rng.integers(0, 3, 30)
    raws = rng.dirichlet(np.ones(3), 30).astype(np.float32)
    cases = [
        task.score_case(int(t), task.decode(raw), None).facts for t, raw in zip(truths, raws, strict=True)
    ]
    plain = task.model_copy(update={"classes": ("a", "b", "c")})
    others = [
        plain.score_case(int(t), plain.decode(raw), None).facts for t, raw in zip(truths, raws, strict=True)
    ]
    assert len(cases[0]) == 5
    assert task.score_set(pd.DataFrame(cases)) == plain.score_set(pd.DataFrame(others))


def test_balanced_weights_by_hand(dataset):
    train = with_labels(dataset, "diagnosis", ["benign"] * 6 + ["normal"] * 2)
    task = Classification(name="diagnosis", class_weights="balanced").adapt(train)
    assert task.classes == ("normal", "benign", "malignant")
    assert task.counts == (2, 6, 0)
    assert task._weights() == pytest.approx((8 / (2 * 2), 8 / (2 * 6), 0.0))
    assert task.loss().class_weights == pytest.approx([2, 2 / 3, 0])


def test_balanced_weights_are_of_labelled_train_cases_only(dataset, settings):
    """One of five train cases is unlabelled; val and test have the class that train lacks."""
    labels = ["benign"] * 3 + ["normal", None] + ["malignant"] * 7
    records = [
        replace(record, labels={} if label is None else {"diagnosis": label, "side": "left"})
        for record, label in zip(dataset, labels, strict=True)
    ]
    tasks = [
        Classification(name="diagnosis", class_weights="balanced"),
        Ordinal(name="grade", target="diagnosis", class_weights="balanced"),
        Multilabel(name="signs", targets=("side",), class_weights="balanced"),
    ]
    options = {name: value for name, value in settings.items() if name != "progress"}
    parts = split_dataset(dataset.only(records), SplitSettings())
    adapted = make_session(make_config(dataset.description, tasks, **options), parts).trainer.tasks
    for task in adapted[:2]:
        assert task.loss().class_weights == pytest.approx([4 / (2 * 1), 4 / (2 * 3), 0])
    assert adapted[2].loss().class_weights == [[1, 0]]


def test_weights_by_class_need_one_each(dataset):
    with pytest.raises(ConfigError, match="expected 3 `class_weights`, one per class, received 2"):
        Classification(name="diagnosis", class_weights=(1.0, 2.0)).adapt(dataset)
    task = Classification(name="diagnosis", class_weights=(1.0, 2.0, 3.0)).adapt(dataset)
    assert task.loss().class_weights == [1, 2, 3]


def test_kind_and_column_must_fit(dataset):
    with pytest.raises(ConfigError, match="'size_mm' has no `classes`"):
        Classification(name="size_mm").adapt(dataset)
    with pytest.raises(
        ConfigError, match="'diagnosis' contains words, not numbers; make the task a classification"
    ):
        Regression(name="diagnosis").adapt(dataset)


def test_set_scores_of_classes_by_hand():
    raws = {"low": [0.8, 0.1, 0.1], "mid": [0.1, 0.6, 0.3], "high": [0.2, 0.2, 0.6]}
    pairs = [("low", "low"), ("low", "low"), ("low", "mid"), ("mid", "mid"), ("high", "mid")]
    facts = [
        THREE.score_case(THREE.classes.index(truth), THREE.decode(np.array(raws[answer], "f")), None).facts
        for truth, answer in pairs
    ]
    scores = THREE.score_set(pd.DataFrame(facts))
    assert scores["accuracy"] == pytest.approx(3 / 5)
    assert "majority_accuracy" not in scores  # the counts of train are not known
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert scores["f1"] == pytest.approx((0.8 + 0.5 + 0) / 3)
    stated = [0.8, 0.8, 0.1, 0.6, 0.3]  # probabilities of the true class
    assert scores["log_loss"] == pytest.approx(-np.mean(np.log(stated)), rel=1e-5)
    low, mid, high = 0.2**2 + 2 * 0.1**2, 0.4**2 + 0.1**2 + 0.3**2, 0.7**2 + 0.1**2 + 0.6**2
    missed_low = 0.9**2 + 0.6**2 + 0.3**2
    assert scores["brier"] == pytest.approx((2 * low + missed_low + mid + high) / 5, rel=1e-5)
    # chance: 3/5 * 2/5 + 1/5 * 3/5 + 0
    assert scores["kappa"] == pytest.approx((3 / 5 - 9 / 25) / (1 - 9 / 25))
    # bins of 0.8 (both right) and 0.6 (1 of 3 right)
    assert scores["calibration_error"] == pytest.approx((2 * 0.2 + 3 * (0.6 - 1 / 3)) / 5, rel=1e-5)
    assert "sensitivity" not in scores
    assert not THREE.is_headline("log_loss")


@pytest.mark.parametrize(("counts", "expected"), [((9, 2), 0.0), ((2, 9), 1.0), ((4, 4), 0.0), ((), None)])
def test_the_majority_class_is_that_of_train(counts, expected):
    """A test set of malignant cases alone does not make "always malignant" the baseline of a benign training."""
    task = Classification(name="diagnosis", classes=("benign", "malignant"), counts=counts)
    facts = [task.score_case(1, task.decode(np.array([p], "f")), None).facts for p in (0.9, 0.2, 0.6)]
    assert task.score_set(pd.DataFrame(facts)).get("majority_accuracy") == expected


@pytest.mark.parametrize("seed", range(3))
def test_the_majority_class_is_fixed_in_every_resample(seed):
    """Against an independent mean over the cases; the maximum of each resample would be a larger number."""
    rng = np.random.default_rng(seed)
    counts = tuple(rng.integers(1, 9, 3).tolist())
    task = THREE.model_copy(update={"counts": counts})
    truths = rng.integers(0, 3, 12)
    raws = rng.dirichlet(np.ones(3), 12).astype("f")
    rows = zip(truths, raws, strict=True)
    facts = pd.DataFrame([task.score_case(int(t), task.decode(raw), None).facts for t, raw in rows])
    majority = counts.index(max(counts))
    for _ in range(20):
        drawn = rng.integers(0, 12, 12)
        found = task.score_set(facts.iloc[drawn])["majority_accuracy"]
        assert found == pytest.approx((truths[drawn] == majority).mean())


def test_two_classes_have_sensitivity_and_specificity():
    task = Classification(name="diagnosis", classes=("benign", "malignant"), counts=(5, 5))
    pairs = [(1, 0.9), (1, 0.2), (1, 0.5), (0, 0.7), (0, 0.1)]
    facts = [task.score_case(truth, task.decode(np.array([p], "f")), None).facts for truth, p in pairs]
    scores = task.score_set(pd.DataFrame(facts))
    assert scores["sensitivity"] == pytest.approx(2 / 3)
    assert scores["specificity"] == pytest.approx(1 / 2)
    benign = task.score_set(pd.DataFrame(facts[3:]))
    assert np.isnan(benign["sensitivity"])
    assert np.isnan(benign["average_precision"])
    assert benign["specificity"] == pytest.approx(1 / 2)
