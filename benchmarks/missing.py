"""Is a network trained on all available labels as good as one network per task on its labelled cases?

    python benchmarks/missing.py OUT [cases] [epochs]

Generates phantom cases, keeps all labels of the test cases, and removes 50 % of the masks, 70 % of the diagnoses and
95 % of the diameters of the others at random. Trains one network on all cases, and one network per task on the cases
with its label, for the same number of epochs, so that every label is seen equally often. Prints the score of each
task on the same test cases with its 95 % interval over patients, and the paired difference.
"""

import shutil
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
from unet_mtl.data.splits import split_dataset  # noqa: E402

REMOVED = {"mask": 0.5, "diagnosis": 0.7, "lesion_diameter_mm": 0.95}
TASKS: dict[str, tuple[Any, str]] = {
    "mask": (um.Segmentation(name="mask"), "dice_lesion"),
    "diagnosis": (um.Classification(name="diagnosis", class_weights="balanced", weight=0.5), "accuracy"),
    "diameter": (um.Regression(name="diameter", target="lesion_diameter_mm", weight=0.1), "absolute_error"),
}
SETTINGS: dict[str, Any] = {
    "preprocess": um.Preprocess(size=(64, 64), channels=1),
    "network": um.NetworkSettings(width=12, levels=4, pooling="both", dropout=0.2),
}


def thin_out(source: Path, seed: int = 0) -> None:
    """Assign the splits, and remove labels of training and validation cases."""
    dataset = um.read_dataset(source)
    sides = {
        record.case: name
        for name, part in split_dataset(dataset, um.SplitSettings()).items()
        for record in part
    }
    table = pd.read_csv(source / "cases.csv", dtype=str, keep_default_na=False)
    table["split"] = table["case"].map(sides)
    rng = np.random.default_rng(seed)
    learned_from = table["split"] != "test"
    masked = {record.case for record in dataset if record.masks}
    for target, share in REMOVED.items():
        labelled = table["case"].isin(masked) if target == "mask" else table[target] != ""
        known = np.flatnonzero(learned_from & labelled)
        gone = np.zeros(len(table), bool)
        gone[rng.permutation(known)[: round(share * len(known))]] = True
        if target == "mask":
            for case in table["case"][gone]:
                (source / "masks" / f"{case}.png").unlink(missing_ok=True)
        else:
            table.loc[gone, target] = ""
    table.to_csv(source / "cases.csv", index=False)
    content = yaml.safe_load((source / "dataset.yaml").read_text()) | {"split": "split"}
    (source / "dataset.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def keep_labelled(source: Path, folder: Path, task: Any) -> int:
    """Write a copy with the test cases and the labelled cases of a task, and return the number of training cases."""
    shutil.copytree(source, folder)
    dataset = um.read_dataset(folder)
    kept = {record.case for record in dataset if record.split == "test" or task.is_labelled(record)}
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    table[table["case"].isin(kept)].to_csv(folder / "cases.csv", index=False)
    for record in dataset:
        if record.case not in kept and record.image is not None:
            for path in (record.image, *(file.path for files in record.masks.values() for file in files)):
                path.unlink()
    return sum(record.split == "train" and record.case in kept for record in dataset)


def train(data: Path, tasks: list[Any], run: Path, epochs: int) -> um.RunFolder:
    """Train and evaluate one network."""
    training = um.TrainingSettings(epochs=epochs, batch_size=8, learning_rate=0.001)
    return um.train(um.read_dataset(data), tasks, run, **SETTINGS, training=training, progress=False)


def main(out: str, cases: str = "400", epochs: str = "40") -> None:
    """Run the benchmark."""
    folder = Path(out)
    data = folder / "data"
    um.write_phantom(data, cases=int(cases), missing_masks=0, missing_diagnoses=0, missing_diameters=0)
    thin_out(data)
    n_train = sum(record.split == "train" for record in um.read_dataset(data))
    together = um.evaluate(
        train(data, [task for task, _ in TASKS.values()], folder / "together", int(epochs)), progress=False
    )
    patients = {record.case: record.patient for record in um.read_dataset(data)}
    for name, (task, score) in TASKS.items():
        n = keep_labelled(data, folder / f"data_{name}", task)
        alone = um.evaluate(
            train(folder / f"data_{name}", [task], folder / name, round(int(epochs) * n_train / n)),
            progress=False,
        )
        words = []
        for evaluation in (together, alone):
            row = evaluation.scores.query("task == @name and score == @score").iloc[0]
            words.append(f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}] n={row['n']}")
        line = f"{name} {score}, {n} of {n_train} train cases labelled: together {words[0]}; alone {words[1]}"
        print(f"{line}; {_difference(task, score, alone, together, patients)}", flush=True)


def _difference(task: Any, score: str, alone: Any, together: Any, patients: dict[str, str]) -> str:
    values = [_by_case(task, score, evaluation) for evaluation in (alone, together)]
    same = [case for case in values[0] if case in values[1]]
    compared = metrics.compare_paired(
        [values[0][case] for case in same],
        [values[1][case] for case in same],
        [patients[case] for case in same],
    )
    return f"together minus alone {compared.difference:+.3f} [{compared.low:+.3f}, {compared.high:+.3f}]"


def _by_case(task: Any, score: str, evaluation: Any) -> dict[str, float]:
    cases = evaluation.cases.set_index("case")
    if score != "accuracy":
        return dict(cases[f"{task.name}_{score}"].dropna())
    known = cases.dropna(subset=[f"{task.name}_truth"])
    return dict((known[f"{task.name}_truth"] == known[f"{task.name}_predicted"]).astype(float))


if __name__ == "__main__":
    main(*sys.argv[1:])
