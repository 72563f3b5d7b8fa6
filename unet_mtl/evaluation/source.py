"""The cases that an evaluation measures."""

from pathlib import Path

from unet_mtl.data.description import read_description
from unet_mtl.data.records import Dataset, read_dataset
from unet_mtl.data.splits import split_from_table
from unet_mtl.errors import DataError
from unet_mtl.runs import RunFolder


def cases_to_measure(run: RunFolder, split: str | None, data: Path | str | None) -> tuple[str, Dataset]:
    """Find the cases to measure, and require that the run's own data are unchanged.

    Args:
        run: A run folder.
        split: Name of the split, or "all"; None for "test", or for "all" of another data set.
        data: Folder of another data set with dataset.yaml; None for the run's own data.

    Returns:
        Name of the split, preceded by the folder's name for another data set; and the cases.

    Raises:
        DataError: The data are missing or have changed, or the split is empty.
    """
    if data is not None:
        dataset = read_dataset(read_description(Path(data)))
        name = split or "all"
        return f"{Path(data).resolve().name}_{name}", _select_split(dataset, name)
    dataset = read_dataset(run.read_description())
    if dataset.fingerprint() != run.read_environment()["data_hash"]:
        raise DataError(
            f"{dataset.description.root}: the data have changed since {run.path} was trained on them; to measure on "
            "the changed data give the folder as `data`"
        )
    name = split or "test"
    return name, dataset if name == "all" else split_from_table(dataset, run.read_splits(), name)


def _select_split(dataset: Dataset, name: str) -> Dataset:
    if name == "all":
        return dataset
    chosen = [record for record in dataset if record.split == name]
    if not chosen:
        known = sorted({record.split for record in dataset if record.split})
        expected = f"expected one of {', '.join(known)}, or all" if known else "leave `split` out"
        raise DataError(f"{dataset.description.root}: no case has split {name!r} in its table; {expected}")
    return dataset.only(chosen)


def splits_of(run: RunFolder, dataset: Dataset) -> dict[str, str]:
    """Return the split of each case: that of the run, or for another data set that of its table, "" without one.

    Args:
        run: A run folder.
        dataset: The measured cases.
    """
    if dataset.description.root != run.read_description().root:
        return {record.case: record.split or "" for record in dataset}
    table = run.read_splits()
    return dict(zip(table["case"], table["split"], strict=True))
