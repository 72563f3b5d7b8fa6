"""Columns of a table that name images in almost the same way as the files."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from unet_mtl.data.readers import split_suffix
from unet_mtl.near_names import name_key
from unet_mtl.prepare.drafting.affixes import Affix, affixes_of
from unet_mtl.prepare.drafting.files import Entry
from unet_mtl.prepare.drafting.vocabulary import ID_WORDS, has_word

_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


def find_other_zeros(
    rows: pd.DataFrame, cases: Collection[str], usual: Iterable[Affix], share: float
) -> tuple[str, dict[str, str]] | None:
    """Find a column that names the cases but for leading zeros, such as 1 for 001.

    Args:
        rows: The table.
        cases: The names of the cases.
        usual: The usual texts around the name of a case in a table.
        share: The share of the cases, and of the rows, that the column must name.

    Returns:
        The column, and the text with the zeros of the case by cell; None if there is no such column, or if it fits in
        more than one way.
    """
    bare = Counter(map(_without_zeros, cases))
    by_number = {_without_zeros(case): case for case in cases if bare[_without_zeros(case)] == 1}
    found = []
    for name in rows.columns:
        cells = [cell for cell in rows[name] if cell]
        if len(set(cells)) < len(cells):
            continue
        affixes = dict.fromkeys((*usual, *affixes_of(cells)))
        named = max((_name_all(cells, affix, by_number) for affix in affixes), key=len)
        changed = any(cell != text for cell, text in named.items())
        different = len(set(named.values())) == len(named)
        if changed and different and len(named) >= share * max(len(cases), len(rows)):
            found.append((name, named))
    return max(found, key=lambda column: (len(column[1]), has_word(column[0], ID_WORDS)), default=None)


def _name_all(cells: Iterable[str], affix: Affix, by_number: Mapping[str, str]) -> dict[str, str]:
    inner = {cell: affix.strip(cell) for cell in cells}
    numbers = {cell: _without_zeros(text) for cell, text in inner.items() if text is not None}
    return {cell: affix.wrap(by_number[number]) for cell, number in numbers.items() if number in by_number}


def _without_zeros(text: str) -> str:
    return _ZEROS.sub("", text)


def find_similar_names(
    rows: pd.DataFrame, cases: Mapping[str, Entry], share: float
) -> tuple[str, str, str] | None:
    """Find a column with names or paths that resemble those of the images.

    Args:
        rows: The table.
        cases: The images by name of the case.
        share: The share of the images, or of the rows, that the column must name.

    Returns:
        The column, one of its cells, and the path of the image that this cell seems to name; None if there is none.
    """
    keys = {name_key(name): entry.path for case, entry in cases.items() for name in (entry.stem, case)}
    best: dict[str, tuple[str, str]] = {}
    for column in rows.columns:
        ends = {cell: split_suffix(re.split(r"[/\\]", cell)[-1])[0] for cell in rows[column] if cell}
        named = {
            path: (column, cell)
            for cell, end in ends.items()
            if (path := keys.get(name_key(end))) is not None
        }
        if len(named) > len(best) and len(named) >= share * min(len(cases), len(rows)):
            best = named
    return next(((column, cell, path) for path, (column, cell) in best.items()), None)
