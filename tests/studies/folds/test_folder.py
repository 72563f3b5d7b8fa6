"""The folder of all folds: what is read is checked, without a training."""

import json
import shutil

import pandas as pd
import pytest

import unet_mtl as um
from unet_mtl.config import make_config
from unet_mtl.data.splits import split_table
from unet_mtl.errors import ConfigError, RunError, UnetMtlError
from unet_mtl.runs import FoldsFolder, RunFolder
from unet_mtl.studies.folds.plans import choose_folds, plan_folds
from unet_mtl.tasks import adapt_tasks

TASKS = [um.Classification(name="diagnosis")]


def write_run(run, plan, data_hash="d0"):
    """Write a run folder as a training does, with some bytes in place of a network."""
    run.create(
        config=plan.config,
        tasks=adapt_tasks(TASKS, plan.parts["train"]),
        inputs=um.Inputs(),
        splits=split_table(plan.parts),
        environment={"packages": {}, "seed": 7, "precision": "float32", "data_hash": data_hash, "labels": {}},
    )
    run.network.write_bytes(run.path.name.encode())


@pytest.fixture(scope="module")
def planned(dataset):
    config = choose_folds(make_config(dataset.description, TASKS, split={"column": "ratio"}), 3, None)
    return config, *plan_folds(config, dataset)


@pytest.fixture(scope="module")
def whole(planned, tmp_path_factory):
    config, table, plans = planned
    folds = FoldsFolder(tmp_path_factory.mktemp("folds") / "whole")
    folds.create(table, config=config.to_config(), data_hash="d0")
    for plan in plans:
        run = folds.run(plan.number)
        assert not folds.is_finished(run)
        write_run(run, plan)
        folds.mark_finished(run)
    return folds


@pytest.fixture
def folds(whole, tmp_path):
    return FoldsFolder(shutil.copytree(whole.path, tmp_path / "out"))


def test_runs_are_in_the_order_of_the_folds(folds, planned):
    opened = um.FoldsFolder.open(str(folds.path))
    assert [run.path.name for run in opened.runs] == ["fold1", "fold2", "fold3"]
    assert all(isinstance(run, RunFolder) for run in opened.runs)
    pd.testing.assert_frame_equal(opened.read_folds(), planned[1], check_dtype=False)
    assert FoldsFolder.is_one(folds.path)
    assert not FoldsFolder.is_one(folds.runs[0].path)


def edit_table(change):
    def break_(folds, planned):
        table = change(pd.read_csv(folds.table, dtype=str))
        table.to_csv(folds.table, index=False)

    return break_


def unmark(folds, planned):
    facts = json.loads(folds.facts.read_text())
    del facts["finished"]["fold2"]
    folds.facts.write_text(json.dumps(facts))


def retrain(folds, planned, change_plan=lambda plan: plan, data_hash="d0"):
    """Put another run in the place of fold 2, with the same network."""
    run = folds.run(2)
    shutil.rmtree(run.path)
    write_run(run, change_plan(planned[2][1]), data_hash)


def other_settings(plan):
    config = plan.config.model_copy(update={"seed": 8})
    return type(plan)(plan.number, config, plan.parts)


def leaking(plan):
    """Half of the test cases are in train, under the names of other cases of their patients."""
    splits = split_table(plan.parts)
    test = splits[splits["split"] == "test"].assign(case=lambda t: t["case"] + "b", split="train")
    return pd.concat([splits, test])


def plant_patient(folds, planned):
    run, plan = folds.run(2), planned[2][1]
    shutil.rmtree(run.path)
    environment = {"packages": {}, "seed": 7, "precision": "float32", "data_hash": "d0", "labels": {}}
    run.create(
        config=plan.config,
        tasks=adapt_tasks(TASKS, plan.parts["train"]),
        inputs=um.Inputs(),
        splits=leaking(plan),
        environment=environment,
    )
    run.network.write_bytes(b"fold2")


BROKEN = {
    "a member is missing": (
        lambda f, p: shutil.rmtree(f.path / "fold2"),
        "fold2 is not a run folder: no such folder",
    ),
    "a member lacks a file": (lambda f, p: (f.path / "fold3/tasks.json").unlink(), "it lacks tasks.json"),
    "a member is cut": (
        lambda f, p: (f.path / "fold3/splits.csv").write_text("case,patient,split\na"),
        "splits.csv",
    ),
    "a member has no network": (
        lambda f, p: (f.path / "fold2/network.keras").unlink(),
        "has no trained network yet",
    ),
    "another network": (
        lambda f, p: (f.path / "fold2/network.keras").write_bytes(b"x"),
        "network.keras is not the network that was trained for fold 2",
    ),
    "an unfinished member": (unmark, "the training of fold 2 of 3 has not ended; repeat the command"),
    "other data": (lambda f, p: retrain(f, p, data_hash="d1"), "fold2 was trained on other data"),
    "other settings": (lambda f, p: retrain(f, p, other_settings), "fold2 has other settings of seed than"),
    "another fold": (
        lambda f, p: retrain(f, p, lambda plan: type(plan)(2, plan.config, p[2][0].parts)),
        "fold2: its test split is not fold 2",
    ),
    "a patient on both sides": (plant_patient, "of fold 2 also in train or val: p"),
    "a changed table": (
        edit_table(lambda t: t.assign(fold=["1" if i < 2 else f for i, f in enumerate(t["fold"])])),
        "its checksum is not that in folds.json",
    ),
    "a case twice": (edit_table(lambda t: pd.concat([t, t[:1]])), "case 'case_00' is in two rows"),
    "a case without a fold": (
        edit_table(lambda t: t.assign(fold=["", *t["fold"][1:]])),
        "case 'case_00' is in no fold",
    ),
    "a patient in two folds": (
        edit_table(lambda t: t.assign(patient="p00")),
        "patient 'p00' is in folds 1 and 2 and 3",
    ),
    "no number": (edit_table(lambda t: t.assign(fold="a")), "folds.csv cannot be read"),
    "another format": (lambda f, p: f.facts.write_text('{"format": 9}'), "expected format 1, received 9"),
    "no facts": (lambda f, p: f.facts.unlink(), "it lacks folds.json"),
    "no JSON": (lambda f, p: f.facts.write_text("{"), "folds.json cannot be read"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_folder_is_refused_with_a_clear_word(folds, planned, name):
    break_, problem = BROKEN[name]
    break_(folds, planned)
    with pytest.raises(RunError) as raised:
        FoldsFolder.open(folds.path)
    assert problem in str(raised.value)


def test_an_evaluation_of_a_broken_folder_is_an_error(folds, command):
    (folds.path / "fold2/network.keras").write_bytes(b"x")
    code, _, (line,) = command("evaluate", folds.path)
    assert code == 1
    assert line.startswith(f"error: {folds.path}/fold2/network.keras is not the network that was trained")
    folds.facts.unlink()
    code, _, (line,) = command("evaluate", folds.path)
    assert (code, line.split(": ", 1)[1].split(";")[0]) == (
        1,
        f"{folds.path} is not a folder of folds: it lacks folds.json",
    )


def test_a_folder_of_something_else_is_no_folder_of_folds(tmp_path, whole):
    (tmp_path / "notes.txt").write_text("")
    for path in (tmp_path, whole.runs[0].path, tmp_path / "absent"):
        with pytest.raises(
            RunError, match=r"is not a folder of folds: (it lacks folds.csv and folds.json|no such folder)"
        ):
            FoldsFolder.open(path)
    with pytest.raises(RunError, match="is not a run folder"):
        um.evaluate(tmp_path)


def test_a_split_of_all_folds_is_refused_with_a_cure(folds):
    with pytest.raises(ConfigError, match="for `split` val give one of its runs, such as"):
        um.evaluate(folds.path, split="val")
    with pytest.raises(ConfigError, match="for `data` other give one of its runs"):
        um.evaluate(folds.path, data="other")


def test_a_folder_of_folds_is_no_run_and_says_so(folds):
    with pytest.raises(
        RunError, match=f"it has the runs of several folds; give one of them, such as {folds.path}/fold1"
    ):
        RunFolder.open(folds.path)


def test_only_the_same_folds_settings_and_data_are_resumed(folds, planned):
    config, table, _ = planned
    folds.require_same(table, config=config.to_config(), data_hash="d0")
    delivery = config.to_config() | {"delivery": {"cache": "off"}}
    folds.require_same(table, config=delivery, data_hash="d0")
    with pytest.raises(RunError, match="the data have changed since it was started"):
        folds.require_same(table, config=config.to_config(), data_hash="d1")
    with pytest.raises(RunError, match="was started with other settings of seed"):
        folds.require_same(table, config=config.to_config() | {"seed": 8}, data_hash="d0")
    with pytest.raises(RunError, match="has other folds than these settings give"):
        folds.require_same(
            table.assign(fold=table["fold"][::-1].to_list()), config=config.to_config(), data_hash="d0"
        )


def test_a_folder_in_use_is_not_overwritten(folds, planned):
    config, table, _ = planned
    with pytest.raises(RunError, match="exists already"):
        folds.create(table, config=config.to_config(), data_hash="d0")
    with folds.training(), pytest.raises(RunError, match="is in use by another training"), folds.training():
        pass


@pytest.mark.parametrize("resume", [False, True])
def test_a_training_into_the_wrong_folder_is_refused(dataset, tmp_path, resume):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UnetMtlError, match="is not a folder of folds" if resume else "exists already"):
        um.train_folds(
            dataset, TASKS, tmp_path, folds=3, resume=resume, split={"column": "ratio"}, progress=False
        )
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
