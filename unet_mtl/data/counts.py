"""Count the cases with each mask, label and class, without opening a file."""

from collections import Counter

from unet_mtl.data.records import Dataset


def count_patients(dataset: Dataset) -> int:
    """Count the patients."""
    return len({record.patient for record in dataset})


def count_masks(dataset: Dataset) -> dict[str, int]:
    """Count the cases that have a file, for each mask."""
    return {name: sum(name in record.masks for record in dataset) for name in dataset.description.masks}


def count_labels(dataset: Dataset) -> dict[str, int]:
    """Count the labelled cases, for each column."""
    return {name: sum(name in record.labels for record in dataset) for name in dataset.description.columns}


def count_classes(dataset: Dataset) -> dict[str, Counter[str]]:
    """Count the cases of each class, for each column that has classes."""
    columns = {name: column for name, column in dataset.description.columns.items() if column.classes}
    return {
        name: Counter(
            {c: 0 for c in column.classes or ()}
            | Counter(str(r.labels[name]) for r in dataset if name in r.labels)
        )
        for name, column in columns.items()
    }
