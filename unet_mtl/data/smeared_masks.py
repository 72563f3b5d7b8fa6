"""Masks that JPEG compression or smoothing has left with other values than those of their classes.

Such masks are usually all masks of a data set, and one setting reads all of them. It is reported once for each target.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unet_mtl.data.description import MaskDescription
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError

_REPAIRED = ("mask-stray", "mask-antialiased")
_BLACK_AND_WHITE = {0: 0, 255: 1}


@dataclass(frozen=True, slots=True)
class Smeared:
    """A mask that can be read with other settings.

    Attributes:
        case: The name of the case.
        settings: The settings, as YAML by name.
        soft: Whether its values are typical of JPEG compression or smoothing.
        observations: The observations of the unreadable mask.
    """

    case: str
    settings: tuple[tuple[str, str], ...]
    soft: bool
    observations: tuple[Observation, ...]


def find_smeared(
    record: Record,
    target: str,
    description: MaskDescription,
    error: DataError,
    observations: Sequence[Observation],
) -> Smeared | None:
    """Try to read an unreadable mask with `repair: nearest`, and if necessary as black and white.

    Args:
        record: The case.
        target: The name of the mask.
        description: The description of the mask.
        error: The error of the mask.
        observations: The observations of the error.

    Returns:
        The mask, or None if these settings do not help.
    """
    if description.repair is not None or description.instances:
        return None
    trials: list[dict[str, Any]] = [{}]
    if description.values is None and description.colours is None and len(description.classes) == 2:
        trials.append({"values": _BLACK_AND_WHITE})
    for settings in trials:
        unrepaired = _error_of(record, target, description, settings) if settings else error
        if unrepaired is None or unrepaired.kind not in _REPAIRED:
            continue
        settings = settings | {"repair": "nearest"}
        if _error_of(record, target, description, settings) is None:
            named = tuple((name, str(value)) for name, value in settings.items())
            return Smeared(record.case, named, unrepaired.kind == "mask-antialiased", tuple(observations))
    return None


def _error_of(
    record: Record, target: str, description: MaskDescription, settings: dict[str, Any]
) -> DataError | None:
    try:
        read_case_mask(record, target, description.model_copy(update=settings))
    except DataError as error:
        return error
    return None


def unite_smeared(
    observations: Sequence[Observation], smeared: Mapping[str, Sequence[Smeared]], dataset: Dataset
) -> list[Observation]:
    """Replace the observations of smeared masks by one for each target, which names the setting.

    Single masks, and masks with a few wrong pixels only, are left as they are.

    Args:
        observations: All observations.
        smeared: The masks that can be read with other settings, by target.
        dataset: The cases.

    Returns:
        The observations, those of targets first.
    """
    united: list[Observation] = []
    replaced: set[int] = set()
    for target, masks in smeared.items():
        settings = max({mask.settings for mask in masks}, key=len, default=())
        if len(masks) < 2 or not any(mask.soft for mask in masks):
            continue
        n_masks = sum(target in record.masks for record in dataset)
        named = " and ".join(f"`masks.{target}.{name}: {value}`" for name, value in settings)
        example = masks[0].observations[0].text.partition("; ")[0]
        text = (
            f"{len(masks)} of {n_masks} masks {target!r} are anti-aliased, or were saved as JPEG; set {named} in "
            f"dataset.yaml, which {'reads' if len(settings) == 1 else 'read'} all of them. The first: {example}"
        )
        united.append(Observation("mask-antialiased", text, tuple(mask.case for mask in masks)))
        replaced.update(id(observation) for mask in masks for observation in mask.observations)
    return united + [observation for observation in observations if id(observation) not in replaced]
