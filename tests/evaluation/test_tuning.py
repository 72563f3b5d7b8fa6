"""Decisions of a run: chosen on validation alone, stored for one network, applied and shown everywhere."""

import json
import shutil

import numpy as np
import pytest

import unet_mtl as um
from unet_mtl.errors import ConfigError, RunError
from unet_mtl.evaluation.stored import read_records
from unet_mtl.inference.case_result import cases_of
from unet_mtl.inference.predictor import Predictor


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    return um.RunFolder(shutil.copytree(trained.path, tmp_path_factory.mktemp("tuned") / "run"))


@pytest.fixture(scope="module")
def tuning(run):
    return um.tune(run, aim=["f1", "side=youden"], clean_up=True, progress=False)


@pytest.fixture
def copy(run, tuning, tmp_path):
    return um.RunFolder(shutil.copytree(run.path, tmp_path / "run"))


@pytest.mark.parametrize("split", ["test", "train", "all"])
def test_decisions_are_chosen_on_no_other_split_than_validation(trained, split):
    with pytest.raises(ConfigError, match=f"`split` is '{split}'; decisions are chosen on 'val' alone"):
        um.tune(trained, split=split, progress=False)
    assert not (trained.path / "decisions.json").exists()


def test_the_command_refuses_test(trained, command):
    code, _, errors = command("tune", trained.path, "--split", "test")
    assert code == 1
    assert errors[0].startswith("error: --split is 'test'; decisions are chosen on 'val' alone")


def test_only_validation_cases_are_read(trained, tmp_path, monkeypatch):
    seen = []
    original = Predictor.predict

    def spy(self, cases):
        listed = list(cases)
        seen.extend(case.record.case for case in listed)
        return original(self, listed)

    monkeypatch.setattr(Predictor, "predict", spy)
    um.tune(shutil.copytree(trained.path, tmp_path / "run"), progress=False)
    splits = trained.read_splits().set_index("case")["split"]
    assert {splits[case] for case in seen} == {"val"}


def test_the_decisions_are_stored_and_describe_themselves(run, tuning):
    stored = json.loads((run.path / "decisions.json").read_text())
    assert stored["split"] == "val"
    assert stored["n_cases"] == 3
    assert run.read_decisions().lines() == tuning.decisions.lines()
    assert any("chosen on 2 validation cases" in line for line in tuning.decisions.lines())
    assert tuning.notes  # three cases are too few for anything


def test_every_command_applies_the_stored_decisions(run, tuning, parts):
    tuned, untuned = Predictor.load(run), Predictor.load(run, tuned=False)
    assert [task.to_config() for task in untuned.tasks] == [task.to_config() for task in run.read_tasks()]
    for decision in tuning.decisions.tasks:
        task = next(task for task in tuned.tasks if task.name == decision.task)
        for name, value in decision.settings.items():
            assert task.to_config()[name] == json.loads(json.dumps(value))
    cases = list(cases_of(parts["test"], tuned.inputs))
    for one, other in zip(tuned.predict(cases), tuned.untuned().predict(cases), strict=True):
        for name, raw in other.raw.items():
            np.testing.assert_array_equal(one.raw[name], raw)
        temperature = next(task for task in tuned.tasks if task.name == "diagnosis").temperature
        powers = other.answers["diagnosis"].probabilities.astype(float) ** (1 / temperature)
        np.testing.assert_allclose(one.answers["diagnosis"].probabilities, powers / powers.sum(), atol=1e-5)


def test_an_evaluation_shows_untuned_scores_beside_tuned_ones(run, tuning):
    beside = um.evaluate(run, progress=False)
    assert read_records(run.evaluation("test"), run.digest()) is not None
    alone = um.evaluate(run, untuned=True, progress=False)
    assert (
        read_records(run.evaluation("test"), run.digest()) is None
    )  # `compare` would take it for the tuned one
    assert "untuned" not in alone.scores
    assert alone.decisions == ()
    merged = beside.scores.merge(alone.scores, on=["task", "score"], suffixes=("", "_alone"))
    assert len(merged) == len(beside.scores) == len(alone.scores)
    np.testing.assert_allclose(merged["untuned"], merged["value_alone"])
    np.testing.assert_allclose(merged["untuned_low"], merged["low_alone"])
    assert beside.decisions == tuple(tuning.decisions.lines())


@pytest.mark.slow
def test_the_commands_print_a_line_for_each_task(copy, tuning, command, data_folder, tmp_path):
    code, output, _ = command("evaluate", copy.path)
    assert code == 0
    assert "untuned" in output
    joined = " ".join(output.split())
    for line in tuning.decisions.lines():
        assert " ".join(line.split()) in joined
    summary = json.loads((copy.evaluation("test") / "summary.json").read_text())
    assert summary["decisions"] == tuning.decisions.lines()
    image = next((data_folder / "images").iterdir())
    for command_name in ("predict", "overlay"):
        code, _, errors = command(command_name, copy.path, image, "--out", tmp_path / command_name)
        assert code == 0
        assert any(error.startswith("diagnosis: ") for error in errors)


def test_decisions_of_another_network_are_refused(copy):
    with copy.network.open("ab") as file:
        file.write(b"\0")
    for act in (lambda: Predictor.load(copy), lambda: um.evaluate(copy, progress=False)):
        with pytest.raises(RunError, match=r"was made for another network than network\.keras.*--reset"):
            act()
    assert um.untune(copy)
    assert not um.untune(copy)
    assert not copy.read_decisions().tasks


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": [{"task": "lesion", "settings": {}, "text": ""}]},
        {"tasks": [{"task": "side", "settings": {"threshold": 2}, "text": ""}]},
        {"tasks": [{"task": "side", "settings": {"cut": 0.5}, "text": ""}]},
        {"split": "test"},
        {"format": 2},
    ],
)
def test_damaged_decisions_are_named(copy, change):
    file = copy.path / "decisions.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(RunError, match=r"decisions\.json"):
        Predictor.load(copy)


def test_the_command_resets(copy, command):
    assert command("tune", copy.path, "--reset")[1] == f"{copy.path}: decisions removed\n"
    assert command("tune", copy.path, "--reset")[1] == f"{copy.path}: there were no decisions\n"


def test_a_run_without_thresholds_has_nothing_to_tune(trained):
    from unet_mtl.evaluation.tuning import make_tuners

    with pytest.raises(ConfigError, match="nothing to tune"):
        make_tuners([um.Ordinal(name="grade", classes=("1", "2", "3"))], [], clean_up=False)
