"""The pixel spacing of a case: a number, columns of the table, or the header of its image."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.description import Description, SpacingUnit
from unet_mtl.data.images import read_spacing
from unet_mtl.data.numbers import Decimal, parse_number, suggest_number
from unet_mtl.data.setting_types import HEADER
from unet_mtl.errors import DataError

Spacing: TypeAlias = tuple[float, float]
"""Millimetres between neighbouring (rows, columns)."""

_UNITS: dict[SpacingUnit, tuple[str, float]] = {
    "mm": ("millimetres", 1.0),
    "cm": ("centimetres", 10.0),
    "m": ("metres", 1000.0),
    "um": ("micrometres", 0.001),
}


def parse_spacing(
    spacing: float | str | Sequence[float | str] | NDArray[Any],
    *,
    unit: SpacingUnit = "mm",
    decimal: Decimal | None = ".",
) -> Spacing:
    """Convert a pixel spacing, in any form that a user may give it in, to millimetres.

    Args:
        spacing: One number for rows and columns, a pair (row, column), or a text such as "0.1" or "0.1,0.2". Parts
            of a pair may be texts, such as cells of a table.
        unit: The unit of the numbers.
        decimal: The decimal mark in the parts of a pair; None accepts both. A text that holds a pair uses points.

    Returns:
        Millimetres between neighbouring (rows, columns).

    Raises:
        ValueError: The spacing is not one or two finite numbers above 0.

    >>> parse_spacing(0.5), parse_spacing("0.1,0.2"), parse_spacing(["0,1", "0,2"], unit="cm", decimal=",")
    ((0.5, 0.5), (0.1, 0.2), (1.0, 2.0))
    """
    parts: list[Any]
    if isinstance(spacing, str):
        parts, decimal = spacing.split(","), "."
    else:
        parts = np.ravel(np.asarray(spacing, dtype=object)).tolist()
    name, scale = _UNITS[unit]
    if len(parts) not in (1, 2):
        raise ValueError(
            f"spacing is {_show(parts)}; expected {name} above 0, one number or two (row, column)"
        )
    steps = [_to_number(part, decimal) for part in parts]
    for part, step in zip(parts, steps, strict=True):
        if not 0 < step < float("inf"):
            advice = suggest_number(part, decimal) if isinstance(part, str) and decimal is not None else ""
            shown = repr(part) if isinstance(part, str) else _show(parts)
            raise ValueError(
                f"spacing is {shown}" + (f", which {advice}" if advice else f"; expected {name} above 0")
            )
    return steps[0] * scale, steps[-1] * scale


def _show(parts: Sequence[Any]) -> str:
    return ",".join(f"{part:g}" if isinstance(part, int | float) else str(part) for part in parts) or "empty"


def _to_number(part: Any, decimal: Decimal | None) -> float:
    try:
        if not isinstance(part, str):
            return float(part)
        return parse_number(part.replace(",", ".")) if decimal is None else parse_number(part, decimal)
    except (TypeError, ValueError):
        return float("nan")


def spacing_columns(description: Description, columns: Collection[str]) -> list[str]:
    """Return the columns that the spacing is read from.

    Args:
        description: The description of the data set.
        columns: The columns of its table. `header` means the header of each image unless it is a column.
    """
    if _is_header(description, columns):
        return []
    return [part for part in _parts(description) if isinstance(part, str)]


def read_case_spacing(
    row: Mapping[Any, Any], description: Description, image: Path, frame: int | None
) -> Spacing | None:
    """Read the spacing of one case.

    Args:
        row: The row of the case in the table.
        description: The description of the data set.
        image: The image of the case, opened only if the description names the header. An absent or unreadable
            image has no spacing; reading its pixels reports the problem.
        frame: The index of the picture in the file.

    Returns:
        Millimetres between neighbouring (rows, columns), or None if they are unknown.

    Raises:
        ValueError: A cell holds neither a number above 0 nor a word for "unknown".
    """
    if _is_header(description, row.keys()):
        try:
            return read_spacing(image, frame)
        except DataError:
            return None
    parts = [str(row[part]) if isinstance(part, str) else part for part in _parts(description)]
    words = [part.lower() for part in parts if isinstance(part, str)]
    if not parts or any(word in description.missing_words for word in words):
        return None
    return parse_spacing(parts, unit=description.spacing_unit, decimal=description.decimal)


def _is_header(description: Description, columns: Collection[str]) -> bool:
    return description.spacing_mm == HEADER and HEADER not in columns


def _parts(description: Description) -> tuple[float | str, ...]:
    spacing = description.spacing_mm
    if spacing is None:
        return ()
    return spacing if isinstance(spacing, tuple) else (spacing,)
