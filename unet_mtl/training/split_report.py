"""The lines that a training prints about its split: where val comes from, and risks that cases of test are known."""

from collections.abc import Mapping

from unet_mtl.data.duplicates import find_duplicates
from unet_mtl.data.inspection import Inspection
from unet_mtl.data.observations import texts
from unet_mtl.data.records import Dataset
from unet_mtl.data.split_risks import describe_val_from_train, patient_warnings
from unet_mtl.data.split_shares import find_far_shares
from unet_mtl.data.splits import (
    CaseGroups,
    SplitName,
    SplitSettings,
)
from unet_mtl.prepare.doctor.copies import check_copies
from unet_mtl.progress import say
from unet_mtl.wording import count_of, escape_controls

_MOST = 3
"""Maximum number of printed warnings of one kind."""


def report_split(
    parts: Mapping[SplitName, Dataset],
    dataset: Dataset,
    settings: SplitSettings,
    linked: CaseGroups,
    inspection: Inspection,
) -> None:
    """Print the warnings of `check` about the split on stderr.

    Args:
        parts: The cases of each split.
        dataset: All cases.
        settings: The settings that the cases were assigned by.
        linked: Groups of cases that were kept in one split.
        inspection: Facts about the files of the cases.
    """
    if note := describe_val_from_train(dataset, settings, parts):
        say(escape_controls(note), shown=True)
    copies = check_copies(find_duplicates(inspection.fingerprints), parts, dataset, inspection)
    kinds = (
        texts(find_far_shares(parts, settings, linked)),
        patient_warnings(parts),
        [copy.text for copy in copies if copy.kind.endswith("-split")],
    )
    for lines in kinds:
        for line in lines[:_MOST]:
            say(escape_controls(f"WARNING: {line}"), shown=True)
        if len(lines) > _MOST:
            more = count_of(len(lines) - _MOST, "more warning")
            say(f"{more} of this kind; `unet-mtl check` lists all of them", shown=True)
