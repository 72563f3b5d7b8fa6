"""Errors on the screen."""

import re
import sys
from collections import Counter
from collections.abc import Sequence

MOST_OF_A_KIND = 10


def print_problems(problems: Sequence[str]) -> None:
    """Prints a line each on stderr; of many that differ in names and numbers alone, the first few."""
    for line in shorten(problems):
        print(f"error: {line}", file=sys.stderr)


def shorten(problems: Sequence[str], most: int = MOST_OF_A_KIND) -> list[str]:
    """Keeps the first of each kind, and says after the last of them how many more there are.

    >>> shorten(["case 'a': no image", "case 'b': no image", "no val cases", "case 'c': no image"], most=1)
    ["case 'a': no image", "and 2 more like: case 'a': no image", 'no val cases']
    """
    kinds = Counter(map(_kind, problems))
    seen: dict[str, list[str]] = {kind: [] for kind in kinds}
    kept = []
    for problem in problems:
        alike = seen[_kind(problem)]
        if len(alike) < most:
            kept.append(problem)
            alike.append(problem)
            more = kinds[_kind(problem)] - most
            if len(alike) == most and more > 0:
                kept.append(f"and {more} more like: {alike[0]}")
    return kept


def _kind(problem: str) -> str:
    """The words of a problem without quoted names, paths and numbers."""
    return re.sub(r"'[^']*'|\S*[/\\]\S*|\d+", "#", problem)
