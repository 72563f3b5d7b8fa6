"""Images that are there twice: on one side of the split a nuisance, on two sides a score that is too good."""

from collections.abc import Iterator, Mapping, Sequence

from unet_mtl.data.duplicates import DuplicateGroup
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset, Label
from unet_mtl.data.splits import SplitName


def check_copies(
    groups: Sequence[DuplicateGroup], parts: Mapping[SplitName, Dataset], dataset: Dataset
) -> Iterator[Observation]:
    """Tells of each group, whether its labels agree, and whether its images stand on two sides."""
    labels = {record.case: record.labels for record in dataset}
    sides = {record.case: name for name, part in parts.items() for record in part}
    for group in groups:
        names = ", ".join(map(repr, group.cases))
        how = (
            "identical" if group.kind == "identical" else f"nearly identical (distance {group.distance:.3f})"
        )
        where = dict.fromkeys(sides[case] for case in group.cases if case in sides)
        kind = group.kind
        differ = _differing(dataset, [labels[case] for case in group.cases]) if kind == "identical" else []
        but = f", but not their {' and '.join(differ)}" if differ else ""
        yield Observation(kind, f"images of cases {names} are {how}{but}", group.cases)
        if len(where) > 1:
            text = f"images of cases {names} are {how} and stand in {' and '.join(where)}"
            yield Observation(f"{kind}-split", text, group.cases)


def _differing(dataset: Dataset, labels: Sequence[Mapping[str, Label]]) -> list[str]:
    """The columns of which these cases have several answers."""
    return [
        name for name in dataset.description.columns if len({its[name] for its in labels if name in its}) > 1
    ]
