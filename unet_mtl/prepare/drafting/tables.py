"""The table of the cases, and the column that names them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from unet_mtl.data.numbers import Decimal
from unet_mtl.data.tables import read_table
from unet_mtl.data.workbooks import describe_sheets, list_sheets
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.affixes import NO_AFFIX, Affix, fit_affix
from unet_mtl.prepare.drafting.columns import find_decimals
from unet_mtl.prepare.drafting.files import Entry
from unet_mtl.prepare.drafting.layout import Layout
from unet_mtl.prepare.drafting.marks import literal
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.pairing import MaskSet
from unet_mtl.prepare.drafting.similar_names import find_other_zeros, find_similar_names
from unet_mtl.wording import count_of, name_some

_ENOUGH = 0.5
"""Minimum share of the images, or of the rows, that must match."""

_FEW_REPEATED = 2
_REPEATED = 0.1
"""Number and share of rows that may repeat a case; a table with more of them has another unit than cases."""


@dataclass(frozen=True)
class CaseTable:
    """A table with one row per case.

    Attributes:
        path: Path relative to the root.
        rows: The whole table, as text.
        case: The column that names a case.
        names: The text around the name of a case in that column.
        images: Pattern of the paths of the images.
        masks: Patterns by kind of mask, for masks with paths in a column.
        used: Columns that name files or folders.
        folders: The column with the same values, by field of the layout.
        decimal: The decimal separator of numbers.
        doubts: Questions about the table, as whole sentences, for the case that it is chosen.
        sheet: The sheet, if it is one of several of a workbook.
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
    sheet: str | None = None

    def fill(self, pattern: str) -> str:
        """Replace the fields of the layout in a pattern by columns of the table."""
        for name, column in self.folders.items():
            pattern = pattern.replace(f"{{{name}}}", f"{{{column}}}")
        return pattern


def read_tables(
    paths: Iterable[Path], unreadable: list[str]
) -> Iterator[tuple[Path, str | None, pd.DataFrame]]:
    """Yield each readable table, and each sheet of a workbook with several; add the reasons of the others to a list."""
    for path in paths:
        names = list_sheets(path)
        sheets: Sequence[str | None] = names if len(names) > 1 else [None]
        reasons = []
        for sheet in sheets:
            try:
                yield path, sheet, read_table(path, sheet=sheet)
            except DataError as error:
                reasons.append(str(error))
            except UnicodeDecodeError:
                reasons.append(f"{path}: not UTF-8 text; save it as UTF-8")
        if len(reasons) == len(sheets):  # the other sheets of a workbook may hold remarks
            unreadable += reasons[:1]


def note_sheets(root: Path, table: CaseTable, notes: Notes) -> None:
    """Add the sheets of a workbook to the notes, if it has several."""
    found = describe_sheets(root / table.path, table.sheet)
    if found:
        notes.doubt(f"{table.path}: {found}. Change `sheet` to use another one.")


def note_unreadable(unreadable: Iterable[str], notes: Notes) -> None:
    """Add the tables that cannot be read to the notes."""
    for line in unreadable:
        notes.doubt(f"This table is not used: {line}")


def choose_table(
    root: Path, tables: Sequence[Path], layout: Layout, masks: Sequence[MaskSet], notes: Notes
) -> CaseTable | None:
    """Choose the table that names the most images.

    Raises:
        DataError: A table is unreadable, and no other one fits.
    """
    fitting: list[tuple[int, CaseTable]] = []
    unreadable: list[str] = []
    reasons: dict[str, list[Notes]] = {}
    for path, sheet, rows in read_tables(tables, unreadable):
        name, reason = path.relative_to(root).as_posix(), Notes()
        fit = _fit(name, rows, layout, masks, reason)
        fitting += [(fit[0], replace(fit[1], sheet=sheet))] if fit else []
        reasons.setdefault(name, []).append(reason)
    for name in reasons.keys() - {table.path for _, table in fitting}:
        for line in reasons[name][0].unsure:
            notes.doubt(line)
    if unreadable and not fitting:
        raise DataError(
            [
                *unreadable,
                "repair the table, or move it out of the folder if the images do not need it; nothing was written",
            ]
        )
    note_unreadable(unreadable, notes)
    if not fitting:
        return None
    n, chosen = max(fitting, key=lambda pair: (pair[0], len(pair[1].rows.columns)))
    chosen = with_decimal(root, chosen, notes)
    _note(n, chosen, layout, notes)
    note_sheets(root, chosen, notes)
    others = list(dict.fromkeys(table.path for _, table in fitting if table.path != chosen.path))
    if others:
        notes.doubt(
            f"Only {chosen.path} is used, because a data set has one table; {name_some(others)} would fit as well."
        )
    return chosen


def with_decimal(root: Path, table: CaseTable, notes: Notes) -> CaseTable:
    """Return the table with the decimal separator that its numbers have."""
    path = root / table.path
    decimals = find_decimals(table.rows)
    if decimals.both or (decimals.commas and decimals.points):
        # points may come from the number cells of a workbook
        again = find_decimals(read_table(path, decimal=",", sheet=table.sheet))
        decimals = again if again.decimal == "," else decimals
    if decimals.commas and decimals.points:
        notes.doubt(
            f"{table.path} has decimal commas in {name_some(decimals.commas)} (not used) and decimal points in "
            f"{name_some(decimals.points)}. Use the same in all columns."
        )
    if decimals.decimal == ".":
        return table
    notes.guess("decimal", decimals.decimal, f"the numbers in {name_some(decimals.commas)} have it")
    return replace(
        table, decimal=decimals.decimal, rows=read_table(path, decimal=decimals.decimal, sheet=table.sheet)
    )


def _note(n: int, table: CaseTable, layout: Layout, notes: Notes) -> None:
    notes.guess(
        "table",
        table.path,
        f"{n:,} of its {len(table.rows):,} rows name one of the {len(layout.images):,} images",
    )
    notes.guess("case", table.case, f"its cells name images, such as {table.rows[table.case].iloc[0]}")
    if table.names != NO_AFFIX:
        notes.guess("names", table.names.wrap("{case}"), "the text that its cells have in common")
    for line in table.doubts:
        notes.doubt(line)
    unnamed = sum(str(name).startswith("Unnamed: ") for name in table.rows.columns)
    if unnamed > len(table.rows.columns) / 2:
        notes.doubt(
            f"{count_of(unnamed, 'column')} of {table.path} have no name. If the names are in a lower row, delete the "
            "rows above it."
        )
    named = table.rows[table.case]
    without = named[named != ""].nunique() - n
    if without > 0:
        notes.doubt(
            f"{table.path} names {count_of(without, 'case')} without an image; `unet-mtl check` lists them."
        )
    if n < len(layout.images):
        missing = count_of(len(layout.images) - n, "image")
        notes.doubt(f"{missing} without a row in {table.path} will not be used.")


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
        found = find_other_zeros(rows, layout.cases, _usual_names(layout), _ENOUGH)
        if found is not None:
            return _fit_with_zeros(path, rows, layout, masks, notes, found)
        _note_misfit(path, rows, best, folders is None, layout, notes)
        return None
    elif layout.suffix is None:
        doubts.append(_on_suffixes(layout, usual))
    used |= frozenset((folders or {}).values())
    named = rows[column][rows[column] != ""]
    repeated = named[named.duplicated()]
    if len(repeated) > max(_FEW_REPEATED, _REPEATED * len(named)):
        notes.doubt(
            f"{path} is not used: a table needs one row per case, but in {column} {_first(repeated)} in several rows."
        )
        return None
    if len(repeated):
        doubts.append(
            f"{path} needs one row per case, but {_first(repeated)} in several rows. Keep the right ones; "
            "`unet-mtl check` lists all of them."
        )
    in_columns = {
        mask.name: path_column[2] for mask in masks if (path_column := _path_column(rows, mask.entries))
    }
    table = CaseTable(
        path, rows, column, names, images, in_columns, used, folders or {}, doubts=tuple(doubts)
    )
    return best, replace(table, images=table.fill(images))


def _first(repeated: "pd.Series[str]") -> str:
    """Return the first repeated name as the subject and verb of a sentence."""
    more = repeated.nunique() - 1
    return f"{repeated.iloc[0]!r} {f'and {more} more occur' if more else 'occurs'}"


def _on_suffixes(layout: Layout, usual: Layout) -> str:
    suffixes = Counter(entry.suffix for entry in layout.images)
    counts = name_some(f"{suffix} ({n:,})" for suffix, n in suffixes.most_common())
    return (
        f"The images have several suffixes, {counts}, but the table names them without one. The pattern has "
        f"{usual.suffix}, and `unet-mtl check` lists the other images: rename them, or write a repaired copy with it."
    )


def _enough(n: int, rows: pd.DataFrame, layout: Layout) -> bool:
    return n > 0 and (n >= _ENOUGH * len(layout.images) or n >= _ENOUGH * len(rows))


def _fit_with_zeros(
    path: str,
    rows: pd.DataFrame,
    layout: Layout,
    masks: Sequence[MaskSet],
    notes: Notes,
    found: tuple[str, Mapping[str, str]],
) -> tuple[int, CaseTable] | None:
    """Fit a table with a column from `find_other_zeros`, which differs from the files in leading zeros only."""
    column, names = found
    filled = rows.assign(**{column: rows[column].map(lambda cell: names.get(cell, cell))})
    fit = _fit(path, filled, layout, masks, notes)
    if fit is None:
        return None
    cell = next(cell for cell, name in names.items() if cell != name)
    doubt = (
        f"{column} differs from the names of the files in leading zeros, such as {cell} for {names[cell]}. "
        "`unet-mtl check` lists these cases: correct the cells, rename the files, or write a repaired copy with it."
    )
    return fit[0], replace(fit[1], rows=rows, doubts=(*fit[1].doubts, doubt))


def _note_misfit(
    path: str, rows: pd.DataFrame, best: int, folders_unknown: bool, layout: Layout, notes: Notes
) -> None:
    slashed = _path_column(rows.map(lambda cell: cell.replace("\\", "/")), layout.images)
    similar = find_similar_names(rows, layout.cases, _ENOUGH)
    if slashed is not None:
        notes.doubt(
            f"{path} is not used: the paths in {slashed[1]} have backslashes, as Windows writes them. Write / instead."
        )
    elif folders_unknown:
        notes.doubt(
            f"{path} is not used: it does not give the folder of each image. Add a column with the folder."
        )
    elif similar is not None:
        column, cell, image = similar
        notes.doubt(
            f"{path} is not used, although {column} seems to name the images: {cell} is not the name of {image}, nor "
            "its path in this folder. Write the names or the paths of the files in this column."
        )
    else:
        partly = f", although {count_of(best, 'cell')} do" if best else ""
        case, entry = next(iter(layout.cases.items()))
        names = " or ".join(dict.fromkeys((case, entry.name)))
        notes.doubt(
            f"{path} is not used: no column names the images, such as {names} for {entry.path}{partly}."
        )


def _usual_names(layout: Layout) -> list[Affix]:
    """Return the usual ways to name an image in a table: by case, by file name, and by path."""
    affix, suffix = layout.affix, layout.with_one_suffix().suffix or ""
    names = [Affix(), affix, Affix(affix.before, affix.after + suffix)]
    folders = layout.images[0].folder if not layout.fields else ()
    for depth in range(1, len(folders) + 1):
        path = "/".join(folders[-depth:]) + "/" + affix.before
        for start in (path, path.replace("/", "\\")):  # as Windows writes it
            names += [Affix(start, affix.after + suffix), Affix(start, affix.after)]
    return names


def _folder_columns(rows: pd.DataFrame, column: str, names: Affix, layout: Layout) -> dict[str, str] | None:
    """Return the column with the values of each field of the layout, or None if a field has no column."""
    cases = layout.cases
    pairs = [
        (i, cases[case])
        for i, cell in enumerate(rows[column])
        if (case := names.strip(cell)) in cases and case
    ]
    columns: dict[str, str] = {}
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
        columns[field_name] = fits[0]
    return columns


def fit_for_braces(name: str) -> bool:
    """Return whether the name of a column may be a field of a pattern."""
    return bool(name) and not set(name) & set("{}.[]!:*")


def _path_column(rows: pd.DataFrame, entries: Sequence[Entry]) -> tuple[int, str, str] | None:
    """Return the column with paths of the files or ends of these: number of files, column and pattern."""
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
    """Return whether most cells of a column are names or paths of files, possibly several joined by & or ;."""
    known = {name for entry in entries for name in (entry.name, entry.path, entry.stem + entry.tail)}
    filled = [cell for cell in cells if cell]
    named = sum(all(part.strip() in known for part in cell.replace(";", "&").split("&")) for cell in filled)
    return bool(filled) and named > _ENOUGH * len(filled)
