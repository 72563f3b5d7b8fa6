"""Observations about a data set, before they are rated as errors, warnings or notes."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from unet_mtl.errors import DataError


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation about a data set.

    Attributes:
        kind: A key of `unet_mtl.prepare.doctor.catalogue.KINDS`, which holds the severity and the advice.
        text: One line with the file, the value received and what to do.
        cases: The cases it concerns; empty if it concerns the whole data set.
        path: The file it concerns if that belongs to no case, else None.
    """

    kind: str
    text: str
    cases: tuple[str, ...] = ()
    path: Path | None = None


def observe(error: DataError, default_kind: str, *cases: str) -> list[Observation]:
    """Convert an error to observations of its own kind, or of the default kind if it has none."""
    return [Observation(error.kind or default_kind, text, cases) for text in error.problems]


def texts(observations: Iterable[Observation]) -> list[str]:
    """Return the text of each observation."""
    return [observation.text for observation in observations]
