"""The pixel spacing of a case: a number, columns of the table, or the header of its image."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from unet_mtl.data.description import HEADER, Description
from unet_mtl.data.images import read_spacing
from unet_mtl.data.numbers import Decimal, number_cure, parse_number
from unet_mtl.errors import DataError

_MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001}


def spacing_columns(description: Description, columns: Collection[str]) -> list[str]:
    """The columns that the spacing is read from.

    Args:
        description: Of the data set.
        columns: Those of the table; a column called `header` is a column.
    """
    if _is_header(description, columns):
        return []
    return [part for part in _parts(description) if isinstance(part, str)]


def read_case_spacing(
    row: Mapping[Any, Any], description: Description, image: Path, frame: int | None
) -> tuple[float, float] | None:
    """Reads the spacing of one case.

    Args:
        row: Of the table.
        description: Of the data set.
        image: Its header is opened where the description says `header`; one that is absent or unreadable has
            no spacing, since whoever opens its pixels will say what is wrong with it.
        frame: Which picture of the file.

    Returns:
        Millimetres between neighbouring (rows, columns); None: unknown.

    Raises:
        ValueError: A cell holds neither a number above 0 nor a word for "unknown".
    """
    if _is_header(description, row.keys()):
        try:
            return read_spacing(image, frame)
        except DataError:
            return None
    parts = _parts(description)
    words = [str(row[part]) for part in parts if isinstance(part, str)]
    if not parts or any(word.lower() in description.missing_words for word in words):
        return None
    numbers = [
        (_millimetres(str(row[part]), description.decimal) if isinstance(part, str) else part)
        * _MILLIMETRES[description.spacing_unit]
        for part in parts
    ]
    return numbers[0], numbers[-1]


def _is_header(description: Description, columns: Collection[str]) -> bool:
    return description.spacing_mm == HEADER and HEADER not in columns


def _parts(description: Description) -> tuple[float | str, ...]:
    spacing = description.spacing_mm
    if spacing is None:
        return ()
    return spacing if isinstance(spacing, tuple) else (spacing,)


def _millimetres(word: str, decimal: Decimal) -> float:
    try:
        number = parse_number(word, decimal)
    except ValueError:
        number = float("nan")
    if not 0 < number < float("inf"):
        raise ValueError(f"spacing is {word!r}{_cure(word, decimal)}")
    return number


def _cure(word: str, decimal: Decimal) -> str:
    cure = number_cure(word, decimal)
    return f", which {cure}" if cure else "; expected millimetres above 0"
