"""Errors on the screen."""

import re
import sys
from collections import Counter
from collections.abc import Sequence

from unet_mtl.cli.flags import to_flags
from unet_mtl.wording import escape_controls

MOST_OF_A_KIND = 10


def print_problems(problems: Sequence[str]) -> None:
    """Print each problem as a line on stderr; of those that differ only in names and numbers, the first few.

    Arguments that the messages name are shown as the flags of the running command.
    """
    for line in shorten(problems):
        print(escape_controls(f"error: {to_flags(line)}"), file=sys.stderr)


def print_note(note: str) -> None:
    """Print a note on stderr, with the flags of the running command in place of the arguments it names."""
    print(f"note: {to_flags(note)}", file=sys.stderr)


def shorten(problems: Sequence[str], most: int = MOST_OF_A_KIND) -> list[str]:
    """Keep the first few problems of each kind, followed by a line with the number of the others.

    Args:
        problems: The messages, in order.
        most: The maximum number of messages of one kind.

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
    """Return a problem without quoted names, paths and numbers, which is equal for problems of one kind."""
    return re.sub(r"'[^']*'|\S*[/\\]\S*|\d+", "#", problem)
