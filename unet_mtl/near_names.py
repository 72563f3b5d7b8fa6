"""Names that differ from a known one only in spelling, or by a slip of the keyboard."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches

_LEAST_SIMILARITY = 0.8


def find_typo(word: str, known: Iterable[str]) -> str | None:
    """Find the known name that a word is probably a slip for.

    Args:
        word: The name received.
        known: Names that would be right.

    Returns:
        The most similar name that starts with the same letter and has the same digits; None if there is none.

    >>> find_typo("bening", ["benign", "malignant"]), find_typo("grade 3", ["grade 1", "grade 2"])
    ('benign', None)
    >>> find_typo("abnormal", ["normal"]), find_typo("female", ["male"])
    (None, None)
    """
    folded = word.casefold()
    similar = [(SequenceMatcher(None, folded, name.casefold()).ratio(), name) for name in known]
    candidates = [
        (ratio, name)
        for ratio, name in similar
        if ratio >= _LEAST_SIMILARITY and folded[:1] == name.casefold()[:1] and _digits(word) == _digits(name)
    ]
    return max(candidates)[1] if candidates else None


def _digits(word: str) -> list[str]:
    return re.findall(r"\d+", word)


def find_same_letters(word: str, known: Sequence[str]) -> str | None:
    """Find the one known name that differs from a word only in capitals, blanks, dashes, dots and underscores.

    >>> find_same_letters("In Situ", ["benign", "in-situ"])
    'in-situ'
    """
    letters = letters_of(word)
    alike = [name for name in known if letters_of(name) == letters]
    return alike[0] if letters and len(alike) == 1 else None


def find_similar(word: str, known: Iterable[str]) -> str | None:
    """Find the known name that is most similar to a word, as a suggestion for readers; looser than `find_typo`.

    >>> find_similar("sigma", ["blur_limit", "sigma_limit"]), find_similar("std", ["blur_limit", "sigma_limit"])
    ('sigma_limit', None)
    """
    by_letters = {letters_of(name): name for name in known}
    similar = get_close_matches(letters_of(word), by_letters, 1)
    return by_letters[similar[0]] if similar else None


def letters_of(word: str) -> str:
    r"""Remove capitals, blanks and punctuation from a word, and unifies composed and decomposed letters.

    >>> letters_of("Mu\u0308ller 01") == letters_of("M\u00fcller_01")
    True
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    return re.sub(r"[\W_]+", "", folded)
