"""What the corpus says of each fault."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One way to break the good set.

    Attributes:
        apply: Breaks the copy that it is given.
        kind: What the doctor has to say, of its catalogue.
        cases: Exactly whom it has to name, beside those that it names in the good set already.
        words: What else must stand in its lines: files, rows, columns, where no case is to blame.
        allowed: Other errors and warnings that follow from this fault.
        mended: Whether a repaired copy is as good as the good set.
    """

    apply: Callable[[Path], None]
    kind: str
    cases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()
    mended: bool = False

    @property
    def name(self) -> str:
        return self.apply.__name__


def allow(*kinds: str) -> frozenset[str]:
    return frozenset(kinds)
