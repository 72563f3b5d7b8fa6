"""Are the verdicts of `um.ablate` valid on data for which the truth is known by construction?

    python benchmarks/ablation.py OUT [cases] [epochs] [seeds]

Generates phantom sets for two questions. Shared cause, few labels: all masks, and the diameter of the lesion for 20
training and 10 validation cases; the mask determines the diameter, so training together should help it. Pure noise:
all masks, and a coin toss as the label of each case, on five sets with half the cases and at most three seeds;
training together can help neither task. Prints all tables, and counts the verdicts on noise and the verdicts between
two networks of one task that differ only in their seed.
"""

import sys
from collections import Counter
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
from unet_mtl.studies.ablation.comparison import judge  # noqa: E402

KEPT = {"train": 20, "val": 10}
DRAWS = (1, 2, 3, 4, 5)
SHARED = [
    um.Segmentation(name="mask"),
    um.Regression(name="diameter", target="lesion_diameter_mm", weight=0.1),
]
NOISE = [um.Segmentation(name="mask"), um.Classification(name="coin")]
SETTINGS: dict[str, Any] = {
    "preprocess": um.Preprocess(size=(64, 64), channels=1),
    "network": um.NetworkSettings(width=8, levels=4, pooling="both", dropout=0.2),
    # Without zoom, which would change the diameter in the image but not its label.
    "augment": [
        {"HorizontalFlip": {"p": 0.5}},
        {
            "Affine": {
                "translate_percent": [-0.06, 0.06],
                "rotate": [-12, 12],
                "border_mode": 0,
                "fill": 0,
                "fill_mask": 255,
                "p": 0.7,
            }
        },
        {"RandomBrightnessContrast": {"brightness_limit": 0.15, "contrast_limit": 0.2, "p": 0.6}},
    ],
}


def draw_set(folder: Path, cases: int, seed: int) -> pd.DataFrame:
    """Write a phantom set with all labels and return its table with a split: 40 % train, 20 % val, 40 % test."""
    um.write_phantom(
        folder,
        cases=cases,
        seed=seed,
        size=(64, 64),
        missing_masks=0,
        missing_diagnoses=0,
        missing_diameters=0,
    )
    parts = split_dataset(um.read_dataset(folder), um.SplitSettings(train=0.4, val=0.2, test=0.4))
    sides = {record.case: name for name, part in parts.items() for record in part}
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    return table.assign(split=table["case"].map(sides))


def write_table(folder: Path, table: pd.DataFrame, columns: dict[str, Any]) -> um.Dataset:
    """Replace the table of a set and add descriptions of new columns."""
    table.to_csv(folder / "cases.csv", index=False)
    content = yaml.safe_load((folder / "dataset.yaml").read_text())
    content |= {"split": "split", "columns": content["columns"] | columns}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return um.read_dataset(folder)


def keep_few(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Remove all but some diameters of the training and validation cases."""
    rng = np.random.default_rng(seed)
    gone = np.zeros(len(table), bool)
    for side, kept in KEPT.items():
        known = np.flatnonzero((table["split"] == side) & (table["lesion_diameter_mm"] != ""))
        gone[rng.permutation(known)[kept:]] = True
    return table.assign(lesion_diameter_mm=table["lesion_diameter_mm"].mask(gone, ""))


def toss_coins(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Add the toss of a fair coin as a label of each case."""
    return table.assign(coin=np.random.default_rng(seed).choice(["heads", "tails"], len(table)))


def ablate(data: um.Dataset, tasks: list[Any], out: Path, epochs: int, seeds: int) -> Any:
    """Run and print the ablation."""
    training = um.TrainingSettings(epochs=epochs, batch_size=8, learning_rate=0.001, spread_labels=True)
    found = um.ablate(data, tasks, out, seeds=seeds, training=training, progress=False, **SETTINGS)
    print(out.name, found.title, found, *found.notes, "", sep="\n", flush=True)
    return found


def judge_twins(out: Path, seeds: list[int]) -> list[str]:
    """Return the verdicts between networks of one task that differ only in their seed, for mask and coin."""
    verdicts = []
    for seed in seeds[1:]:
        first, second = (
            {
                "mask": _cases(out, "mask", its)["mask_dice"].to_numpy(),
                "coin": _cases(out, "coin", its).eval("coin_truth == coin_predicted").to_numpy(float),
            }
            for its in (seeds[0], seed)
        )
        patients = _cases(out, "mask", seed)["patient"].tolist()
        compared = metrics.compare_tables(first, second, patients)
        verdicts += [
            f"{task}: {judge(result, np.nan, higher=True, seeds=1)}" for task, result in compared.items()
        ]
    return verdicts


def _cases(out: Path, task: str, seed: int) -> pd.DataFrame:
    return pd.read_csv(out / f"{task}_seed{seed}" / "evaluation" / "test" / "cases.csv")


def main(out: str, cases: str = "480", epochs: str = "40", seeds: str = "3") -> None:
    """Answer both questions."""
    folder = Path(out)
    data = folder / "data_shared"
    dataset = write_table(data, keep_few(draw_set(data, int(cases), 7)), {})
    ablate(dataset, SHARED, folder / "shared_cause", int(epochs), int(seeds))
    found: Counter[str] = Counter()
    twins: Counter[str] = Counter()
    few = min(int(seeds), 3)
    for seed in DRAWS:
        data = folder / f"data_noise_{seed}"
        table = toss_coins(draw_set(data, int(cases) // 2, seed), seed)
        dataset = write_table(data, table, {"coin": {"classes": ["heads", "tails"]}})
        place = folder / f"noise_{seed}"
        ablation = ablate(dataset, NOISE, place, int(epochs), few)
        found.update(f"{row.task}: {row.verdict}" for row in ablation.table.iloc[:-1].itertuples())
        twins.update(judge_twins(place, [7 + step for step in range(few)]))
    print(f"pure noise, {len(DRAWS)} sets, {few} seeds each: {dict(sorted(found.items()))}")
    print(f"the same task twice, other seed: {dict(sorted(twins.items()))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
