"""How good is a network after equal minutes, beside the networks that an engineer would write in PyTorch?

    python benchmarks/peers.py DATA OUT --minutes M --torch PYTHON [--size 256] [--seed 7] [--only NAME ...]
        [--ours NAME key=value ...]

DATA is `busbra` (folds 1 and 2 train, 3 validates, 4 tests) or `dsb2018` (its own split). PYTHON is an interpreter with
the packages that benchmarks/torch_peers.py names. Trains, one after another and each in a process of its own with the
same split and budget: the recipe in benchmarks/recipes; each `--ours`, the recipe with changed settings; and the peers
"monai" (BasicUNet), "pretrained" (a U-Net on EfficientNet-Lite0 with ImageNet weights) and "nnunet" (nnU-Net v2, masks
only). All write masks of the test cases, which are scored here at the original size by the same code: foreground Dice
of each case, AUROC of the class (accuracy with more than two), relative error of counts. Prints scores with 95 %
intervals over patients, paired differences to each peer, minutes and images seen. What was trained before in OUT is not
trained again.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
HERE = Path(__file__).resolve().parent
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != HERE]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from PIL import Image  # noqa: E402

import metrics  # noqa: E402
import unet_mtl as um  # noqa: E402
from unet_mtl.data.records import Dataset, Record  # noqa: E402
from unet_mtl.data.splits import SplitSettings, split_dataset  # noqa: E402

PEERS = ("monai", "pretrained", "nnunet")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Study:
    """A data set with the tasks that all networks learn, and what differs from the recipe."""

    label: str
    column: str
    positive: str | None
    number: str | None
    channels: int
    settings: tuple[str, ...]


STUDIES = {
    "busbra": Study("pathology", "Pathology", "malignant", None, 1, ("preprocess.channels=1",)),
    "dsb2018": Study("modality", "modality", None, "nucleus_count", 3, ()),
}


def split_table(name: str, dataset: Dataset, out: Path) -> Path | None:
    """Write the split by official folds as a table; None: the data have a split of their own."""
    if name != "busbra":
        return None
    folds = pd.read_csv(dataset.description.root / "bus_data.csv", dtype=str).set_index("ID")["kFold"]
    folds.index = folds.index.str.removeprefix("bus_")
    part = {"1": "train", "2": "train", "3": "val", "4": "test"}
    path = out / "split.csv"
    pd.DataFrame({"case": [r.case for r in dataset], "split": [part[folds[r.case]] for r in dataset]}).to_csv(
        path, index=False
    )
    return path


def read_arrays(part: Dataset, study: Study, size: int) -> dict[str, Any]:
    """Return images, masks, labels and numbers of the network's size, as a peer trains on them."""
    images, masks, labels, numbers = [], [], [], []
    classes = list(part.description.columns[study.column].classes or ())
    for record in part:
        image = Image.open(record.require_image()).convert("L" if study.channels == 1 else "RGB")
        images.append(np.asarray(image.resize((size, size), Image.Resampling.BILINEAR)))
        mask = Image.fromarray(read_mask(record))
        masks.append(np.asarray(mask.resize((size, size), Image.Resampling.NEAREST)))
        label = record.labels.get(study.column)
        labels.append(-1 if label is None else classes.index(str(label)))
        if study.number:
            numbers.append([np.log1p(float(record.labels.get(study.number, "nan")))])
    pixels = np.stack(images)
    return {
        "images": pixels[..., None] if pixels.ndim == 3 else pixels,
        "masks": np.stack(masks),
        "labels": np.array(labels, np.int64),
        "numbers": np.array(numbers, np.float32).reshape(len(part), -1),
    }


def read_mask(record: Record) -> np.ndarray[Any, Any]:
    """Return the only mask of a case, uint8 class indices of the original size."""
    (files,) = record.masks.values()
    return np.asarray(Image.open(files[0].path)).astype(np.uint8)


def train_ours(
    config_path: Path, settings: list[str], folder: Path, part: Dataset, study: Study
) -> dict[str, Any]:
    """Train with a changed recipe in a process of its own, and predict the test cases."""
    command = [str(Path(sys.executable).with_name("unet-mtl"))]
    began = time.monotonic()
    run = folder / "run"
    if not (run / "network.keras").exists():
        subprocess.run([*command, "train", str(config_path), *settings, "--run", str(run)], check=True)
    minutes = (time.monotonic() - began) / 60
    table = um.predict(run, [r.require_image() for r in part], folder / "predictions", progress=False)
    (mask_task,) = (task.name for task in um.RunFolder.open(run).read_tasks() if task.spatial)
    history = um.RunFolder.open(run).read_history()
    seen = len(history) * len(pd.read_csv(run / "splits.csv").query("split == 'train'"))
    masks = []
    for record in part:
        path = folder / "predictions" / mask_task / f"{record.require_image().stem}.png"
        masks.append(np.asarray(Image.open(path)) > 0)
    classes = list(part.description.columns[study.column].classes or ())
    probabilities = np.stack([table[f"{study.label}_probability_{name}"].to_numpy() for name in classes], 1)
    numbers = table["count"].to_numpy() if study.number else None
    return {"masks": masks, "labels": probabilities, "numbers": numbers, "minutes": minutes, "seen": seen}


def train_peer(
    name: str, python: str, data: Path, folder: Path, options: Any, part: Dataset
) -> dict[str, Any]:
    """Train a peer in its own environment, and resize its probabilities to the original sizes."""
    out = folder / "test.npz"
    if not out.exists():
        script = [python, str(HERE / "torch_peers.py"), name, str(data), str(out)]
        subprocess.run([*script, "--minutes", str(options.minutes), "--seed", str(options.seed)], check=True)
    stored = np.load(out)
    minutes, seen, *_ = stored["facts"]
    masks = []
    for record, share in zip(part, stored["masks"], strict=True):
        width, height = Image.open(record.require_image()).size
        levels = [
            Image.fromarray(level.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
            for level in share
        ]
        masks.append(np.stack(levels).argmax(0) > 0)
    numbers = np.expm1(stored["numbers"][:, 0]) if stored["numbers"].size else None
    return {
        "masks": masks,
        "labels": stored["labels"],
        "numbers": numbers,
        "minutes": minutes,
        "seen": int(seen),
    }


def train_nnunet(
    python: str, folder: Path, options: Any, parts: dict[str, Dataset], study: Study
) -> dict[str, Any]:
    """Train nnU-Net in its own environment on exported train and validation cases."""
    test = folder / "test"
    if not (folder / "facts.json").exists():
        shutil.rmtree(folder)
        test.mkdir(parents=True)
        both = parts["train"].only([*parts["train"], *parts["val"]])
        exported = um.to_nnunet(both, folder / "raw")
        split = {name: [r.case for r in parts[name]] for name in ("train", "val")}
        (folder / "split.json").write_text(json.dumps([split]))
        for record in parts["test"]:
            image = Image.open(record.require_image()).convert("L" if study.channels == 1 else "RGB")
            image.save(test / f"{record.case}_0000.png")
        script = [python, str(HERE / "nnunet_peer.py"), str(exported.folder), str(test)]
        rest = [str(folder / "split.json"), str(folder), "--minutes", str(options.minutes)]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        subprocess.run([*script, *rest], check=True, env=environment)
    masks = [np.asarray(Image.open(folder / "masks" / f"{r.case}.png")) > 0 for r in parts["test"]]
    return {"masks": masks, **json.loads((folder / "facts.json").read_text())}


def score(answers: dict[str, Any], part: Dataset, study: Study) -> dict[str, Any]:
    """Return the scores of each case and of the set."""
    dice = []
    for record, mask in zip(part, answers["masks"], strict=True):
        truth = read_mask(record)
        known = truth != 255
        counts = metrics.count_cases(((truth > 0) & known)[None], (mask & known)[None], n_classes=2)
        dice.append(float(metrics.dice(counts)[0, 1]))
    classes = list(part.description.columns[study.column].classes or ())
    truth = np.array([classes.index(str(r.labels[study.column])) for r in part])
    cases: dict[str, Any] = {"dice": np.array(dice)}
    if "labels" not in answers:
        return cases
    cases["correct"] = answers["labels"].argmax(1) == truth
    if study.positive:
        positive = classes.index(study.positive)
        cases |= {"positive": truth == positive, "rank": answers["labels"][:, positive]}
    if study.number:
        count = np.array([float(r.labels[study.number]) for r in part])
        cases["count_error"] = np.abs(answers["numbers"] - count) / np.maximum(count, 1)
    return cases


def auroc_interval(
    cases: dict[str, Any], other: dict[str, Any] | None, patients: list[str]
) -> tuple[float, float, float]:
    """Return the AUROC, or the difference to that of another network, with an interval over patients."""
    groups = pd.Series(range(len(patients))).groupby(np.array(patients)).indices
    names, rng = list(groups), np.random.default_rng(0)

    def value(rows: Any) -> float:
        first = metrics.auroc(cases["positive"][rows], cases["rank"][rows])
        return first - (metrics.auroc(other["positive"][rows], other["rank"][rows]) if other else 0.0)

    drawn = [
        value(np.concatenate([groups[names[i]] for i in rng.integers(0, len(names), len(names))]))
        for _ in range(1000)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return value(np.arange(len(patients))), float(low), float(high)


def report(results: dict[str, dict[str, Any]], part: Dataset, study: Study) -> None:
    """Print one line per network, then the paired differences of ours to the peers."""
    patients = [r.patient for r in part]
    scores = {name: score(answers, part, study) for name, answers in results.items()}
    for name, cases in scores.items():
        line = f"{name:22} {results[name]['minutes']:5.1f} min {results[name]['seen']:6d} images"
        for column in ("dice", "count_error"):
            if column in cases:
                s = metrics.summarise(cases[column], patients)
                line += f"  {column} {s.mean:.3f} [{s.low:.3f}, {s.high:.3f}] n={s.n}"
        if "count_error" in cases:
            line += f" (median {np.median(cases['count_error']):.3f})"
        if "correct" in cases:
            line += f"  accuracy {np.mean(cases['correct']):.3f}"
        if "rank" in cases:
            line += "  AUROC {:.3f} [{:.3f}, {:.3f}]".format(*auroc_interval(cases, None, patients))
        print(line)
    for name in scores:
        for peer in PEERS if name not in PEERS else ():
            if peer not in scores:
                continue
            d = metrics.compare_paired(scores[peer]["dice"], scores[name]["dice"], patients)
            line = f"{name} less {peer}: dice {d.difference:+.3f} [{d.low:+.3f}, {d.high:+.3f}]"
            if "rank" in scores[peer]:
                line += "  AUROC {:+.3f} [{:+.3f}, {:+.3f}]".format(
                    *auroc_interval(scores[name], scores[peer], patients)
                )
            if "count_error" in scores[peer]:
                c = metrics.compare_paired(scores[peer]["count_error"], scores[name]["count_error"], patients)
                line += f"  count error {c.difference:+.3f} [{c.low:+.3f}, {c.high:+.3f}]"
            print(line)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", choices=STUDIES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--torch", required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--ours", nargs="+", action="append", default=[], metavar="NAME key=value")
    options = parser.parse_args()
    study, recipe = STUDIES[options.data], HERE / "recipes" / f"{options.data}.yaml"
    options.out.mkdir(parents=True, exist_ok=True)
    dataset = um.read_dataset(um.load_config(recipe).data)
    table = split_table(options.data, dataset, options.out.resolve())
    settings = [
        *study.settings,
        f"preprocess.size=[{options.size}, {options.size}]",
        f"training.minutes={options.minutes}",
        f"seed={options.seed}",
        *([f"split.table={table}"] if table else []),
    ]
    parts = split_dataset(dataset, SplitSettings(table=str(table) if table else None))
    arrays = options.out / "data.npz"
    if not arrays.exists():
        stored = {
            f"{name}_{key}": value
            for name in SPLITS
            for key, value in read_arrays(parts[name], study, options.size).items()
        }
        np.savez(arrays, **stored)
    results = {}
    ours = {"unet_mtl": [], **{f"unet_mtl {name}": changed for name, *changed in options.ours}}
    for name in [*ours, *PEERS]:
        if (
            options.only is not None
            and name not in options.only
            and name.removeprefix("unet_mtl ") not in options.only
        ):
            continue
        folder = options.out / name.replace(" ", "_")
        folder.mkdir(exist_ok=True)
        if name == "nnunet":
            results[name] = train_nnunet(options.torch, folder, options, parts, study)
        elif name in PEERS:
            results[name] = train_peer(name, options.torch, arrays, folder, options, parts["test"])
        else:
            results[name] = train_ours(recipe, settings + ours[name], folder, parts["test"], study)
        facts = {key: results[name][key] for key in ("minutes", "seen")}
        (folder / "facts.json").write_text(json.dumps(facts))
    report(results, parts["test"], study)


if __name__ == "__main__":
    main()
