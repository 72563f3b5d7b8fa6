"""A table of the runs in a folder: data, settings that differ, time and scores."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unet_mtl.errors import ConfigError, RunError
from unet_mtl.evaluation.main_scores import is_higher_better
from unet_mtl.runs import RunFolder, reading
from unet_mtl.tasks import Task, learned_tasks

MARKS = ("environment.json", "tasks.json", "history.csv", "network.keras")
"""Files by which a folder is taken for a run, also for one that has lost others."""

FIRST = ("run", "problem", "data", "minutes", "epochs", "kept_epoch")

_SCORES = ("val_", "test_")


def list_runs(folder: Path) -> pd.DataFrame:
    """Read all runs in a folder and the folders below it, without loading a network.

    Args:
        folder: The folder, which may be a run itself.

    Returns:
        One row for each run, in the order of their paths: `run` (the path below `folder`), `problem` (why it cannot be
        read; the other cells are empty then), `data` (first 8 digits of the hash of the data), `minutes` of training,
        the number of finished `epochs`, the `kept_epoch` of the saved network, a column for each setting that differs
        between the runs, `val_<task>_<score>` of the kept epoch, and, for runs with an evaluation of the test split,
        `test_<task>_<score>` with the score by which cases are ranked and, for classes, networks compared. Columns that
        are empty for all runs are left out, except those of `FIRST`.

    Raises:
        RunError: There is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise RunError(f"{folder}: no such folder; give the folder in which runs are")
    paths = sorted(_find(folder))
    if not paths:
        raise RunError(
            f"{folder}: no run in this folder or below; give one in which `unet-mtl train` wrote runs"
        )
    rows, settings = [], []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            row, config = _read(path)
        except RunError as error:
            row, config = {"problem": str(error).splitlines()[0]}, {}
        rows.append({"run": name if name != "." else path.resolve().name} | row)
        settings.append(config)
    differing = _differing(settings)
    columns = dict.fromkeys(FIRST)
    columns |= dict.fromkeys(differing)
    columns |= dict.fromkeys(
        key for prefix in _SCORES for row in rows for key in row if key.startswith(prefix)
    )
    for row, config in zip(rows, settings, strict=True):
        row |= {key: config[key] for key in differing if key in config}
    return pd.DataFrame(rows, columns=list(columns))


def sort_runs(table: pd.DataFrame, key: str) -> pd.DataFrame:
    """Sort runs by a column: the best score first, and other columns from low to high; empty cells come last.

    Args:
        table: The table of `list_runs`.
        key: The name of a column, with underscores or, as on the screen, with spaces.

    Raises:
        ConfigError: There is no such column.
    """
    key = next((name for name in table.columns if name.replace("_", " ") == key), key)
    if key not in table:
        raise ConfigError(f"`sort` is {key!r}; expected a column: {', '.join(table.columns)}")
    # A task may have underscores in its name, so that each end of the column could be the score.
    parts = key.split("_")
    ends = ("_".join(parts[i:]) for i in range(2, len(parts)))
    directions = [is_higher_better(end) for end in ends if is_higher_better(end) is not None]
    descending = key.startswith(_SCORES) and bool(directions) and directions[0] is True
    return table.sort_values(key, ascending=not descending, kind="stable", ignore_index=True)


def to_markdown(table: pd.DataFrame) -> str:
    """Return the table in Markdown, with scores of three decimals."""
    lines = [[str(name) for name in table.columns], ["---"] * len(table.columns)]
    lines += [[cell_text(cell) for cell in row] for row in table.itertuples(index=False)]
    escaped = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def cell_text(cell: Any) -> str:
    """Return a cell as text: numbers with at most three decimals, whole ones with none, and nothing for NaN."""
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, float | np.floating):
        number = float(cell)
        return f"{number:.0f}" if number.is_integer() and number else f"{number:.3f}"
    return str(cell)


def _find(folder: Path) -> Iterator[Path]:
    for path, folders, files in os.walk(folder):
        if any(mark in files for mark in MARKS):
            folders.clear()  # no run is in another one
            yield Path(path)
        folders[:] = [name for name in folders if not name.startswith(".")]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the cells of a run, and its settings by dotted name.

    Raises:
        RunError: It cannot be read.
    """
    run = RunFolder.open(path, trained=False)
    config, history = run.read_config(), run.read_history()
    tasks = learned_tasks(run.read_tasks())
    row: dict[str, Any] = {
        "data": run.read_environment()["data_hash"][:8],
        "minutes": float(history["seconds"].sum() / 60) if len(history) else 0.0,
        "epochs": len(history),
    }
    if len(history):
        kept = _kept_epoch(history, tasks, config)
        row["kept_epoch"] = kept
        of_epoch = history.iloc[kept - 1]
        for task in tasks:
            column = f"val_{task.name}_{task.primary[0]}"
            if column in history:
                row[column] = float(of_epoch[column])
    return row | _read_test(run), _flatten(config)


def _kept_epoch(history: pd.DataFrame, tasks: Sequence[Task[Any, Any]], config: Mapping[str, Any]) -> int:
    """Return the epoch, from 1, of the network that is kept: the first one with the best monitored score.

    As long as the score has been undefined, each network replaces the one before.
    """
    training = config.get("training", {})
    first, higher = tasks[0].primary
    monitor = training.get("monitor") or f"{tasks[0].name}_{first}"
    directions = {f"{task.name}_{task.primary[0]}": task.primary[1] for task in tasks}
    mode = training.get("mode")
    is_max = mode == "max" if mode else directions.get(monitor, higher)
    values = history.get(f"val_{monitor}", pd.Series(np.nan, index=history.index)).to_numpy(float)
    if np.isnan(values).all():
        return len(values)
    return 1 + int(np.nanargmax(values) if is_max else np.nanargmin(values))


def _read_test(run: RunFolder) -> dict[str, float]:
    """Return the main score of each task on the test split, if it was evaluated."""
    path = run.evaluation("test") / "summary.json"
    if not path.is_file():
        return {}
    with reading(path):
        rows = json.loads(path.read_text(encoding="utf-8"))["scores"]
        values = {(row["task"], row["score"]): row["value"] for row in rows}
    scores = {}
    for task in run.read_tasks():
        for score in dict.fromkeys((task.ranking[0], task.comparison_score[0])):
            value = values.get((task.name, score))
            if value is not None:
                scores[f"test_{task.name}_{score}"] = float(value)
    return scores


def _flatten(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by dotted name, without those of the data, which the hash stands for."""
    flat: dict[str, Any] = {}

    def add(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                add(f"{prefix}.{key}" if prefix else str(key), inner)
        elif prefix == "tasks" and isinstance(value, list):
            for task in value:
                add(f"tasks.{task.get('name')}", {k: v for k, v in task.items() if k != "name"})
        else:
            flat[prefix] = value if isinstance(value, int | float | str) else json.dumps(value)

    add("", {key: value for key, value in config.items() if key != "data"})
    return flat


def _differing(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the settings that are not the same in all runs that could be read."""
    known = [config for config in settings if config]
    keys = dict.fromkeys(key for config in known for key in config)
    return [key for key in keys if len({repr(config.get(key)) for config in known}) > 1]
