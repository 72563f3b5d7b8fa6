"""Words that are nearly another one."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

_ALIKE = 0.8


def nearly(word: str, classes: Iterable[str]) -> str | None:
    """The class that a word is likely a slip for: most letters alike, the first and all digits the same.

    >>> nearly("bening", ["benign", "malignant"]), nearly("grade 3", ["grade 1", "grade 2"])
    ('benign', None)
    >>> nearly("abnormal", ["normal"]), nearly("female", ["male"])
    (None, None)
    """
    small = word.casefold()
    found = [(SequenceMatcher(None, small, known.casefold()).ratio(), known) for known in classes]
    fits = [
        (ratio, known)
        for ratio, known in found
        if ratio >= _ALIKE and small[:1] == known.casefold()[:1] and _digits(word) == _digits(known)
    ]
    return max(fits)[1] if fits else None


def _digits(word: str) -> list[str]:
    return re.findall(r"\d+", word)
