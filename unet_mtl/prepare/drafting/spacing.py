"""The column of the pixel spacing, and its unit."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from unet_mtl.data.description import MISSING_WORDS, SpacingUnit
from unet_mtl.data.images import image_size
from unet_mtl.data.numbers import Decimal
from unet_mtl.data.spacing import parse_spacing
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.content import pick_evenly
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.vocabulary import ULTRASOUND_WORDS

_NAME = re.compile(
    r"(pixel|voxel|px|pix)[_\s-]*(size|spacing|res|resolution|width|height|pitch)|spacing"
    r"|(mm|um|cm|micron)s?[_\s-]*(per|/)[_\s-]*(px|pixel)|^resolution",
    re.IGNORECASE,
)
_UNIT = re.compile(r"(?:^|[_\s(\[/.-])(mm|cm|um|µm|microns?)(?=$|[_\s)\]/.-])", re.IGNORECASE)
_UNITS: dict[str, SpacingUnit] = {
    "mm": "mm",
    "cm": "cm",
    "um": "um",
    "µm": "um",
    "micron": "um",
    "microns": "um",
}
_FIELD_MM = (15.0, 600.0)
"""Range of the width of clinical images, from a fingertip to a whole body."""


@dataclass(frozen=True)
class Spacing:
    """The column of the pixel spacing.

    Attributes:
        column: Name of the column.
        unit: Its unit, or None if it could not be determined.
    """

    column: str
    unit: SpacingUnit | None


def find_spacing(
    rows: pd.DataFrame, images: Sequence[Path], hints: str, notes: Notes, decimal: Decimal = "."
) -> Spacing | None:
    """Find the column by its name, and its unit by the name or by the resulting size of the images.

    Args:
        rows: The table.
        images: Some of the images, to compare their width.
        hints: Names and words that may reveal the kind of images.
        notes: Receives the guess.
        decimal: The decimal separator of numbers.
    """
    named = [name for name in rows.columns if _NAME.search(name)]
    numbers = {name: parsed for name in named if (parsed := _positive(rows[name], decimal)) is not None}
    if not numbers:
        return None
    column = next(iter(numbers))
    if len(numbers) > 1:
        notes.doubt(
            f"{column} is used as the pixel spacing; {', '.join(list(numbers)[1:])} may be it as well."
        )
    match = _UNIT.search(column)
    if match:
        unit = _UNITS[match[1].lower()]
        notes.guess("spacing_mm", f"{column}, in {unit}", "the unit is in the name of the column")
        return Spacing(column, unit)
    return Spacing(column, _by_size(column, float(np.median(numbers[column])), images, hints, notes))


def _positive(cells: "pd.Series[str]", decimal: Decimal) -> list[float] | None:
    known = [cell for cell in cells if cell.lower() not in MISSING_WORDS]
    try:
        return [parse_spacing([cell], decimal=decimal)[0] for cell in known] or None
    except ValueError:
        return None


def _by_size(
    column: str, typical: float, images: Sequence[Path], hints: str, notes: Notes
) -> SpacingUnit | None:
    width = _usual_width(images)
    if width is None:
        notes.doubt(
            f"The unit of {column} is unknown (a typical value is {typical:g}). The spacing is a comment until you add "
            "the unit."
        )
        return None
    in_mm, in_cm = typical * width, typical * width * 10
    low, high = _FIELD_MM
    as_read = f"the images are then {{:.3g}} mm wide ({width:.0f} pixels of {typical:g})"
    ultrasound = ULTRASOUND_WORDS.search(hints)
    if low <= in_mm <= high and typical >= 0.02:
        notes.guess("spacing_mm", f"{column}, in mm", as_read.format(in_mm))
        return "mm"
    if in_mm < low <= in_cm <= high and ultrasound:
        notes.guess(
            "spacing_mm", f"{column}, in cm", f"{as_read.format(in_cm)}; in mm it would be {in_mm:.2g} mm"
        )
        notes.doubt(
            f"The unit of {column} is guessed as cm, because the images seem to be ultrasound ({ultrasound[0]!r}). "
            "Look it up before you rely on distances."
        )
        return "cm"
    notes.doubt(
        f"The unit of {column} is unknown: the images are {in_mm:.2g} mm wide if it is mm, and {in_cm:.2g} mm if it is "
        "cm. The spacing is a comment until you add the unit."
    )
    return None


def _usual_width(images: Sequence[Path]) -> float | None:
    widths = []
    for path in pick_evenly(images, 9):
        try:
            widths.append(image_size(path)[1])
        except DataError:
            continue
    return float(np.median(widths)) if widths else None
