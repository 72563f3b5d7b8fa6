"""What does each balancer gain, and what does its step cost?

    python benchmarks/balancers.py CONFIG OUT [key=value ...]

Trains the config once with each balancer and one seed, and prints a row for each: the best validation value of each
task's primary score, its weight at the end, and the median seconds of a step relative to those of `fixed`.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Any

# Python looks beside a script first, and metrics.py there has the name of the package that is wanted.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import keras  # noqa: E402, TID253
import pandas as pd  # noqa: E402

import unet_mtl as um  # noqa: E402
from unet_mtl.balancing import BALANCERS  # noqa: E402
from unet_mtl.data.splits import split_dataset  # noqa: E402
from unet_mtl.training.plan import Plan  # noqa: E402
from unet_mtl.training.session import make_session  # noqa: E402


class StepClock(keras.callbacks.Callback):
    """Seconds of each step; the first, which compiles, is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._began = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts."""
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs are numbers by now, so the step is done."""
        self.seconds.append(time.perf_counter() - self._began)

    @property
    def median(self) -> float:
        """Of all steps but the first."""
        return statistics.median(self.seconds[1:])


def train(name: str, config_path: str, out: Path, overrides: list[str]) -> dict[str, float]:
    """One row of the table; `seconds` is in seconds still."""
    config = um.load_config(config_path, [*overrides, f"training.balancing={name}"])
    dataset = um.read_dataset(config.data)
    plan = Plan.of(config.tasks, **config.arguments())
    session = make_session(plan, split_dataset(dataset, plan.split))
    clock, run = StepClock(), um.RunFolder(out / name)
    run.path.mkdir(parents=True)
    session.fit(run, callbacks=[clock])
    history = run.read_history()
    row: dict[str, float] = {}
    for task in session.trainer.tasks:
        score, higher = task.primary
        values = history[f"val_{task.name}_{score}"]
        row[f"{task.name} {score}"] = values.max() if higher else values.min()
    for task in session.trainer.tasks:
        row[f"{task.name} weight"] = history[f"{task.name}_weight"].iloc[-1]
    return row | {"seconds": clock.median}


def main(config_path: str, out: str, *overrides: str) -> None:
    """Trains and prints."""
    rows = {name: train(name, config_path, Path(out), list(overrides)) for name in BALANCERS}
    table = pd.DataFrame(rows).T
    table["step, of fixed"] = table.pop("seconds") / rows["fixed"]["seconds"]
    print(table.round(3).to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
