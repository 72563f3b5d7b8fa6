"""Which column says how far pixels lie apart, and in which unit."""

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
from unet_mtl.prepare.drafting.content import spread
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
"""How wide a clinical image is: a fingertip to a whole body."""


@dataclass(frozen=True)
class Spacing:
    """The column of the spacing.

    Attributes:
        column: Its name.
        unit: What it is in; None: that could not be told.
    """

    column: str
    unit: SpacingUnit | None


def find_spacing(
    rows: pd.DataFrame, images: Sequence[Path], hints: str, notes: Notes, decimal: Decimal = "."
) -> Spacing | None:
    """Finds the column by its name, and its unit by name or size.

    Args:
        rows: The table.
        images: Some of the images, for how wide they are.
        hints: Names and words in which the kind of image may be said.
        notes: Gathers the guess.
        decimal: What stands before the decimals of numbers.
    """
    named = [name for name in rows.columns if _NAME.search(name)]
    numbers = {name: found for name in named if (found := _positive(rows[name], decimal)) is not None}
    if not numbers:
        return None
    column = next(iter(numbers))
    if len(numbers) > 1:
        notes.doubt(f"{column} is taken for the spacing; {', '.join(list(numbers)[1:])} may be it as well")
    said = _UNIT.search(column)
    if said:
        unit = _UNITS[said[1].lower()]
        notes.guess("spacing_mm", f"{column}, in {unit}", "its name says so")
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
            f"in which unit {column} is ({typical:g}, say); the spacing is commented out until you know"
        )
        return None
    in_mm, in_cm = typical * width, typical * width * 10
    low, high = _FIELD_MM
    as_read = f"images are then {{:.3g}} mm wide ({width:.0f} pixels of {typical:g})"
    ultrasound = ULTRASOUND_WORDS.search(hints)
    if low <= in_mm <= high and typical >= 0.02:
        notes.guess("spacing_mm", f"{column}, in mm", as_read.format(in_mm))
        return "mm"
    if in_mm < low <= in_cm <= high and ultrasound:
        notes.guess("spacing_mm", f"{column}, in cm", f"{as_read.format(in_cm)}, in mm but {in_mm:.2g}")
        notes.doubt(
            f"{column} has no unit in its name; cm was guessed, since this looks like ultrasound ({ultrasound[0]!r}): "
            "look it up before you trust a distance"
        )
        return "cm"
    notes.doubt(
        f"in which unit {column} is: images are {in_mm:.2g} mm wide if it is mm, {in_cm:.2g} mm if it is cm; "
        "the spacing is commented out until you know"
    )
    return None


def _usual_width(images: Sequence[Path]) -> float | None:
    widths = []
    for path in spread(images, 9):
        try:
            widths.append(image_size(path)[1])
        except DataError:
            continue
    return float(np.median(widths)) if widths else None
