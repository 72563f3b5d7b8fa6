"""Which table belongs to the images, and which of its columns names the cases."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from unet_mtl.data.tables import read_table
from unet_mtl.drafting.affixes import NO_AFFIX, Affix, fit_affix
from unet_mtl.drafting.files import Entry
from unet_mtl.drafting.layout import Layout, literal
from unet_mtl.drafting.notes import Notes, several
from unet_mtl.drafting.pairing import MaskSet
from unet_mtl.errors import DataError

_ENOUGH = 0.5
"""Share of the images, or of the rows, that must find each other."""


@dataclass(frozen=True)
class CaseTable:
    """A table whose rows are the cases.

    Attributes:
        path: Below the root.
        rows: All of it, as words.
        case: The column that names a row.
        names: What stands in that column.
        images: Pattern of the images.
        masks: Patterns by kind of mask, where it is a column.
        used: Columns that name files or folders.
        folders: Names in braces of the layout -> the columns that say the same.
    """

    path: str
    rows: pd.DataFrame
    case: str
    names: Affix
    images: str
    masks: Mapping[str, str] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    folders: Mapping[str, str] = field(default_factory=dict)

    def fill(self, pattern: str) -> str:
        """A pattern with the table's columns in its braces."""
        for name, column in self.folders.items():
            pattern = pattern.replace(f"{{{name}}}", f"{{{column}}}")
        return pattern


def choose_table(
    root: Path, tables: Sequence[Path], layout: Layout, masks: Sequence[MaskSet], notes: Notes
) -> CaseTable | None:
    """Finds the table whose cells name the most images.

    Raises:
        DataError: A table cannot be read, and no other one fits.
    """
    found: list[tuple[int, CaseTable]] = []
    unreadable: list[str] = []
    for path in tables:
        try:
            rows = read_table(path)
        except (DataError, UnicodeDecodeError) as error:
            unreadable.append(
                str(error) if isinstance(error, DataError) else f"{path}: not UTF-8 text; save it so"
            )
            continue
        fitting = _fit(path.relative_to(root).as_posix(), rows, layout, masks, notes)
        found += [fitting] if fitting else []
    if unreadable and not found:
        raise DataError(
            [
                *unreadable,
                "mend the table, or move it out of the folder if the images do without; nothing was written",
            ]
        )
    for line in unreadable:
        notes.doubt(f"left out: {line}")
    if not found:
        return None
    n, chosen = max(found, key=lambda pair: (pair[0], len(pair[1].rows.columns)))
    _note(n, chosen, layout, notes)
    others = [table.path for _, table in found if table is not chosen]
    if others:
        notes.doubt(
            f"{several(others)} name the images as well; one table can be used, the others are left out"
        )
    return chosen


def _note(n: int, table: CaseTable, layout: Layout, notes: Notes) -> None:
    notes.guess(
        "table",
        table.path,
        f"{n:,} of its {len(table.rows):,} rows name one of {len(layout.images):,} images",
    )
    notes.guess("case", table.case, f"its cells name images, such as {table.rows[table.case].iloc[0]}")
    if table.names != NO_AFFIX:
        notes.guess("names", table.names.wrap("{case}"), "what its cells and the files' names share")
    if n < len(table.rows):
        notes.doubt(
            f"{len(table.rows) - n:,} rows of {table.path} name no image that is there: `unet-mtl check` lists them"
        )
    if n < len(layout.images):
        notes.doubt(f"{len(layout.images) - n:,} images have no row in {table.path} and are no cases then")


def _fit(
    path: str, rows: pd.DataFrame, layout: Layout, masks: Sequence[MaskSet], notes: Notes
) -> tuple[int, CaseTable] | None:
    best, column, names = 0, "", Affix()
    for name in rows.columns:
        affix, n = fit_affix(set(rows[name]), layout.cases, _usual_names(layout))
        if n > best:
            best, column, names = n, name, affix
    images = layout.pattern
    used = frozenset({column})
    folders = _folder_columns(rows, column, names, layout) if best else {}
    if not _enough(best, rows, layout) or folders is None or layout.suffix is None:
        by_path = _path_column(rows, layout.images)
        if by_path is None:
            _note_misfit(path, best, folders is None, notes)
            return None
        best, column, images = by_path
        names, used = Affix(), frozenset({column})
    used |= frozenset((folders or {}).values())
    repeated = rows[column][rows[column].duplicated()]
    if len(repeated):
        notes.doubt(
            f"{path} is left out: {column} names the images, but {repeated.iloc[0]!r} and "
            f"{repeated.nunique() - 1} more stand in several rows; a table needs one row a case"
        )
        return None
    in_columns = {mask.name: found[2] for mask in masks if (found := _path_column(rows, mask.entries))}
    table = CaseTable(path, rows, column, names, images, in_columns, used, folders or {})
    return best, replace(table, images=table.fill(images))


def _enough(n: int, rows: pd.DataFrame, layout: Layout) -> bool:
    return n > 0 and (n >= _ENOUGH * len(layout.images) or n >= _ENOUGH * len(rows))


def _note_misfit(path: str, best: int, folders_unknown: bool, notes: Notes) -> None:
    if folders_unknown:
        notes.doubt(f"{path} is left out: it does not say in which folder each image lies; add such a column")
    else:
        found = f"; {best} cells do" if best else ""
        notes.doubt(
            f"{path} is left out: no column of it names the images{found} (as 0001 stands for 0001.png)"
        )


def _usual_names(layout: Layout) -> list[Affix]:
    """The case, its image's name, and its path: what people write into tables."""
    affix, suffix = layout.affix, layout.suffix or ""
    found = [Affix(), affix, Affix(affix.before, affix.after + suffix)]
    folders = layout.images[0].folder if not layout.fields else ()
    for depth in range(1, len(folders) + 1):
        path = "/".join(folders[-depth:]) + "/" + affix.before
        found += [Affix(path, affix.after + suffix), Affix(path, affix.after)]
    return found


def _folder_columns(rows: pd.DataFrame, column: str, names: Affix, layout: Layout) -> dict[str, str] | None:
    """For each folder in braces the column that says it; None where there is none."""
    cases = layout.cases
    pairs = [
        (i, cases[case])
        for i, cell in enumerate(rows[column])
        if (case := names.strip(cell)) in cases and case
    ]
    found: dict[str, str] = {}
    for position, field_name in layout.fields.items():
        if field_name == "case":
            continue
        fits = [
            name
            for name in rows.columns
            if fit_for_braces(name)
            and all(rows[name].iloc[i] == entry.folder[position] for i, entry in pairs)
        ]
        if not fits:
            return None
        found[field_name] = fits[0]
    return found


def fit_for_braces(name: str) -> bool:
    """Whether a column's name may stand in a pattern."""
    return bool(name) and not set(name) & set("{}.[]!:*")


def _path_column(rows: pd.DataFrame, entries: Sequence[Entry]) -> tuple[int, str, str] | None:
    """The column whose cells are paths of the files, or ends of these: (files named, column, pattern)."""
    best: tuple[int, str, str] | None = None
    deepest = max((len(entry.folder) for entry in entries), default=0)
    for depth in range(deepest + 1):
        paths = {_end(entry, depth): entry for entry in entries}
        for name in filter(fit_for_braces, rows.columns):
            named = [paths[cell] for cell in set(rows[name]) if cell in paths]
            folders = Counter(entry.folder[: len(entry.folder) - depth] for entry in named)
            if len(folders) != 1 or len(named) < _ENOUGH * min(len(entries), len(rows)):
                continue
            if best is None or len(named) > best[0]:
                best = len(named), name, "/".join((*map(literal, next(iter(folders))), f"{{{name}}}"))
    return best


def _end(entry: Entry, depth: int) -> str:
    return "/".join((*entry.folder[len(entry.folder) - depth :], entry.name))


def name_files(cells: Iterable[str], entries: Iterable[Entry]) -> bool:
    """Whether most cells of a column are names or paths of files, several joined by & or ; too."""
    known = {name for entry in entries for name in (entry.name, entry.path, entry.stem + entry.tail)}
    filled = [cell for cell in cells if cell]
    named = sum(all(part.strip() in known for part in cell.replace(";", "&").split("&")) for cell in filled)
    return bool(filled) and named > _ENOUGH * len(filled)
