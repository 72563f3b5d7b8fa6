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
    """Find the one known name that differs from a word only in the ways that `name_key` ignores.

    >>> find_same_letters("In Situ", ["benign", "in-situ"]), find_same_letters("1.0", ["0", "1"])
    ('in-situ', '1')
    """
    key = name_key(word)
    alike = [name for name in known if name_key(name) == key]
    return alike[0] if key and len(alike) == 1 else None


_WITH_MEANING = "+<>=%?*"
"""Characters besides letters and digits in which names of different things may differ."""


def name_key(word: str) -> str:
    r"""Return a key that is equal for names which mean the same, written differently.

    Capitals, blanks, punctuation, leading zeros of numbers, the decimals of whole numbers, the midnight after a date
    and the two forms of accented letters are ignored. Separators between digits and signs are not.

    >>> name_key("P-01") == name_key("p1"), name_key("12.0") == name_key("012"), name_key("1-2") == name_key("12")
    (True, True, False)
    >>> name_key("2023-01-05 00:00:00") == name_key("2023-1-5"), name_key("-1") == name_key("1")
    (True, False)
    >>> name_key("Mu\u0308ller 01") == name_key("M\u00fcller_01")
    True
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold()).strip()
    folded = re.sub(r"(?<=\d)[ t]00:00(?::00(?:\.0+)?)?$", "", folded)
    folded = re.sub(r"(?<![\d.,])(\d+)[.,]00?$", r"\1", folded)
    signed = re.sub(r"^-(?=\d)|(?<=.)-$", "=", folded)
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" or c in _WITH_MEANING else " " for c in signed)
    compact = re.sub(r" (?!\d)|(?<!\d) ", "", re.sub(r" +", " ", kept))
    return re.sub(r"(?<!\d)0+(?=\d)", "", compact)


def find_similar(word: str, known: Iterable[str]) -> str | None:
    """Find the known name that is most similar to a word, as a suggestion for readers; looser than `find_typo`.

    >>> find_similar("sigma", ["blur_limit", "sigma_limit"]), find_similar("std", ["blur_limit", "sigma_limit"])
    ('sigma_limit', None)
    """
    by_letters = {_letters_of(name): name for name in known}
    similar = get_close_matches(_letters_of(word), by_letters, 1)
    return by_letters[similar[0]] if similar else None


def _letters_of(word: str) -> str:
    """Remove capitals, blanks and punctuation from a word.

    >>> _letters_of("Blur_Limit")
    'blurlimit'
    """
    return re.sub(r"[\W_]+", "", word.casefold())
