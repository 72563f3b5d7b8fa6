"""Answers that contradict each other: each rule by hand, in a config, in evaluation and in predictions."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from pydantic import TypeAdapter, ValidationError

import unet_mtl as um
from unet_mtl.consistency import Rule, Said, _drawn, name_contradictions, require_rules, said_by_labels
from unet_mtl.errors import ConfigError
from unet_mtl.runs import RunFolder
from unet_mtl.training.plan import Plan

RULES = [
    {"mask": "zone", "needs": {"task": "diagnosis", "is_not": "normal"}},
    {"mask": "zone", "needs": {"task": "side", "is": "left"}},
    {"mask": "zone", "diameter": "size", "tolerance": 0.25},
]
BAR = np.array([[0, 1, 1, 1, 1, 0]], bool)
"""Four pixels long."""


def make_rules(*rules):
    return TypeAdapter(tuple[Rule, ...]).validate_python(rules)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Said({"zone": BAR}, {"diagnosis": "benign"}), ""),
        (Said({"zone": BAR}, {"diagnosis": "normal"}), "zone is drawn but diagnosis is normal"),
        (Said({"zone": BAR & False}, {"diagnosis": "benign"}), "zone is empty but diagnosis is benign"),
        (Said({"zone": BAR & False}, {"diagnosis": "normal"}), ""),
        (Said({}, {"diagnosis": "normal"}), None),
        (Said({"zone": BAR}, {}), None),
    ],
)
def test_a_mask_and_a_finding(said, words):
    (rule,) = make_rules(RULES[0])
    assert rule.check(said) == words


def test_is_is_the_opposite_of_is_not():
    (rule,) = make_rules(RULES[1])
    assert rule.check(Said({"zone": BAR}, {"side": "left"})) == ""
    assert rule.check(Said({"zone": BAR}, {"side": "right"})) == "zone is drawn but side is right"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (2.0, ""),
        (2.5, ""),
        (1.5, ""),
        (2.51, "size is 2.51 mm but zone measures 2 mm"),
        (1.4, "size is 1.4 mm but zone measures 2 mm"),
    ],
)
def test_a_mask_and_a_diameter(number, words):
    (rule,) = make_rules(RULES[2])
    said = Said({"zone": BAR}, {}, {"size": number}, (0.5, 0.5))
    assert rule.check(said) == words
    assert rule.check(replace(said, spacing_mm=None)) is None
    assert rule.check(replace(said, masks={"zone": BAR & False})) is None
    assert rule.check(replace(said, millimetres={})) is None


def test_all_contradictions_of_a_case_are_named():
    said = Said({"zone": BAR}, {"diagnosis": "normal", "side": "left"}, {"size": 9.0}, (1, 1))
    named = name_contradictions(rule.check(said) for rule in make_rules(*RULES))
    assert named == "zone is drawn but diagnosis is normal; size is 9 mm but zone measures 4 mm"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"mask": "zone", "needs": {"task": "diagnosis"}}, "give one of `is` and `is_not`"),
        ({"mask": "zone", "needs": {"task": "diagnosis", "is": "a", "is_not": "b"}}, "give one of"),
        ({"mask": "zone", "diameter": "size", "tolerance": 0}, "greater than 0"),
        ({"mask": "zone", "diameter": "size"}, "tolerance\n.*required"),
        ({"mask": "zone"}, "needs\n.*required"),
    ],
)
def test_rules_that_say_nothing_are_refused(rule, words):
    with pytest.raises(ValidationError, match=words):
        make_rules(rule)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (RULES[0] | {"mask": "lesion"}, "no task 'lesion'; there is zone, diagnosis, size, side"),
        (RULES[0] | {"mask": "size"}, "task 'size' draws no mask"),
        ({"mask": "zone", "needs": {"task": "size", "is": "a"}}, "'size' does not answer with one class"),
        (
            {"mask": "zone", "needs": {"task": "side", "is": "up"}},
            "'side' has no class 'up'; it has left, right",
        ),
        (RULES[2] | {"diameter": "side"}, "'side' does not answer with one number"),
    ],
)
def test_rules_about_other_tasks_are_refused(rule, words, tasks, dataset, tmp_path):
    with pytest.raises(ConfigError, match=f"consistency: .*{words}"):
        require_rules(make_rules(rule), tasks, dataset.description)
    config = {"data": str(dataset.description.root), "tasks": [task.to_config() for task in tasks]}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config | {"consistency": [rule]}))
    with pytest.raises(ConfigError, match=words):
        um.load_config(tmp_path / "config.yaml")


def test_a_number_without_a_length_is_refused(tasks, dataset):
    columns = dataset.description.columns
    other = dataset.description.model_copy(
        update={"columns": columns | {"size_mm": columns["size_mm"].model_copy(update={"unit": "years"})}}
    )
    with pytest.raises(ConfigError, match="'size' is in 'years', not in a unit of length: mm, cm"):
        require_rules(make_rules(RULES[2]), tasks, other)


def test_centimetres_and_unlabelled_pixels(adapted, dataset):
    columns = dataset.description.columns
    cm = columns | {"size_mm": columns["size_mm"].model_copy(update={"unit": "cm"})}
    description = dataset.description.model_copy(update={"columns": cm})

    def said_of(record):
        truths = {task.name: task.read(record, dataset.description) for task in adapted if task.spatial}
        return said_by_labels(adapted, truths, record, description)

    said = said_of(dataset.records[0])
    assert said.millimetres == {"size": pytest.approx(10.0)}
    assert said.words == {"diagnosis": "normal"}
    assert not said.masks["zone"].any()
    assert "zone" not in said_of(dataset.records[2]).masks  # no file
    half = np.array([[0, 255], [0, 0]], np.uint8)
    assert _drawn(half) is None
    np.testing.assert_array_equal(_drawn(np.array([[1, 255]], np.uint8)), [[True, False]])
    np.testing.assert_array_equal(_drawn(np.array([[[0, 1], [0, 0]]], np.uint8)), [[True, False]])


def test_the_config_keeps_rules(tasks, dataset):
    plan = Plan.of(tasks, consistency=make_rules(*RULES))
    config = yaml.safe_load(yaml.safe_dump(plan.to_config(dataset)))
    assert make_rules(*config["consistency"]) == plan.consistency
    assert Plan.of(tasks).to_config(dataset)["consistency"] == []


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    """The trained run, as if it had been given the rules."""
    path = tmp_path_factory.mktemp("consistency") / "run"
    shutil.copytree(trained.path, path)
    run = RunFolder(path)
    run.config.write_text(yaml.safe_dump(run.read_config() | {"consistency": RULES}))
    return run


def test_evaluation_counts_those_of_answers_and_of_labels(run, dataset):
    evaluation = um.evaluate(run, split="all", progress=False)
    table = evaluation.scores[evaluation.scores["task"] == "(consistency)"].set_index("score")
    assert len(table) == 6
    predictor = um.Predictor.load(run)
    drawn, normal, left = [], [], []
    for record in dataset:
        answers = predictor(record.image)
        drawn.append(answers["zone"].mask.any())
        normal.append(answers["diagnosis"].label == "normal")
        left.append(answers["side"].label == "left")
    row = table.loc["contradictions: zone needs diagnosis not normal"]
    wrong = np.array(drawn) == np.array(normal)
    assert (row["n"], row["n_undefined"]) == (12, 0)
    assert row["value"] == pytest.approx(wrong.mean())
    assert row["low"] <= row["value"] <= row["high"]
    assert table.loc["contradictions: zone needs side left", "value"] == pytest.approx(
        (np.array(drawn) != np.array(left)).mean()
    )
    # every third case has no mask and is normal: labels agree, of the five cases with both
    labels = table.loc["contradictions of labels: zone needs diagnosis not normal"]
    both = [i for i in range(12) if i not in {2, 6, 11} | {1, 3, 5, 9}]
    assert (labels["value"], labels["n"], labels["n_undefined"]) == (0, len(both), 12 - len(both))
    labels = table.loc["contradictions of labels: zone needs side left"]
    both = [i for i in range(12) if i not in {2, 6, 11} | {0, 5, 8, 9, 10, 11}]
    assert labels["n"] == len(both)
    assert labels["value"] == pytest.approx(np.mean([(i % 3 != 0) != (i % 2 == 0) for i in both]))
    found = pd.read_csv(evaluation.folder / "cases.csv", keep_default_na=False)["contradictions"]
    assert found.str.contains("but diagnosis").tolist() == wrong.tolist()


def test_predict_names_them(run, data_folder, tmp_path):
    table = um.predict(run, [data_folder / "images"], tmp_path / "out", progress=False)
    for _, row in table.iterrows():
        name = row["image"].rpartition("/")[2]
        drawn = np.asarray(Image.open(tmp_path / "out" / "zone" / name)).any()
        assert ("but diagnosis" in row["contradictions"]) == (drawn == (row["diagnosis"] == "normal"))
    written = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False)
    assert written["contradictions"].tolist() == table["contradictions"].tolist()


def test_a_run_without_rules_has_no_column(trained, data_folder, tmp_path):
    table = um.predict(trained, [data_folder / "images" / "case_00.png"], tmp_path / "out", progress=False)
    assert "contradictions" not in table
