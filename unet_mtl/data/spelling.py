"""Words that differ in nothing but how they are written."""

import re
import unicodedata
from collections.abc import Sequence


def spelled_alike(word: str, classes: Sequence[str]) -> str | None:
    """The class that differs from a word in capitals, blanks, dashes, dots and underscores alone.

    >>> spelled_alike("In Situ", ["benign", "in-situ"])
    'in-situ'
    """
    letters = letters_of(word)
    alike = [known for known in classes if letters_of(known) == letters]
    return alike[0] if letters and len(alike) == 1 else None


def letters_of(word: str) -> str:
    r"""What is left of a word without capitals, blanks and marks; one umlaut, or a letter and its dots, is the same.

    >>> letters_of("Mu\u0308ller 01") == letters_of("M\u00fcller_01")
    True
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    return re.sub(r"[\W_]+", "", folded)
