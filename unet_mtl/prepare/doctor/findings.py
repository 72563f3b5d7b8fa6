"""Observations of the same kind, gathered into one finding."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unet_mtl.data.observations import Observation
from unet_mtl.prepare.doctor.catalogue import KINDS, Kind
from unet_mtl.wording import name_some

_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Finding:
    """All observations of one kind.

    Attributes:
        name: Key of the kind in the catalogue, such as "mask-size".
        observations: The observations, at least one, in the order of the cases.
    """

    name: str
    observations: Sequence[Observation]

    @property
    def kind(self) -> Kind:
        """Return the entry of the catalogue."""
        return KINDS[self.name]

    @property
    def cases(self) -> tuple[str, ...]:
        """Return the cases concerned, each of them once."""
        return tuple(dict.fromkeys(case for observation in self.observations for case in observation.cases))

    def where(self, most: int = 3) -> str:
        """Return the first `most` cases or files as text, and how many more there are."""
        paths = (observation.path for observation in self.observations)
        names = list(self.cases) or [path.name for path in paths if path]
        return name_some(names, most)


def gather(observations: Iterable[Observation]) -> tuple[Finding, ...]:
    """Sort observations into findings, most severe first, then in the order of the catalogue.

    Raises:
        KeyError: The catalogue lacks a kind.
    """
    by_kind: dict[str, list[Observation]] = {}
    for observation in observations:
        by_kind.setdefault(observation.kind, []).append(observation)
    known = [name for name in KINDS if name in by_kind]
    known.sort(key=lambda name: _ORDER[KINDS[name].severity])
    unknown = by_kind.keys() - set(known)
    if unknown:
        raise KeyError(f"the catalogue lacks the kinds {sorted(unknown)}")
    return tuple(Finding(name, by_kind[name]) for name in known)
