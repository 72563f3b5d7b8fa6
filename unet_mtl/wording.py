"""Phrases that messages and tables share."""

import unicodedata
from collections.abc import Iterable


def name_some(names: Iterable[object], most: int = 4, separator: str = ", ") -> str:
    """List the first few names, and say how many more there are.

    >>> name_some(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    words = [str(name) for name in names]
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return separator.join(words[:most]) + more


def count_of(n: int, thing: str) -> str:
    """A number of things, in the singular or the plural.

    >>> count_of(1, "file"), count_of(1200, "file"), count_of(2, "class"), count_of(3, "epoch")
    ('1 file', '1,200 files', '2 classes', '3 epochs')
    """
    plural = "es" if thing.endswith(("s", "x", "tch")) else "s"
    return f"{n:,} {thing}{plural if n != 1 else ''}"


def printable(text: object) -> str:
    """Return a text in which bytes that are not UTF-8, as in some file names, are written as escapes."""
    return str(text).encode("utf-8", "backslashreplace").decode()


_NOT_SHOWN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Unicode categories of characters that control a terminal, change the order of the text, or cannot be printed."""


def escape_controls(text: str) -> str:
    r"""Write characters that control a terminal, or cannot be printed, as escape sequences; keep line breaks.

    Names of files and cells of tables come from others and may contain them.

    >>> print(escape_controls("a\x1b[31m\tb\u202e.png"))
    a\x1b[31m\tb\u202e.png
    """
    return "".join(
        repr(char)[1:-1] if char != "\n" and unicodedata.category(char) in _NOT_SHOWN else char
        for char in text
    )
