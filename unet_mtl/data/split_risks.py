"""What is worth knowing about a split that training may use: unknown patients, absent classes, val out of train."""

from collections.abc import Mapping

from unet_mtl.data.observations import Observation, texts
from unet_mtl.data.patients import find_patient_spellings
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import SplitName, SplitSettings, takes_val_from_train

NO_PATIENT = (
    "THE PATIENT OF EACH CASE IS UNKNOWN: the description names no `patient` column, so every case counts as a "
    "separate patient. Cases of one patient may then be in both train and test, which makes the scores too good. Name "
    "the column in dataset.yaml, for example `patient: patient_id`"
)


def split_warnings(parts: Mapping[SplitName, Dataset]) -> list[str]:
    """Return one line for each risk, such as unknown patients, or a class that a split lacks."""
    return patient_warnings(parts) + texts(find_absent_classes(parts))


def patient_warnings(parts: Mapping[SplitName, Dataset]) -> list[str]:
    """Return one line if patients are unknown, or for each patient who seems to have several names."""
    if not parts["train"].description.patient:
        return [NO_PATIENT]
    return texts(find_patient_spellings(record for part in parts.values() for record in part))


def describe_val_from_train(
    dataset: Dataset, settings: SplitSettings, parts: Mapping[SplitName, Dataset]
) -> str:
    """Return a sentence about the val cases that were taken out of train; empty if none were."""
    if not takes_val_from_train(dataset, settings):
        return ""
    n, n_train = len(parts["val"]), len(parts["val"]) + len(parts["train"])
    source = f"{settings.table}" if settings.table else f"{dataset.description.split!r}"
    return f"{source} has no val: {n:,} of its {n_train:,} train cases are used as val"


def find_absent_classes(parts: Mapping[SplitName, Dataset]) -> list[Observation]:
    """Find classes that some splits have and others lack."""
    observations = []
    for target, column in parts["train"].description.columns.items():
        present = {name: {r.labels.get(target) for r in part} for name, part in parts.items() if len(part)}
        for label in column.classes or ():
            without = [name for name, labels in present.items() if label not in labels]
            if without and len(without) < len(present):
                text = f"{target}: no case of {label!r} in {' and '.join(without)}"
                observations.append(Observation("split-class", text))
    return observations
