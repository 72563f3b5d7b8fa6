"""Counts of contradictions in answers and labels: by hand, in an evaluation, and on the screen."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

import metrics
import unet_mtl as um
from unet_mtl.consistency import Rule, Verdict
from unet_mtl.evaluation.summary import summarise_cases
from unet_mtl.inference.contradictions import CaseVerdicts, Contradictions

RULES = [
    {"mask": "zone", "needs": {"task": "diagnosis", "is_not": "normal"}},
    {"mask": "zone", "needs": {"task": "side", "is": "left"}},
    {"mask": "zone", "diameter": "size", "tolerance": 0.25},
]


def make_rules(*rules):
    return TypeAdapter(tuple[Rule, ...]).validate_python(rules)


@pytest.fixture(scope="module")
def run(with_rules):
    return with_rules(*RULES)


def count(rule, answered, labelled, patients):
    extras = [
        CaseVerdicts((rule,), tuple(of_answers), tuple(of_labels))
        for of_answers, of_labels in zip(answered, labelled, strict=True)
    ]
    return Contradictions([rule], []).count(extras, partial(summarise_cases, patients=patients))


@pytest.mark.usefixtures("all_resamples")
def test_contradictions_are_counted_by_hand():
    """Two patients have two cases each, one of which is not checked, and one patient has one case."""
    (rule,) = make_rules(RULES[0])
    too_much, too_little = (Verdict(way, way) for way in rule.ways)
    answered = [[too_much], [too_much], [Verdict()], [Verdict(unknown="zone unlabelled")], [too_little]]
    labelled = [[Verdict()]] * 2 + [[Verdict(unknown=why)] for why in ("a", "b", "b")]
    table = count(rule, answered, labelled, ["p", "p", "q", "q", "r"])
    assert set(table["rule"]) == {"zone needs diagnosis not normal"}
    table = table.set_index(["of", "contradiction"])
    counts = table[["n_contradictions", "n_checked", "n_not_checked"]]
    assert counts.loc["answers"].to_numpy().tolist() == [[3, 4, 1], [2, 4, 1], [1, 4, 1]]
    assert counts.loc["labels"].to_numpy().tolist() == [[0, 2, 3]] * 3
    assert table.loc["answers", "share"].tolist() == [0.75, 0.5, 0.25]
    row = table.loc[("answers", "any")]
    assert (row["low"], row["high"]) == metrics.share_interval([1, 1, 0, 1], ["p", "p", "q", "r"])
    assert row["why_not_checked"] == "1 zone unlabelled"
    assert table.loc[("labels", "any"), "why_not_checked"] == "1 a, 2 b"
    assert table.loc[("labels", "any"), "share"] == 0
    nothing = count(rule, [[Verdict(unknown="a")]], [[Verdict(unknown="a")]], ["p"])
    assert nothing["share"].isna().all()
    assert (nothing["n_checked"] == 0).all()


def test_evaluation_counts_those_of_answers_and_of_labels(run, dataset):
    evaluation = um.evaluate(run, split="all", progress=False)
    assert "(consistency)" not in set(evaluation.scores["task"])
    table = evaluation.contradictions.set_index(["rule", "of", "contradiction"]).sort_index()
    assert len(table) == 18
    predictor = um.Predictor.load(run)
    drawn, normal, left = [], [], []
    for record in dataset:
        answers = predictor(record.image)
        drawn.append(answers["zone"].mask.any())
        normal.append(answers["diagnosis"].label == "normal")
        left.append(answers["side"].label == "left")
    drawn, normal, left = map(np.array, (drawn, normal, left))
    rows = table.loc["zone needs diagnosis not normal", "answers"]
    wrong = drawn == normal
    assert rows["n_contradictions"].to_dict() == {
        "any": wrong.sum(),
        "mask without finding": (drawn & normal).sum(),
        "finding without mask": (~drawn & ~normal).sum(),
    }
    assert (rows["n_checked"] == 12).all()
    assert rows.loc["any", "share"] == pytest.approx(wrong.mean())
    assert rows.loc["any", "low"] <= rows.loc["any", "share"] <= rows.loc["any", "high"]
    assert table.loc[("zone needs side left", "answers", "any"), "share"] == pytest.approx(
        (drawn != left).mean()
    )
    # Every third case has no mask and is normal, so that the labels of the five cases with both agree.
    labels = table.loc["zone needs diagnosis not normal", "labels", "any"]
    both = [i for i in range(12) if i not in {2, 6, 11} | {1, 3, 5, 9}]
    assert (labels["share"], labels["n_checked"], labels["n_not_checked"]) == (0, len(both), 12 - len(both))
    assert labels["why_not_checked"] == "4 diagnosis unlabelled, 3 zone unlabelled"
    labels = table.loc["zone needs side left", "labels", "any"]
    both = [i for i in range(12) if i not in {2, 6, 11} | {0, 5, 8, 9, 10, 11}]
    opposed = [i for i in both if (i % 3 != 0) != (i % 2 == 0)]
    assert labels["n_checked"] == len(both)
    assert labels["n_contradictions"] == len(opposed)
    cases = pd.read_csv(evaluation.folder / "cases.csv", keep_default_na=False)
    assert cases["contradictions"].str.contains("but diagnosis").tolist() == wrong.tolist()
    named = cases["contradictions_of_labels"].str.contains("but side")
    assert named[named].index.tolist() == opposed
    empty = cases["not_checked"].str.contains("zone measures size: zone empty")
    assert empty.tolist() == (~drawn).tolist()
    kept = json.loads((evaluation.folder / "summary.json").read_text())["contradictions"]
    assert [row["n_contradictions"] for row in kept] == evaluation.contradictions["n_contradictions"].tolist()
    assert "zone needs side left" in str(evaluation)


def test_the_screen_shows_counts_and_ways(run, monkeypatch):
    from unet_mtl.cli import app

    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, ["evaluate", str(run.path), "--split", "train"])
    assert shown.exit_code == 0
    written = json.loads((run.evaluation("train") / "summary.json").read_text())
    table = pd.DataFrame(written["contradictions"])
    heads = shown.output.partition("contradictions")[2]
    for rule in set(table["rule"]):
        assert " ".join(rule.split()[:2]) in heads
    row = table[
        (table["of"] == "answers") & (table["contradiction"] != "any") & (table["n_contradictions"] > 0)
    ]
    words = " ".join(heads.split())
    for way, n in zip(row["contradiction"], row["n_contradictions"], strict=True):
        assert f"{n} {way.split()[0]}" in words
