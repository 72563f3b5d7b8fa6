"""One thing that was seen in a data set, before anybody judges it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from unet_mtl.errors import DataError


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen, where.

    Attributes:
        kind: Word of `unet_mtl.prepare.doctor.catalogue.KINDS`, which says how bad it is and what helps.
        text: One line for a person: the file, the value received, the cure.
        cases: Whom it concerns; none where it is about the whole data set.
        path: The file, where it is about one that belongs to no case.
    """

    kind: str
    text: str
    cases: tuple[str, ...] = ()
    path: Path | None = None


def observe(error: DataError, usual: str, *cases: str) -> list[Observation]:
    """An error as observations, of the error's own kind or else the usual one."""
    return [Observation(error.kind or usual, text, cases) for text in error.problems]


def texts(observations: Iterable[Observation]) -> list[str]:
    """Their lines."""
    return [observation.text for observation in observations]
