"""Scores out of fold on random predictions, recomputed with NumPy and scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

import unet_mtl as um
from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError, RunError
from unet_mtl.evaluation import summary
from unet_mtl.inference.case_result import CaseResult
from unet_mtl.studies.folds.evaluation import pool_folds
from unet_mtl.studies.folds.out_of_fold import OutOfFold
from unet_mtl.studies.folds.spread import arrange_by_fold
from unet_mtl.tasks import adapt_tasks

N, FOLDS = 90, (0, 2, 5)
WORDS = ("benign", "malignant")


class StubPredictor:
    """Answers with numbers that were drawn beforehand, and notes which cases it was asked for."""

    add_ons = ()
    inputs = um.Inputs(image=False)

    def __init__(self, tasks, outputs):
        self.tasks, self.outputs, self.asked = tuple(tasks), outputs, []

    def tasks_of(self, case):
        return self.tasks

    def predict(self, cases):
        for case in cases:
            self.asked.append(case.name)
            raw = self.outputs[case.name]
            yield CaseResult(
                case,
                answers={task.name: task.decode(raw[task.name]) for task in self.tasks},
                truths={task.name: task.read(case.record, case.description) for task in self.tasks},
            )


def make_cases(rng, words):
    """Cases of 30 patients; every tenth case has no class, every seventh no size."""
    description = Description(root=Path(), table="t.csv", columns={"word": {"classes": WORDS}, "size": {}})
    records = []
    for i in range(N):
        labels = {"word": words[i]} if i % 10 else {}
        labels |= {"size": float(rng.normal(10, 3))} if i % 7 else {}
        records.append(Record(case=f"c{i}", patient=f"p{i % 30}", image=None, masks={}, labels=labels))
    return Dataset(description, tuple(records))


def make_members(rng, dataset, fold_of):
    tasks = [um.Classification(name="word"), um.Regression(name="size")]
    members = {}
    for number in FOLDS:
        train = dataset.only([record for record in dataset if fold_of[record.case] != number])
        outputs = {
            record.case: {
                "word": rng.random(1).astype(np.float32),
                "size": rng.normal(size=1).astype(np.float32),
            }
            for record in dataset
        }
        members[number] = StubPredictor(adapt_tasks(tasks, train), outputs)
    return members


def measure(words=None, seed=0):
    rng = np.random.default_rng(seed)
    words = rng.choice(WORDS, N) if words is None else words
    dataset = make_cases(rng, words)
    fold_of = {record.case: FOLDS[int(record.patient[1:]) % 3] for record in dataset}
    members = make_members(rng, dataset, fold_of)
    ordered = dataset.only(sorted(dataset, key=lambda record: fold_of[record.case]))
    return pool_folds(OutOfFold(members.__getitem__, fold_of), ordered), ordered, fold_of, members


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Draw few resamples, since the intervals are not tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "RESAMPLES", {"cases": 20, "set": 20})
        yield


@pytest.fixture(scope="module")
def measured(quick):
    return measure()


def answers(measured, label):
    """Return truths, network outputs in the terms of the user, and folds of the cases that have a label."""
    _, dataset, fold_of, members = measured
    truth, predicted, folds = [], [], []
    for record in (record for record in dataset if label in record.labels):
        member = members[fold_of[record.case]]
        task = next(task for task in member.tasks if task.name == label)
        raw = member.outputs[record.case][label]
        if label == "word":
            truth.append(record.labels[label] == "malignant")
            predicted.append(raw[0])
        else:
            (number,) = task.numbers
            truth.append(record.labels[label])
            predicted.append(raw[0] * number.deviation + number.mean)
        folds.append(fold_of[record.case])
    return np.array(truth), np.array(predicted, float), np.array(folds)


def test_each_case_is_asked_once_of_the_network_that_left_it_out(measured):
    evaluation, dataset, fold_of, members = measured
    for number, member in members.items():
        assert member.asked == [record.case for record in dataset if fold_of[record.case] == number]
    assert sorted(evaluation.cases["case"]) == sorted(record.case for record in dataset)
    assert dict(zip(evaluation.cases["case"], evaluation.cases["fold"], strict=True)) == fold_of
    assert evaluation.title.startswith("90 cases measured, each by the network of 3 ")


@pytest.mark.parametrize(
    ("label", "score", "formula"),
    [
        ("word", "auroc", roc_auc_score),
        ("word", "accuracy", lambda true, p: accuracy_score(true, p > 0.5)),
        ("word", "balanced_accuracy", lambda true, p: balanced_accuracy_score(true, p > 0.5)),
        ("size", "absolute_error", lambda true, p: np.abs(p - true).mean()),
        ("size", "rmse", lambda true, p: np.sqrt(((p - true) ** 2).mean())),
        ("size", "r2", lambda true, p: 1 - ((p - true) ** 2).sum() / ((true - true.mean()) ** 2).sum()),
    ],
)
def test_scores_are_pooled_and_spread_over_folds(measured, label, score, formula):
    evaluation = measured[0]
    truth, predicted, folds = answers(measured, label)
    scores = evaluation.scores.set_index(["task", "score"]).loc[(label, score)]
    assert scores["value"] == pytest.approx(formula(truth, predicted), rel=1e-4)
    assert scores["low"] < scores["value"] < scores["high"]
    assert (scores["n"], scores["n_folds"]) == (len(truth), 3)
    by_fold = [formula(truth[folds == number], predicted[folds == number]) for number in FOLDS]
    assert scores["mean_over_folds"] == pytest.approx(np.mean(by_fold), rel=1e-4)
    assert scores["sd_over_folds"] == pytest.approx(np.std(by_fold, ddof=1), rel=1e-4)
    rows = evaluation.by_fold.query("task == @label and score == @score")
    assert list(rows["fold"]) == list(FOLDS)
    assert list(rows["value"]) == pytest.approx(by_fold, rel=1e-4)
    assert list(rows["n"]) == [(folds == number).sum() for number in FOLDS]
    # The cases without a class are those of every tenth patient.
    assert list(rows["n_patients"]) == [9 if label == "word" else 10] * 3


def test_a_baseline_knows_the_train_cases_of_its_fold_alone():
    """The classes of fold 5 are the reverse of the others, so that the majority of its train cases is another one."""
    words = np.array([WORDS[int(i % 3 == 2)] for i in range(N)])
    words[[i for i in range(N) if i % 3 == 1 and i % 2]] = "malignant"
    evaluation, dataset, fold_of, _ = measure(words)
    right = []
    for record in (record for record in dataset if "word" in record.labels):
        train = [
            r.labels["word"]
            for r in dataset
            if "word" in r.labels and fold_of[r.case] != fold_of[record.case]
        ]
        right.append(record.labels["word"] == max(WORDS, key=train.count))
    row = evaluation.scores.set_index("score").loc["majority_accuracy"]
    assert row["value"] == pytest.approx(np.mean(right))
    shared = evaluation.facts["word"]["truth"].value_counts(normalize=True).max()
    assert row["value"] != pytest.approx(shared)


def test_a_fold_without_a_class_has_no_auroc_and_the_others_have():
    words = np.array([WORDS[i % 2] for i in range(N)])
    words[[i for i in range(N) if i % 3 == 0]] = "benign"
    measured = measure(words)
    truth, predicted, folds = answers(measured, "word")
    row = measured[0].scores.set_index("score").loc["auroc"]
    others = [roc_auc_score(truth[folds == number], predicted[folds == number]) for number in FOLDS[1:]]
    assert row["value"] == pytest.approx(roc_auc_score(truth, predicted), rel=1e-5)
    assert (row["n_folds"], row["mean_over_folds"]) == (2, pytest.approx(np.mean(others), rel=1e-5))
    (shown,) = (r for r in arrange_by_fold(measured[0], measured[0].by_fold) if r["score"] == "word auroc")
    assert shown["folds 0, 2, 5"].startswith("undefined, 0.")


def test_a_case_of_no_fold_cannot_be_measured():
    rng = np.random.default_rng(0)
    dataset = make_cases(rng, rng.choice(WORDS, N))
    fold_of = {record.case: FOLDS[int(record.patient[1:]) % 3] for record in dataset}
    members = make_members(rng, dataset, fold_of)
    del fold_of["c7"]
    with pytest.raises(DataError, match="case 'c7' is in no fold"):
        pool_folds(OutOfFold(members.__getitem__, fold_of), dataset)


def test_networks_of_different_tasks_are_refused():
    rng = np.random.default_rng(0)
    dataset = make_cases(rng, rng.choice(WORDS, N))
    fold_of = {record.case: FOLDS[int(record.patient[1:]) % 3] for record in dataset}
    members = make_members(rng, dataset, fold_of)
    members[2].tasks = members[2].tasks[:1]
    with pytest.raises(RunError, match=r"fold 2 has other tasks \(word\) than the first \(word, size\)"):
        OutOfFold(members.__getitem__, fold_of)
