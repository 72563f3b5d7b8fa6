"""The trainings of all folds, which differ in the fold that is tested and in nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from unet_mtl.config import Config
from unet_mtl.data.counts import count_classes, count_patients
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import (
    CaseGroups,
    SplitName,
    SplitSettings,
    assign_table,
    split_dataset,
)
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.runs.folds import name_folds
from unet_mtl.tasks import adapt_tasks
from unet_mtl.wording import count_of, name_some

Parts = Mapping[SplitName, Dataset]


@dataclass(frozen=True)
class PlannedFold:
    """The training of one fold.

    Attributes:
        number: The number of the fold that is the test split.
        config: All settings, with this number.
        parts: The cases of train, val and test.
    """

    number: int
    config: Config
    parts: Parts


def choose_folds(config: Config, folds: int | None, fold_column: str | None) -> Config:
    """Return the settings with the folds in place of a split.

    Args:
        config: The settings of the user.
        folds: The number of folds to make.
        fold_column: The column that holds the number of the fold of each case.

    Raises:
        ConfigError: Both or none of the two are given, or they contradict `config.split`; the message has all
            contradictions.
    """
    if (folds is None) == (fold_column is None):
        received = "neither" if folds is None else "both"
        raise ConfigError(f"expected `folds` or `fold_column`, received {received}; give one of them")
    if folds is not None and folds < 2:
        raise ConfigError(f"`folds` is {folds}; expected 2 or more, the number of networks to train")
    problems = _contradictions(config, folds, fold_column)
    if problems:
        raise ConfigError("\n".join(problems))
    split = config.split.to_config() | {"folds": folds, "fold_column": fold_column}
    return config.model_copy(update={"split": SplitSettings.model_validate(split)})


def _contradictions(config: Config, folds: int | None, fold_column: str | None) -> list[str]:
    split = config.split
    wanted = f"`folds` {folds}" if fold_column is None else f"`fold_column` {fold_column}"
    problems = []
    if split.table is not None:
        problems.append(f"split.table={split.table} contradicts {wanted}; set split.table=null")
    if split.fold is not None:
        problems.append(
            f"split.fold={split.fold} is one fold, and all of them are trained; set split.fold=null"
        )
    if split.folds not in (None, folds):
        problems.append(f"split.folds={split.folds} contradicts {wanted}; set split.folds=null")
    if split.fold_column not in (None, fold_column):
        problems.append(
            f"split.fold_column={split.fold_column} contradicts {wanted}; set split.fold_column=null"
        )
    if split.column == "auto" and config.data.split is not None:
        problems.append(
            f"the data set has the split column {config.data.split!r}, which {wanted} would ignore; if its test cases "
            "may be divided among the folds, set split.column=ratio"
        )
    return problems


def plan_folds(
    config: Config, dataset: Dataset, keep_together: CaseGroups = ()
) -> tuple[pd.DataFrame, list[PlannedFold]]:
    """Return the folds, and the training of each, all of which are possible.

    Args:
        config: The settings from `choose_folds`.
        dataset: All cases.
        keep_together: Groups of cases that stay in one fold, such as near-duplicates, if the folds are made here.

    Returns:
        A table with the columns case, patient and fold, in the order of the data set; and the trainings in the order
        of the folds.

    Raises:
        DataError: There are more folds than patients, a case has no fold, a patient is in several, or a network
            could not be trained because its train or validation split lacks cases or labels.
    """
    _require_patients(dataset, config.split.folds)
    table = assign_table(dataset, config.split, keep_together)[["case", "patient", "fold"]]
    _require_undivided(table, config.split.fold_column)
    planned: list[PlannedFold] = []
    problems: dict[str, list[int]] = {}
    numbers = sorted(set(table["fold"]))
    for number in numbers:
        split = config.split.model_copy(update={"fold": int(number)})
        try:
            parts = split_dataset(dataset, split, keep_together)
            adapt_tasks(config.tasks, parts["train"])
        except DataError as error:
            for problem in error.problems:
                problems.setdefault(problem, []).append(number)
            continue
        planned.append(PlannedFold(int(number), config.model_copy(update={"split": split}), parts))
    if problems:
        raise DataError(
            [
                # What is wrong with every fold does not depend on the folds.
                problem if found == numbers else f"{name_folds(found)}: {problem}"
                for problem, found in problems.items()
            ]
        )
    return table, planned


def _require_patients(dataset: Dataset, folds: int | None) -> None:
    n_patients = count_patients(dataset)
    if folds is not None and n_patients < folds:
        raise DataError(
            f"{count_of(n_patients, 'patient')} in {count_of(len(dataset), 'case')} cannot be divided into {folds} "
            f"folds; set `folds` to {n_patients} or less"
        )


def _require_undivided(table: pd.DataFrame, column: str | None) -> None:
    folds = table.groupby("patient", sort=False)["fold"].unique()
    divided = folds[folds.map(len) > 1]
    if len(divided):
        raise DataError(
            [
                f"patient {patient!r} is in folds {' and '.join(map(str, sorted(numbers)))} of column {column!r}; a "
                "patient belongs in one fold"
                for patient, numbers in divided.items()
            ]
        )


def find_absent_classes(planned: Sequence[PlannedFold], columns: Sequence[str]) -> list[str]:
    """Return a warning for each fold that has no case of a class, and for each network that learns without one.

    Args:
        planned: The trainings.
        columns: The columns with classes that tasks learn; others are not examined.
    """
    lines = []
    for plan in planned:
        for part, consequence in (
            ("test", "scores that need it, such as AUROC, are undefined in this fold"),
            ("train", "its network cannot learn it"),
        ):
            for column, counts in count_classes(plan.parts[part]).items():  # type: ignore[index]
                absent = [name for name, n in counts.items() if not n]
                if column in columns and absent:
                    classes = f"{column} {name_some(absent)}"
                    where = "" if part == "test" else "the train cases of "
                    lines.append(f"{where}fold {plan.number}: no case of {classes}; {consequence}")
    return lines
