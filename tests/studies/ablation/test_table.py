"""The table of an ablation, from evaluations that are written by hand: no network, no training."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from metrics import compare_paired
from unet_mtl.evaluation.summary import Evaluation
from unet_mtl.studies.ablation.comparison import compare_networks, judge
from unet_mtl.tasks import make_task

SIZE = make_task({"kind": "regression", "name": "size"})
GRADE = make_task({"kind": "classification", "name": "grade", "classes": ("a", "b")})


def evaluation(patients, errors=None, right=None):
    """Make an evaluation of errors of a regression and right answers of a classification; NaN and None are no label."""
    names = [f"c{i}" for i in range(len(patients))]
    cases, facts = {"case": names, "patient": patients}, {}
    if errors is not None:
        known = [name for name, error in zip(names, errors, strict=True) if not np.isnan(error)]
        cases["size_absolute_error"] = errors
        facts["size"] = pd.DataFrame({"truth": 0.0, "predicted": 0.0}, index=known)
    if right is not None:
        rows = {name: value for name, value in zip(names, right, strict=True) if value is not None}
        words = {"truth": ["a"] * len(rows), "predicted": ["a" if value else "b" for value in rows.values()]}
        facts["grade"] = pd.DataFrame(words, index=list(rows))
    return Evaluation(pd.DataFrame(), pd.DataFrame(cases), facts)


def several(errors, patients):
    """Make an evaluation of errors of several regressions, by task."""
    names = [f"c{i}" for i in range(len(patients))]
    columns = {f"{name}_absolute_error": values for name, values in errors.items()}
    facts = pd.DataFrame({"truth": 0.0, "predicted": 0.0}, index=names)
    cases = pd.DataFrame({"case": names, "patient": patients} | columns)
    return Evaluation(pd.DataFrame(), cases, dict.fromkeys(errors, facts))


def table_of(measured, tasks=(SIZE,), seconds=None):
    return compare_networks(tasks, measured, seconds or dict.fromkeys(measured, 1.0)).set_index("task")


def test_by_hand():
    patients = ["p", "p", "q", "r"]
    measured = {
        ("together", 7): evaluation(patients, [1.0, 2.0, 3.0, np.nan], [1, 1, None, 0]),
        ("together", 8): evaluation(patients, [1.0, 1.0, 1.0, np.nan], [1, 0, None, 0]),
        ("size", 7): evaluation(patients, [2.0, 3.0, 5.0, np.nan]),
        ("size", 8): evaluation(patients, [2.0, 3.0, 4.0, np.nan]),
        ("grade", 7): evaluation(patients, right=[1, 0, None, 1]),
        ("grade", 8): evaluation(patients, right=[1, 0, None, 1]),
    }
    seconds = {key: 10.0 if key[0] == "together" else 7.0 + key[1] % 7 for key in measured}
    table = table_of(measured, (SIZE, GRADE), seconds)
    size, grade, cost = (table.loc[name] for name in ("size", "grade", "(all)"))
    assert (size["multi"], size["single"]) == pytest.approx((9 / 6, 19 / 6))
    assert (size["seed_low"], size["seed_high"]) == pytest.approx((-2, -4 / 3))
    assert size["difference"] == pytest.approx(-5 / 3)
    assert size["seed_sd"] == pytest.approx(np.sqrt(2) / 3)
    assert (size["n"], size["n_patients"], size["n_undefined"], size["seeds"]) == (3, 2, 0, 2)
    assert (grade["multi"], grade["single"]) == pytest.approx(((1 + 0.5 + 0) / 3, 2 / 3))
    assert (grade["score"], grade["higher_is_better"], grade["n"]) == ("accuracy", True, 3)
    assert (cost["multi"], cost["single"], cost["difference"]) == (10, 15, -5)
    assert (cost["seed_low"], cost["seed_high"]) == (-6, -4)
    assert cost["verdict"] == ""


def test_a_case_that_one_run_leaves_undefined_is_left_out_of_all_and_counted():
    dice = make_task({"kind": "segmentation", "name": "size"})
    patients = list("abc")

    def masks(*values):
        facts = {"size": pd.DataFrame({"x_tp": 0}, index=["c0", "c1", "c2"])}
        cases = pd.DataFrame({"case": ["c0", "c1", "c2"], "patient": patients, "size_dice": values})
        return Evaluation(pd.DataFrame(), cases, facts)

    measured = {
        ("together", 7): masks(0.5, np.nan, 0.5),
        ("together", 8): masks(0.7, 0.0, 0.7),
        ("size", 7): masks(0.5, 0.0, 0.1),
        ("size", 8): masks(0.5, 0.0, 0.1),
    }
    row = table_of(measured, (dice,)).loc["size"]
    assert (row["n"], row["n_undefined"]) == (2, 1)
    assert (row["multi"], row["single"]) == pytest.approx((0.6, 0.3))
    assert (row["seed_low"], row["seed_high"]) == pytest.approx((0.2, 0.4))


@pytest.mark.parametrize(("task", "verdict"), [(SIZE, "worse"), (GRADE, "better")])
def test_the_direction_of_the_score_says_what_is_better(task, verdict):
    patients = [f"p{i:02d}" for i in range(30)]
    higher, lower = ([1] * 30, [0] * 15 + [1] * 15)
    key = "right" if task is GRADE else "errors"
    measured = {
        ("together", 7): evaluation(patients, **{key: [*map(float, higher)]}),
        (task.name, 7): evaluation(patients, **{key: [*map(float, lower)]}),
    }
    assert table_of(measured, (task,)).loc[task.name, "verdict"] == f"{verdict} with this seed"
    swapped = {("together", 7): measured[task.name, 7], (task.name, 7): measured["together", 7]}
    other = {"better": "worse", "worse": "better"}[verdict]
    assert table_of(swapped, (task,)).loc[task.name, "verdict"] == f"{other} with this seed"
    one_owner = {
        name: evaluation(["p"] * 30, **{key: [*map(float, v)]})
        for name, v in zip(measured, (higher, lower), strict=True)
    }
    assert table_of(one_owner, (task,)).loc[task.name, "verdict"] == "no difference shown"


def test_without_a_labelled_test_case_nothing_is_said():
    measured = {(name, 7): evaluation(list("ab"), [np.nan, np.nan]) for name in ("together", "size")}
    row = table_of(measured).loc["size"]
    assert (row["verdict"], row["n"]) == ("not measured", 0)
    assert np.isnan(row["difference"])
    assert np.isnan(row["seed_low"])


def test_holm_takes_back_what_one_of_many_tasks_shows_by_chance():
    """Six patients that all gain: p = 2 / 2^6 alone, twice that among two tasks."""
    tasks = [SIZE, make_task({"kind": "regression", "name": "other"})]
    patients = [f"p{i}" for i in range(6)]
    rng = np.random.default_rng(0)
    errors = rng.uniform(1, 2, 6)
    nothing = rng.permutation([1.0, 1.1, 1.2, -1.0, -1.1, -1.2])

    def both(size, other):
        found = evaluation(patients, list(size))
        facts = found.facts | {"other": found.facts["size"]}
        return Evaluation(pd.DataFrame(), found.cases.assign(other_absolute_error=list(other)), facts)

    single = both(errors, np.full(6, 3.0))
    together = both(errors - 0.9, 3.0 + nothing)
    measured = {("together", 7): together, ("size", 7): single, ("other", 7): single}
    alone = table_of(measured).loc["size"]
    assert alone["p_value"] == pytest.approx(2 / 64)
    assert alone["verdict"] == "better with this seed"
    among_two = table_of(measured, tasks).loc["size"]
    assert among_two["p_holm"] == pytest.approx(4 / 64)
    assert among_two["high"] < 0
    assert among_two["verdict"] == "no difference shown"


@pytest.mark.slow
def test_noise_is_rarely_called_a_difference():
    """A test at 5 % may separate 10 of 200 pairs of equal coins; the chance of 16 or fewer is 0.98."""
    rng = np.random.default_rng(1)
    patients = [f"p{i:02d}" for i in range(40)]
    said = 0
    for _ in range(200):
        measured = {
            (network, seed): evaluation(patients, right=rng.integers(0, 2, 40).tolist())
            for network in ("together", "grade")
            for seed in (7, 8)
        }
        said += table_of(measured, (GRADE,)).loc["grade", "verdict"] != "no difference shown"
    assert said <= 16


@pytest.mark.slow
def test_chance_of_the_training_is_no_difference():
    """Equal networks, three tasks and three seeds: 5 % of tables may have a verdict; 16 or fewer of 200, as above.

    Each training differs (0.3), and so does what each network finds hard (0.5). A test over patients alone would report
    a difference in most tables.
    """
    rng = np.random.default_rng(2)
    patients = [f"p{i:02d}" for i in range(40)]
    tasks = [make_task({"kind": "regression", "name": name}) for name in ("size", "depth", "width")]
    said = over_patients = 0

    def networks(name):
        own = rng.normal(5, 1, 40) + 0.5 * rng.normal(size=(2, 40))
        return [[hard + 0.3 * rng.normal() + rng.normal(size=40) for _ in range(3)] for hard in own]

    for _ in range(200):
        errors = {task.name: networks(task.name) for task in tasks}
        measured = {}
        for seed in range(3):
            single = {name: runs[1][seed] for name, runs in errors.items()}
            measured["together", seed] = several(
                {name: runs[0][seed] for name, runs in errors.items()}, patients
            )
            measured |= {(name, seed): several({name: single[name]}, patients) for name in single}
        verdicts = table_of(measured, tasks)["verdict"]
        said += verdicts.isin(["better", "worse"]).any()
        over_patients += (
            verdicts.str.contains("with these seeds").any() or verdicts.isin(["better", "worse"]).any()
        )
    assert said <= 16
    assert over_patients > 24


def test_what_every_training_shows_is_a_difference():
    rng = np.random.default_rng(3)
    patients = [f"p{i:02d}" for i in range(40)]
    measured = {
        (network, seed): evaluation(patients, level + 0.1 * rng.normal() + rng.normal(size=40))
        for network, level in (("together", 4.0), ("size", 5.0))
        for seed in range(3)
    }
    row = table_of(measured).loc["size"]
    assert row["verdict"] == "better"
    assert row["p_seeds_holm"] == row["p_seeds"] < 0.05


@pytest.mark.parametrize(
    ("seeds", "p_seeds", "said"),
    [(3, 0.049, ""), (3, 0.051, " with these seeds"), (1, np.nan, " with this seed")],
)
def test_judge_says_whether_trainings_are_accounted_for(seeds, p_seeds, said):
    gain = compare_paired(np.zeros(20), np.ones(20))
    assert judge(gain, p_seeds, higher=True, seeds=seeds) == f"better{said}"
    assert judge(gain, p_seeds, higher=False, seeds=seeds) == f"worse{said}"


def test_judge_needs_both_the_interval_and_the_corrected_test():
    gain = compare_paired(np.zeros(20), np.ones(20))
    for lacking in ({"p_holm": 0.051}, {"low": 0.0}, {"low": np.nan, "high": np.nan}):
        assert judge(replace(gain, **lacking), 0.001, higher=True, seeds=3) == "no difference shown"
