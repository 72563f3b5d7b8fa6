"""How many cases are labelled, by task and split: the n of every loss, score and curve."""

from collections.abc import Mapping, Sequence
from typing import Any

from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import SplitName
from unet_mtl.tasks import Task

Labels = dict[str, dict[SplitName, int]]


def count_labels(tasks: Sequence[Task[Any, Any]], parts: Mapping[SplitName, Dataset]) -> Labels:
    """Labelled cases by task name and split; opens no file.

    A case of which only something is known counts as one, and so does a mask without an annotated pixel.
    """
    return {
        task.name: {split: sum(map(task.is_labelled, part)) for split, part in parts.items()}
        for task in tasks
    }


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
