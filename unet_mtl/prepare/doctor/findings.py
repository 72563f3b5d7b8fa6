"""Observations of one kind -> one finding: how bad, how often, where first, and what helps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unet_mtl.data.observations import Observation
from unet_mtl.prepare.doctor.catalogue import KINDS, Kind
from unet_mtl.wording import name_some

_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Finding:
    """All that was seen of one kind.

    Attributes:
        name: In the catalogue: "mask-size", say.
        observations: At least one, in the order of the cases.
    """

    name: str
    observations: Sequence[Observation]

    @property
    def kind(self) -> Kind:
        """What the catalogue says of it."""
        return KINDS[self.name]

    @property
    def cases(self) -> tuple[str, ...]:
        """Whom it concerns, each once."""
        return tuple(dict.fromkeys(case for seen in self.observations for case in seen.cases))

    def where(self, most: int = 3) -> str:
        """The first cases or files, and how many more there are."""
        names = list(self.cases) or [seen.path.name for seen in self.observations if seen.path]
        return name_some(names, most)


def gather(observations: Iterable[Observation]) -> tuple[Finding, ...]:
    """Sorts observations into findings, the worst first, then in the order of the catalogue."""
    by_kind: dict[str, list[Observation]] = {}
    for seen in observations:
        by_kind.setdefault(seen.kind, []).append(seen)
    known = [name for name in KINDS if name in by_kind]
    known.sort(key=lambda name: _ORDER[KINDS[name].severity])
    unknown = by_kind.keys() - set(known)
    if unknown:
        raise KeyError(f"{sorted(unknown)} stand in no catalogue")
    return tuple(Finding(name, by_kind[name]) for name in known)
