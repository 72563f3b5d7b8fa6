"""How many cases are labelled, by task and split: the n of every loss, score and curve."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unet_mtl.data.counts import count_labels as counts_of_columns
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import SplitName
from unet_mtl.tasks import Task
from unet_mtl.tasks.predictions import keys_of

if TYPE_CHECKING:
    import keras

Labels = dict[str, dict[SplitName, int]]


def count_labels(tasks: Sequence[Task[Any, Any]], parts: Mapping[SplitName, Dataset]) -> Labels:
    """Labelled cases by task name and split; opens no file.

    A case of which only something is known counts as one, and so does a mask without an annotated pixel.
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
    """By column of the history, the train and validation cases that it is made of.

    Args:
        labels: From `count_labels`.
        scores: Of the curves, by task; of a task of several columns, those of one column end in its name.
        tasks: All of them.
        train: The train cases.
        val: The validation cases.
    """
    counts = {"loss": (len(train), len(val))}
    known = counts_of_columns(train), counts_of_columns(val)
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
    """The counts as lines for the start of a training, with what follows from a split without a label.

    Args:
        labels: From `count_labels`.
        monitored: Name of the task whose score picks the best checkpoint.
    """
    words = {"train": "train", "val": "validation", "test": "test"}
    width = max(len(name) for name in labels)
    lines = []
    for name, counts in labels.items():
        line = f"{name:<{width}}  labelled: " + ", ".join(
            f"{n} {words[split]}" for split, n in counts.items()
        )
        lines.append(
            line + ("" if counts["val"] else "; no labels in validation, where its curves stay empty")
        )
    if not labels[monitored]["val"]:
        others = [name for name, counts in labels.items() if counts["val"]]
        cure = f"; set training.monitor to a score of {' or '.join(others)}" if others else ""
        lines.append(
            f"no validation case can tell how good {monitored!r} is, so that the newest network is kept{cure}"
        )
    return lines
