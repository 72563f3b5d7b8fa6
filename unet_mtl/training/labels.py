"""Numbers of labelled cases by task and split: the n of every loss, score and curve."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unet_mtl.data.counts import count_labels as count_columns
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import SplitName
from unet_mtl.tasks import Task
from unet_mtl.tasks.predictions import keys_of

if TYPE_CHECKING:
    import keras

Labels = dict[str, dict[SplitName, int]]


def count_labels(tasks: Sequence[Task[Any, Any]], parts: Mapping[SplitName, Dataset]) -> Labels:
    """Return the number of labelled cases by task name and split, without opening a file.

    A case counts if any target of the task is known. A mask without an annotated pixel counts too.
    """
    return {
        task.name: {split: sum(map(task.is_labelled, part)) for split, part in parts.items()}
        for task in tasks
    }


def count_by_curve(
    labels: Labels,
    scores: Mapping[str, Sequence["keras.metrics.Metric"]],
    tasks: Sequence[Task[Any, Any]],
    train: Dataset,
    val: Dataset,
) -> dict[str, tuple[int, int]]:
    """Return the numbers of train and validation cases behind each column of the history.

    Args:
        labels: Numbers of labelled cases, from `count_labels`.
        scores: Streaming scores by task. Where a task has several columns, the name of a score ends in its column.
        tasks: All tasks.
        train: The train cases.
        val: The validation cases.
    """
    counts = {"loss": (len(train), len(val))}
    known = count_columns(train), count_columns(val)
    for task in tasks:
        names = [score.name for score in scores[task.name]]
        n = (labels[task.name]["train"], labels[task.name]["val"])
        counts |= dict.fromkeys([f"{task.name}_loss", *names], n)
        targets = task.target_names
        for target, key in zip(targets, keys_of(targets), strict=True) if len(targets) > 1 else ():
            own = [name for name in names if name.endswith(f"_{key}")]
            counts |= dict.fromkeys(own, (known[0][target], known[1][target]))
    return counts


def describe_labels(labels: Labels, monitored: str) -> list[str]:
    """Return the counts as lines for the start of a training, with the consequences of splits without labels.

    Args:
        labels: Numbers of labelled cases, from `count_labels`.
        monitored: The name of the task that provides the score that selects the best checkpoint.
    """
    split_names = {"train": "train", "val": "validation", "test": "test"}
    width = max(len(name) for name in labels)
    lines = []
    for name, counts in labels.items():
        n_by_split = ", ".join(f"{n} {split_names[split]}" for split, n in counts.items())
        remark = "" if counts["val"] else "; no labels in validation, where its curves stay empty"
        lines.append(f"{name:<{width}}  labelled: {n_by_split}{remark}")
    if not labels[monitored]["val"]:
        others = [name for name, counts in labels.items() if counts["val"]]
        advice = f"; set training.monitor to a score of {' or '.join(others)}" if others else ""
        lines.append(
            f"no validation case has a label of {monitored!r}, so that the newest network is kept{advice}"
        )
    return lines
