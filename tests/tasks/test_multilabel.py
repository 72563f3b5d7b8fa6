"""Multilabel tasks with unknown labels: targets, scores and pictures, by hand and against scikit-learn."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from pydantic import ValidationError

from unet_mtl import Multilabel
from unet_mtl.data.description import ColumnDescription
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation.summary import make_table, summarise_task
from unet_mtl.plots.overlay import new_figure
from unet_mtl.tasks.yes_no_labels import UNKNOWN
from unet_mtl.tasks.yes_no_scores import LABEL_SCORES

TASK = Multilabel(
    name="signs",
    targets=("Mass", "side", "scar"),
    classes=(("no", "yes"), ("left", "right"), ("absent", "present")),
    counts=((6, 2), (0, 5), (3, 3)),
    threshold=0.4,
)
KEYS = ("mass", "side", "scar")


def make_cases(n=60, seed=0, known=0.7):
    """Return truth with unknown labels, outputs that correlate with it, and facts."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (n, 3)).astype(np.uint8)
    raws = np.clip(0.3 * truth + 0.7 * rng.random((n, 3)), 0, 1).astype(np.float32)
    truth[rng.random((n, 3)) > known] = UNKNOWN
    truth[(truth == UNKNOWN).all(axis=1), 0] = 1
    cases = {
        f"c{i}": TASK.score_case(t, TASK.decode(raw), None)
        for i, (t, raw) in enumerate(zip(truth, raws, strict=True))
    }
    return truth, raws, cases


def facts_of(cases):
    return pd.DataFrame([dict(case.facts) for case in cases.values()])


def test_decode_by_hand():
    answer = TASK.decode(np.array([0.4, 0.39, 0.9], np.float32))
    assert answer.answers == ("yes", "left", "present")
    assert answer.cells() == {
        "mass": "yes",
        "mass_probability": 0.4,
        "side": "left",
        "side_probability": 0.39,
        "scar": "present",
        "scar_probability": 0.9,
    }
    assert answer.title() == "signs: Mass (0.40), scar (0.90)"
    assert TASK.decode(np.zeros(3, np.float32)).title() == "signs: none"


def test_truth_in_words():
    assert TASK.truth_title(np.array([1, UNKNOWN, 0], np.uint8)) == "Mass, side?"
    assert TASK.truth_title(np.zeros(3, np.uint8)) == "none"


def test_the_weight_is_the_share_that_is_known():
    for truth, share in [([1, 0, 1], 1), ([1, UNKNOWN, 0], 2 / 3), ([UNKNOWN, UNKNOWN, 0], 1 / 3)]:
        target, weight = TASK.encode(np.array(truth, np.uint8), (8, 8))
        assert target.tolist() == truth
        assert weight == pytest.approx(share)
    target, weight = TASK.encode(None, (8, 8))
    assert (target.tolist(), weight) == ([UNKNOWN] * 3, 0.0)


def test_the_loss_is_the_mean_over_all_known_labels():
    truth, raws, _ = make_cases()
    weights = np.array([TASK.encode(t, (8, 8))[1] for t in truth], np.float32)
    known = truth != UNKNOWN
    expected = -np.log(np.where(truth == 1, raws, np.maximum(1 - raws, 1e-7)))[known].mean()
    assert float(TASK.loss()(truth, raws, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)
    assert TASK.loss().class_weights is None


def test_balanced_weights_by_hand():
    loss = TASK.model_copy(update={"class_weights": "balanced"}).loss()
    # 8 cases, 6 without and 2 with a mass; all have the same `side`
    np.testing.assert_allclose(loss.class_weights, [[8 / 12, 8 / 4], [0, 1], [1, 1]])


@pytest.mark.parametrize("seed", range(3))
def test_scores_of_a_label_against_sklearn(seed):
    truth, raws, cases = make_cases(seed=seed)
    scores = TASK.score_set(facts_of(cases))
    for place, key in enumerate(KEYS):
        known = truth[:, place] != UNKNOWN
        true, chance = truth[known, place], raws[known, place]
        found = (chance >= 0.4).astype(int)
        expected = {
            "accuracy": sk.accuracy_score(true, found),
            "f1": sk.f1_score(true, found),
            "sensitivity": sk.recall_score(true, found),
            "specificity": sk.recall_score(true, found, pos_label=0),
            "auroc": sk.roc_auc_score(true, chance),
            "average_precision": sk.average_precision_score(true, chance),
        }
        for score, value in expected.items():
            assert scores[f"{score}_{key}"] == pytest.approx(value), (score, key)
    for score in LABEL_SCORES:
        assert scores[score] == pytest.approx(np.mean([scores[f"{score}_{key}"] for key in KEYS]))
    whole = (truth != UNKNOWN).all(axis=1)
    assert 5 < whole.sum() < 50
    assert scores["exact_match"] == pytest.approx(sk.accuracy_score(truth[whole], raws[whole] >= 0.4))


def test_undefined_scores_are_left_out_of_the_means():
    """`scar` is unknown in all cases, and `side` is "right" in all."""
    truth = np.array([[0, 1, 255], [1, 1, 255], [1, 1, 255], [255, 1, 255]], np.uint8)
    raws = np.array([[0.1, 0.9, 0.2], [0.8, 0.9, 0.9], [0.3, 0.1, 0.5], [0.9, 0.9, 0.9]], np.float32)
    facts = pd.DataFrame(
        [TASK.score_case(t, TASK.decode(raw), None).facts for t, raw in zip(truth, raws, strict=True)]
    )
    scores = TASK.score_set(facts)
    assert all(np.isnan(scores[f"{score}_scar"]) for score in LABEL_SCORES)
    assert np.isnan(scores["exact_match"])
    assert np.isnan(scores["auroc_side"])
    assert np.isnan(scores["specificity_side"])
    assert scores["auroc"] == scores["auroc_mass"] == 1
    assert scores["specificity"] == scores["specificity_mass"] == 1
    assert scores["sensitivity"] == pytest.approx((1 / 2 + 3 / 4) / 2)
    assert scores["accuracy"] == pytest.approx((2 / 3 + 3 / 4) / 2)
    nothing = TASK.score_set(facts.iloc[:0])
    assert all(np.isnan(value) for value in nothing.values())


def test_every_row_has_the_n_of_its_label():
    truth, _, cases = make_cases()
    truth[:, 2] = UNKNOWN
    truth[0, 2] = 1
    cases = {
        case: TASK.score_case(t, TASK.decode(np.full(3, 0.7, np.float32)), None)
        for case, t in zip(cases, truth, strict=True)
        if (t != UNKNOWN).any()
    }
    table = make_table(summarise_task(TASK, cases, {case: case for case in cases}, 0)).set_index("score")
    known = (truth != UNKNOWN).sum(axis=0)
    for place, key in enumerate(KEYS):
        for score in LABEL_SCORES:
            row = table.loc[f"{score}_{key}"]
            assert row["n"] + row["n_undefined"] == known[place], row
    assert table.loc["accuracy_mass", ["n", "n_undefined"]].tolist() == [known[0], 0]
    assert table.loc["auroc_scar", ["n", "n_undefined"]].tolist() == [0, 1]
    assert table.loc["exact_match", "n"] == (truth != UNKNOWN).all(axis=1).sum()
    assert table.loc["f1", "n"] == len(cases)
    # scores of a single patient have no interval
    assert table.loc["accuracy_scar", ["low", "high"]].isna().all()
    assert table.loc["accuracy_mass", ["low", "high"]].notna().all()
    assert table.loc["f1", "label"] == "f1 (mean of labels)"
    assert table.loc["f1_mass", "label"] == "f1_mass"
    assert table.loc["sensitivity_mass", "headline"]
    assert not table.loc["f1_mass", "headline"]


def test_streaming_scores_leave_unknown_labels_out():
    truth, raws, cases = make_cases(40)
    weights = np.array([TASK.encode(t, (8, 8))[1] for t in truth], np.float32)
    metrics = TASK.training_metrics()
    for part in (slice(0, 15), slice(15, 40)):
        for metric in metrics:
            metric.update_state(truth[part], raws[part], sample_weight=weights[part])
    unknown = np.full((2, 3), UNKNOWN, np.uint8)
    for metric in metrics:
        metric.update_state(
            unknown, np.full((2, 3), np.nan, np.float32), sample_weight=np.zeros(2, np.float32)
        )
    scores = TASK.score_set(facts_of(cases))
    assert [metric.name for metric in metrics] == ["signs_auroc", "signs_f1"]
    assert float(metrics[1].result()) == pytest.approx(scores["f1"], abs=1e-6)
    assert float(metrics[0].result()) == pytest.approx(scores["auroc"], abs=1e-3)  # computed from 4096 bins


def with_columns(dataset, columns, labels):
    description = dataset.description.model_copy(update={"columns": columns})
    records = [replace(r, labels=known) for r, known in zip(dataset, labels, strict=False)]
    return replace(dataset, description=description, records=tuple(records))


YES_NO = ColumnDescription(type="yes/no")


def test_classes_and_counts_come_from_train(dataset):
    labels = [{"a": "yes", "b": "right"}, {"a": "no"}, {"a": "yes"}, {"b": "right"}, {}]
    train = with_columns(dataset, {"a": YES_NO, "b": ColumnDescription(classes=("left", "right"))}, labels)
    task = Multilabel(name="signs", targets=("a", "b")).adapt(train)
    assert task.classes == (("no", "yes"), ("left", "right"))
    assert task.counts == ((1, 2), (0, 2))
    read = [task.read(record, train.description) for record in train]
    assert [None if truth is None else truth.tolist() for truth in read] == [
        [1, 1], [0, 255], [1, 255], [255, 1], None
    ]  # fmt: skip
    assert all(truth is None or truth.dtype == np.uint8 for truth in read)


def test_a_label_that_no_train_case_has_is_named(dataset):
    train = with_columns(dataset, {"a": YES_NO, "b": YES_NO}, [{"a": "yes"}, {"a": "no"}])
    with pytest.raises(DataError, match="task 'signs': none of the 2 train cases has a 'b'"):
        Multilabel(name="signs", targets=("a", "b")).adapt(train)


@pytest.mark.parametrize(("column", "received"), [("diagnosis", "3 classes"), ("size_mm", "no `classes`")])
def test_a_label_has_two_classes(dataset, column, received):
    with pytest.raises(
        ConfigError, match=f"column '{column}' has {received}, but a yes-or-no label needs two; describe"
    ):
        Multilabel(name="signs", targets=("side", column)).adapt(dataset)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"targets": ()}, "at least 1 item"),
        ({}, "targets\n  Field required"),
        ({"targets": ("a", "a")}, "column 'a' is listed twice"),
        ({"targets": ("a",), "target": "a"}, "learns several columns; list them in `targets`"),
        ({"targets": ("a",), "threshold": 1.0}, "less than 1"),
        ({"targets": ("a",), "class_weights": (1.0, 2.0)}, "'balanced'"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValidationError, match=message):
        Multilabel(name="signs", **settings)


def test_the_picture_has_the_numbers_of_cases():
    truth = np.array([[1, 1, 255], [1, 1, 255], [0, 1, 255]], np.uint8)
    raws = np.array([[0.9, 0.9, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.1]], np.float32)
    facts = [TASK.score_case(t, TASK.decode(raw), None).facts for t, raw in zip(truth, raws, strict=True)]
    axes = new_figure(5, 4).subplots()
    TASK.draw_set(axes, pd.DataFrame(facts))
    assert [text.get_text() for text in axes.texts] == ["1/2", "2/3", "no case", "1/1", "no case", "no case"]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([1 / 2, 2 / 3, 0, 1, 0, 0])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Mass", "side", "scar"]


def test_a_step_in_keras_own_training_is_the_step_by_hand():
    truth, _, _ = make_cases(8)
    x = np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32)
    weights = np.array([TASK.encode(t, (8, 8))[1] for t in truth], np.float32)
    inputs = keras.Input((4,))
    output = keras.layers.Dense(3, activation="sigmoid", kernel_initializer="zeros", name="signs")(inputs)
    model = keras.Model(inputs, {"signs": output})
    model.compile(
        optimizer=keras.optimizers.SGD(1.0),
        loss={"signs": TASK.loss()},
        weighted_metrics={"signs": TASK.training_metrics()},
    )
    model.train_on_batch(x, {"signs": truth}, sample_weight={"signs": weights})
    by_hand = np.zeros((4, 3))
    known = truth != UNKNOWN
    assert not known.all()
    for case, place in zip(*np.nonzero(known), strict=True):
        by_hand[:, place] -= x[case] * (0.5 - truth[case, place]) / known.sum()
    np.testing.assert_allclose(model.get_weights()[0], by_hand, rtol=1e-4, atol=1e-6)
