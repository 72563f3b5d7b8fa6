"""Train, validation and test: patients kept together, classes spread evenly, saved with the run."""

import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator
from sklearn.model_selection import StratifiedGroupKFold

from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError
from unet_mtl.settings import Settings

SplitName = Literal["train", "val", "test"]
NAMES: tuple[SplitName, ...] = ("train", "val", "test")


class SplitSettings(Settings):
    """How cases are dealt out.

    Attributes:
        column: "auto" takes the table's own split column where the description names one; "ratio" ignores it.
        train: Share of the cases to learn from.
        val: Share that picks the best checkpoint.
        test: Share that is measured at the end.
        stratify: Column whose classes each part gets in like shares; None: the first column with classes.
        seed: Of the shuffle.
    """

    column: Literal["auto", "ratio"] = "auto"
    train: float = Field(default=0.6, gt=0, lt=1)
    val: float = Field(default=0.2, gt=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)
    stratify: str | None = None
    seed: int = Field(default=7, ge=0)

    @model_validator(mode="after")
    def _shares_fill_the_whole(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + val + test must be 1, received {total:g}")
        return self


def split_dataset(dataset: Dataset, settings: SplitSettings) -> dict[SplitName, Dataset]:
    """Deals the cases out.

    Args:
        dataset: All cases.
        settings: By the table's column, or by ratio.

    Returns:
        A data set for each of train, val and test; test may be empty.

    Raises:
        DataError: A word of the split column is unknown, one patient stands on two sides, or train or
            val is empty.
    """
    parts = deal_cases(dataset, settings)
    problems = split_problems(parts, settings)
    if problems:
        raise DataError(problems)
    return parts


def deal_cases(dataset: Dataset, settings: SplitSettings) -> dict[SplitName, Dataset]:
    """Like `split_dataset`, but leaves it to `split_problems` to judge what came out.

    Raises:
        DataError: A word of the split column is unknown, or there are too few patients to deal out.
    """
    by_column = _by_column(dataset, settings)
    names = _names_from_column(dataset) if by_column else _names_by_ratio(dataset, settings)
    return {name: dataset.only([r for r in dataset if names[r.case] == name]) for name in NAMES}


def split_problems(parts: Mapping[SplitName, Dataset], settings: SplitSettings) -> list[str]:
    """What forbids to train on these parts, a line each: no train or val cases, a patient on two sides."""
    cure = (
        "mark some in the split column, or set split.column=ratio"
        if _by_column(parts["train"], settings)
        else "add cases or raise its share"
    )
    n_cases = sum(map(len, parts.values()))
    needed: tuple[SplitName, ...] = ("train", "val")
    empty = [f"no {name} cases among {n_cases}; {cure}" for name in needed if not len(parts[name])]
    return empty + _patients_on_two_sides(parts)


def _by_column(dataset: Dataset, settings: SplitSettings) -> bool:
    return settings.column == "auto" and dataset.description.split is not None


def _names_from_column(dataset: Dataset) -> dict[str, SplitName]:
    known: dict[str | None, SplitName] = {name: name for name in NAMES}
    unknown = [record for record in dataset if record.split not in known]
    if unknown:
        raise DataError(
            [f"case {r.case!r}: split is {r.split!r}; expected train, val or test" for r in unknown]
        )
    return {record.case: known[record.split] for record in dataset}


def _names_by_ratio(dataset: Dataset, settings: SplitSettings) -> dict[str, SplitName]:
    """Deals small, class-balanced groups of patients to the part that is furthest below its share."""
    patients = [record.patient for record in dataset]
    classes = _strata(dataset, settings.stratify)
    n_folds = min(20, len(set(patients)), max(Counter(classes).values()))
    if n_folds < 3:
        raise DataError(
            f"{len(set(patients))} patients in {len(dataset)} cases cannot be split into train, val and test; "
            "at least 3 of one class are needed"
        )
    folds = StratifiedGroupKFold(n_splits=n_folds, shuffle=True, random_state=settings.seed)
    shares = {"train": settings.train, "val": settings.val, "test": settings.test}
    counts = dict.fromkeys(NAMES, 0)
    names: dict[str, SplitName] = {}
    with warnings.catch_warnings():
        # A class rarer than the number of folds is no fault here: folds are only small change to deal out.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        dealt_out = list(folds.split(np.zeros(len(dataset)), classes, patients))
    for _, fold in dealt_out:
        dealt = sum(counts.values()) + len(fold)
        name = max(NAMES, key=lambda name: shares[name] * dealt - counts[name])
        counts[name] += len(fold)
        names.update({dataset.records[i].case: name for i in fold})
    return names


def _strata(dataset: Dataset, column: str | None) -> list[str]:
    with_classes = [name for name, column in dataset.description.columns.items() if column.classes]
    if column is not None and column not in with_classes:
        raise DataError(
            f"split.stratify: no column {column!r} with classes; there is {with_classes or 'none'}"
        )
    chosen = column or (with_classes[0] if with_classes else None)
    return [str(record.labels.get(chosen, "unknown")) if chosen else "" for record in dataset]


def _patients_on_two_sides(parts: Mapping[SplitName, Dataset]) -> list[str]:
    sides: dict[str, set[str]] = {}
    for name, part in parts.items():
        for record in part:
            sides.setdefault(record.patient, set()).add(name)
    return [
        f"patient {patient!r} has cases in {' and '.join(sorted(names))}; a patient belongs on one side"
        for patient, names in sides.items()
        if len(names) > 1
    ]


def split_table(parts: Mapping[SplitName, Dataset]) -> pd.DataFrame:
    """One row a case: case, patient, split."""
    rows: list[tuple[str, str, str]] = [
        (r.case, r.patient, name) for name, part in parts.items() for r in part
    ]
    return pd.DataFrame(rows, columns=["case", "patient", "split"])


def split_from_table(dataset: Dataset, table: pd.DataFrame, name: str) -> Dataset:
    """The cases of one split, as saved with a run.

    Raises:
        DataError: The split is unknown or empty, or a case of it is not in the data set any more.
    """
    chosen = table.loc[table["split"] == name, "case"]
    if chosen.empty:
        raise DataError(f"split {name!r} has no cases; there is {', '.join(sorted(set(table['split'])))}")
    records: dict[str, Record] = {record.case: record for record in dataset}
    gone = [case for case in chosen if case not in records]
    if gone:
        raise DataError(
            f"{len(gone)} cases of split {name!r} are not in the data any more: {', '.join(gone[:5])}"
        )
    return dataset.only([records[case] for case in chosen])
