"""Consistency rules: verdicts computed by hand, validation in a config and in Python."""

from dataclasses import replace

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

import unet_mtl as um
from unet_mtl.config import make_config
from unet_mtl.consistency import (
    NO_SPACING,
    CaseStatements,
    Rule,
    Verdict,
    name_contradictions,
    name_unchecked,
    require_rules,
    statements_of_answers,
    statements_of_labels,
)
from unet_mtl.data.resized import Resized
from unet_mtl.errors import ConfigError
from unet_mtl.tasks import MaskPrediction, MultilabelPrediction, OverlapPrediction

RULES = [
    {"mask": "zone", "needs": {"task": "diagnosis", "is_not": "normal"}},
    {"mask": "zone", "needs": {"task": "side", "is": "left"}},
    {"mask": "zone", "diameter": "size", "tolerance": 0.25},
]
BAR = np.array([[0, 1, 1, 1, 1, 0]], bool)
"""Four pixels long."""
DRAWN, EMPTY = {"zone": {"core": BAR}}, {"zone": {"core": BAR & False}}


def make_rules(*rules):
    return TypeAdapter(tuple[Rule, ...]).validate_python(rules)


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        (CaseStatements(DRAWN, {"diagnosis": "benign"}), Verdict()),
        (
            CaseStatements(DRAWN, {"diagnosis": "normal"}),
            Verdict("mask without finding", "zone is drawn but diagnosis is normal"),
        ),
        (
            CaseStatements(EMPTY, {"diagnosis": "benign"}),
            Verdict("finding without mask", "zone is empty but diagnosis is benign"),
        ),
        (CaseStatements(EMPTY, {"diagnosis": "normal"}), Verdict()),
        (CaseStatements({}, {"diagnosis": "normal"}), Verdict(unknown="zone unlabelled")),
        (CaseStatements(DRAWN, {}), Verdict(unknown="diagnosis unlabelled")),
    ],
)
def test_a_mask_and_a_finding(statements, verdict):
    (rule,) = make_rules(RULES[0])
    assert rule.check(statements) == verdict


def test_is_is_the_opposite_of_is_not():
    (rule,) = make_rules(RULES[1])
    assert rule.check(CaseStatements(DRAWN, {"side": "left"})) == Verdict()
    assert rule.check(CaseStatements(DRAWN, {"side": "right"})).words == "zone is drawn but side is right"


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (2.0, Verdict()),
        (2.5, Verdict()),
        (1.5, Verdict()),
        (2.51, Verdict("number above mask", "size is 2.51 mm but zone measures 2 mm")),
        (1.4, Verdict("number below mask", "size is 1.4 mm but zone measures 2 mm")),
    ],
)
def test_a_mask_and_a_diameter(number, verdict):
    (rule,) = make_rules(RULES[2])
    statements = CaseStatements(DRAWN, {}, {"size": number}, (0.5, 0.5))
    assert rule.check(statements) == verdict
    assert rule.check(replace(statements, spacing_mm=None)) == Verdict(unknown=NO_SPACING)
    assert rule.check(replace(statements, masks=EMPTY)) == Verdict(unknown="zone empty")
    assert rule.check(replace(statements, lengths_mm={})) == Verdict(unknown="size unlabelled")
    assert rule.check(replace(statements, masks={})) == Verdict(unknown="zone unlabelled")


def test_rows_and_columns_have_a_spacing_each():
    (rule,) = make_rules(RULES[2] | {"tolerance": 0.01})
    assert rule.check(CaseStatements(DRAWN, {}, {"size": 8.0}, (0.5, 2))) == Verdict()
    assert rule.check(CaseStatements({"zone": {"core": BAR.T}}, {}, {"size": 2.0}, (0.5, 0.25))) == Verdict()


def test_one_class_of_a_mask():
    rim = np.zeros_like(BAR)
    rim[0, 0] = True
    masks = {"zone": {"core": BAR, "rim": rim}}
    core, rim_rule, whole = make_rules(
        *(RULES[2] | {"class": name} for name in ("core", "rim")), RULES[2] | {"tolerance": 0.01}
    )
    statements = CaseStatements(masks, {}, {"size": 4.0}, (1, 1))
    assert core.check(statements) == Verdict()
    # a pixel is 1 long from edge to edge
    assert rim_rule.check(statements).words == "size is 4 mm but rim of zone measures 1 mm"
    assert whole.check(statements).way == "number below mask"  # both together are 5 long
    (needs,) = make_rules(RULES[0] | {"class": "rim"})
    only_core = CaseStatements({"zone": {"core": BAR, "rim": rim & False}}, {"diagnosis": "benign"})
    assert needs.check(only_core).words == "rim of zone is empty but diagnosis is benign"
    assert needs.name == "rim of zone needs diagnosis not normal"
    hidden = CaseStatements({"zone": {"core": BAR, "rim": None}}, {"diagnosis": "benign"})
    assert needs.check(hidden).unknown == "zone unlabelled"
    (any_class,) = make_rules(RULES[0])
    assert any_class.check(hidden) == Verdict()
    assert any_class.check(replace(hidden, masks={"zone": {"core": BAR & False, "rim": None}})).unknown


def test_statements_of_answers():
    mask = np.array([[0, 1, 2]], np.uint8)
    channels = np.array([[[1, 0], [1, 1], [0, 0]]], np.uint8)
    chances = Resized(np.zeros((1, 3, 3), np.float32), (1, 3))
    found = np.array([True])
    statements = statements_of_answers(
        {
            "zone": MaskPrediction(mask=mask, output=chances, classes=("ground", "core", "rim")),
            "layers": OverlapPrediction(mask=channels, output=chances, classes=("ground", "whole", "core")),
            "one": MultilabelPrediction("one", ("mass",), ("yes",), found, np.ones(1, np.float32)),
        }
    )
    assert {name: region.tolist() for name, region in statements.masks["zone"].items()} == {
        "core": [[False, True, False]],
        "rim": [[False, False, True]],
    }
    assert {name: region.tolist() for name, region in statements.masks["layers"].items()} == {
        "whole": [[True, True, False]],
        "core": [[False, True, False]],
    }
    assert statements.classes == {"one": "yes"}


def test_all_contradictions_of_a_case_are_named():
    statements = CaseStatements(DRAWN, {"diagnosis": "normal", "side": "left"}, {"size": 9.0}, (1, 1))
    rules = make_rules(*RULES)
    named = name_contradictions(rule.check(statements) for rule in rules)
    assert named == "zone is drawn but diagnosis is normal; size is 9 mm but zone measures 4 mm"
    lacking = [rule.check(CaseStatements(DRAWN, {"side": "left"}, {"size": 9.0})) for rule in rules]
    assert name_unchecked(rules, lacking) == (
        "zone needs diagnosis not normal: diagnosis unlabelled; zone measures size: pixel spacing unknown"
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"mask": "zone", "needs": {"task": "diagnosis"}}, "give one of `is` and `is_not`"),
        ({"mask": "zone", "needs": {"task": "diagnosis", "is": "a", "is_not": "b"}}, "give one of"),
        (RULES[2] | {"tolerance": 0}, "a share of the mask's diameter, above 0 and up to 1: 0.25 for 25 %"),
        (RULES[2] | {"tolerance": -0.1}, "a share"),
        (RULES[2] | {"tolerance": 25}, "a share"),
        (RULES[2] | {"tolerance": float("nan")}, "a share"),
        ({"mask": "zone", "diameter": "size"}, "tolerance\n.*required"),
        ({"mask": "zone"}, "either `needs` .a finding. or `diameter` .a number."),
        (RULES[0] | RULES[2], "either `needs`"),
        ("zone", "either `needs`"),
        (RULES[0] | {"tolerance": 0.1}, "tolerance\n.*not permitted"),
    ],
)
def test_incomplete_rules_are_refused(rule, words):
    with pytest.raises(ValidationError, match=words):
        make_rules(rule)


def load_with(rules, tasks, dataset, folder):
    config = {"data": str(dataset.description.root), "tasks": [task.to_config() for task in tasks]}
    (folder / "config.yaml").write_text(yaml.safe_dump(config | {"consistency": list(rules)}))
    return um.load_config(folder / "config.yaml")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (RULES[0] | {"mask": "lesion"}, "no task 'lesion'; there is zone, diagnosis, size, side"),
        (RULES[2] | {"diameter": "width"}, "no task 'width'; there is zone, diagnosis, size, side"),
        (RULES[0] | {"mask": "size"}, "task 'size' draws no mask; name a task that does: zone"),
        (RULES[0] | {"class": "shell"}, "task 'zone' draws no class 'shell'; it draws core, rim"),
        (RULES[2] | {"class": "background"}, "task 'zone' draws no class 'background'; it draws core, rim"),
        (
            {"mask": "zone", "needs": {"task": "size", "is": "a"}},
            "'size' does not answer with one class; name a task",
        ),
        ({"mask": "zone", "needs": {"task": "zone", "is": "core"}}, "'zone' does not answer with one class"),
        (
            {"mask": "zone", "needs": {"task": "side", "is": "up"}},
            "'side' has no class 'up'; it has left, right",
        ),
        (RULES[2] | {"diameter": "side"}, "'side' does not answer with one number; name a task"),
        (RULES[2] | {"diameter": "zone"}, "'zone' does not answer with one number"),
    ],
)
def test_rules_about_other_tasks_are_refused(rule, words, tasks, dataset, tmp_path):
    with pytest.raises(ConfigError, match=f"^consistency: .*{words}[^\n]*$"):
        require_rules(make_rules(rule), tasks, dataset.description)
    with pytest.raises(ConfigError, match=words):
        load_with([rule], tasks, dataset, tmp_path)


def test_all_wrong_rules_are_reported_at_once(tasks, dataset):
    wrong = make_rules(
        RULES[0] | {"mask": "a", "needs": {"task": "b", "is": "c"}},
        {"mask": "size", "needs": {"task": "zone", "is": "a"}},
    )
    with pytest.raises(ConfigError) as error:
        require_rules(wrong, tasks, dataset.description)
    assert str(error.value).splitlines() == [
        "consistency: there is no task 'a'; there is zone, diagnosis, size, side",
        "consistency: there is no task 'b'; there is zone, diagnosis, size, side",
        "consistency: task 'size' draws no mask; name a task that does: zone",
        "consistency: task 'zone' does not answer with one class; name a task that does",
    ]


def test_a_rule_is_declared_once(tasks, dataset, tmp_path):
    twice = [RULES[0], RULES[2], RULES[2] | {"tolerance": 0.5}]
    words = "'zone measures size' is declared 2 times; keep one of them"
    with pytest.raises(ConfigError, match=words):
        require_rules(make_rules(*twice), tasks, dataset.description)
    with pytest.raises(ConfigError, match=words):
        load_with(twice, tasks, dataset, tmp_path)
    require_rules(make_rules(RULES[2], RULES[2] | {"class": "core"}), tasks, dataset.description)


def test_a_config_names_the_place_of_a_wrong_rule(tasks, dataset, tmp_path):
    with pytest.raises(
        ConfigError, match=r"consistency\.0\.\(rule with diameter\)\.tolerance: .*a share.*\(received 0\)"
    ):
        load_with([RULES[2] | {"tolerance": 0}], tasks, dataset, tmp_path)
    with pytest.raises(ConfigError, match=r"consistency\.1: a rule has `mask` and either"):
        load_with([RULES[0], {"mask": "zone"}], tasks, dataset, tmp_path)


def test_centimetres_and_labels_that_are_not_there(adapted, dataset):
    columns = dataset.description.columns
    cm = columns | {"size_mm": columns["size_mm"].model_copy(update={"unit": "cm"})}
    description = dataset.description.model_copy(update={"columns": cm})

    def statements_of(record):
        truths = {task.name: task.read(record, dataset.description) for task in adapted if task.spatial}
        return statements_of_labels(adapted, truths, record, description)

    statements = statements_of(dataset.records[0])
    assert statements.lengths_mm == {"size": pytest.approx(10.0)}
    assert statements.classes == {"diagnosis": "normal"}
    assert not any(region.any() for region in statements.masks["zone"].values())
    assert "zone" not in statements_of(dataset.records[2]).masks  # no file


@pytest.mark.parametrize(
    ("stored", "core", "rim"),
    [
        ([[0, 255], [0, 0]], None, None),
        ([[1, 255], [0, 0]], [[True, False], [False, False]], None),
        ([[2, 2], [1, 0]], [[False, False], [True, False]], [[True, True], [False, False]]),
        ([[0, 0], [2, 0]], [[False, False], [False, False]], [[False, False], [True, False]]),
    ],
)
def test_unlabelled_pixels_may_hide_a_class(stored, core, rim, adapted, dataset):
    truths = {"zone": np.array(stored, np.uint8)}
    regions = statements_of_labels(adapted, truths, dataset.records[0], dataset.description).masks["zone"]
    assert {name: None if one is None else one.tolist() for name, one in regions.items()} == {
        "core": core,
        "rim": rim,
    }


def test_the_config_keeps_rules(tasks, dataset):
    config = make_config(dataset.description, tasks, consistency=make_rules(*RULES))
    stored = yaml.safe_load(yaml.safe_dump(config.to_config()))
    assert make_rules(*stored["consistency"]) == config.consistency
    assert make_config(dataset.description, tasks).to_config()["consistency"] == []


def test_rules_are_made_in_python_too():
    needs = um.MaskNeeds(mask="zone", needs=um.Finding(task="diagnosis", is_not="normal"))
    of_class = um.MaskMeasures(mask="zone", class_="core", diameter="size", tolerance=0.25)
    left = um.MaskNeeds(mask="zone", needs=um.Finding(task="side", is_="left"))
    assert (needs, left) == make_rules(*RULES[:2])
    assert (of_class,) == make_rules(RULES[2] | {"class": "core"})
    assert make_rules(*(rule.to_config() for rule in (needs, left, of_class))) == (needs, left, of_class)


@pytest.mark.parametrize("unit", ["years", ""])
def test_a_number_without_a_length_is_refused(unit, tasks, dataset):
    columns = dataset.description.columns
    other = dataset.description.model_copy(
        update={"columns": columns | {"size_mm": columns["size_mm"].model_copy(update={"unit": unit})}}
    )
    words = "in 'years', not in a unit of length" if unit else "without a unit of length"
    with pytest.raises(
        ConfigError, match=f"'size' is {words}; give `unit` of its column in dataset.yaml, one of mm, cm"
    ):
        require_rules(make_rules(RULES[2]), tasks, other)
