"""Data sets that exist in memory alone, for tests of splits."""

from pathlib import Path

from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, Record


def make_dataset(rows, *, split=None) -> Dataset:
    """Make a data set of rows (patient, class or None, value of the split column)."""
    description = Description(
        root=Path(),
        images="{case}.png",
        columns={"size": {}, "diagnosis": {"classes": ("benign", "malignant", "normal")}},
        split=split,
    )
    records = [
        Record(
            case=f"c{index}",
            patient=patient,
            image=Path(f"c{index}.png"),
            masks={},
            labels={} if word is None else {"diagnosis": word},
            split=side,
        )
        for index, (patient, word, side) in enumerate(rows)
    ]
    return Dataset(description, tuple(records))
