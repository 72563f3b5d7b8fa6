"""How does one network for several tasks compare with one per task when one task has few labels?

    python benchmarks/fewer_labels.py CONFIG OUT SEEDS [VARIANT ...] [key=value ...]

A variant is `full`, or a task and the percentage of its labels to keep, such as `lesion_10`; by default all variants
are run: full, and 30 and 10 for each task. A copy of the data set keeps its split and all labels of the test cases,
and only the given percentage of training and validation patients keep their label of that task (those of 10 % are a
subset of those of 30 %). `ablate` is run on each copy: one network of all tasks and one per task, with as many seeds,
on the same test cases. If the script is called again with the same OUT, it continues, also with more seeds.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import unet_mtl as um  # noqa: E402
from unet_mtl.data.splits import split_dataset  # noqa: E402

PERCENTAGES = (30, 10)


def copy_thinned(config: Any, folder: Path, task: Any | None, percentage: int, seed: int = 0) -> Any:
    """Write a copy of a data set in which one task has few labels.

    Args:
        config: The config with the data set in `data`.
        folder: Folder of the copy.
        task: Name of the task; None keeps all labels.
        percentage: Percentage of the labelled patients that keep their label.
        seed: Seed of the selection of patients.

    Returns:
        The description of the copy.
    """
    dataset = um.read_dataset(config.data)
    description = dataset.description
    parts = split_dataset(dataset, config.split)
    named = description.names or "{case}"  # the pattern in the column of case names
    sides = {named.format(case=record.case): name for name, part in parts.items() for record in part}
    if not folder.is_dir():
        # Written under another name until it is complete, so that an interrupted call does not use half of it.
        part = folder.with_name("part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(description.root, part)
        path = part / description.table
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table["side"] = table[description.case].map(sides)
        for record in [] if task is None else _chosen(parts, task, percentage, seed):
            if task.spatial:
                for file in record.masks[task.target_names[0]]:
                    (part / file.path.relative_to(description.root)).unlink()
            else:
                row = table[description.case] == named.format(case=record.case)
                table.loc[row, list(task.target_names)] = ""
        table.to_csv(path, index=False)
        part.rename(folder)
    return description.model_copy(update={"root": folder, "split": "side"})


def _chosen(parts: Any, task: Any, percentage: int, seed: int) -> list[Any]:
    """Return the records that lose their label."""
    chosen = []
    for side in ("train", "val"):
        labelled = [record for record in parts[side] if task.is_labelled(record)]
        patients = np.random.default_rng(seed).permutation(sorted({record.patient for record in labelled}))
        kept = set(patients[: max(1, round(len(patients) * percentage / 100))])
        chosen += [record for record in labelled if record.patient not in kept]
    return chosen


def main(config_path: str, out: str, seeds: str, *rest: str) -> None:
    """Run the benchmark."""
    config = um.load_config(config_path, [text for text in rest if "=" in text])
    tasks = {task.name: task for task in config.tasks}
    every = ["full", *(f"{name}_{percentage}" for name in tasks for percentage in PERCENTAGES)]
    tables = []
    for variant in [text for text in rest if "=" not in text] or every:
        name, _, percentage = variant.rpartition("_")
        if variant != "full" and not (name in tasks and percentage.isdigit()):
            raise SystemExit(
                f"no variant {variant!r}; expected full, or a task and a percentage: {', '.join(every)}"
            )
        folder = Path(out) / variant
        data = copy_thinned(config, folder / "data", tasks.get(name), int(percentage) if name else 100)
        dataset = um.read_dataset(data)
        ablation = um.ablate(
            dataset,
            list(config.tasks),
            folder / "runs",
            seeds=int(seeds),
            resume=(folder / "runs").is_dir(),
            progress=False,
            **config.arguments(),
        )
        table = ablation.table.iloc[:-1].assign(variant=variant)
        train = [record for record in dataset if record.split == "train"]
        table["labels"] = [sum(tasks[name].is_labelled(record) for record in train) for name in table["task"]]
        tables.append(table)
        _print(tables)
    print(*ablation.notes, sep="\n")


def _print(tables: list[pd.DataFrame]) -> None:
    columns = ["variant", "task", "score", "labels", "multi", "single", "difference", "low", "high"]
    columns += ["seed_low", "seed_high", "n", "p_holm", "verdict"]
    print(pd.concat(tables)[columns].to_string(index=False, float_format="%.3f"), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
