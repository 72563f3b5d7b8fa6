"""Parse the numbers of a table, and suggest corrections for cells that are not numbers."""

import re
from typing import Literal

Decimal = Literal[".", ","]

_NUMBER = re.compile(
    r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:inf|infinity|nan)", re.ASCII | re.IGNORECASE
)
_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_THOUSANDS = re.compile(
    r"[+-]?\d{1,3}(?:,\d{3})+\.\d+|[+-]?\d{1,3}(?:\.\d{3})+,\d+|[+-]?\d{1,3}(?:[.,]\d{3}){2,}", re.ASCII
)


def parse_number(word: str, decimal: Decimal = ".") -> float:
    """Parse a number.

    Args:
        word: The text of a cell.
        decimal: The decimal mark.

    Raises:
        ValueError: The text is not a number. Thousands separators, the underscores of Python and digits other than
            0 to 9 are not accepted.

    >>> parse_number("7.6"), parse_number("7,6", ",")
    (7.6, 7.6)
    """
    if decimal == ",":
        if "." in word:
            raise ValueError(f"{word!r} has a point, but the decimal mark is a comma")
        word = word.replace(",", ".") if _COMMA.match(word) else word
    word = word.strip()
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"{word!r} is not a number")
    return float(word)


def is_number(word: str, decimal: Decimal = ".") -> bool:
    """Return whether `parse_number` accepts a text.

    >>> is_number("1e-3"), is_number("1_0"), is_number("\u0663")
    (True, False, False)
    """
    try:
        parse_number(word, decimal)
    except ValueError:
        return False
    return True


def suggest_number(word: str, decimal: Decimal = ".") -> str:
    """Suggest a correction for a cell that `parse_number` refuses because of its points and commas.

    Args:
        word: The text of the cell.
        decimal: The decimal mark.

    Returns:
        A clause that completes "the cell is ..., which"; empty if points and commas are not the reason.

    >>> suggest_number("7,6")
    'looks like a decimal comma: write 7.6, or set `decimal: ","` in dataset.yaml'
    >>> suggest_number("1.234,5", ",")
    'has a thousands separator, which is not read: write 1234,5'
    """
    if _THOUSANDS.fullmatch(word):
        return f"has a thousands separator, which is not read: write {_without_thousands(word, decimal)}"
    if decimal == "." and _COMMA.fullmatch(word):
        return f'looks like a decimal comma: write {word.replace(",", ".")}, or set `decimal: ","` in dataset.yaml'
    if decimal == "," and word.count(".") == 1 and is_number(word):
        return f'has a point, but dataset.yaml sets `decimal: ","`: write {word.replace(".", ",")}'
    return ""


def _without_thousands(word: str, decimal: Decimal) -> str:
    last = max(word.rfind("."), word.rfind(","))
    grouped = len(set(re.findall("[.,]", word))) == 1  # 1.234.567 has no decimals
    whole, rest = (word, "") if grouped else (word[:last], decimal + word[last + 1 :])
    return re.sub("[.,]", "", whole) + rest
