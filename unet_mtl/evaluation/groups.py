"""Groups of cases by a column of the table, by bands of a number, or by the size of the lesion in the true mask."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from unet_mtl.data.numbers import parse_number
from unet_mtl.data.records import Dataset
from unet_mtl.data.rows import CASE, read_rows
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation.case_records import CaseRecords
from unet_mtl.tasks import MaskTask, Task
from unet_mtl.tasks.mask_scores import counts_by_class
from unet_mtl.wording import count_of, name_some

MOST_GROUPS = 20
"""A column with more groups is refused: hardly any of them would have enough patients, and each is a further test."""

MISSING = "(missing)"
"""The group of the cases with an unknown value."""

NO_LESION = "(empty mask)"
"""The group of the cases with an empty true mask, in which there is no lesion to measure."""

LESION = "lesion_size"
TERTILES = "tertiles"

Cells = Mapping[str, str | None]


@dataclass(frozen=True)
class Grouping:
    """Disjoint groups of the measured cases.

    Attributes:
        column: The column or quantity by which cases are grouped.
        groups: Cases by name of the group, in the order of the classes, words or bands; `MISSING` is the last one.
    """

    column: str
    groups: dict[str, list[str]]


@dataclass(frozen=True)
class GroupPlan:
    """A grouping that was requested, checked before the cases are predicted.

    Attributes:
        column: The column of the table, or a name that starts with `lesion_size`.
        mask: The task with the true masks in which the lesion is measured; empty for a column of the table.
        limits: Limits between bands of numbers; empty for tertiles.
        banded: Whether cases are grouped by bands of numbers, and not by words.
        cells: Text of the column by case, None where it is unknown; empty for the size of a lesion.
        order: Words of the column in the order of their classes; empty if they are not described.
    """

    column: str
    mask: str = ""
    limits: tuple[float, ...] = ()
    banded: bool = False
    cells: Cells | None = None
    order: tuple[str, ...] = ()


def plan_groups(dataset: Dataset, tasks: Sequence[Task[Any, Any]], by: Sequence[str]) -> list[GroupPlan]:
    """Read what is needed of the table, and check each request.

    Args:
        dataset: The cases to measure.
        tasks: Tasks of the run.
        by: Requests, each `COLUMN`, `COLUMN:LIMIT,LIMIT,...` or `COLUMN:tertiles`. A column may be any one of the
            table, also one that dataset.yaml does not describe. A column of numbers with many different values is
            grouped by tertiles. `lesion_size` is the area of the foreground in the true mask of the first task that
            predicts masks, in mm2 if the spacing of all cases is known, else in pixels; `lesion_size_px` is in pixels.

    Raises:
        ConfigError: A request has limits that are no ascending numbers, or names a column twice.
        DataError: There is no such column, it has too many groups, or limits are given for words.
    """
    if not by:
        return []
    requests = [_parse(request) for request in by]
    names = [column for column, *_ in requests]
    if len(set(names)) < len(names):
        raise ConfigError(f"`by` names {max(names, key=names.count)!r} twice; give each column once")
    table = read_rows(dataset.description)
    rows = table.drop_duplicates(CASE).set_index(CASE).reindex([record.case for record in dataset])
    return [_plan(dataset, tasks, rows, *request) for request in requests]


def _parse(request: str) -> tuple[str, tuple[float, ...], bool]:
    """Return the column, the limits of its bands, and whether there are bands at all."""
    column, colon, words = request.partition(":")
    if not colon:
        return column, (), False
    if words == TERTILES:
        return column, (), True
    try:
        limits = tuple(float(word) for word in words.split(","))
    except ValueError:
        limits = ()
    if not limits or not np.isfinite(limits).all() or list(limits) != sorted(set(limits)):
        raise ConfigError(
            f"`by` is {request!r}; expected a column, limits in ascending order such as {column}:40,60, or "
            f"{column}:{TERTILES}"
        )
    return column, limits, True


def _plan(
    dataset: Dataset,
    tasks: Sequence[Task[Any, Any]],
    rows: pd.DataFrame,
    column: str,
    limits: tuple[float, ...],
    banded: bool,
) -> GroupPlan:
    if column not in rows.columns and column in (LESION, f"{LESION}_px"):
        masks = [task.name for task in tasks if isinstance(task, MaskTask)]
        if not masks:
            raise ConfigError(f"`by` is {column!r}, but no task of the run predicts a mask; leave it out")
        return GroupPlan(column, masks[0], limits, True)
    if column not in rows.columns:
        known = [LESION, *(name for name in rows.columns if name != CASE)]
        raise DataError(
            f"{dataset.description.root}: `by` names {column!r}, which is not a column of the table; it has "
            f"{name_some(map(repr, known), MOST_GROUPS)}"
        )
    cells = _read_cells(dataset, rows, column)
    description, decimal = dataset.description.columns.get(column), dataset.description.decimal
    words = {cell for cell in cells.values() if cell is not None}
    others = {word for word in words if _number(word, decimal) is None}
    is_number = description.is_number if description else not others
    banded = banded or (is_number and len(words) > MOST_GROUPS)
    if banded and others:
        raise DataError(
            f"`by` asks for bands of {column!r}, which has {min(others)!r}, not a number; leave the limits "
            "out to group by words, or correct the cell"
        )
    if not banded and len(words) > MOST_GROUPS:
        raise DataError(
            f"`by` names {column!r}, which has {len(words)} different values in {count_of(len(cells), 'case')}; at "
            f"most {count_of(MOST_GROUPS, 'group')} are compared: choose another column, or add one to the table "
            "that puts its values into groups"
        )
    if banded:
        cells = {c: None if cell is None else repr(_number(cell, decimal)) for c, cell in cells.items()}
    order = (description.classes or ()) if description else ()
    return GroupPlan(column, "", limits, banded, cells, tuple(order))


def _read_cells(dataset: Dataset, rows: pd.DataFrame, column: str) -> dict[str, str | None]:
    """Return the word of each case, as the description means it if there is one; None: unknown."""
    description = dataset.description.columns.get(column)
    missing, decimal = dataset.description.missing_words, dataset.description.decimal
    words = {str(case): str(cell).strip() for case, cell in rows[column].items()}
    if description is not None:
        return {case: description.find_meaning(word, missing, decimal) for case, word in words.items()}
    return {case: None if word.lower() in missing else word for case, word in words.items()}


def _number(word: str, decimal: Any) -> float | None:
    try:
        number = parse_number(word, decimal)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def make_groups(plan: GroupPlan, records: CaseRecords, cases: Iterable[str]) -> Grouping:
    """Put the measured cases into groups.

    Args:
        plan: The plan, from `plan_groups`.
        records: Records of the measured cases.
        cases: The measured cases, in order.

    Returns:
        The groups that have cases. A band contains its lower limit and not its upper one.
    """
    cases = list(cases)
    column = plan.column
    names: list[str] = []
    if plan.mask:
        column, sizes = lesion_sizes(records, plan.mask, pixels=plan.column.endswith("_px"))
        known = {case: size for case, size in sizes.items() if size > 0}
        label, names = _bands(known, plan.limits)
        labels = {case: NO_LESION for case, size in sizes.items() if size == 0} | label
        names = [*names, NO_LESION]
    elif plan.banded:
        cells = plan.cells or {}
        label, names = _bands({case: float(cell) for case, cell in cells.items() if cell}, plan.limits)
        labels = label
    else:
        labels = {case: cell for case, cell in (plan.cells or {}).items() if cell is not None}
        names = [*plan.order, *sorted(set(labels.values()) - set(plan.order), key=_natural)]
    groups: dict[str, list[str]] = {name: [] for name in (*names, MISSING)}
    for case in cases:
        groups[labels.get(case, MISSING)].append(case)
    return Grouping(column, {name: members for name, members in groups.items() if members})


def _natural(word: str) -> tuple[float, str]:
    """Sort numbers by their value, and words after them."""
    number = _number(word, ".")
    return (np.inf if number is None else number, word)


def lesion_sizes(records: CaseRecords, task: str, *, pixels: bool = False) -> tuple[str, dict[str, float]]:
    """Return the area of the foreground in the true masks.

    Args:
        records: Records of the measured cases.
        task: A task that predicts masks.
        pixels: Whether the unit is pixels even if all spacings are known.

    Returns:
        "lesion_size_mm2", or "lesion_size_px" if the spacing of a labelled case is unknown; and the size by labelled
        case, 0 for an empty mask. Unlabelled pixels do not count.
    """
    cases = records.scores[task]
    facts = pd.DataFrame([dict(scored.facts) for scored in cases.values()], index=list(cases))
    if not len(facts):
        return f"{LESION}_px", {}
    counts = counts_by_class(facts)
    whole = next(iter(counts.values())) if len(counts) == 1 else counts["foreground"]
    areas = np.array(
        [records.images[case].row_spacing_mm * records.images[case].column_spacing_mm for case in cases]
    )
    in_mm = not pixels and not np.isnan(areas).any()
    sizes = np.asarray(whole.tp + whole.fn, np.float64) * (areas if in_mm else 1.0)
    return f"{LESION}_{'mm2' if in_mm else 'px'}", dict(zip(cases, sizes.tolist(), strict=True))


def _bands(values: Mapping[str, float], limits: Sequence[float]) -> tuple[dict[str, str], list[str]]:
    """Return the band of each case and the names of the bands; without limits, the tertiles of the values."""
    if not values:
        return {}, []
    if not limits:
        # Equal tertiles, as of a number with few values, would be bands without cases.
        limits = sorted(set(np.quantile(list(values.values()), [1 / 3, 2 / 3]).tolist()))
    words = [f"{limit:.4g}" for limit in limits]
    names = [
        f"below {words[0]}",
        *(f"{low} to below {high}" for low, high in pairwise(words)),
        f"{words[-1]} or more",
    ]
    bands = np.searchsorted(np.asarray(limits), list(values.values()), side="right")
    return dict(zip(values, (names[band] for band in bands), strict=True)), names
