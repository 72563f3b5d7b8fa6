"""What does each balancer gain, and what does a step cost?

    python benchmarks/balancers.py CONFIG OUT [costs] [scores] [key=value ...]

Measures both, or what is named. `costs` times the steps of a training with each balancer in turn in one process, and
prints the median ratio to a step of `fixed`. `scores` trains the config once with each balancer, and one network per
task, with the same seed; evaluates all of them on the test cases; and prints for each task the mean score, its paired
difference to `fixed` with the 95 % interval over patients, and the weights of the last epoch.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import keras  # noqa: E402, TID253
import pandas as pd  # noqa: E402

import unet_mtl as um  # noqa: E402
from unet_mtl.balancing import BALANCERS, AnyBalancing, Fixed  # noqa: E402
from unet_mtl.balancing.base import MEASURE_EVERY  # noqa: E402
from unet_mtl.data.splits import split_dataset  # noqa: E402
from unet_mtl.studies.ablation.comparison import compare_networks  # noqa: E402
from unet_mtl.studies.ablation.plans import TOGETHER, plan_runs  # noqa: E402
from unet_mtl.training.run import run_training  # noqa: E402
from unet_mtl.training.session import make_session  # noqa: E402

ROUNDS = 7
STEPS = MEASURE_EVERY


def step_costs(config: um.Config, dataset: um.Dataset) -> pd.DataFrame:
    """Return milliseconds per step, the ratio to `fixed`, and the seconds until the end of the first step."""
    parts = split_dataset(dataset, config.split)
    settings: dict[str, AnyBalancing] = {name: kind() for name, kind in BALANCERS.items()}
    settings[f"fixed, gradients every {MEASURE_EVERY}"] = Fixed(measure_every=MEASURE_EVERY)
    settings |= {
        f"{name}, no gradients": BALANCERS[name](measure_every=0)
        for name in BALANCERS
        if BALANCERS[name].default_measure_every
    }
    trainers, first = {}, {}
    for name, balancing in settings.items():
        training = config.training.model_copy(update={"balancing": balancing})
        session = make_session(config.model_copy(update={"training": training}), parts)
        batches = [session.train.make(index) for index in range(min(4, len(session.train) - 1))]
        session.train.close()
        trainers[name] = session.trainer
        began = time.perf_counter()
        _step(session.trainer, batches[0])
        first[name] = time.perf_counter() - began
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    for number in range(ROUNDS):
        # Each round begins with another balancer, because the first one after a pause is faster.
        order = list(trainers)[number % len(trainers) :] + list(trainers)[: number % len(trainers)]
        for name in order:
            began = time.perf_counter()
            for step in range(STEPS):
                _step(trainers[name], batches[step % len(batches)])
            seconds[name].append((time.perf_counter() - began) / STEPS)
    ratios = {
        name: [its / fixed for its, fixed in zip(values, seconds["fixed"], strict=True)]
        for name, values in seconds.items()
    }
    return pd.DataFrame(
        {
            "ms a step": {name: 1000 * statistics.median(values) for name, values in seconds.items()},
            "of fixed": {name: statistics.median(values) for name, values in ratios.items()},
            "lowest": {name: min(values) for name, values in ratios.items()},
            "highest": {name: max(values) for name, values in ratios.items()},
            "first step, s": first,
        }
    )


def _step(trainer: keras.Model, batch: Any) -> None:
    inputs, targets, weights = batch
    trainer.train_on_batch(inputs, targets, weights)  # its logs are numbers, so the step has finished


def scores(config: um.Config, dataset: um.Dataset, out: Path) -> pd.DataFrame:
    """Return one row per network with the score, difference to `fixed` and final weight of each task."""
    runs = {}
    for name, kind in BALANCERS.items():
        training = config.training.model_copy(update={"balancing": kind(), "patience": None})
        runs[name] = run_training(
            config.model_copy(update={"training": training}),
            dataset,
            out / name,
            resume=False,
            progress=False,
        )
    for planned in plan_runs(config, 1)[1:]:
        runs[f"{planned.network} alone"] = run_training(
            planned.config, dataset, out / planned.name, resume=False, progress=False
        )
    measured = {name: um.evaluate(run, split="test", progress=False) for name, run in runs.items()}
    tasks = {task.name: task for task in runs["fixed"].read_tasks()}
    rows: dict[str, dict[str, str]] = {}
    for name, run in runs.items():
        own = [task.name for task in run.read_tasks()]
        keys = {(TOGETHER, config.seed): measured[name]} | {
            (task, config.seed): measured["fixed"] for task in own
        }
        table = compare_networks([tasks[task] for task in own], keys, dict.fromkeys(keys, 0.0))
        history = run.read_history()
        row = {}
        for line in table.iloc[: len(own)].to_dict("records"):
            row[f"{line['task']} {line['score']}"] = f"{line['multi']:.3f}"
            if name != "fixed":
                interval = f"[{line['low']:+.3f}, {line['high']:+.3f}]"
                row[f"{line['task']} less fixed (n={line['n']})"] = f"{line['difference']:+.3f} {interval}"
            if len(own) > 1:
                row[f"{line['task']} weight"] = f"{history[line['task'] + '_weight'].iloc[-1]:.2f}"
        rows[name] = row
    return pd.DataFrame(rows).T.fillna("")


def main(config_path: str, out: str, *rest: str) -> None:
    """Run the benchmark."""
    config = um.load_config(config_path, [text for text in rest if "=" in text])
    wanted = [text for text in rest if "=" not in text] or ["costs", "scores"]
    dataset = um.read_dataset(config.data)
    if "costs" in wanted:
        print(step_costs(config, dataset).round(3).to_string(), flush=True)
    if "scores" in wanted:
        print(scores(config, dataset, Path(out)).to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
