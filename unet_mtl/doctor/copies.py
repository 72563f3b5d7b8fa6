"""Images that are there twice: on one side of the split a nuisance, on two sides a score that is too good."""

from collections.abc import Iterator, Mapping, Sequence

from unet_mtl.data.duplicates import DuplicateGroup
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import SplitName


def check_copies(
    groups: Sequence[DuplicateGroup], parts: Mapping[SplitName, Dataset]
) -> Iterator[Observation]:
    """Tells of each group, and whether its images stand on two sides."""
    sides = {record.case: name for name, part in parts.items() for record in part}
    for group in groups:
        names = ", ".join(map(repr, group.cases))
        how = (
            "identical" if group.kind == "identical" else f"nearly identical (distance {group.distance:.3f})"
        )
        where = dict.fromkeys(sides[case] for case in group.cases if case in sides)
        kind = group.kind
        yield Observation(kind, f"images of cases {names} are {how}", group.cases)
        if len(where) > 1:
            text = f"images of cases {names} are {how} and stand in {' and '.join(where)}"
            yield Observation(f"{kind}-split", text, group.cases)
