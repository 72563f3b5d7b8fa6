"""Words that differ in nothing but how they are written."""

import re
from collections.abc import Sequence


def spelled_alike(word: str, classes: Sequence[str]) -> str | None:
    """The class that differs from a word in capitals, blanks, dashes, dots and underscores alone.

    >>> spelled_alike("In Situ", ["benign", "in-situ"])
    'in-situ'
    """
    letters = _letters(word)
    alike = [known for known in classes if _letters(known) == letters]
    return alike[0] if letters and len(alike) == 1 else None


def _letters(word: str) -> str:
    return re.sub(r"[\W_]+", "", word.casefold())
