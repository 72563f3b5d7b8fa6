"""Scores out of fold on BUS-BRA, with the four official folds of its column kFold.

    python benchmarks/folds.py DATA OUT [epochs] [cases]

DATA is the folder with bus_data.csv, Images and Masks. Trains a small network (96x96, width 8) for each fold, `epochs`
epochs each (default: 10), and measures every case by the network that did not learn from its patient. `cases` limits
the data to the first patients with about so many images, to try the script. Prints the scores of all cases with their
intervals, the mean and the standard deviation over folds, and the minutes of training and of evaluation.
"""

import sys
import time
from pathlib import Path

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import pandas as pd  # noqa: E402
import yaml  # noqa: E402

import unet_mtl as um  # noqa: E402

TASKS = [um.Segmentation(name="lesion"), um.Classification(name="Pathology")]
SHOWN = ("dice", "hd95_px", "accuracy", "auroc")


def describe(source: Path, out: Path, cases: int | None) -> um.Dataset:
    """Return the data set, with a table of all cases or of the first patients."""
    out.mkdir(parents=True)
    table = pd.read_csv(source / "bus_data.csv", dtype=str)
    if cases is not None:
        # The first patients of each fold, so that no fold is empty.
        order = table.groupby("kFold").cumcount()
        chosen = set(table["Case"][order < max(cases // table["kFold"].nunique(), 2)])
        table = table[table["Case"].isin(chosen)]
    table = table.assign(name=table["ID"].str.removeprefix("bus_"))
    table.to_csv(out / "cases.csv", index=False)
    description = {
        "name": "BUS-BRA",
        "root": str(source.resolve()),
        "table": str((out / "cases.csv").resolve()),
        "case": "name",
        "patient": "Case",
        "links": True,
        "images": "Images/bus_{case}.png",
        "masks": {"lesion": {"path": "Masks/mask_{case}.png", "classes": ["background", "lesion"]}},
        "columns": {"Pathology": {"classes": ["benign", "malignant"]}, "kFold": {}},
    }
    (out / "dataset.yaml").write_text(yaml.safe_dump(description))
    return um.read_dataset(out)


def main() -> None:
    """Train, measure and print."""
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    dataset = describe(source, out, int(sys.argv[4]) if len(sys.argv) > 4 else None)
    started = time.monotonic()
    um.train_folds(
        dataset,
        TASKS,
        out / "folds",
        fold_column="kFold",
        preprocess={"size": [96, 96], "channels": 1},
        network={"width": 8},
        training={"epochs": epochs, "batch_size": 16},
    )
    trained = time.monotonic()
    evaluation = um.evaluate(out / "folds")
    minutes = [(trained - started) / 60, (time.monotonic() - trained) / 60]
    table = evaluation.scores[evaluation.scores["score"].isin(SHOWN)]
    columns = ["task", "score", "value", "low", "high", "n", "mean_over_folds", "sd_over_folds", "n_folds"]
    print(evaluation.title)
    print(table[columns].to_string(index=False, float_format="%.3f"))
    print(f"{epochs} epochs; training {minutes[0]:.1f} min, evaluation {minutes[1]:.1f} min")


if __name__ == "__main__":
    main()
