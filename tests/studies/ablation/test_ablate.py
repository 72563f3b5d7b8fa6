"""An ablation end to end on a table of columns: its verdicts, its numbers, and its continuation."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure
from scipy.stats import wilcoxon
from typer.testing import CliRunner

import unet_mtl as um
from unet_mtl.cli import app
from unet_mtl.config import make_config
from unet_mtl.errors import ConfigError, DataError, RunError
from unet_mtl.evaluation import summary
from unet_mtl.studies import trainings
from unet_mtl.studies.ablation.plans import ALONE, plan_runs

N, COLUMNS, SEEDS, EPOCHS = 360, 16, (7, 8), 10
CONFIG = f"""\
data: set
inputs:
  measured: {{columns: [{", ".join(f"x{i}" for i in range(COLUMNS))}]}}
tasks:
  - {{kind: regression, name: often}}
  - {{kind: regression, name: seldom, weight: 0.5}}
  - {{kind: classification, name: chance}}
network: {{trunk: [8]}}
training: {{epochs: {EPOCHS}, batch_size: 16, learning_rate: 0.03, patience: 3}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """`often` and `seldom` are one sum of the columns, the latter known of few train cases; `chance` is a coin."""
    folder = tmp_path_factory.mktemp("ablation")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, COLUMNS))
    cause = x @ rng.normal(size=COLUMNS)
    split = np.array(["train"] * 200 + ["val"] * 60 + ["test"] * 100)
    few = (split == "train") & (rng.random(N) > 0.06)
    table = pd.DataFrame(x.round(3), columns=[f"x{i}" for i in range(COLUMNS)])
    table["case"] = [f"c{i:03d}" for i in range(N)]
    table["patient"] = [f"p{i // 2:03d}" for i in range(N)]
    table["split"] = split
    table["often"] = cause.round(3).astype(str)
    table["seldom"] = np.where(few, "", (10 - 2 * cause).round(3).astype(str))
    table["chance"] = rng.choice(["head", "tail"], N)
    (folder / "set").mkdir()
    table.to_csv(folder / "set" / "cases.csv", index=False)
    columns = {f"x{i}": {"unit": ""} for i in range(COLUMNS)} | {
        "often": {"unit": "mm"},
        "seldom": {"unit": "mm"},
    }
    description = {
        "table": "cases.csv",
        "patient": "patient",
        "split": "split",
        "columns": columns | {"chance": {"classes": ["head", "tail"]}},
    }
    (folder / "set" / "dataset.yaml").write_text(yaml.safe_dump(description))
    (folder / "config.yaml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Skip pictures and most resamples of single runs, which are not tested here and take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", lambda self, path, **options: path.touch())
        patch.setattr(summary, "RESAMPLES", {"set": 20})
        yield


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def done(folder):
    result = run("ablate", folder / "config.yaml", "--run", folder / "out", "--seeds", 2)
    assert result.exit_code == 0, result.output
    return folder / "out", result.output


@pytest.fixture
def table(done):
    return pd.read_csv(done[0] / "ablation.csv").set_index("task")


@pytest.mark.slow
def test_what_is_shared_is_gained_and_noise_is_not(table):
    assert table.loc["seldom", "verdict"] == "better with these seeds"
    assert table.loc["seldom", "high"] < 0
    assert table.loc["chance", "verdict"] == "no difference shown"
    assert table.loc["chance", "low"] < 0 < table.loc["chance", "high"]


def values_of(done, task):
    """(multi, single) of shape (seeds, test cases), and the patients: from the runs' cases.csv alone."""
    found = []
    for network in ("together", task):
        tables = [pd.read_csv(done[0] / f"{network}_seed{s}" / "evaluation/test/cases.csv") for s in SEEDS]
        if task == "chance":
            values = [t["chance_truth"].eq(t["chance_predicted"]).to_numpy(float) for t in tables]
        else:
            values = [(t[f"{task}_truth"] - t[f"{task}_predicted"]).abs().to_numpy() for t in tables]
        found.append(np.array(values))
    return *found, tables[0]["patient"].to_numpy()


@pytest.mark.slow
def test_the_numbers_are_those_of_the_runs(done, table):
    p_values = {}
    for task in ("often", "seldom", "chance"):
        multi, single, patients = values_of(done, task)
        row = table.loc[task]
        differences = (multi - single).mean(0)
        assert row["n"] == len(patients) == 100
        assert row["n_patients"] == len(set(patients)) == 50
        assert row["multi"] == pytest.approx(multi.mean())
        assert row["single"] == pytest.approx(single.mean())
        assert row["difference"] == pytest.approx(differences.mean())
        by_seed = (multi - single).mean(1)
        assert (row["seed_low"], row["seed_high"]) == pytest.approx((by_seed.min(), by_seed.max()))
        by_patient = pd.Series(differences).groupby(patients).mean().to_numpy()  # two cases each
        rng = np.random.default_rng(99)
        means = by_patient[rng.integers(0, 50, (20_000, 50))].mean(1)
        width = row["high"] - row["low"]
        assert (row["low"], row["high"]) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.1 * width)
        rounded = by_patient.round(9)
        p_values[task] = wilcoxon(rounded[rounded != 0]).pvalue
        assert row["p_value"] == pytest.approx(p_values[task], rel=1e-6)
        assert np.isnan(row["p_seeds"])  # two trainings tell too little of their spread
    order = sorted(p_values, key=p_values.get)
    holm = np.maximum.accumulate([p_values[task] * (3 - i) for i, task in enumerate(order)]).clip(max=1)
    assert table.loc[order, "p_holm"].to_numpy() == pytest.approx(holm, rel=1e-6)


@pytest.mark.slow
def test_cost_is_a_row(done, table):
    seconds = {
        path.name: EPOCHS * pd.read_csv(path / "history.csv")["seconds"].median()
        for path in done[0].iterdir()
        if path.is_dir()
    }
    together = [seconds.pop(f"together_seed{seed}") for seed in SEEDS]
    assert len(seconds) == 6
    assert table.loc["(all)", "multi"] == pytest.approx(np.mean(together))
    assert table.loc["(all)", "single"] == pytest.approx(sum(seconds.values()) / 2)


@pytest.mark.slow
def test_all_networks_have_the_same_splits_and_epochs(done):
    paths = [path for path in done[0].iterdir() if path.is_dir()]
    assert len({(path / "splits.csv").read_text() for path in paths}) == 1
    # patience of 3 would have stopped a network that learns noise
    assert {len(pd.read_csv(path / "history.csv")) for path in paths} == {EPOCHS}


@pytest.mark.slow
def test_what_is_printed_and_written(done, table):
    words = " ".join(done[1].split())
    for part in (
        "no difference shown",
        "better",
        "training_seconds",
        "the same 200 train cases",
        f"{13 * EPOCHS} steps",
        "mean over seeds 7, 8;",
        "fewer than 3 seeds",
    ):
        assert part in words, part
    content = json.loads((done[0] / "ablation.json").read_text())
    assert [row["task"] for row in content["rows"]] == ["often", "seldom", "chance", "(all)"]
    assert content["rows"][-1]["p_holm"] is None
    assert content["rows"][1]["difference"] == pytest.approx(table.loc["seldom", "difference"])
    assert {one["folder"] for one in content["runs"]} == {p.name for p in done[0].iterdir() if p.is_dir()}
    assert any("patience=3" in note for note in content["notes"])


@pytest.mark.slow
def test_resume_trains_only_what_is_lacking(done, folder, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(done[0], out)
    (out / "ablation.csv").unlink()
    shutil.rmtree(out / "chance_seed8")
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/history.csv")}
    result = run("ablate", folder / "config.yaml", "--run", out, "--seeds", 2, "--resume")
    assert result.exit_code == 0, result.output
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (out / "chance_seed8" / "network.keras").is_file()
    was, now = (pd.read_csv(place / "ablation.csv").iloc[:3] for place in (done[0], out))
    pd.testing.assert_frame_equal(was, now, rtol=1e-4)


@pytest.mark.slow
def test_other_settings_are_not_resumed(done, folder):
    result = run(
        "ablate", folder / "config.yaml", "training.batch_size=8", "--run", done[0], "--seeds", 2, "--resume"
    )
    assert result.exit_code == 1
    assert "was started with other settings of training" in result.stderr


def test_an_interruption_says_how_to_go_on(folder, tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainings, "run_training", interrupt)
    result = run("ablate", folder / "config.yaml", "--run", tmp_path / "out")
    assert result.exit_code == 130
    assert "--resume" in result.output
    assert not (tmp_path / "out" / "ablation.csv").exists()


@pytest.mark.slow
def test_bad_input_is_refused_before_anything_is_trained(done, folder, tmp_path):
    config = um.load_config(folder / "config.yaml")
    dataset = um.read_dataset(config.data)

    def ablate(tasks=config.tasks, out=tmp_path / "new", data=dataset, **options):
        um.ablate(data, tasks, out, progress=False, **(config.arguments() | options))

    with pytest.raises(ConfigError, match=r"one network of several tasks .* received often alone"):
        ablate(config.tasks[:1])
    with pytest.raises(ConfigError, match="`seeds` is 0; expected 1 or more"):
        ablate(seeds=0)
    with pytest.raises(ConfigError, match="'together': the runs of all tasks have that name"):
        ablate((config.tasks[0], um.Regression(name="together", target="seldom")))
    with pytest.raises(RunError, match=r"exists already; .* `resume`"):
        ablate(out=done[0])
    with pytest.raises(RunError, match="nothing to resume"):
        ablate(resume=True)
    untested = replace(dataset, records=tuple(r for r in dataset if r.split != "test"))
    with pytest.raises(DataError, match="test split, which is empty"):
        ablate(data=untested)
    assert not (tmp_path / "new").exists()


def test_a_single_network_differs_in_its_task_alone(folder):
    tasks = [um.Regression(name="size"), um.Regression(name="size_left", weight=0.2, final_weight=0.1)]
    training = um.TrainingSettings(patience=2, monitor="size_left_mae", mode="min", learning_rate=0.5)
    given = um.load_config(folder / "config.yaml")
    tasks = [task.model_copy(update={"target": "often"}) for task in tasks]
    config = make_config(given.data, tasks, inputs=given.inputs, training=training, augment="none", seed=3)
    runs = plan_runs(config, 2)
    names = ["together", "size", "size_left"]
    assert [one.name for one in runs] == [f"{name}_seed{seed}" for seed in (3, 4) for name in names]
    together, size, left = (one.config for one in runs[:3])
    assert together.tasks == config.tasks
    assert together.training == training.model_copy(update={"patience": None})
    assert size.tasks == (tasks[0],)
    assert size.training.monitor is None
    assert left.training == together.training
    assert left.tasks == (um.Regression(name="size_left", target="often"),)
    branch = um.Regression(name="size", shared_gradient=0.0, detach_epochs=2)
    assert branch.model_copy(update=ALONE) == um.Regression(name="size")
    assert size.model_copy(update={"tasks": config.tasks, "training": training}) == config
