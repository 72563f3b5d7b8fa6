"""How much do columns of the table add to the image?

    python benchmarks/columns.py CONFIG TASK SCORE OUT [key=value ...]

Trains the config four times with the same seed and splits: unchanged; without its tabular inputs; the single task
from the image; the single task from the columns. Evaluates each network on the test split, and prints the mean score
of the task with its 95 % interval over patients, and the paired difference to the first network.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import metrics  # noqa: E402
import unet_mtl as um  # noqa: E402


def variants(config: um.Config, task: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return tasks and settings of each training."""
    arguments = config.arguments()
    alone = [one for one in config.tasks if one.name == task]
    tables = tuple(config.inputs)
    return {
        "image and columns": (config.tasks, arguments),
        "without columns": (config.tasks, arguments | {"inputs": {}}),
        f"{task} alone, image": (alone, arguments | {"inputs": {}}),
        f"{task} alone, columns": ([one.model_copy(update={"inputs": tables}) for one in alone], arguments),
    }


def main(config_path: str, task: str, score: str, out: str, *overrides: str) -> None:
    """Run the benchmark."""
    config = um.load_config(config_path, overrides)
    dataset = um.read_dataset(config.data)
    found: dict[str, Mapping[str, float]] = {}
    patients = {record.case: record.patient for record in dataset}
    for name, (tasks, arguments) in variants(config, task).items():
        folder = Path(out) / name.replace(" ", "_").replace(",", "")
        wanted = arguments["training"].model_copy(update={"monitor": None})
        um.train(dataset, tasks, folder, **arguments | {"training": wanted}, progress=False)
        evaluation = um.evaluate(folder, progress=False)
        cases = evaluation.cases.set_index("case")[f"{task}_{score}"].dropna()
        found[name] = cases.to_dict()
        row = evaluation.scores.query("task == @task and score == @score").iloc[0]
        words = f"{score} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}], n={row['n']}"
        first = next(iter(found.values()))
        if found[name] is not first:
            same = [case for case in first if case in found[name]]
            comparison = metrics.compare_paired(
                [first[case] for case in same],
                [found[name][case] for case in same],
                [patients[case] for case in same],
            )
            words += f"; more than with both by {comparison.difference:.3f} "
            words += f"[{comparison.low:.3f}, {comparison.high:.3f}], n={len(same)}"
        print(f"{name:30} {words}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
