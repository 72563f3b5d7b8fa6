"""How many cases have which mask, label and class. Opens no file."""

from collections import Counter

from unet_mtl.data.records import Dataset


def count_patients(cases: Dataset) -> int:
    """Different patients."""
    return len({record.patient for record in cases})


def count_masks(dataset: Dataset) -> dict[str, int]:
    """Cases that have a file, of each mask."""
    return {name: sum(name in record.masks for record in dataset) for name in dataset.description.masks}


def count_labels(dataset: Dataset) -> dict[str, int]:
    """Labelled cases of each column."""
    return {name: sum(name in record.labels for record in dataset) for name in dataset.description.columns}


def count_classes(dataset: Dataset) -> dict[str, Counter[str]]:
    """Cases by class of each column that has classes."""
    columns = {name: column for name, column in dataset.description.columns.items() if column.classes}
    return {
        name: Counter(
            {c: 0 for c in column.classes or ()}
            | Counter(str(r.labels[name]) for r in dataset if name in r.labels)
        )
        for name, column in columns.items()
    }
