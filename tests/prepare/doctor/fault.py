"""The form of an entry of the corpus of faults."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One way to break the good data set.

    Attributes:
        apply: Breaks the copy at the given path.
        kind: The kind of finding that the doctor must report.
        cases: Exactly the cases that the finding must name, beside those that it names in the good data set.
        words: What its lines must contain: files, rows or columns, if no case is at fault.
        allowed: Other kinds of errors and warnings that follow from this fault.
        repaired: Whether a repaired copy equals the good data set.
    """

    apply: Callable[[Path], None]
    kind: str
    cases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()
    repaired: bool = False

    @property
    def name(self) -> str:
        return self.apply.__name__


def allow(*kinds: str) -> frozenset[str]:
    return frozenset(kinds)
