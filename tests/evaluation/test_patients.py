"""Answers for patients against pandas and scikit-learn on random answers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from unet_mtl.errors import ConfigError
from unet_mtl.evaluation.analyses import Analyses
from unet_mtl.evaluation.patients import evaluate_patients
from unet_mtl.tasks import Multilabel, Ordinal, make_task
from unet_mtl.tasks.predictions import keys_of
from unet_mtl.tasks.yes_no_scores import collect_facts

from .made_records import MASK, TASKS, make_records


@pytest.fixture(scope="module")
def made():
    """Return records of 40 patients with 3 images each, whose images have one class."""
    records, patients = make_records(120, per_patient=3)
    for case, scored in records.scores["diagnosis"].items():
        first = f"c{int(case[1:]) // 3 * 3:03d}"
        scored.facts["truth"] = records.scores["diagnosis"][first].facts["truth"]
    return records, patients


def images_of(records, patients):
    facts = pd.DataFrame([dict(s.facts) for s in records.scores["diagnosis"].values()])
    return facts.assign(patient=list(patients.values()))


@pytest.mark.parametrize(("how", "reduce"), [("mean", "mean"), ("max", "max"), ("most_suspicious", "max")])
def test_probabilities_of_two_classes_are_pooled(made, how, reduce):
    records, patients = made
    images = images_of(records, patients).groupby("patient")
    expected = images["probability_malignant"].agg(reduce)
    truth = images["truth"].first() == "malignant"
    found = evaluate_patients(TASKS[:2], records, patients, how)
    table = found.cases.set_index("patient")
    np.testing.assert_allclose(table["diagnosis_probability_malignant"], expected, atol=2e-6)
    assert (table["n_images"] == 3).all()
    assert found.value("diagnosis", "auroc") == pytest.approx(roc_auc_score(truth, expected), abs=1e-3)
    assert found.value("diagnosis", "accuracy") == pytest.approx(((expected >= 0.5) == truth).mean())
    assert set(found.scores.loc[found.scores["task"] == "diagnosis", "n"]) == {40}


def test_numbers_are_averaged(made):
    records, patients = made
    sizes = pd.DataFrame([dict(s.facts) for s in records.scores["size"].values()])
    means = sizes.groupby(list(patients.values()))[["truth", "predicted"]].mean()
    found = evaluate_patients(TASKS[2:], records, patients, "max")
    errors = (means["predicted"] - means["truth"]).abs()
    assert found.value("size", "absolute_error") == pytest.approx(errors.mean())
    assert found.value("size", "rmse") == pytest.approx(np.sqrt((errors**2).mean()))
    assert "size: labels of 40 patients contradict each other" in found.title
    assert "40 measured by their mean" in found.title


def test_patients_with_contradicting_classes_are_counted_and_not_measured():
    records, patients = make_records(60, per_patient=2)
    truths = images_of(records, patients).groupby("patient")["truth"].nunique()
    found = evaluate_patients(TASKS[1:2], records, patients, "mean")
    n = int((truths > 1).sum())
    assert n > 5
    assert f"labels of {n} patients contradict each other (" in found.title
    assert f"{n} not measured" in found.title
    assert set(found.scores["n"]) == {30 - n}
    assert list(found.cases["patient"]) == list(truths.index[truths == 1])


def facts_of_grades(probabilities, truth):
    names = [f"probability_{key}" for key in keys_of(["low", "middle", "high"])]
    return pd.DataFrame(probabilities, columns=names).assign(truth=truth)


@pytest.mark.parametrize("method", ["corn", "cumulative"])
def test_grades(method):
    task = Ordinal(name="grade", classes=("low", "middle", "high"), method=method, counts=(1, 1, 1))
    images = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [0.1, 0.85, 0.05]])
    facts = facts_of_grades(images, "middle")
    expected = {
        "mean": images.mean(axis=0),
        "max": np.array([0.1, 0.85, 0.6]) / 1.55,
        "most_suspicious": images[1],
    }
    for how, probabilities in expected.items():
        answer = task.pool_images(facts, how)
        np.testing.assert_allclose(answer.prediction.probabilities, probabilities, atol=1e-6)
        # The median of the distribution.
        assert answer.prediction.label == task.classes[int(np.argmax(np.cumsum(probabilities) > 0.5))]
        assert (answer.truth, answer.differing) == (1, False)


def test_three_classes():
    task = make_task({"kind": "classification", "name": "a", "classes": ("low", "middle", "high")})
    images = np.array([[0.5, 0.3, 0.2], [0.4, 0.1, 0.5], [0.45, 0.5, 0.05]])
    facts = facts_of_grades(images, ["high", "high", "high"])
    assert task.pool_images(facts, "most_suspicious").prediction.label == "high"
    np.testing.assert_allclose(
        task.pool_images(facts, "max").prediction.probabilities, np.array([0.4, 0.5, 0.5]) / 1.4, atol=1e-6
    )


def test_a_finding_that_differs_is_unknown_for_the_patient():
    task = Multilabel(name="f", targets=("x", "y", "z"), classes=(("no", "yes"),) * 3, threshold=0.6)
    rows = [([1, 0, 255], [0.9, 0.1, 0.2]), ([1, 1, 255], [0.5, 0.3, 0.8])]
    facts = pd.DataFrame(
        [
            collect_facts(np.array(truth, np.uint8), task.classes, task.decode(np.array(p, np.float32)))
            for truth, p in rows
        ]
    )
    mean, highest = task.pool_images(facts, "mean"), task.pool_images(facts, "max")
    assert mean.truth.tolist() == [1, 255, 255]
    assert mean.differing
    np.testing.assert_allclose(mean.prediction.probabilities, [0.7, 0.2, 0.5], atol=1e-6)
    assert highest.prediction.answers == ("yes", "no", "yes")


def test_masks_have_no_answer_for_a_patient(dataset):
    with pytest.raises(ConfigError, match="predicts only masks"):
        Analyses.plan(dataset, [MASK], (), "mean")
