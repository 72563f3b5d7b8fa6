"""What is each part of the training recipe worth, and what does it cost?

    python benchmarks/recipe.py OUT [--seeds 7,8,9] [--parts sgd,average] [--config CONFIG] [key=value ...]

Trains the base, and one network for each part of the recipe that differs from the base in this part alone, with every
seed; by default on BUS-BRA (benchmarks/recipes/busbra.yaml) at 96x96 with a network of width 16 for 8 epochs. Other
settings are changed by key=value, such as training.epochs=20, or training.minutes=3 training.epochs=null for equal time
instead of equal steps. Prints Dice of the mask, AUROC of the class and the minutes of a training for each part, with
the differences from the base: means over seeds, with 95 % bootstrap intervals over patients of the test split. If the
script is called again with the same OUT, it continues, also with more seeds or parts.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import yaml  # noqa: E402

import metrics  # noqa: E402
import unet_mtl as um  # noqa: E402

CONFIG = Path(__file__).parent / "recipes" / "busbra.yaml"
SMALL = ["preprocess.size=[96,96]", "preprocess.channels=1", "network.width=16", "training.epochs=8"]
PARTS: dict[str, list[str]] = {
    "base": [],
    "warmup": ["training.warmup_epochs=1"],
    "polynomial": ["training.schedule=polynomial"],
    "weight_decay": ["training.weight_decay=0.01"],
    "clip": ["training.clip_norm=1"],
    "sgd": [
        "training.optimizer=sgd",
        "training.learning_rate=0.01",
        "training.schedule=polynomial",
        "training.clip_norm=12",
    ],
    "average": ["training.average_decay=0.999"],
    "label_smoothing": ["tasks.{label}.label_smoothing=0.1"],
    "deep_supervision": ["training.deep_supervision=true"],
    "all": [
        "training.warmup_epochs=1",
        "training.clip_norm=1",
        "training.average_decay=0.999",
        "tasks.{label}.label_smoothing=0.1",
    ],
}
"""Settings by part; "all" is everything that is not an alternative to the base."""

RESAMPLES = 1000


def train(part: str, seed: int, arguments: argparse.Namespace, names: dict[str, str]) -> pd.DataFrame:
    """Train and evaluate one network, or read the results of an earlier call, and return its cases."""
    folder = Path(arguments.out) / f"{part}_seed{seed}"
    overrides = [text.format(**names) for text in PARTS[part]]
    config = um.load_config(arguments.config, [*SMALL, *arguments.overrides, *overrides, f"seed={seed}"])
    table = folder / "evaluation" / "test" / "cases.csv"
    if not table.is_file():
        dataset = um.read_dataset(config.data)
        run = um.train(
            dataset, config.tasks, folder, **config.arguments(), resume=folder.is_dir(), progress=False
        )
        um.evaluate(run, split="test", progress=False)
        print(f"{folder.name} is finished", file=sys.stderr, flush=True)
    return pd.read_csv(table, dtype={"case": str, "patient": str})


def find_names(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the names of the first mask and of the first class of a config."""
    tasks = um.load_config(arguments.config, arguments.overrides).tasks
    return {
        "mask": next(task.name for task in tasks if task.kind == "segmentation"),
        "label": next(task.name for task in tasks if task.kind == "classification"),
    }


def auroc(cases: list[pd.DataFrame], label: str, rows: Any) -> float:
    """Return the mean over seeds of the AUROC of the second of two classes over some of the cases."""
    found = []
    for table in cases:
        column = [name for name in table if name.startswith(f"{label}_probability_")][-1]
        labelled = table.iloc[rows].dropna(subset=[f"{label}_truth"])
        yes = labelled[f"{label}_truth"] == column.removeprefix(f"{label}_probability_")
        found.append(metrics.auroc(yes.to_numpy(), labelled[column].to_numpy()))
    return float(np.mean(found))


def resample(patients: Any) -> list[Any]:
    """Return rows of the cases of resampled patients."""
    rng = np.random.default_rng(0)
    rows = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    return [
        np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))]) for _ in range(RESAMPLES)
    ]


def compare(part: list[pd.DataFrame], base: list[pd.DataFrame], names: dict[str, str]) -> dict[str, str]:
    """Return the cells of one row of the table: scores, and differences from the base with their intervals."""
    column, label = f"{names['mask']}_dice", names["label"]
    patients = base[0]["patient"].to_numpy()
    dice = [np.mean([table[column] for table in tables], axis=0) for tables in (base, part)]
    cells = {"Dice": f"{np.nanmean(dice[1]):.3f}", "AUROC": f"{auroc(part, label, slice(None)):.3f}"}
    if part is base:
        return cells
    difference = metrics.compare_paired(*dice, patients.tolist())
    gains = [auroc(part, label, rows) - auroc(base, label, rows) for rows in resample(patients)]
    low, high = np.nanpercentile(gains, [2.5, 97.5])
    gain = auroc(part, label, slice(None)) - auroc(base, label, slice(None))
    return cells | {
        "Dice - base": f"{difference.difference:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]",
        "AUROC - base": f"{gain:+.3f} [{low:+.3f}, {high:+.3f}]",
    }


def describe_cost(part: str, arguments: argparse.Namespace) -> dict[str, str]:
    """Return minutes and epochs of a training, as means over seeds."""
    histories = [
        um.RunFolder(Path(arguments.out) / f"{part}_seed{seed}").read_history() for seed in arguments.seeds
    ]
    minutes = np.mean([table["seconds"].sum() / 60 for table in histories])
    return {"minutes": f"{minutes:.1f}", "epochs": f"{np.mean([len(table) for table in histories]):.1f}"}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument(
        "--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[7, 8, 9]
    )
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--config", default=CONFIG)
    parser.add_argument("overrides", nargs="*", default=[])
    arguments = parser.parse_intermixed_args()
    names = find_names(arguments)
    parts = list(dict.fromkeys(["base", *arguments.parts]))
    found: dict[str, list[pd.DataFrame]] = {part: [] for part in parts}
    for seed in arguments.seeds:  # so that a slow hour of the machine concerns all parts
        for part in parts:
            found[part].append(train(part, seed, arguments, names))
    settings = yaml.safe_dump([*SMALL, *arguments.overrides], default_flow_style=True, width=10**6).strip()
    base = found["base"]
    print(f"{settings}; seeds {', '.join(map(str, arguments.seeds))}; {len(base[0])} test cases")
    rows = [
        {"part": part} | compare(found[part], base, names) | describe_cost(part, arguments) for part in parts
    ]
    columns = ["part", "Dice", "Dice - base", "AUROC", "AUROC - base", "minutes", "epochs"]
    print(pd.DataFrame(rows, columns=columns).fillna("").to_string(index=False))


if __name__ == "__main__":
    main()
