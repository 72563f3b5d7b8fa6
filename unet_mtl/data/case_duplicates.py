"""Find cases with identical or nearly identical images, also where only some of their channels are alike."""

from unet_mtl.data.duplicates import DuplicateGroup, find_duplicates
from unet_mtl.data.inspection import Inspection


def find_case_duplicates(inspection: Inspection) -> list[DuplicateGroup]:
    """Compare all images and, if their channels are separate files, the same channel of all cases.

    A case may lack a channel, so that its image differs from a copy that has it. Groups of cases that are alike in one
    channel are of kind "near", and are left out if a larger group contains them.
    """
    groups = find_duplicates(inspection.fingerprints)
    order = {case: index for index, case in enumerate(inspection.fingerprints)}
    for fingerprints in inspection.channels.values():
        drawn = {case: found for case, found in fingerprints.items() if found.hashes}  # others are blank
        for group in find_duplicates(drawn):
            if not any(set(group.cases) <= set(known.cases) for known in groups):
                cases = tuple(sorted(group.cases, key=order.__getitem__))
                groups.append(DuplicateGroup("near", cases, group.distance))
    return groups
