"""The table of a folder without images, its case column, and its columns that are inputs."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from unet_mtl.data.description import MISSING_WORDS
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.affixes import NO_AFFIX
from unet_mtl.prepare.drafting.columns import Column
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.tables import (
    CaseTable,
    note_sheets,
    note_unreadable,
    read_tables,
    with_decimal,
)
from unet_mtl.prepare.drafting.vocabulary import (
    ACQUISITION_WORDS,
    ID_WORDS,
    PATIENT_IF_REPEATED,
    PATIENT_WORDS,
    TARGET_WORDS,
    has_word,
)
from unet_mtl.wording import count_of, name_some

_NAMES = ID_WORDS | {*PATIENT_WORDS, *PATIENT_IF_REPEATED, "name"}


def choose_table_alone(root: Path, tables: Sequence[Path], notes: Notes) -> CaseTable:
    """Choose the table with the most rows and columns among those with a column that names each row.

    Raises:
        DataError: No table is readable, or none has such a column.
    """
    unreadable: list[str] = []
    fitting = []
    for path, sheet, rows in read_tables(tables, unreadable):
        case = _find_case(rows)
        if case is not None:
            table = CaseTable(
                path.relative_to(root).as_posix(),
                rows,
                case,
                NO_AFFIX,
                "",
                used=frozenset({case}),
                sheet=sheet,
            )
            fitting.append(table)
    if not fitting:
        raise DataError(
            unreadable
            or f"{root}: no image in this folder or its subfolders, and no table with a different name in each row "
            f"({name_some(path.name for path in tables)}); add images, or a column such as `case` with the name of "
            "each row"
        )
    note_unreadable(unreadable, notes)
    chosen = max(fitting, key=lambda table: table.rows.shape)
    notes.doubt(
        "No image was found, so the table alone is described, and the network reads only its columns."
    )
    note_sheets(root, chosen, notes)
    others = list(dict.fromkeys(table.path for table in fitting if table.path != chosen.path))
    if others:
        notes.doubt(
            f"Only {chosen.path} is used, because a data set has one table; not used: {name_some(others)}."
        )
    notes.guess("table", chosen.path, count_of(len(chosen.rows), "row"))
    notes.guess(
        "case", chosen.case, f"a different name in each row, such as {chosen.rows[chosen.case].iloc[0]}"
    )
    return with_decimal(root, chosen, notes)


def _find_case(rows: pd.DataFrame) -> str | None:
    """Return the column whose cells are all filled and different; one that is named like an identifier first."""
    unique = [
        name
        for name, cells in rows.items()
        if cells.nunique() == len(cells) and not set(cells.str.lower()) & set(MISSING_WORDS)
    ]
    named = [str(name) for name in unique if has_word(str(name), frozenset(_NAMES))]
    texts = [str(name) for name in unique if not rows[name].str.fullmatch(r"[-+]?\d*[.,]?\d+").all()]
    return next(iter([*named, *texts]), None)


def choose_inputs(columns: Sequence[Column], table: CaseTable, root: Path, notes: Notes) -> tuple[str, ...]:
    """Return the columns that the network reads; the others are targets.

    Raises:
        DataError: No column is left as an input.
    """
    known = [column.name for column in columns if column.kind != "other"]
    targets = [
        name for name in known if has_word(name, TARGET_WORDS) and not has_word(name, ACQUISITION_WORDS)
    ]
    inputs = tuple(name for name in known if name not in (targets or known[-1:]))
    if not inputs:
        raise DataError(
            f"{root}: no image in this folder or its subfolders, and {table.path} has no column besides "
            f"{name_some([table.case, *known])} that a network could read; add images or columns"
        )
    if not targets:
        notes.doubt(
            f"No column is named like a target, so the last one, {known[-1]}, is the task. If it is another one, "
            "change `tasks` and `inputs`."
        )
    return inputs
