"""What does learning a diagnosis beside a mask cost the mask, and what does it gain the diagnosis?

    python benchmarks/branch.py OUT [--seeds 3] [--epochs 8] [--poolings average,mask] [--factors 1,0.3,0.1,0]
        [--detach EPOCHS] [--final-weight WEIGHT] [--cases N] [--test] [key=value ...]

Trains on BUS-BRA (folds 1 and 2; recipes/busbra.yaml) at 96x96 and width 12: the mask alone, for each kind of pooling
the diagnosis alone, and for each kind and each `shared_gradient` of the diagnosis both together; with as many seeds.
Prints for each network of both the Dice of the mask and the AUROC of the diagnosis, minus those of the networks alone,
and the AUROC minus that of the network with the same pooling and the full gradient, each with a 95 % bootstrap interval
over patients. Dice is the mean over seeds of each case, AUROC the mean over seeds.

Fold 3 is measured, on which settings may be chosen; with `--test` it is fold 4 instead, which should be looked at once.
All networks are measured with their last weights, so that no fold selects an epoch. `--detach` and `--final-weight` are
settings of the diagnosis in all networks of both. If the script is called again with the same OUT, it continues, also
with more seeds, kinds of pooling or factors.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import metrics  # noqa: E402
import unet_mtl as um  # noqa: E402
from unet_mtl.data.splits import split_dataset  # noqa: E402
from unet_mtl.inference.case_result import cases_of  # noqa: E402
from unet_mtl.studies.ablation.plans import ALONE, PlannedRun, finish_run  # noqa: E402
from unet_mtl.training.callbacks import load_checkpoint, save_network  # noqa: E402
from unet_mtl.training.session import make_session  # noqa: E402

RECIPE = Path(__file__).parent / "recipes" / "busbra.yaml"
SMALL = ["preprocess.size=[96,96]", "preprocess.channels=1", "network.width=12", "training.batch_size=8"]
SPLITS = {1: "train", 2: "train", 3: "val", 4: "test"}
RESAMPLES = 2000
COLUMNS = ["case", "patient", "dice", "truth", "probability"]


def read_data(config: um.Config, out: Path, cases: int | None) -> tuple[um.Config, um.Dataset]:
    """Write the split by folds into OUT, and return the config that uses it and the data set.

    Args:
        config: The config of the recipe.
        out: Folder of the benchmark.
        cases: The number of cases that are kept of each fold; None: all.
    """
    table = pd.read_csv(config.data.root / config.data.table, dtype=str)
    folds = table.set_index("ID")["kFold"].astype(int).map(SPLITS)
    dataset = um.read_dataset(config.data)
    splits = {record.case: folds[f"bus_{record.case}"] for record in dataset}
    if cases is not None:
        kept = [
            record
            for name in set(SPLITS.values())
            for record in [r for r in dataset if splits[r.case] == name][:cases]
        ]
        dataset = dataset.only(kept)
    rows = pd.DataFrame([{"case": record.case, "split": splits[record.case]} for record in dataset])
    path = out.resolve() / "folds.csv"
    rows.to_csv(path, index=False)
    split = um.SplitSettings(table=str(path), near_duplicates="anywhere")
    return config.model_copy(update={"split": split}), dataset


def plan(config: um.Config, settings: argparse.Namespace) -> dict[str, um.Config]:
    """Return the config of each network by its name, for the first seed."""
    mask, diagnosis = config.tasks
    plans = {"lesion alone": config.model_copy(update={"tasks": (mask,)})}
    for pooling in settings.poolings:
        network = config.network.model_copy(update={"pooling": pooling})
        own = config.model_copy(update={"network": network})
        alone = diagnosis.model_copy(update=ALONE)
        plans[f"{pooling} alone"] = own.model_copy(update={"tasks": (alone,)})
        for factor in settings.factors:
            branch = {
                "shared_gradient": factor,
                "detach_epochs": settings.detach,
                "final_weight": settings.final_weight,
            }
            tasks = (mask, diagnosis.model_copy(update=branch))
            plans[f"{pooling} {factor:g}"] = own.model_copy(update={"tasks": tasks})
    return plans


def measure(name: str, config: um.Config, dataset: um.Dataset, out: Path, split: Any) -> pd.DataFrame:
    """Train a network if that has not been done, and return the scores of each case of a split."""
    folder = out / name.replace(" ", "_")
    scores = folder / f"seed{config.seed}_{split}.csv"
    if not scores.is_file():
        planned = PlannedRun(network=name.replace(" ", "_"), config=config)
        run = finish_run(planned, dataset, folder, resume=folder.is_dir(), progress=False)
        parts = split_dataset(dataset, config.split)
        session = make_session(config, parts)
        load_checkpoint(run, session.trainer)
        save_network(session.trainer.network, run)
        session.train.close()
        score(run, parts[split]).to_csv(scores, index=False)
    return pd.read_csv(scores)


def score(run: Any, dataset: um.Dataset) -> pd.DataFrame:
    """Return Dice, true class and probability of malignancy of each case; tasks that the run lacks are left empty."""
    predictor = um.Predictor.load(run)
    patients = {record.case: record.patient for record in dataset}
    rows = []
    for result in predictor.predict(cases_of(dataset, predictor.inputs)):
        row: dict[str, Any] = {"case": result.case.name, "patient": patients[result.case.name]}
        answered = result.require()
        for task in predictor.tasks:
            truth, answer = answered.truths[task.name], answered.answers[task.name]
            scored = task.score_case(truth, answer, None)
            if task.spatial:
                row["dice"] = scored.scores["dice"].value
            else:
                row |= {"truth": truth, "probability": answer.probabilities[1]}
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def minutes_of(name: str, out: Path, seeds: list[int]) -> float:
    """Return the mean minutes of training."""
    folder = out / name.replace(" ", "_")
    histories = [pd.read_csv(folder / f"{folder.name}_seed{seed}" / "history.csv") for seed in seeds]
    return float(np.mean([history["seconds"].sum() / 60 for history in histories]))


def compare(first: list[pd.DataFrame], second: list[pd.DataFrame], task: str) -> dict[str, Any]:
    """Return the difference of Dice or AUROC, second minus first, with its interval over patients.

    Args:
        first: Scores of each case, one table for each seed.
        second: The same of another network.
        task: "dice" or "auroc".
    """
    patients = first[0]["patient"].to_numpy()
    if task == "dice":
        one, other = (
            np.stack([table["dice"] for table in tables]).mean(axis=0) for tables in (first, second)
        )
        result = metrics.compare_paired(one, other, list(map(str, patients)), resamples=RESAMPLES)
        return {"difference": result.difference, "low": result.low, "high": result.high}
    truth = first[0]["truth"].to_numpy(int)
    one, other = (np.stack([table["probability"] for table in tables]) for tables in (first, second))

    def difference(cases: Any) -> dict[str, float]:
        gains = [
            metrics.auroc(truth[cases], b[cases]) - metrics.auroc(truth[cases], a[cases])
            for a, b in zip(one, other, strict=True)
        ]
        return {"auroc": float(np.mean(gains))}

    every = difference(np.arange(len(truth)))["auroc"]
    low, high = metrics.bootstrap_interval(difference, list(map(str, patients)), resamples=RESAMPLES)["auroc"]
    return {"difference": every, "low": low, "high": high}


def mean_score(tables: list[pd.DataFrame], task: str) -> float:
    """Return the mean over seeds of Dice or AUROC."""
    if task == "dice":
        return float(np.mean([table["dice"].mean() for table in tables]))
    return float(
        np.mean([metrics.auroc(table["truth"].to_numpy(int), table["probability"]) for table in tables])
    )


def make_table(scores: dict[str, list[pd.DataFrame]], minutes: dict[str, float]) -> pd.DataFrame:
    """Return one row for each network."""

    def cell(first: str, second: str, task: str) -> str:
        if first not in scores or first == second:
            return ""
        result = compare(scores[first], scores[second], task)
        return f"{result['difference']:+.3f} [{result['low']:+.3f}, {result['high']:+.3f}]"

    rows = []
    for name, tables in scores.items():
        pooling, factor = name.split(" ")
        row: dict[str, Any] = {"network": name, "minutes": f"{minutes[name]:.1f}", "seeds": len(tables)}
        row |= {"n": len(tables[0]), "patients": tables[0]["patient"].nunique()}
        if tables[0]["dice"].notna().any():
            row["Dice"] = f"{mean_score(tables, 'dice'):.3f}"
        if tables[0]["truth"].notna().any():
            row["AUROC"] = f"{mean_score(tables, 'auroc'):.3f}"
        if factor != "alone":
            row["Dice minus alone"] = cell("lesion alone", name, "dice")
            row["AUROC minus alone"] = cell(f"{pooling} alone", name, "auroc")
            row["AUROC minus joint"] = cell(f"{pooling} 1", name, "auroc")
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def read_arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--poolings", type=lambda text: text.split(","), default=["average", "mask"])
    parser.add_argument(
        "--factors", type=lambda text: [float(part) for part in text.split(",")], default=[1.0, 0.3, 0.1, 0.0]
    )
    parser.add_argument("--detach", type=int, default=0, metavar="EPOCHS")
    parser.add_argument("--final-weight", type=float, metavar="WEIGHT")
    parser.add_argument("--cases", type=int, metavar="N")
    parser.add_argument("--test", action="store_true")
    return parser.parse_intermixed_args()


def main() -> None:
    """Run the benchmark, and print the table after each seed."""
    settings = read_arguments()
    settings.out.mkdir(parents=True, exist_ok=True)
    overrides = [*SMALL, f"training.epochs={settings.epochs}", *settings.overrides]
    config, dataset = read_data(um.load_config(RECIPE, overrides), settings.out, settings.cases)
    split = "test" if settings.test else "val"
    scores: dict[str, list[pd.DataFrame]] = {}
    seeds = list(range(config.seed, config.seed + settings.seeds))
    for done, seed in enumerate(seeds, start=1):
        for name, planned in plan(config, settings).items():
            own = planned.model_copy(update={"seed": seed})
            scores.setdefault(name, []).append(measure(name, own, dataset, settings.out, split))
            print(f"seed {seed}: {name} is done", file=sys.stderr, flush=True)
        minutes = {name: minutes_of(name, settings.out, seeds[:done]) for name in scores}
        print(f"{split}, {settings.epochs} epochs, {done} of {len(seeds)} seeds")
        print(make_table(scores, minutes).to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
