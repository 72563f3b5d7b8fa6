"""Train, validation and test: patients kept together, classes spread evenly, saved with the run."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from unet_mtl.data.group_split import count_absent, deal, deal_small_change, join_groups
from unet_mtl.data.observations import Observation, texts
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.split_files import read_split
from unet_mtl.data.strata import choose_columns, read_strata
from unet_mtl.errors import DataError
from unet_mtl.settings import Settings

SplitName = Literal["train", "val", "test"]
NAMES: tuple[SplitName, ...] = ("train", "val", "test")
Linked = Sequence[Collection[str]]


class SplitSettings(Settings):
    """How cases are dealt out: by a saved table, by folds, by the data's own column, or by ratio.

    Of folds one is test, the next is val (after the last comes the first), and the others are train; the shares
    do not count then.

    Attributes:
        column: "auto" takes the table's own split column where the description names one; "ratio" ignores it.
        table: A split saved by `unet-mtl split`, or any CSV with the columns case and split (or fold); relative
            to the data's root. None: cases are dealt out anew.
        folds: Into how many folds cases are dealt. None: by ratio.
        fold_column: Column of the data whose whole numbers are the folds; it stands in the description's columns.
        fold: Number of the fold that is test. None: the first; of a saved table, its own split column.
        train: Share of the cases to learn from.
        val: Share that picks the best checkpoint.
        test: Share that is measured at the end.
        stratify: What each part gets in like shares: a column with classes, or of numbers (in quarters), or
            `mask:TARGET` (whether a mask has foreground); or a list of these, empty for none. None: the first
            column with classes.
        near_duplicates: "together": images that are identical or nearly so are dealt to one side, as those of one
            patient are; "anywhere": they are not even looked for.
        seed: Of the shuffle.
    """

    column: Literal["auto", "ratio"] = "auto"
    table: str | None = None
    folds: int | None = Field(default=None, ge=3)
    fold_column: str | None = None
    fold: int | None = Field(default=None, ge=0)
    train: float = Field(default=0.6, gt=0, lt=1)
    val: float = Field(default=0.2, gt=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)
    stratify: str | tuple[str, ...] | None = None
    near_duplicates: Literal["together", "anywhere"] = "together"
    seed: int = Field(default=7, ge=0)

    @model_validator(mode="after")
    def _shares_fill_the_whole(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + val + test must be 1, received {total:g}")
        return self

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = {"table": self.table, "folds": self.folds, "fold_column": self.fold_column}
        named = [f"{name}={value}" for name, value in ways.items() if value is not None]
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} contradict each other; leave one of them")
        if self.fold is not None and not named:
            raise ValueError(f"fold={self.fold} of what? set folds, fold_column or table too")
        if self.folds and self.fold is not None and not 1 <= self.fold <= self.folds:
            raise ValueError(f"fold={self.fold}: there are folds 1 to {self.folds}")
        return self


def split_dataset(dataset: Dataset, settings: SplitSettings, linked: Linked = ()) -> dict[SplitName, Dataset]:
    """Deals the cases out.

    Args:
        dataset: All cases.
        settings: How.
        linked: Cases that stay on one side as those of one patient do: near-duplicates, say.

    Returns:
        A data set for each of train, val and test; test may be empty.

    Raises:
        DataError: A word of the split column is unknown, one patient stands on two sides, train or val is
            empty, or a saved table is not of these data.
    """
    parts = deal_cases(dataset, settings, linked)
    problems = split_problems(parts, settings, linked)
    if problems:
        raise DataError(texts(problems))
    return parts


def keeps_copies_together(dataset: Dataset, settings: SplitSettings) -> bool:
    """Whether the sides are dealt here, and not read from a column or a table, with an eye on near-duplicates."""
    read = settings.table is not None or settings.fold_column is not None
    anew = not read and (settings.folds is not None or not _by_column(dataset, settings))
    return anew and settings.near_duplicates == "together"


def deal_cases(dataset: Dataset, settings: SplitSettings, linked: Linked = ()) -> dict[SplitName, Dataset]:
    """Like `split_dataset`, but leaves it to `split_problems` to judge what came out.

    Raises:
        DataError: A word of the split column is unknown, there are too few patients to deal out, or a saved
            table is not of these data.
    """
    return parts_of(dataset, deal_table(dataset, settings, linked))


def parts_of(dataset: Dataset, table: pd.DataFrame) -> dict[SplitName, Dataset]:
    """The data set of each part of a table from `deal_table`."""
    names = dict(zip(table["case"], table["split"], strict=True))
    return {name: dataset.only([r for r in dataset if names[r.case] == name]) for name in NAMES}


def deal_table(dataset: Dataset, settings: SplitSettings, linked: Linked = ()) -> pd.DataFrame:
    """Like `deal_cases`, as the table that `write_split` saves.

    Returns:
        case, patient and split in the order of the data set; fold too where there are folds.
    """
    columns = {"case": [r.case for r in dataset], "patient": [r.patient for r in dataset]}
    names, folds = _sides(dataset, settings, linked)
    table = pd.DataFrame(columns | {"split": names})
    return table if folds is None else table.assign(fold=folds)


def _sides(
    dataset: Dataset, settings: SplitSettings, linked: Linked
) -> tuple[list[SplitName], list[int] | None]:
    if settings.table is not None:
        return _from_saved(dataset, settings)
    if settings.fold_column is not None:
        folds = _folds_from_column(dataset, settings.fold_column)
    elif settings.folds is not None:
        folds = _folds_dealt(dataset, settings.folds, settings, linked)
    elif _by_column(dataset, settings):
        return _as_names([(r.case, r.split) for r in dataset], ""), None
    else:
        return _names_by_ratio(dataset, settings, linked), None
    return _names_by_fold(folds, settings), folds


def split_problems(
    parts: Mapping[SplitName, Dataset], settings: SplitSettings, linked: Linked = ()
) -> list[Observation]:
    """What forbids to train on these parts: no train or val cases, a patient on two sides."""
    n_cases = sum(map(len, parts.values()))
    needed: tuple[SplitName, ...] = ("train", "val")
    cure = _cure(parts["train"], settings)
    empty = [
        Observation("split", f"no {name} cases among {n_cases}; {cure}")
        for name in needed
        if not len(parts[name])
    ]
    return [*empty, *_patients_on_two_sides(parts), *_linked_on_two_sides(parts, linked)]


NO_PATIENT = (
    "NO PATIENT IS KNOWN: the description names no `patient` column, so every case counts as a patient of its own. "
    "If two cases are of one patient, they may stand in train and test, and the scores will be too good. Name the "
    "column in dataset.yaml, as in `patient: patient_id`"
)


def split_warnings(parts: Mapping[SplitName, Dataset]) -> list[str]:
    """What a user should know of these parts, a line each: nobody knows the patients; a part lacks a class."""
    unknown = [] if parts["train"].description.patient else [NO_PATIENT]
    return unknown + texts(absent_classes(parts))


def absent_classes(parts: Mapping[SplitName, Dataset]) -> list[Observation]:
    """Classes that one part has and another has not."""
    found = []
    for target, column in parts["train"].description.columns.items():
        in_parts = {name: {r.labels.get(target) for r in part} for name, part in parts.items() if len(part)}
        for word in column.classes or ():
            without = [name for name, words in in_parts.items() if word not in words]
            if without and len(without) < len(in_parts):
                text = f"{target}: no case of {word!r} in {' and '.join(without)}"
                found.append(Observation("split-class", text))
    return found


def _by_column(dataset: Dataset, settings: SplitSettings) -> bool:
    return settings.column == "auto" and dataset.description.split is not None


def _cure(dataset: Dataset, settings: SplitSettings) -> str:
    if settings.table or settings.fold_column:
        return f"correct {settings.table or settings.fold_column}, or choose another split.fold"
    if _by_column(dataset, settings):
        return "mark some in the split column, or set split.column=ratio"
    return "add cases or raise its share"


def _as_names(words: Sequence[tuple[str, str | None]], where: str) -> list[SplitName]:
    """Words of (case, split), all unknown ones named."""
    known: dict[str | None, SplitName] = {name: name for name in NAMES}
    problems = [
        f"{where}case {case!r}: split is {word!r}; expected train, val or test"
        for case, word in words
        if word not in known
    ]
    if problems:
        raise DataError(problems)
    return [known[word] for _, word in words]


def _from_saved(dataset: Dataset, settings: SplitSettings) -> tuple[list[SplitName], list[int] | None]:
    path = dataset.description.root / Path(settings.table or "").expanduser()
    table = read_split(path, dataset).set_index("case").loc[[record.case for record in dataset]]
    folds = None
    if "fold" in table:
        folds = _as_folds(zip(table.index, table["fold"], strict=True), f"{path}: ")
    if "split" in table and settings.fold is None:
        return _as_names(list(zip(table.index, table["split"], strict=True)), f"{path}: "), folds
    if folds is None:
        raise DataError(
            f"{path}: no column 'fold', so split.fold={settings.fold} means nothing; leave it out"
        )
    return _names_by_fold(folds, settings), folds


def _folds_from_column(dataset: Dataset, column: str) -> list[int]:
    if column not in dataset.description.columns:
        raise DataError(
            f"split.fold_column: no column {column!r} in the description; add `{column}: {{}}` to its columns"
        )
    return _as_folds(((r.case, r.labels.get(column, "")) for r in dataset), f"{column}, ")


def _as_folds(words: Iterable[tuple[str, str | float]], where: str) -> list[int]:
    folds, problems = [], []
    for case, word in words:
        try:
            number = float(word)
            if not number.is_integer():
                raise ValueError
            folds.append(int(number))
        except ValueError:
            problems.append(f"{where}case {case!r}: fold is {word!r}; expected a whole number")
    if problems:
        raise DataError(problems)
    return folds


def _names_by_fold(folds: Sequence[int], settings: SplitSettings) -> list[SplitName]:
    numbers = sorted(set(folds))
    test = numbers[0] if settings.fold is None else settings.fold
    if len(numbers) < 3 or test not in numbers:
        raise DataError(
            f"split.fold={test} cannot be test, the next val and the rest train, in folds "
            f"{', '.join(map(str, numbers))}; at least 3 folds are needed, and one of these numbers"
        )
    val = numbers[(numbers.index(test) + 1) % len(numbers)]
    names: dict[int, SplitName] = {test: "test", val: "val"}
    return [names.get(fold, "train") for fold in folds]


def _groups(dataset: Dataset, linked: Linked, at_least: int, purpose: str) -> list[str]:
    groups = join_groups([r.case for r in dataset], [r.patient for r in dataset], linked)
    n_groups = len(set(groups))
    if n_groups < at_least:
        n_patients = len({record.patient for record in dataset})
        joined = "" if n_groups == n_patients else f" ({n_groups} groups, as some are linked)"
        raise DataError(
            f"{n_patients} patients{joined} in {len(dataset)} cases cannot be split into {purpose}"
        )
    return groups


def _folds_dealt(dataset: Dataset, folds: int, settings: SplitSettings, linked: Linked) -> list[int]:
    cure = "; set split.folds lower" if folds > 3 else "; at least 3 are needed"
    groups = _groups(dataset, linked, folds, f"{folds} folds{cure}")
    strata = read_strata(dataset, choose_columns(dataset, settings.stratify))
    dealt = deal(groups, list(strata.values()), [1 / folds] * folds, settings.seed)
    return [int(fold) + 1 for fold in dealt]


def _names_by_ratio(dataset: Dataset, settings: SplitSettings, linked: Linked) -> list[SplitName]:
    groups = _groups(dataset, linked, 3, "train, val and test; at least 3 are needed")
    columns = choose_columns(dataset, settings.stratify)
    strata = list(read_strata(dataset, columns).values())
    shares = (settings.train, settings.val, settings.test)
    described = dataset.description.columns
    dealt = None
    if len(columns) < 2 and all(name in described and described[name].classes for name in columns):
        # All that could be asked for at first: the same settings must go on giving the same split.
        words = strata[0] if strata else [""] * len(dataset)
        dealt = deal_small_change(groups, words, shares, settings.seed)
        if dealt is not None and (n_absent := count_absent(words, dealt, shares)):
            anew = deal(groups, strata, shares, settings.seed)
            # Few patients: small change then leaves a part without a class that it could have.
            dealt = anew if count_absent(words, anew, shares) < n_absent else dealt
    if dealt is None:
        dealt = deal(groups, strata, shares, settings.seed)
    return [NAMES[part] for part in dealt]


def _patients_on_two_sides(parts: Mapping[SplitName, Dataset]) -> list[Observation]:
    sides = _sides_of(parts, lambda record: record.patient)
    torn = {patient: names for patient, names in sides.items() if len(names) > 1}
    cases: dict[str, list[str]] = {patient: [] for patient in torn}
    for record in (record for part in parts.values() for record in part if record.patient in torn):
        cases[record.patient].append(record.case)
    return [
        Observation(
            "patient-split",
            f"patient {patient!r} has cases in {' and '.join(sorted(names))}; a patient belongs on one side",
            tuple(cases[patient]),
        )
        for patient, names in torn.items()
    ]


def _linked_on_two_sides(parts: Mapping[SplitName, Dataset], linked: Linked) -> list[Observation]:
    sides = _sides_of(parts, lambda record: record.case)
    return [
        Observation(
            "near-split",
            f"cases {', '.join(map(repr, group))} belong together and stand in "
            f"{' and '.join(sorted(names))}; move them to one side, or remove all but one",
            tuple(group),
        )
        for group in linked
        if len(names := set[str]().union(*(sides.get(case, ()) for case in group))) > 1
    ]


def _sides_of(parts: Mapping[SplitName, Dataset], key: Callable[[Record], str]) -> dict[str, set[str]]:
    sides: dict[str, set[str]] = {}
    for name, part in parts.items():
        for record in part:
            sides.setdefault(key(record), set()).add(name)
    return sides


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
