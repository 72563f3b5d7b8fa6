"""Phrases that messages and tables share."""

from collections.abc import Iterable


def name_some(names: Iterable[object], most: int = 4) -> str:
    """List the first few names, and say how many more there are.

    >>> name_some(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    words = [str(name) for name in names]
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def count_of(n: int, thing: str) -> str:
    """A number of things, in the singular or the plural.

    >>> count_of(1, "file"), count_of(1200, "file"), count_of(2, "class")
    ('1 file', '1,200 files', '2 classes')
    """
    plural = "es" if thing.endswith(("s", "x", "ch")) else "s"
    return f"{n:,} {thing}{'' if n == 1 else plural}"
