"""Colours in YAML files: "#ff0000", [255, 0, 0], or a list of these."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator


def _hex(colour: Any) -> str:
    if isinstance(colour, str) and re.fullmatch("#[0-9a-fA-F]{6}", colour):
        return colour.lower()
    if isinstance(colour, list | tuple) and len(colour) == 3 and all(map(_is_byte, colour)):
        return "#{:02x}{:02x}{:02x}".format(*colour)
    raise ValueError(
        'expected a colour such as "#ff0000" (in quotes, since # starts a comment in YAML) or [255, 0, 0], '
        f"received {colour!r}"
    )


def _is_byte(part: Any) -> bool:
    return isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 255


def _as_colours(value: Any) -> tuple[str, ...]:
    several = isinstance(value, list | tuple) and not any(isinstance(part, int | float) for part in value)
    colours = tuple(map(_hex, value)) if several else (_hex(value),)
    if not colours:
        raise ValueError("expected at least one colour, received none")
    return colours


Colours = Annotated[tuple[str, ...], BeforeValidator(_as_colours)]
"""One or several colours, each as "#rrggbb" in lower case."""


def rgb(colour: str) -> tuple[int, int, int]:
    """Return the red, green and blue value of a colour.

    >>> rgb("#ff8000")
    (255, 128, 0)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
