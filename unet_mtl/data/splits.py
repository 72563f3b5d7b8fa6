"""Splits of a data set into train, val and test, with patients kept together and classes spread evenly."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from unet_mtl.data.divided_groups import find_divided_groups, find_divided_patients
from unet_mtl.data.group_split import assign_groups, join_groups
from unet_mtl.data.numbers import parse_number
from unet_mtl.data.observations import Observation, texts
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.split_files import read_parts, read_split
from unet_mtl.data.split_words import read_split_word
from unet_mtl.data.strata import choose_columns, read_strata
from unet_mtl.errors import DataError
from unet_mtl.settings import Settings
from unet_mtl.wording import count_of, name_some

SplitName = Literal["train", "val", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = ("train", "val", "test")
_FEWEST_TO_DIVIDE = 3
"""Minimum number of train patients from whom val patients are taken."""

CaseGroups = Sequence[Collection[str]]
"""Collections of case names; the cases of each must stay in one split."""


class SplitSettings(Settings):
    """How cases are assigned to splits: by a saved table, by folds, by a column of the data, or by ratio.

    With folds, one fold is test, the next one is val (the first follows the last), and the others are train. The
    shares are not used then. With two folds that are made here, val is taken out of the fold that is not test, in the
    proportion of the shares of train and val.

    Attributes:
        column: "auto" uses the split column of the data if the description names one; "ratio" ignores it. If the
            column has train and test but no val, val is taken out of train, in the proportion of the shares of
            train and val.
        table: A split saved by `unet-mtl split`, or any CSV file with the columns case and split (or fold). The path
            is relative to the root of the data. If it has no val, val is taken out of train as with a column. None
            assigns the cases anew.
        folds: The number of folds to make. None makes a split by ratio.
        fold_column: The column of the data that holds whole numbers of folds. The description must list it among
            its columns.
        fold: The number of the fold that is test. None is the first fold, or the split column of a saved table.
        train: The share of the cases to train on.
        val: The share of the cases that selects the best checkpoint.
        test: The share of the cases that is measured at the end.
        stratify: What each split gets in equal proportions: a column with classes, a column of numbers (in
            quarters), `mask:TARGET` (whether a mask has foreground), or a list of these, which may be empty. None is
            the first column with classes.
        near_duplicates: "together" keeps images that are identical or nearly identical in one split, as those of
            one patient are. "anywhere" does not search for them.
        seed: Seed of the random assignment.
    """

    column: Literal["auto", "ratio"] = "auto"
    table: str | None = None
    folds: int | None = Field(default=None, ge=2, le=10_000)
    fold_column: str | None = None
    fold: int | None = Field(default=None, ge=0)
    train: float = Field(default=0.6, gt=0, lt=1)
    val: float = Field(default=0.2, gt=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)
    stratify: str | tuple[str, ...] | None = None
    near_duplicates: Literal["together", "anywhere"] = "together"
    seed: int = Field(default=7, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _check_sum_of_shares(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + val + test must be 1, received {total:g}")
        return self

    @model_validator(mode="after")
    def _check_sources(self) -> Self:
        sources = {"table": self.table, "folds": self.folds, "fold_column": self.fold_column}
        named = [f"{name}={value}" for name, value in sources.items() if value is not None]
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} contradict each other; set only one of them")
        if self.fold is not None and not named:
            raise ValueError(f"fold={self.fold} needs folds, fold_column or table; set one of them too")
        if self.folds and self.fold is not None and not 1 <= self.fold <= self.folds:
            raise ValueError(f"fold={self.fold}: there are folds 1 to {self.folds}")
        return self


def split_dataset(
    dataset: Dataset, settings: SplitSettings, keep_together: CaseGroups = ()
) -> dict[SplitName, Dataset]:
    """Assign the cases to train, val and test.

    Args:
        dataset: All cases.
        settings: How cases are assigned.
        keep_together: Groups of cases that must stay in one split, as the cases of one patient do, such as
            near-duplicates.

    Returns:
        A data set for each of train, val and test. Test may be empty.

    Raises:
        DataError: The split column has an unknown value, a patient is in two splits, train or val is empty, or a
            saved table does not belong to these data.
    """
    parts = assign_parts(dataset, settings, keep_together)
    # The test cases of a column or table stay where they are; `check` reports those that resemble a train case.
    movable = () if takes_val_from_train(dataset, settings) else keep_together
    problems = split_problems(parts, settings, movable)
    if problems:
        raise DataError(texts(problems))
    return parts


def is_drawn(dataset: Dataset, settings: SplitSettings) -> bool:
    """Return whether cases are assigned at random, instead of by a column or a table."""
    read = settings.table is not None or settings.fold_column is not None
    return not read and (settings.folds is not None or not _by_column(dataset, settings))


def keeps_duplicates_together(dataset: Dataset, settings: SplitSettings) -> bool:
    """Return whether near-duplicates are kept together, which needs a split that is drawn, at least in part."""
    drawn = is_drawn(dataset, settings) or takes_val_from_train(dataset, settings)
    return drawn and settings.near_duplicates == "together"


def takes_val_from_train(dataset: Dataset, settings: SplitSettings) -> bool:
    """Return whether a column or a saved table has train and test but no val, so that train is divided.

    Raises:
        DataError: The saved table cannot be read.
    """
    if settings.table is not None and settings.fold is None:
        return _lacks_val(dataset, read_parts(_saved_path(dataset, settings)))
    other = settings.table or settings.fold_column or settings.folds
    if other or not _by_column(dataset, settings):
        return False
    return _lacks_val(dataset, {record.case: record.split or "" for record in dataset})


def _lacks_val(dataset: Dataset, part_of: Mapping[str, str]) -> bool:
    names = {record.case: read_split_word(part_of.get(record.case, "")) for record in dataset}
    patients = {record.patient for record in dataset if names[record.case] == "train"}
    return set(names.values()) == {"train", "test"} and len(patients) >= _FEWEST_TO_DIVIDE


def assign_parts(
    dataset: Dataset, settings: SplitSettings, keep_together: CaseGroups = ()
) -> dict[SplitName, Dataset]:
    """Assign the cases like `split_dataset`, without the checks of `split_problems`.

    Raises:
        DataError: The split column has an unknown value, there are too few patients, or a saved table does not
            belong to these data.
    """
    return parts_from_table(dataset, assign_table(dataset, settings, keep_together))


def parts_from_table(dataset: Dataset, table: pd.DataFrame) -> dict[SplitName, Dataset]:
    """Return the data set of each split in a table from `assign_table`."""
    names = dict(zip(table["case"], table["split"], strict=True))
    return {name: dataset.only([r for r in dataset if names[r.case] == name]) for name in SPLIT_NAMES}


def assign_table(dataset: Dataset, settings: SplitSettings, keep_together: CaseGroups = ()) -> pd.DataFrame:
    """Assign the cases like `assign_parts`, as the table that `write_split` saves.

    Returns:
        The columns case, patient, split and, if there are folds, fold, with the cases in the order of the data set.
    """
    columns = {"case": [r.case for r in dataset], "patient": [r.patient for r in dataset]}
    names, folds = _assign(dataset, settings, keep_together)
    table = pd.DataFrame(columns | {"split": names})
    return table if folds is None else table.assign(fold=folds)


def _assign(
    dataset: Dataset, settings: SplitSettings, keep_together: CaseGroups
) -> tuple[list[SplitName], list[int] | None]:
    if settings.table is not None:
        names, saved_folds = _from_saved(dataset, settings)
        if takes_val_from_train(dataset, settings):
            names = _names_with_val(dataset, names, settings, keep_together)
        return names, saved_folds
    if settings.fold_column is not None:
        folds = _folds_from_column(dataset, settings.fold_column)
    elif settings.folds is not None:
        folds = _make_folds(dataset, settings.folds, settings, keep_together)
        if settings.folds == 2:  # no fold is left for val
            train_and_test = _train_and_test(folds, settings)
            return _names_with_val(dataset, train_and_test, settings, keep_together), folds
    elif _by_column(dataset, settings):
        names = _as_names([(r.case, r.split) for r in dataset], "")
        if takes_val_from_train(dataset, settings):
            names = _names_with_val(dataset, names, settings, keep_together)
        return names, None
    else:
        return _names_by_ratio(dataset, settings, keep_together), None
    return _names_by_fold(folds, settings), folds


def _names_with_val(
    dataset: Dataset, names: Sequence[SplitName], settings: SplitSettings, keep_together: CaseGroups
) -> list[SplitName]:
    """Divide the train cases into train and val."""
    train = dataset.only([r for r, name in zip(dataset, names, strict=True) if name == "train"])
    groups = join_groups([r.case for r in train], [r.patient for r in train], keep_together)
    strata = read_strata(train, choose_columns(train, settings.stratify))
    total = settings.train + settings.val
    shares = (settings.train / total, settings.val / total)
    parts = assign_groups(groups, list(strata.values()), shares, settings.seed)
    divided = dict(zip((record.case for record in train), (SPLIT_NAMES[part] for part in parts), strict=True))
    return [divided.get(record.case, "test") for record in dataset]


def split_problems(
    parts: Mapping[SplitName, Dataset], settings: SplitSettings, keep_together: CaseGroups = ()
) -> list[Observation]:
    """Find what prevents training on these splits: empty train or val, or a patient in two splits."""
    n_cases = sum(map(len, parts.values()))
    needed: tuple[SplitName, ...] = ("train", "val")
    advice = _advice(parts["train"], settings)
    empty = [
        Observation("split", f"no {name} cases among {n_cases}; {advice}")
        for name in needed
        if not len(parts[name])
    ]
    return [*empty, *find_divided_patients(parts), *find_divided_groups(parts, keep_together)]


def _by_column(dataset: Dataset, settings: SplitSettings) -> bool:
    return settings.column == "auto" and dataset.description.split is not None


def _advice(dataset: Dataset, settings: SplitSettings) -> str:
    if settings.table or settings.fold_column:
        return f"correct {settings.table or settings.fold_column}, or choose another split.fold"
    if _by_column(dataset, settings):
        return "mark some in the split column, or set split.column=ratio"
    return "add cases, or increase its share"


def _as_names(values: Sequence[tuple[str, str | None]], where: str) -> list[SplitName]:
    """Check the split of each (case, split) pair; the error lists all unknown ones."""
    names = [read_split_word(value or "") for _, value in values]
    problems = [
        f"{where}case {case!r}: split is {value!r}; expected train, val or test"
        for (case, value), name in zip(values, names, strict=True)
        if name is None
    ]
    if problems:
        raise DataError(problems)
    return [name for name in names if name is not None]


def _saved_path(dataset: Dataset, settings: SplitSettings) -> Path:
    try:
        return dataset.description.root / Path(settings.table or "").expanduser()
    except RuntimeError as error:
        raise DataError(
            f"split.table: {settings.table!r} is not a path that can be used ({error})"
        ) from error


def _from_saved(dataset: Dataset, settings: SplitSettings) -> tuple[list[SplitName], list[int] | None]:
    path = _saved_path(dataset, settings)
    table = read_split(path, dataset).set_index("case").loc[[record.case for record in dataset]]
    folds = None
    if "fold" in table:
        folds = _as_folds(zip(table.index, table["fold"], strict=True), f"{path}: ")
    if "split" in table and settings.fold is None:
        return _as_names(list(zip(table.index, table["split"], strict=True)), f"{path}: "), folds
    if folds is None:
        raise DataError(
            f"{path}: split.fold is {settings.fold}, but there is no column 'fold'; leave the setting out"
        )
    return _names_by_fold(folds, settings), folds


def _folds_from_column(dataset: Dataset, column: str) -> list[int]:
    if column not in dataset.description.columns:
        raise DataError(
            f"split.fold_column: no column {column!r} in the description; add `{column}: {{}}` to its columns"
        )
    return _as_folds(((r.case, r.labels.get(column, "")) for r in dataset), f"{column}, ")


def _as_folds(values: Iterable[tuple[str, str | float]], where: str) -> list[int]:
    folds, problems = [], []
    for case, value in values:
        try:
            number = parse_number(value) if isinstance(value, str) else value
            if not number.is_integer():
                raise ValueError
            folds.append(int(number))
        except ValueError:
            problems.append(f"{where}case {case!r}: fold is {value!r}; expected a whole number")
    if problems:
        raise DataError(problems)
    return folds


def _train_and_test(folds: Sequence[int], settings: SplitSettings) -> list[SplitName]:
    test = settings.fold or 1
    return ["test" if fold == test else "train" for fold in folds]


def _names_by_fold(folds: Sequence[int], settings: SplitSettings) -> list[SplitName]:
    numbers = sorted(set(folds))
    test = numbers[0] if settings.fold is None else settings.fold
    if len(numbers) < 3 or test not in numbers:
        raise DataError(
            f"split.fold={test} does not fit folds {', '.join(map(str, numbers))}; expected one of them, and at least "
            "3 folds: one for test, one for val and the others for train"
        )
    val = numbers[(numbers.index(test) + 1) % len(numbers)]
    names: dict[int, SplitName] = {test: "test", val: "val"}
    return [names.get(fold, "train") for fold in folds]


def _groups(dataset: Dataset, keep_together: CaseGroups, at_least: int, purpose: str) -> list[str]:
    groups = join_groups([r.case for r in dataset], [r.patient for r in dataset], keep_together)
    n_groups = len(set(groups))
    if n_groups < at_least:
        n_patients = len({record.patient for record in dataset})
        groups_of = f" ({count_of(n_groups, 'group')}, since some cases stay together)"
        joined = "" if n_groups == n_patients else groups_of
        cases = f"{count_of(n_patients, 'patient')}{joined} in {count_of(len(dataset), 'case')}"
        raise DataError(f"{cases} cannot be split into {purpose}")
    return groups


def _make_folds(
    dataset: Dataset, folds: int, settings: SplitSettings, keep_together: CaseGroups
) -> list[int]:
    advice = "; set split.folds to a smaller number" if folds > 2 else "; at least 2 are needed"
    groups = _groups(dataset, keep_together, folds, f"{folds} folds{advice}")
    strata = read_strata(dataset, choose_columns(dataset, settings.stratify))
    parts = assign_groups(groups, list(strata.values()), [1 / folds] * folds, settings.seed)
    return [int(part) + 1 for part in parts]


def _names_by_ratio(dataset: Dataset, settings: SplitSettings, keep_together: CaseGroups) -> list[SplitName]:
    groups = _groups(dataset, keep_together, 3, "train, val and test; at least 3 are needed")
    strata = read_strata(dataset, choose_columns(dataset, settings.stratify))
    shares = (settings.train, settings.val, settings.test)
    parts = assign_groups(groups, list(strata.values()), shares, settings.seed)
    return [SPLIT_NAMES[part] for part in parts]


def split_table(parts: Mapping[SplitName, Dataset]) -> pd.DataFrame:
    """Return a table with the columns case, patient and split."""
    rows: list[tuple[str, str, str]] = [
        (r.case, r.patient, name) for name, part in parts.items() for r in part
    ]
    return pd.DataFrame(rows, columns=["case", "patient", "split"])


def split_from_table(dataset: Dataset, table: pd.DataFrame, name: str) -> Dataset:
    """Return the cases of one split that was saved with a run.

    Args:
        dataset: All cases.
        table: The saved table, with the columns case and split.
        name: The name of the split.

    Raises:
        DataError: The split is unknown or empty, or one of its cases is no longer in the data set.
    """
    chosen = table.loc[table["split"] == name, "case"]
    if chosen.empty:
        raise DataError(
            f"split {name!r} has no cases; expected one of {', '.join(sorted(set(table['split'])))}, or all"
        )
    records: dict[str, Record] = {record.case: record for record in dataset}
    missing = [case for case in chosen if case not in records]
    if missing:
        raise DataError(
            f"split {name!r} has {count_of(len(missing), 'case')} that the data lack now: {name_some(missing)}; "
            "restore them"
        )
    return dataset.only([records[case] for case in chosen])
