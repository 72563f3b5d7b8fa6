"""The folds before a training: contradictions of settings, and folds that cannot be trained."""

from dataclasses import replace

import numpy as np
import pytest

import unet_mtl as um
from unet_mtl.config import make_config
from unet_mtl.data.splits import SplitSettings
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.studies.folds.plans import choose_folds, find_absent_classes, plan_folds
from unet_mtl.tasks import adapt_tasks
from unet_mtl.training import session as sessions
from unet_mtl.training.inputs import make_inputs

ANEW = SplitSettings(column="ratio")


def configure(dataset, tasks=None, **settings):
    tasks = tasks or [um.Classification(name="diagnosis"), um.Regression(name="size", target="size_mm")]
    return make_config(dataset.description, tasks, **({"split": ANEW} | settings))


def with_labels(dataset, **columns):
    """Return the data set with other labels, one for each case by column; None for an unknown one."""
    records = []
    for index, record in enumerate(dataset):
        new = {name: values[index] for name, values in columns.items()}
        labels = {k: v for k, v in (dict(record.labels) | new).items() if v is not None}
        records.append(replace(record, labels=labels))
    described = {name: {} for name in columns if name not in dataset.description.columns}
    description = dataset.description
    if described:
        content = description.model_dump() | {"columns": dict(description.columns) | described}
        description = type(description).model_validate(content)
    return replace(dataset, description=description, records=tuple(records))


def plan(dataset, config=None, **choice):
    config = choose_folds(config or configure(dataset), choice.get("folds"), choice.get("fold_column"))
    return plan_folds(config, dataset)


@pytest.mark.parametrize(
    ("split", "choice", "problem"),
    [
        (
            {"column": "ratio", "table": "s.csv"},
            {"folds": 5},
            "split.table=s.csv contradicts `folds` 5; set split.table=null",
        ),
        (
            {"column": "ratio", "folds": 5, "fold": 2},
            {"folds": 5},
            "split.fold=2 is one fold, and all of them are trained",
        ),
        (
            {"column": "ratio", "folds": 4},
            {"folds": 5},
            "split.folds=4 contradicts `folds` 5; set split.folds=null",
        ),
        (
            {"column": "ratio", "fold_column": "kFold"},
            {"folds": 5},
            "split.fold_column=kFold contradicts `folds` 5",
        ),
        (
            {"column": "ratio", "fold_column": "kFold"},
            {"fold_column": "site"},
            "contradicts `fold_column` site",
        ),
        ({}, {"folds": 5}, "split column 'split', which `folds` 5 would ignore"),
        ({"column": "ratio"}, {"folds": 1}, "`folds` is 1; expected 2 or more"),
        ({"column": "ratio"}, {}, "expected `folds` or `fold_column`, received neither"),
        ({"column": "ratio"}, {"folds": 5, "fold_column": "kFold"}, "received both"),
    ],
)
def test_contradictions_are_refused_with_a_cure(dataset, split, choice, problem):
    with pytest.raises(ConfigError) as raised:
        plan(dataset, configure(dataset, split=split), **choice)
    assert problem in str(raised.value)


@pytest.mark.parametrize("split", [{"folds": 4}, {"fold_column": "kFold"}])
def test_settings_that_say_the_same_are_no_contradiction(dataset, split):
    dataset = with_labels(dataset, kFold=[float(i % 4) for i in range(12)])
    choice = {"folds": 4} if "folds" in split else {"fold_column": "kFold"}
    table, planned = plan(dataset, configure(dataset, split={"column": "ratio"} | split), **choice)
    assert len(planned) == table["fold"].nunique() == 4


@pytest.mark.parametrize("folds", [2, 3, 4])
def test_each_fold_is_test_once_and_nobody_is_on_two_sides(dataset, folds):
    shared = replace(dataset, records=tuple(replace(r, patient=f"p{i // 2}") for i, r in enumerate(dataset)))
    table, planned = plan(shared, configure(shared, [um.Classification(name="diagnosis")]), folds=folds)
    assert [p.number for p in planned] == list(range(1, folds + 1))
    assert list(table["case"]) == [record.case for record in shared]
    for p in planned:
        in_fold = set(table["case"][table["fold"] == p.number])
        assert {record.case for record in p.parts["test"]} == in_fold
        patients = [{record.patient for record in part} for part in p.parts.values()]
        assert sum(map(len, patients)) == len(set().union(*patients)) == 6
        assert all(patients)
    again, _ = plan(shared, configure(shared, [um.Classification(name="diagnosis")]), folds=folds)
    assert again.equals(table)


def test_a_patient_in_two_folds_of_a_column_is_named_with_them(dataset):
    shared = replace(
        dataset,
        records=tuple(replace(r, patient="p00" if i == 4 else r.patient) for i, r in enumerate(dataset)),
    )
    with_folds = with_labels(shared, kFold=[float(i % 3 + 1) for i in range(12)])
    with pytest.raises(
        DataError, match=r"^patient 'p00' is in folds 1 and 2 of column 'kFold'; a patient belongs"
    ):
        plan(with_folds, fold_column="kFold")


def test_a_case_without_a_fold_is_named(dataset):
    folds = [float(i % 3) for i in range(11)] + [None]
    with pytest.raises(DataError, match="case 'case_11': fold is ''; expected a whole number"):
        plan(with_labels(dataset, kFold=folds), fold_column="kFold")
    with pytest.raises(DataError, match="no column 'kFold' in the description; add `kFold: "):
        plan(dataset, fold_column="kFold")


def test_more_folds_than_patients_are_refused(dataset):
    with pytest.raises(
        DataError, match="12 patients in 12 cases cannot be divided into 13 folds; set `folds` to 12 or less"
    ):
        plan(dataset, folds=13)


def test_a_fold_without_which_a_task_has_no_label_is_refused_before_the_training(dataset):
    """The only sizes are in fold 2, which is test for its own network, and val for that of fold 1."""
    sizes = [4.0 if i % 3 == 1 else None for i in range(12)]
    changed = with_labels(dataset, kFold=[float(i % 3 + 1) for i in range(12)], size_mm=sizes)
    with pytest.raises(DataError) as raised:
        plan(changed, fold_column="kFold")
    (problem,) = raised.value.problems
    assert problem.startswith("folds 1, 2: task 'size': none of the 4 train cases has")


def test_a_class_that_a_fold_lacks_is_named(dataset):
    """Class malignant is in fold 1 only."""
    words = ["malignant" if i % 3 == 0 else ["normal", "benign"][i // 3 % 2] for i in range(12)]
    changed = with_labels(dataset, kFold=[float(i % 3 + 1) for i in range(12)], diagnosis=words)
    _, planned = plan(changed, configure(changed, [um.Classification(name="diagnosis")]), fold_column="kFold")
    lines = find_absent_classes(planned, ["diagnosis"])
    assert (
        "fold 2: no case of diagnosis malignant; scores that need it, such as AUROC, are undefined in this fold"
        in lines
    )
    # Fold 1 is test for its own network, and val for that of fold 3, which thus does not learn it either.
    assert "the train cases of fold 1: no case of diagnosis malignant; its network cannot learn it" in lines
    assert "the train cases of fold 3: no case of diagnosis malignant; its network cannot learn it" in lines
    malignant = [line for line in lines if "malignant" in line]
    assert not [line for line in malignant if line.startswith(("fold 1", "the train cases of fold 2"))]
    assert find_absent_classes(planned, ["size_mm"]) == []


@pytest.fixture(scope="module")
def planted(dataset):
    """Numbers of fold 1 are a thousand times as large, so that every constant that is fitted to it shows it."""
    folds = [float(i % 3 + 1) for i in range(12)]
    sizes = [1000.0 * (i + 1) if i % 3 == 0 else 1.0 + i for i in range(12)]
    words = ["normal" if i % 3 == 0 else ["benign", "malignant"][i % 2] for i in range(12)]
    return with_labels(dataset, kFold=folds, size_mm=sizes, diagnosis=words, age=[10 * s for s in sizes])


def find_leaks(session, train):
    """Return the constants of a training that are not those of its train cases, computed with NumPy."""
    size, word = (next(task for task in session.tasks if task.name == name) for name in ("size", "diagnosis"))
    ((number,), (table,)) = size.numbers, session.train.inputs.tables
    sizes, ages = (np.array([record.labels[name] for record in train]) for name in ("size_mm", "age"))
    words = [record.labels["diagnosis"] for record in train]
    (age,) = table.columns
    checks = {
        "mean of size": (number.mean, sizes.mean()),
        "deviation of size": (number.deviation, sizes.std()),
        "mean of age": (age.mean, ages.mean()),
        "deviation of age": (age.deviation, ages.std()),
    }
    leaks = [name for name, (found, expected) in checks.items() if found != pytest.approx(expected, rel=0.1)]
    counts = tuple(words.count(name) for name in word.classes)
    return leaks + (["counts of classes"] if tuple(word.counts) != counts else [])


@pytest.mark.parametrize("leaking", [False, True])
def test_constants_are_fitted_to_the_train_cases_of_each_fold(planted, monkeypatch, leaking):
    tasks = [
        um.Regression(name="size", target="size_mm", inputs=["record"]),
        um.Classification(name="diagnosis", inputs=["record"]),
    ]
    config = configure(
        planted,
        tasks,
        inputs={"record": {"columns": ["age"]}},
        network={"trunk": [2]},
        precision="float32",
    )
    _, planned = plan(planted, config, fold_column="kFold")
    if leaking:
        monkeypatch.setattr(
            sessions, "adapt_tasks", lambda tasks, train, views: adapt_tasks(tasks, planted, views)
        )
        monkeypatch.setattr(sessions, "make_inputs", lambda config, train: make_inputs(config, planted))
    session = sessions.make_session(planned[0].config, planned[0].parts)
    leaks = find_leaks(session, planned[0].parts["train"])
    assert bool(leaks) == leaking
    assert len(leaks) == (5 if leaking else 0)
