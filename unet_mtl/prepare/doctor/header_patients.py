"""Patients that the headers of images name, compared with those of the description."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from unet_mtl.data.inspection import Inspection
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import SplitName
from unet_mtl.wording import name_some


def check_header_patients(
    dataset: Dataset, inspection: Inspection, parts: Mapping[SplitName, Dataset]
) -> Iterator[Observation]:
    """Report cases with the same PatientID in their headers that count as different patients.

    If all headers hold the same PatientID, it is taken for a placeholder.

    Args:
        dataset: The cases that could be read.
        inspection: Facts about their files.
        parts: The parts of the split, possibly none.
    """
    cases: dict[bytes, list[str]] = defaultdict(list)
    for case, image in inspection.images.items():
        if image.patient is not None:
            cases[image.patient].append(case)
    patient_of = {record.case: record.patient for record in dataset}
    part_of = {record.case: name for name, part in parts.items() for record in part}
    for of_patient in cases.values() if len(cases) > 1 else ():
        if len({patient_of[case] for case in of_patient}) == 1:
            continue
        divided = dict.fromkeys(part_of[case] for case in of_patient if case in part_of)
        where = f", and are in different parts of the split: {', '.join(divided)}" if len(divided) > 1 else ""
        yield Observation(
            "patient-in-headers",
            f"cases {name_some(map(repr, of_patient), 4)} have the same PatientID in their headers, but count as "
            f"different patients{where}",
            tuple(of_patient),
        )
