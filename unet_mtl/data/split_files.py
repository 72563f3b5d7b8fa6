"""Saved splits: a CSV table, and beside it a JSON file with the hash of the data and the settings."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from unet_mtl.data.patterns import is_there
from unet_mtl.data.records import Dataset
from unet_mtl.data.tables import guard_formulas, read_table, unguard_formulas
from unet_mtl.errors import DataError
from unet_mtl.files import write_json, write_text
from unet_mtl.near_names import find_same_letters


def facts_path(path: Path) -> Path:
    """Return the path of the JSON file beside a table: `splits.csv.json` for `splits.csv`."""
    return path.with_name(f"{path.name}.json")


def write_split(path: Path, table: pd.DataFrame, dataset: Dataset, settings: Mapping[str, Any]) -> None:
    """Write a split as CSV, and beside it a JSON file with the hash of the data and the settings.

    Args:
        path: The file to write, with the suffix .csv.
        table: The columns case, patient, split and, if there are folds, fold.
        dataset: The data set that was split.
        settings: The settings of the split, as plain JSON.

    Raises:
        DataError: The suffix is not .csv.
        WriteError: The operating system refused to write.
    """
    if path.suffix.lower() != ".csv":
        raise DataError(f"{path}: a split is saved as a CSV table; choose a name that ends in .csv")
    write_json(
        facts_path(path), {"data_hash": dataset.fingerprint(), "cases": len(table), "split": dict(settings)}
    )
    text = guard_formulas(table).to_csv(index=False)
    # Excel reads a CSV file as UTF-8 only with a byte order mark; pandas ignores it.
    write_text(path, text if text.isascii() else "\ufeff" + text)


def read_split(path: Path, dataset: Dataset) -> pd.DataFrame:
    """Read a saved split of a data set, or a table made by hand.

    Args:
        path: A table with the columns case and split or fold; other columns are ignored.
        dataset: The data set. Each of its cases must be in the table exactly once, and no other case may be in it.

    Returns:
        A table of strings with one row for each case.

    Raises:
        DataError: The data changed since the split was made, or a case is repeated, unknown or missing. The error
            lists all problems.
    """
    table = _read_table(path)
    problems = [*_changed_data(path, dataset), *_wrong_cases(path, list(table["case"]), dataset)]
    if problems:
        raise DataError(problems)
    return table


def read_parts(path: Path) -> dict[str, str]:
    """Return the content of the column split by case, without any check; empty if there are only folds.

    Raises:
        DataError: The table cannot be read.
    """
    table = _read_table(path)
    return dict(zip(table["case"], table["split"], strict=True)) if "split" in table else {}


def _read_table(path: Path) -> pd.DataFrame:
    if not is_there(path):
        raise DataError(f"{path}: no such file; correct split.table, or make the split with `unet-mtl split`")
    table = unguard_formulas(read_table(path))
    columns = list(map(str, table))
    if "case" not in columns or not {"split", "fold"} & set(columns):
        raise DataError(f"{path}: expected the columns case and split (or fold); it has {', '.join(columns)}")
    return table


def _wrong_cases(path: Path, cases: list[str], dataset: Dataset) -> list[str]:
    rows, known = Counter(cases), dict.fromkeys(record.case for record in dataset)
    repeated = [case for case, n in rows.items() if n > 1]
    unknown = [case for case in rows if case not in known]
    absent = [case for case in known if case not in rows]
    near = {case: meant for case in unknown if (meant := find_same_letters(case, absent))}
    return [
        *(f"{path}: case {case!r} is in several rows; keep one of them" for case in repeated),
        *(
            f"{path}: case {case!r} is not in the data; "
            + (f"correct it if {near[case]!r} is meant" if case in near else "remove its row")
            for case in unknown
        ),
        *(f"{path}: case {case!r} of the data is missing; add a row for it" for case in absent),
    ]


def _changed_data(path: Path, dataset: Dataset) -> list[str]:
    """Compare the hash of the data with the saved one; a table made by hand has none."""
    facts = facts_path(path)
    if not facts.is_file():
        return []
    try:
        saved = json.loads(facts.read_text(encoding="utf-8"))["data_hash"]
        current = dataset.fingerprint()
    except (ValueError, LookupError, TypeError):
        return [f"{facts}: the hash of the data is missing; make the split again with `unet-mtl split`"]
    except OSError as error:
        return [
            f"{error.filename}: cannot be read ({error.strerror}), so the data cannot be compared with {path}"
        ]
    if saved == current:
        return []
    return [
        f"{path}: made from other data (hash {str(saved)[:12]}, now {current[:12]}): labels, images or masks changed; "
        f"restore them, or make the split again with `unet-mtl split`; to use this split for the changed data, "
        f"remove {facts.name}"
    ]
