"""Assign the cases of a data set to splits, and save the table that `split.table` of a config reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from unet_mtl.data.case_duplicates import find_case_duplicates
from unet_mtl.data.counts import count_classes, count_masks, count_patients
from unet_mtl.data.description import Description
from unet_mtl.data.duplicates import DuplicateGroup
from unet_mtl.data.inspection import inspect_dataset
from unet_mtl.data.observations import texts
from unet_mtl.data.readers.intensity import Intensity
from unet_mtl.data.records import Dataset, read_dataset
from unet_mtl.data.split_files import write_split
from unet_mtl.data.split_risks import split_warnings
from unet_mtl.data.split_shares import find_far_shares
from unet_mtl.data.splits import (
    SplitName,
    SplitSettings,
    assign_table,
    keeps_duplicates_together,
    parts_from_table,
    split_problems,
)
from unet_mtl.data.strata import choose_columns, read_strata
from unet_mtl.errors import ConfigError, DataError, WriteError
from unet_mtl.progress import case_bar
from unet_mtl.settings import describe_problems

SHARES = ("train", "val", "test")


@dataclass(frozen=True)
class CaseSplit:
    """A data set with its cases assigned to splits.

    Attributes:
        dataset: All cases.
        settings: The settings that the cases were assigned by.
        table: A row for each case with the columns case, patient, split and, if there are folds, fold.
        strata: For each column that the split is stratified by, the value of each case.
        duplicates: Groups of identical or nearly identical images that were kept in one split.
    """

    dataset: Dataset
    settings: SplitSettings
    table: pd.DataFrame
    strata: dict[str, list[str]]
    duplicates: tuple[DuplicateGroup, ...] = ()

    @property
    def parts(self) -> dict[SplitName, Dataset]:
        """The cases of train, val and test."""
        return parts_from_table(self.dataset, self.table)

    @property
    def folds(self) -> dict[str, Dataset]:
        """The cases of each fold, by its number; empty if there are no folds."""
        if "fold" not in self.table:
            return {}
        fold_of = dict(zip(self.table["case"], self.table["fold"], strict=True))
        return {
            str(fold): self.dataset.only([record for record in self.dataset if fold_of[record.case] == fold])
            for fold in sorted(set(fold_of.values()))
        }

    @property
    def warnings(self) -> list[str]:
        """One line for each risk: unknown patients, shares far from those requested, or classes missing in a split."""
        groups = [group.cases for group in self.duplicates]
        return split_warnings(self.parts) + texts(find_far_shares(self.parts, self.settings, groups))

    @property
    def problems(self) -> list[str]:
        """One line for each reason not to train on these splits."""
        return texts(split_problems(self.parts, self.settings))

    def count(self, parts: Mapping[Any, Dataset]) -> list[dict[str, str]]:
        """Count cases, patients, masks, classes and strata in `parts` or `folds`.

        Returns:
            A row for each count, with its name under the empty key and the counts, with shares, by the name of the
            part.
        """
        values = {
            name: dict(zip((record.case for record in self.dataset), column, strict=True))
            for name, column in self.strata.items()
        }
        counts = {name: _count_part(part, len(self.dataset), values) for name, part in parts.items()}
        rows = next(iter(counts.values()), {})
        return [{"": row} | {str(name): counts[name][row] for name in counts} for row in rows]

    def write(self, out: Path) -> None:
        """Write the table, and beside it a JSON file with the hash of the data and the settings.

        Args:
            out: The file to write, with the suffix .csv.

        Raises:
            DataError: The splits have problems, or the suffix is not .csv.
            WriteError: The operating system refused to write.
        """
        if self.problems:
            raise DataError(self.problems)
        write_split(out, self.table, self.dataset, self.settings.to_config())


def require_free(out: Path, *, overwrite: bool) -> None:
    """Check that a saved split is not replaced by accident.

    Raises:
        WriteError: The file exists, and `overwrite` is False.
    """
    if out.exists() and not overwrite:
        raise WriteError(f"{out} exists already; a saved split is replaced only with `overwrite`")


def split_cases(
    source: Path | str | Description,
    settings: SplitSettings | None = None,
    *,
    intensity: Intensity = "auto",
    progress: bool = True,
    **changes: Any,
) -> CaseSplit:
    """Assign the cases of a data set to train, val and test, or to folds.

    Args:
        source: A folder with dataset.yaml, or a description.
        settings: How cases are assigned. A saved table is not used, since the split is made anew.
        intensity: The mapping of stored values to black and white, for the search for near-duplicates.
        progress: Whether to show a progress bar.
        **changes: Values that replace those of `settings`: folds, fold, train, val, test, stratify, seed. None
            changes nothing. Of the three shares one may be left out. Any change except `fold` also replaces the
            split column and the fold column of the data.

    Returns:
        The split. Its `problems` are empty if training on it is possible.

    Raises:
        ConfigError: The changes contradict each other or do not fit the settings.
        DataError: The data set cannot be read, or there are too few patients.
    """
    settings = change_settings(settings or SplitSettings(), **changes)
    dataset = read_dataset(source)
    duplicates: list[DuplicateGroup] = []
    if keeps_duplicates_together(dataset, settings):
        with case_bar("looking for copies", len(dataset), shown=progress) as advance:
            inspection = inspect_dataset(dataset, intensity=intensity, on_case=advance)
        duplicates = find_case_duplicates(inspection)
    table = assign_table(dataset, settings, [group.cases for group in duplicates])
    strata = read_strata(dataset, choose_columns(dataset, settings.stratify))
    return CaseSplit(dataset, settings, table, strata, tuple(duplicates))


def change_settings(settings: SplitSettings, **changes: Any) -> SplitSettings:
    """Change settings of a split; see `split_cases` for the arguments.

    Raises:
        ConfigError: The changes contradict each other or do not fit the settings.
    """
    if settings.table is not None:
        settings = settings.model_copy(update={"table": None, "fold": None})
    shares = {name: changes.pop(name, None) for name in SHARES}
    _refuse_both(changes.get("folds"), shares)
    changed = {name: value for name, value in (changes | _complete(shares)).items() if value is not None}
    if not changed:
        return settings
    reset: dict[str, Any] = {} if set(changed) == {"fold"} else {"column": "ratio", "fold_column": None}
    if "folds" not in changed and not changed.keys().isdisjoint(SHARES):
        reset |= {"folds": None, "fold": None}
    try:
        return SplitSettings.model_validate(settings.to_config() | reset | changed)
    except ValidationError as error:
        raise ConfigError("\n".join(describe_problems(error, "split"))) from error


def _refuse_both(folds: int | None, shares: Mapping[str, float | None]) -> None:
    received = [f"`{name}`" for name, share in shares.items() if share is not None]
    if folds is not None and received:
        raise ConfigError(
            f"`folds` and {', '.join(received)} contradict each other: folds have equal sizes, and one of them is "
            "test, the next val and the others train; leave one of them out"
        )


def _complete(shares: Mapping[str, float | None]) -> dict[str, float | None]:
    """Add the one share that was left out."""
    absent = [name for name, share in shares.items() if share is None]
    if len(absent) != 1:
        return dict(shares)
    received = {name: share for name, share in shares.items() if share is not None}
    total = round(sum(received.values()), 9)
    terms = " + ".join(f"`{name}` {share:g}" for name, share in received.items())
    if total > 1:
        raise ConfigError(f"{terms} is {total:g}; the shares of train, val and test must add up to 1")
    if total == 1 and absent[0] != "test":
        raise ConfigError(f"{terms} is 1, which leaves nothing for {absent[0]}; make one of them smaller")
    return dict(shares) | {absent[0]: round(1 - total, 9)}


def _count_part(part: Dataset, n_cases: int, strata: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    counts = {"cases": _with_share(len(part), n_cases)}
    if part.description.patient:
        counts["patients"] = f"{count_patients(part):,}"
    counts |= {f"with mask {name}": _with_share(n, len(part)) for name, n in count_masks(part).items()}
    classes = count_classes(part)
    for target, by_class in classes.items():
        counts |= {f"{target} {label}": _with_share(n, by_class.total()) for label, n in by_class.items()}
    for name in (name for name in strata if name not in classes):
        in_part = [strata[name][record.case] for record in part]
        values: Sequence[str] = sorted(set(strata[name].values()), key=_rank)
        counts |= {f"{name} {value}": _with_share(in_part.count(value), len(part)) for value in values}
    return counts


def _rank(value: str) -> tuple[float, str]:
    """Sort quarters by their lower ends, and other values after them."""
    try:
        return float(value.partition("..")[0]), value
    except ValueError:
        return float("inf"), value


def _with_share(count: int, total: int) -> str:
    return f"{count:,} ({count / total:.0%})" if total else "0"
