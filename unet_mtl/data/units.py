"""Units of lengths, areas and volumes, as the columns of a table give them."""

import re
from dataclasses import dataclass

MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001, "μm": 0.001}
"""Millimetres per unit of length; µ is the micro sign or the Greek letter."""

PIXEL = "px"
"""The unit of numbers that are measured in pixels of the original image, also of areas."""

_UNIT = re.compile(r"(mm|cm|m|[uµμ]m|px|pixels?) ?(?:\^?([23])|([²³]))?", re.IGNORECASE)
_POWERS = {None: 1, "2": 2, "²": 2, "3": 3, "³": 3}


@dataclass(frozen=True)
class Unit:
    """A unit of length, area or volume.

    Attributes:
        power: 1 for a length, 2 for an area, 3 for a volume.
        millimetres: The unit in mm, mm2 or mm3; None for pixels of the original image.
    """

    power: int
    millimetres: float | None


def read_unit(text: str) -> Unit | None:
    """Return the unit that a text such as "mm", "cm2" or "px" names; None if it names no size.

    >>> read_unit("cm2"), read_unit("pixels"), read_unit("years")
    (Unit(power=2, millimetres=100.0), Unit(power=1, millimetres=None), None)
    """
    match = _UNIT.fullmatch(text.strip())
    if match is None:
        return None
    length, power = match[1].lower(), _POWERS[match[2] or match[3]]
    return Unit(power, MILLIMETRES[length] ** power if length in MILLIMETRES else None)
