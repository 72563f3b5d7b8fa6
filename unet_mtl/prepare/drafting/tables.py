"""Which table belongs to the images, and which of its columns names the cases."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from unet_mtl.data.numbers import Decimal
from unet_mtl.data.tables import read_table
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.affixes import NO_AFFIX, Affix, fit_affix
from unet_mtl.prepare.drafting.columns import find_decimals
from unet_mtl.prepare.drafting.files import Entry
from unet_mtl.prepare.drafting.layout import Layout, literal
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.pairing import MaskSet
from unet_mtl.wording import name_some

_ENOUGH = 0.5
"""Share of the images, or of the rows, that must find each other."""

_FEW_REPEATED = 2
_REPEATED = 0.1
"""How many rows, or which share of them, may name a case again before a table is one of something else than cases."""


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
        decimal: What stands before the decimals of its numbers.
        doubts: What a person should know of it, if it is the one that is taken.
    """

    path: str
    rows: pd.DataFrame
    case: str
    names: Affix
    images: str
    masks: Mapping[str, str] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    folders: Mapping[str, str] = field(default_factory=dict)
    decimal: Decimal = "."
    doubts: tuple[str, ...] = ()

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
    chosen = _with_decimal(root, chosen, notes)
    _note(n, chosen, layout, notes)
    others = [table.path for _, table in found if table.path != chosen.path]
    if others:
        notes.doubt(
            f"{name_some(others)} name the images as well; one table can be used, the others are left out"
        )
    return chosen


def _with_decimal(root: Path, table: CaseTable, notes: Notes) -> CaseTable:
    path = root / table.path
    found = find_decimals(table.rows)
    if found.both or (found.commas and found.points):
        # the points may be those of a workbook's own numbers
        again = find_decimals(read_table(path, decimal=","))
        found = again if again.decimal == "," else found
    if found.commas and found.points:
        notes.doubt(
            f"what stands before decimals in {table.path}: a comma in {name_some(found.commas)} (left out), a point in "
            f"{name_some(found.points)}; write all numbers in one way"
        )
    if found.decimal == ".":
        return table
    notes.guess("decimal", found.decimal, f"numbers of {name_some(found.commas)} have it")
    return replace(table, decimal=found.decimal, rows=read_table(path, decimal=found.decimal))


def _note(n: int, table: CaseTable, layout: Layout, notes: Notes) -> None:
    notes.guess(
        "table",
        table.path,
        f"{n:,} of its {len(table.rows):,} rows name one of {len(layout.images):,} images",
    )
    notes.guess("case", table.case, f"its cells name images, such as {table.rows[table.case].iloc[0]}")
    if table.names != NO_AFFIX:
        notes.guess("names", table.names.wrap("{case}"), "what its cells and the files' names share")
    for line in table.doubts:
        notes.doubt(line)
    named = table.rows[table.case]
    without = named[named != ""].nunique() - n
    if without > 0:
        notes.doubt(
            f"{without:,} rows of {table.path} name no image that is there: `unet-mtl check` lists them"
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
    usual = layout.with_one_suffix()
    images = usual.pattern
    used = frozenset({column})
    folders = _folder_columns(rows, column, names, layout) if best else {}
    by_name = _enough(best, rows, layout) and folders is not None
    by_path = None if by_name and layout.suffix is not None else _path_column(rows, layout.images)
    doubts = []
    if by_path is not None:
        best, column, images = by_path
        names, used = Affix(), frozenset({column})
    elif not by_name:
        _note_misfit(path, best, folders is None, notes)
        return None
    elif layout.suffix is None:
        doubts.append(_on_suffixes(layout, usual))
    used |= frozenset((folders or {}).values())
    named = rows[column][rows[column] != ""]
    repeated = named[named.duplicated()]
    if len(repeated) > max(_FEW_REPEATED, _REPEATED * len(named)):
        notes.doubt(
            f"{path} is left out: {column} names the images, but {_first(repeated)} in several rows; a table needs one "
            "row a case"
        )
        return None
    if len(repeated):
        doubts.append(
            f"which row of {path} is right where {_first(repeated)} in several; each case needs one, and `unet-mtl "
            "check` lists them"
        )
    in_columns = {mask.name: found[2] for mask in masks if (found := _path_column(rows, mask.entries))}
    table = CaseTable(
        path, rows, column, names, images, in_columns, used, folders or {}, doubts=tuple(doubts)
    )
    return best, replace(table, images=table.fill(images))


def _first(repeated: "pd.Series[str]") -> str:
    more = repeated.nunique() - 1
    return f"{repeated.iloc[0]!r} {f'and {more} more stand' if more else 'stands'}"


def _on_suffixes(layout: Layout, usual: Layout) -> str:
    suffixes = Counter(entry.suffix for entry in layout.images)
    counts = name_some(f"{suffix} ({n:,})" for suffix, n in suffixes.most_common())
    return (
        f"which suffix images should have: there are {counts}, but the table names them without one. The pattern says "
        f"{usual.suffix}, and `unet-mtl check` lists the others: rename them, or let `unet-mtl check --fix OUT` do it"
    )


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
    affix, suffix = layout.affix, layout.with_one_suffix().suffix or ""
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
