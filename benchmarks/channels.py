"""Does a network of four channels use them all, and does it bear that one is missing?

    python benchmarks/channels.py OUT [--cases 320] [--epochs 12] [--seed 7]

Writes a SYNTHETIC set into OUT: slices of a head-like ellipse in four channels, each a file of its own. The lesion is
bright in `flair`, blurred with its surroundings in `t2`, dark among other dark spots in `t1`, and has a bright rim in
`t1c` if its grade is high, and none if it is low. A quarter of the cases lack `t1c`, at random. Trains lesion mask and
grade from all four channels (`missing: zeros` for t1c) and from `flair` alone, with the same seed, split and epochs.
Prints for the test cases Dice and AUROC with 95 % intervals: all four channels; t1c withheld from every test case; and
flair alone, with the paired differences of Dice to the first.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from PIL import Image  # noqa: E402
from scipy import ndimage  # noqa: E402

import metrics  # noqa: E402
import unet_mtl as um  # noqa: E402

SIDE = 96
CHANNELS = ("t1", "t1c", "t2", "flair")
TASKS = [
    um.Segmentation(name="lesion"),
    um.Classification(name="grade", class_weights="balanced"),
]
DESCRIPTION = """table: cases.csv
images:
{images}
masks: {{lesion: {{path: "masks/{{case}}.png", classes: [background, lesion]}}}}
columns: {{grade: {{classes: [low, high]}}}}
split: split
"""


def blob(rng: np.random.Generator, y: float, x: float, radius: float) -> np.ndarray[Any, Any]:
    """Return a smooth, irregular spot as a mask (SIDE, SIDE)."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    angle = np.arctan2(rows - y, columns - x)
    waves = sum(rng.uniform(0, 0.12) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 4))
    inside: np.ndarray[Any, Any] = np.hypot(rows - y, columns - x) < radius * (1 + waves)
    return inside


def make_case(rng: np.random.Generator, high: bool) -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
    """Return the channels, float in 0..1, and the mask of one case."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    head = np.hypot((rows - SIDE / 2) / 42, (columns - SIDE / 2) / 34) < 1
    anatomy = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), 5)
    anatomy = head * (0.45 + 0.1 * anatomy / anatomy.std())
    y, x = SIDE / 2 + rng.uniform(-20, 20), SIDE / 2 + rng.uniform(-16, 16)
    radius = rng.uniform(5, 10)
    lesion = blob(rng, y, x, radius) & head
    edema = ndimage.gaussian_filter(ndimage.binary_dilation(lesion, iterations=4).astype(float), 2)
    rim = ndimage.gaussian_filter((lesion ^ ndimage.binary_erosion(lesion, iterations=2)).astype(float), 0.7)
    spots = sum(
        blob(rng, *(SIDE / 2 + rng.uniform(-22, 22, 2)), radius=rng.uniform(3, 9)).astype(float)
        for _ in range(3)
    )
    clear = {
        "t1": anatomy - 0.12 * lesion - 0.12 * np.minimum(spots, 1) * head,
        "t1c": anatomy + (0.3 if high else 0.02) * rim,
        "t2": 0.9 * anatomy + 0.22 * edema * head,
        "flair": anatomy + 0.16 * lesion + 0.12 * np.minimum(spots, 1) * head * rng.integers(2),
    }
    noisy = {
        name: np.clip(
            values * rng.uniform(0.85, 1.15)
            + 0.07 * ndimage.gaussian_filter(rng.normal(size=head.shape), 0.6),
            0,
            1,
        )
        for name, values in clear.items()
    }
    return noisy, lesion


def write_set(out: Path, n: int, seed: int) -> None:
    """Write `all` with three data sets on the same cases: four channels, flair alone, and t1c withheld."""
    rng = np.random.default_rng(seed)
    (out / "masks").mkdir(parents=True)
    rows = []
    for i in range(n):
        case, high = f"s{i:04}", bool(rng.integers(2))
        channels, lesion = make_case(rng, high)
        lacking = rng.random() < 0.25
        for name, values in channels.items():
            (out / name).mkdir(exist_ok=True)
            if not (name == "t1c" and lacking):
                Image.fromarray((values * 255).round().astype(np.uint8)).save(out / name / f"{case}.png")
        Image.fromarray(lesion.astype(np.uint8)).save(out / "masks" / f"{case}.png")
        split = "train" if i < 0.5 * n else "val" if i < 0.65 * n else "test"
        rows.append({"case": case, "grade": "high" if high else "low", "split": split})
    table = pd.DataFrame(rows)
    lines = [
        f'  {name}: {{path: "{name}/{{case}}.png"{", missing: zeros" if name == "t1c" else ""}}}'
        for name in CHANNELS
    ]
    whole = DESCRIPTION.format(images="\n".join(lines))
    for name, text in {
        "four": whole,
        "flair alone": DESCRIPTION.replace("images:\n{images}", "images: flair/{{case}}.png").format(),
        "without t1c": whole.replace("t1c/", "none/"),
    }.items():
        folder = out / name.replace(" ", "_")
        folder.mkdir()
        for part in ("masks", *CHANNELS):
            shutil.copytree(out / part, folder / part, copy_function=os.link)
        (folder / "none").mkdir()
        (folder / "dataset.yaml").write_text(text)
        kept = table[table["split"] == "test"] if name == "without t1c" else table
        kept.to_csv(folder / "cases.csv", index=False)


def train(folder: Path, run: Path, options: argparse.Namespace) -> um.RunFolder:
    """Train on one of the sets, or return the run of an earlier call."""
    if (run / "network.keras").exists():
        return um.RunFolder.open(run)
    dataset = um.read_dataset(folder)
    preprocess = {"size": [SIDE, SIDE]} | ({"channels": 1} if "flair" in folder.name else {})
    return um.train(
        dataset,
        TASKS,
        run,
        preprocess=preprocess,
        augment="light",
        network={"width": 12, "levels": 4, "pooling": "mask"},
        training={"epochs": options.epochs, "batch_size": 8, "learning_rate": 0.002, "average_decay": 0.99},
        seed=options.seed,
        progress=False,
    )


def describe(cases: pd.DataFrame, first: pd.DataFrame) -> str:
    """Return scores of the test cases with their intervals, and the paired difference of Dice."""
    high = cases["grade_truth"] == "high"
    dice, patients = cases["lesion_dice"], cases["case"].tolist()

    def ranking(rows: Any) -> dict[str, float]:
        return {
            "auroc": metrics.auroc(high.to_numpy()[rows], cases["grade_probability_high"].to_numpy()[rows])
        }

    summary = metrics.summarise(dice, patients)
    low, top = metrics.bootstrap_interval(ranking, patients)["auroc"]
    words = f"Dice {summary.mean:.3f} [{summary.low:.3f}, {summary.high:.3f}] n={summary.n}"
    words += f"  AUROC {ranking(np.arange(len(cases)))['auroc']:.3f} [{low:.3f}, {top:.3f}]"
    if cases is not first:
        paired = metrics.compare_paired(first["lesion_dice"], dice, patients)
        words += (
            f"  Dice less that of all four {paired.difference:+.3f} [{paired.low:+.3f}, {paired.high:+.3f}]"
        )
    return words


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--cases", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    data = options.out.resolve() / "data"
    if not data.exists():
        write_set(data, options.cases, options.seed)
    four = train(data / "four", options.out / "four", options)
    flair = train(data / "flair_alone", options.out / "flair_alone", options)
    results = {
        "four channels": um.evaluate(four, progress=False).cases,
        "t1c withheld": um.evaluate(four, data=data / "without_t1c", progress=False).cases,
        "flair alone": um.evaluate(flair, progress=False).cases,
    }
    first = results["four channels"].sort_values("case").reset_index(drop=True)
    lacking = [case for case in first["case"] if not (data / "t1c" / f"{case}.png").exists()]
    print(f"{len(first)} test cases, of which {len(lacking)} lack t1c by themselves")
    for name, cases in results.items():
        cases = cases.sort_values("case").reset_index(drop=True)
        print(f"{name:14} {describe(first if name == 'four channels' else cases, first)}")


if __name__ == "__main__":
    main()
