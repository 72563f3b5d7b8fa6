"""What does each encoder cost, and how good is it after equal minutes?

    python benchmarks/encoders.py OUT [--minutes 3] [--size 128] [--only NAME ...] [--seed 7] [key=value ...]

Trains the recipe for dsb2018 with each encoder for the same minutes, one after another and each in a process of its
own, from random weights and, where ImageNet weights are on this machine, from those as well. Then times the network on
one batch of 8 images. Prints one row for each training: parameters of the whole network, CPU milliseconds of a training
step and of a prediction for each image, the epochs that the minutes allowed, and the Dice of all nuclei against the
background on the test split with its 95 % interval. Called again with the same OUT, it continues.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import pandas as pd  # noqa: E402

import metrics  # noqa: E402
import unet_mtl as um  # noqa: E402
from unet_mtl.nn.encoders import ENCODERS  # noqa: E402

RECIPE = Path(__file__).parent / "recipes" / "dsb2018.yaml"
BATCH = 8
TWELVE = (
    "plain",
    "residual",
    "efficientnet_lite0",
    "efficientnet_lite2",
    "efficientnetv2_b0",
    "efficientnetv2_b3",
    "mobilenetv3_large",
    "mobilenetv3_small",
    "resnet50",
    "resnet50v2",
    "densenet121",
    "convnext_tiny",
)


def trainings(names: list[str]) -> list[tuple[str, str]]:
    """Return pairs of an encoder and its initial weights, "random" or "imagenet"."""
    here = {row["encoder"] for row in um.list_weights() if row["path"]}
    return [(name, w) for name in names for w in ("random", "imagenet") if w == "random" or name in here]


def settings_of(encoder: str, weights: str, options: argparse.Namespace) -> list[str]:
    """Return the settings that differ from the recipe."""
    return [
        f"preprocess.size=[{options.size}, {options.size}]",
        f"network.encoder={encoder}",
        *(["network.weights=imagenet"] if weights == "imagenet" else []),
        f"training.minutes={options.minutes}",
        f"seed={options.seed}",
        *options.overrides,
    ]


def time_steps(config: um.Config, steps: int = 6) -> dict[str, Any]:
    """Return parameters, and CPU milliseconds an image of a training step and of a prediction."""
    import numpy as np

    from unet_mtl.data.splits import split_dataset
    from unet_mtl.training.session import make_session

    plain = config.training.model_copy(update={"minutes": None, "epochs": 1})
    config = config.model_copy(update={"training": plain})
    parts = split_dataset(um.read_dataset(config.data), config.split)
    few = {name: part.only(list(part)[: 2 * BATCH]) for name, part in parts.items()}
    session = make_session(config, few)
    images, targets, weights = next(iter(session.train))
    trainer = session.trainer
    network = trainer.network
    compute = {
        "training": lambda: trainer.train_on_batch(images, targets, weights),
        "prediction": lambda: network.predict_on_batch(images),
    }
    facts: dict[str, Any] = {"precision": session.precision, "millions": network.count_params() / 1e6}
    for name, step in compute.items():
        for _ in range(2):
            step()
        spent = []
        for _ in range(steps):
            began = time.process_time()
            step()
            spent.append(time.process_time() - began)
        facts[f"{name} ms"] = 1000 * statistics.median(spent) / len(np.asarray(images["image"]))
    session.train.close()
    return facts


def foreground_dice(run: um.RunFolder, dataset: um.Dataset) -> list[float]:
    """Return the Dice of all nuclei against the background, of each test case at its original size."""
    from unet_mtl.data.splits import split_dataset
    from unet_mtl.inference.case_result import cases_of

    predictor = um.Predictor.load(run)
    test = split_dataset(dataset, um.SplitSettings())["test"]
    scores = []
    for result in predictor.predict(cases_of(test, predictor.inputs)):
        truth, found = result.require().truths["nuclei"], result.answers["nuclei"].mask
        counts = metrics.count_cases((truth > 0)[None], (found > 0)[None], n_classes=2)
        scores.append(float(metrics.dice(counts)[0, 1]))
    return scores


def measure(encoder: str, weights: str, folder: Path, options: argparse.Namespace) -> None:
    """Train, evaluate and time one encoder, and write facts.json."""
    config = um.load_config(RECIPE, settings_of(encoder, weights, options))
    dataset = um.read_dataset(config.data)
    run = um.train(
        dataset,
        config.tasks,
        folder / "run",
        **config.arguments(),
        resume=(folder / "run").is_dir(),
        progress=False,
    )
    history = run.read_history()
    facts = time_steps(config) | {
        "dice": foreground_dice(run, dataset),
        "epochs": len(history),
        "minutes": history["seconds"].sum() / 60,
    }
    (folder / "facts.json").write_text(json.dumps(facts))


def describe(encoder: str, weights: str, facts: dict[str, Any]) -> dict[str, str]:
    """Return one row of the table."""
    dice = metrics.summarise(facts["dice"])  # the set names no patients
    return {
        "encoder": encoder,
        "weights": weights,
        "parameters, millions": f"{facts['millions']:.1f}",
        "precision": facts["precision"],
        "training ms": f"{facts['training ms']:.0f}",
        "prediction ms": f"{facts['prediction ms']:.0f}",
        "minutes": f"{facts['minutes']:.1f}",
        "epochs": str(facts["epochs"]),
        "Dice": f"{dice.mean:.3f} [{dice.low:.3f}, {dice.high:.3f}] n={dice.n}",
    }


def main() -> None:
    """Run the benchmark, or one training of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=list(TWELVE), choices=list(ENCODERS))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_intermixed_args()
    if options.one:
        folder = options.out / "_".join(options.one)
        folder.mkdir(parents=True, exist_ok=True)
        measure(*options.one, folder, options)
        return
    rows = []
    for encoder, weights in trainings(options.only):
        stored = options.out / f"{encoder}_{weights}" / "facts.json"
        if not stored.is_file():
            subprocess.run([sys.executable, *sys.argv, "--one", encoder, weights], check=True)
        rows.append(describe(encoder, weights, json.loads(stored.read_text())))
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
