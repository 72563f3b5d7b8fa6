"""Comparisons against SciPy and scikit-learn on random answers, other cases, masks of other programs, and commands."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import wilcoxon
from sklearn.metrics import roc_auc_score

import metrics
import unet_mtl as um
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation.main_scores import is_higher_better
from unet_mtl.studies.compare import differences
from unet_mtl.studies.compare.differences import list_largest, tabulate_differences
from unet_mtl.studies.compare.entrants import Entrant, require_same_cases
from unet_mtl.studies.compare.masks import OtherMasks, choose_mask_task, score_other_masks
from unet_mtl.studies.compare.report import write_sentences

from ...evaluation.made_records import MASK, TASKS, make_records

N = 50


def entrant(name, better=0.0, seed=0, tasks=TASKS, **options):
    records, patients = make_records(N, seed=seed, better=better, per_patient=2, **options)
    return Entrant(name, {task.name: task for task in tasks}, records, patients)


@pytest.fixture(scope="module", autouse=True)
def _few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differences, "DRAWS", 40)
        yield


@pytest.fixture(scope="module")
def entrants():
    return [entrant("old"), entrant("new", better=1.0, seed=1), entrant("same", seed=2)]


@pytest.fixture(scope="module")
def table(entrants):
    return tabulate_differences(entrants, require_same_cases(entrants))


def row_of(table, run, score):
    return table[(table["run"] == run) & (table["score"] == score)].iloc[0]


def test_scores_of_cases_are_compared_in_pairs(entrants, table):
    old, new, _ = entrants
    dice = [[s.scores["dice"].value for s in e.records.scores["mask"].values()] for e in (old, new)]
    difference = pd.Series(np.subtract(dice[1], dice[0])).groupby(list(old.patients.values())).mean()
    row = row_of(table, "new", "dice")
    assert row["value_reference"] == pytest.approx(np.mean(dice[0]))
    assert row["difference"] == pytest.approx(np.mean(dice[1]) - np.mean(dice[0]))
    assert row["p_value"] == pytest.approx(wilcoxon(difference).pvalue)
    assert (row["n"], row["n_patients"]) == (N, N // 2)
    assert row["n_better"] == np.sum(np.greater(dice[1], dice[0]))
    assert row["low"] < row["difference"] < row["high"]
    assert row["verdict"] == "better"


def test_lower_errors_are_wins(entrants, table):
    errors = [
        np.array([s.scores["absolute_error"].value for s in e.records.scores["size"].values()])
        for e in entrants[:2]
    ]
    row = row_of(table, "new", "absolute_error")
    assert row["n_better"] == np.sum(errors[1] < errors[0])
    assert row["n_worse"] == np.sum(errors[1] > errors[0])


def test_scores_of_the_set_are_those_of_scikit_learn(entrants, table):
    areas = []
    for e in entrants[:2]:
        facts = pd.DataFrame([dict(s.facts) for s in e.records.scores["diagnosis"].values()])
        areas.append(roc_auc_score(facts["truth"] == "malignant", facts["probability_malignant"]))
    row = row_of(table, "new", "auroc")
    assert row["value"] == pytest.approx(areas[1], abs=1e-6)
    assert row["difference"] == pytest.approx(areas[1] - areas[0], abs=1e-6)
    assert row["p_value"] < 0.05
    assert pd.isna(row["n_better"])


def test_p_values_are_corrected_over_all_runs_and_scores(table):
    np.testing.assert_allclose(table["p_holm"], metrics.holm(table["p_value"]))
    assert set(table["run"]) == {"new", "same"}
    assert set(table.loc[table["run"] == "same", "verdict"]) == {"no difference shown"}


def test_a_run_does_not_differ_from_itself(entrants):
    table = tabulate_differences([entrants[0], replace(entrants[0], name="again")], ["mask", "diagnosis"])
    assert (table["difference"] == 0).all()
    assert (table["p_value"] == 1).all()
    assert list_largest([entrants[0], replace(entrants[0], name="again")], ["mask"]).empty


def test_the_cases_that_differ_most(entrants):
    largest = list_largest(entrants[:2], ["mask"])
    dice = [{c: s.scores["dice"].value for c, s in e.records.scores["mask"].items()} for e in entrants[:2]]
    expected = sorted(dice[0], key=lambda case: -abs(dice[1][case] - dice[0][case]))[:5]
    assert list(largest["case"]) == expected


def test_sentences_say_only_what_was_shown(entrants, table):
    sentences = write_sentences(table, entrants, ["mask"], "test")
    assert sentences[0].startswith(
        "mask: on 50 test cases of 25 patients, the mean dice of new was better than"
    )
    assert "no difference in the mean dice of same and old was shown" in sentences[1]
    assert "does not mean that they are equal" in sentences[1]


def test_other_cases_patients_and_labels_are_an_error_that_lists_all_of_them(entrants):
    old = entrants[0]
    other = entrant("other", truth_seed=9)
    problems = "\n".join(error_of(old, other))
    assert "task 'size': the label or mask of 50 cases differs between old and other: c000" in problems
    fewer = replace(old, name="fewer", patients={c: p for c, p in old.patients.items() if c != "c007"})
    assert "cases of old that were not measured with fewer: 1 (c007)" in error_of(old, fewer)[0]
    moved = replace(old, name="moved", patients=old.patients | {"c001": "p999"})
    assert "cases of other patients in moved than in old: 1 (c001)" in error_of(old, moved)[0]
    classes = MASK.model_copy(update={"classes": ("background", "tumour")})
    renamed = replace(old, name="renamed", tasks=dict(old.tasks) | {"mask": classes})
    assert "has the classes ('background', 'lesion') in old" in error_of(old, renamed)[0]
    nothing = replace(old, name="nothing", tasks={})
    assert "no task is shared" in error_of(old, nothing)[0]
    unlabelled = entrant("unlabelled")
    del unlabelled.records.truths["mask"]["c003"]
    assert "cases with a label for old and none for unlabelled: 1 (c003)" in error_of(old, unlabelled)[0]


def error_of(*entrants):
    with pytest.raises(DataError) as caught:
        require_same_cases(entrants)
    return caught.value.problems


def test_the_direction_of_a_score():
    assert [is_higher_better(s) for s in ("auroc", "mae_length", "hd95_px", "limit_of_agreement_low")] == [
        True,
        False,
        False,
        None,
    ]


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    """Return an evaluated copy of the run."""
    folder = um.RunFolder(shutil.copytree(trained.path, tmp_path_factory.mktemp("compared") / "run"))
    um.evaluate(folder, by=["side", "lesion_size"], per_patient="mean", progress=False)
    return folder


def test_tables_of_an_evaluation(run):
    folder = run.evaluation("test")
    cases, scores, groups, patients = (
        pd.read_csv(folder / f"{name}.csv") for name in ("cases", "scores", "subgroups", "patients")
    )
    assert set(scores["split"]) == {"test"}
    dice = scores[(scores["task"] == "zone") & (scores["score"] == "dice")].set_index("case")
    known = cases.dropna(subset="zone_core_tp").set_index("case")
    pd.testing.assert_series_equal(dice["value"], known["zone_dice"], check_names=False)
    core = scores[(scores["task"] == "zone") & (scores["score"] == "dice_core")].set_index("case")
    found, true = (known[f"zone_core_{a}"] + known["zone_core_tp"] for a in ("fp", "fn"))
    assert core["missed"].tolist() == ((true > 0) & (found == 0)).tolist()
    assert core["hallucinated"].tolist() == ((true == 0) & (found > 0)).tolist()
    right = scores[scores["task"] == "diagnosis"].set_index("case")
    labels = cases.dropna(subset="diagnosis_truth").set_index("case")
    assert set(right["score"]) == {"accuracy"}
    assert right["value"].tolist() == (labels["diagnosis_truth"] == labels["diagnosis_predicted"]).tolist()
    assert set(scores["height_px"]) == {32}
    assert set(scores["row_spacing_mm"]) == {0.5}
    assert set(groups["column"]) == {"side", "lesion_size_mm2"}
    assert groups["verdict"].str.contains("too few patients|not measured").all()
    assert set(patients["n_images"]) == {1}
    assert json.loads((folder / "patients.json").read_text())["scores"]


def test_commands(run, tmp_path, command, monkeypatch):
    again = shutil.copytree(run.path, tmp_path / "again")
    monkeypatch.setattr("unet_mtl.api.comparison.evaluate", None)  # The evaluations are read.
    code, printed, errors = command("compare", run.path, again, "--out", tmp_path / "out")
    assert (code, errors) == (0, [])
    assert "again compared with run, split test" in printed
    assert "a single training" in " ".join(printed.split())
    rows = pd.read_csv(tmp_path / "out/comparison.csv")
    assert (rows["difference"].dropna() == 0).all()
    assert {"zone", "diagnosis", "size"} <= set(rows["task"])
    code, _, errors = command("compare", run.path)
    assert code == 1
    assert errors == [
        "error: RUN... has one run, and nothing to compare it with; give another run, or --masks"
    ]


def test_an_evaluation_of_an_earlier_state_is_made_again(run, tmp_path, monkeypatch):
    again = um.RunFolder(shutil.copytree(run.path, tmp_path / "again"))
    again.config.write_text(again.config.read_text() + "\n")
    called = []

    def evaluate(folder, **options):
        called.append((folder.path, options["split"]))
        return um.evaluate(folder, **options)

    monkeypatch.setattr("unet_mtl.api.comparison.evaluate", evaluate)
    um.compare([run.path, again.path], progress=False)
    assert called == [(again.path, "test")]


@pytest.fixture
def other_masks(run, dataset, tmp_path):
    """Return a folder with the true masks of the test cases as another program could have predicted them."""
    for case in ("case_08", "case_09", "case_10"):
        shutil.copy(dataset.description.root / "masks" / f"{case}.png", tmp_path / f"{case}.png")
    return tmp_path


def test_masks_of_another_program(run, other_masks):
    found = um.compare([run.path], masks=other_masks, name="perfect", progress=False)
    row = row_of(found.table, "perfect", "dice_core")
    assert row["value"] == 1
    assert row["n_worse"] == 0
    assert list(found.table["task"].unique()) == ["zone"]
    assert any("not compared" in note and "diagnosis" in note for note in found.notes)
    (other_masks / "case_10.png").unlink()
    shutil.copy(other_masks / "case_08.png", other_masks / "spare.png")
    found = um.compare([run.path], masks=other_masks, name="perfect", progress=False)
    assert row_of(found.table, "perfect", "dice_core")["value"] == 0.5
    assert found.notes[:2] == (
        "cases without a mask of perfect, which count as empty masks: 1 (case_10)",
        "files of perfect that belong to no measured case: 1 (spare)",
    )


def test_masks_that_cannot_be_used(run, other_masks):
    with pytest.raises(ConfigError, match="`task` is 'side'; expected one of the run's tasks of kind seg"):
        um.compare([run.path], masks=other_masks, task="side", progress=False)
    path = other_masks / "case_08.png"
    Image.fromarray(np.full((32, 32), 7, np.uint8)).save(path)
    with pytest.raises(
        DataError, match="the masks have the numbers 7, which belong to no class; expected 0 to 2"
    ):
        um.compare([run.path], masks=other_masks, progress=False)
    Image.fromarray(np.zeros((16, 32), np.uint8)).save(path)
    with pytest.raises(
        DataError, match=r"16x32 pixels \(rows x columns\), but the true mask of case 'case_08'"
    ):
        um.compare([run.path], masks=other_masks, progress=False)
    for file in list(other_masks.glob("*.png")):
        file.rename(file.with_name(f"{file.stem}_pred.png"))
    with pytest.raises(DataError, match=r"prediction_names='\{case\}_pred'"):
        um.compare([run.path], masks=other_masks, progress=False)


def test_numbers_of_other_masks(run, dataset, other_masks):
    task = choose_mask_task(run.read_tasks(), None)
    for path in other_masks.glob("*.png"):
        Image.fromarray(np.asarray(Image.open(path)) * 100).save(path)
    test = dataset.only([record for record in dataset if record.split == "test"])
    masks = OtherMasks(other_masks, "other", values={0: 0, 100: 1, 200: 2})
    found, _ = score_other_masks(masks, task, test)
    values = [s.scores["dice_core"].value for s in found.records.scores["zone"].values()]
    assert np.nanmin(values) == 1
