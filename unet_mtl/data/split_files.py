"""Saved splits: a plain CSV table, and a JSON file beside it that says of which data and settings it is."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from unet_mtl.data.records import Dataset
from unet_mtl.data.tables import guard_formulas, read_table, unguard_formulas
from unet_mtl.errors import DataError
from unet_mtl.files import write_json, write_text


def facts_path(path: Path) -> Path:
    """`splits.csv` -> `splits.csv.json`, the file beside a table."""
    return path.with_name(f"{path.name}.json")


def write_split(path: Path, table: pd.DataFrame, dataset: Dataset, settings: Mapping[str, Any]) -> None:
    """Writes `path` (CSV), and beside it a JSON file with the data's hash and the settings.

    Args:
        path: With the suffix .csv.
        table: case, patient, split, and fold where there are folds.
        dataset: That was dealt out.
        settings: Plain JSON.

    Raises:
        DataError: The name does not end in .csv.
        WriteError: The disk refused.
    """
    if path.suffix.lower() != ".csv":
        raise DataError(f"{path}: a split is saved as a CSV table; give a name that ends in .csv")
    write_json(
        facts_path(path), {"data_hash": dataset.fingerprint(), "cases": len(table), "split": dict(settings)}
    )
    text = guard_formulas(table).to_csv(index=False)
    # Excel takes a CSV file for UTF-8 only with this mark; pandas passes it over.
    write_text(path, text if text.isascii() else "\ufeff" + text)


def read_split(path: Path, dataset: Dataset) -> pd.DataFrame:
    """Reads a saved split of this data set, or a table that was made by hand.

    Args:
        path: As `read_table` reads it, with the columns case, split or fold, and any others.
        dataset: Every case of it must stand in the table once, and nothing else may.

    Returns:
        Text, one row a case.

    Raises:
        DataError: With all problems: the data changed since, a case is double, unknown or missing.
    """
    table = _read_sides(path)
    problems = [*_changed_data(path, dataset), *_wrong_cases(path, list(table["case"]), dataset)]
    if problems:
        raise DataError(problems)
    return table


def _read_sides(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{path}: no such split; correct split.table, or make it with `unet-mtl split`")
    table = unguard_formulas(read_table(path))
    columns = list(map(str, table))
    if "case" not in columns or not {"split", "fold"} & set(columns):
        raise DataError(f"{path}: expected the columns case and split (or fold); it has {', '.join(columns)}")
    return table


def _wrong_cases(path: Path, cases: list[str], dataset: Dataset) -> list[str]:
    rows, known = Counter(cases), dict.fromkeys(record.case for record in dataset)
    doubles = [case for case, n in rows.items() if n > 1]
    strange = [case for case in rows if case not in known]
    absent = [case for case in known if case not in rows]
    return [
        *(f"{path}: case {case!r} stands in several rows; leave one" for case in doubles),
        *(f"{path}: case {case!r} is not in the data; remove its row" for case in strange),
        *(f"{path}: case {case!r} of the data is missing; add a row for it" for case in absent),
    ]


def _changed_data(path: Path, dataset: Dataset) -> list[str]:
    """Of a table by hand no hash is known, so that nothing can be said."""
    facts = facts_path(path)
    if not facts.is_file():
        return []
    try:
        saved = json.loads(facts.read_text(encoding="utf-8"))["data_hash"]
        found = dataset.fingerprint()
    except (ValueError, LookupError, TypeError):
        return [f"{facts}: no hash of the data in it; make the split again with `unet-mtl split`"]
    except OSError as error:
        return [f"{error.filename}: cannot be read ({error.strerror}), so the data are not those of {path}"]
    if saved == found:
        return []
    return [
        f"{path}: made of other data (hash {str(saved)[:12]}, now {found[:12]}): labels, images or masks changed; "
        f"restore them, or make the split again with `unet-mtl split`; to keep its sides for the changed data, "
        f"remove {facts.name}"
    ]
