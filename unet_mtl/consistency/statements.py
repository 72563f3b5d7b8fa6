"""What is said of one case, by the answers of a network or by labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.description import Description
from unet_mtl.data.images import IGNORE
from unet_mtl.data.masks import region_of
from unet_mtl.data.records import Record
from unet_mtl.tasks import ClassPrediction, MultilabelPrediction, Prediction, Task, ValuePrediction

MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001}
"""Of units of length."""

Regions = Mapping[str, NDArray[np.bool_] | None]
"""By class but the background, (height, width) where it is; None: what nobody labelled may hide it."""


@dataclass(frozen=True)
class Said:
    """What is said of one case, by answers or by labels; what is not known is not there.

    Attributes:
        masks: By task, the regions of its classes.
        words: By task, the class.
        millimetres: By task, the one number, where it is a length.
        spacing_mm: (row, column) distance of pixels; None: unknown.
    """

    masks: Mapping[str, Regions] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    millimetres: Mapping[str, float] = field(default_factory=dict)
    spacing_mm: tuple[float, float] | None = None

    def region(self, task: str, class_: str | None) -> NDArray[np.bool_] | None:
        """Where a class of a mask is, or any class, (height, width); None: not known."""
        regions = self.masks.get(task)
        if regions is None:
            return None
        if class_ is not None:
            return regions[class_]
        known = [region for region in regions.values() if region is not None]
        drawn = np.any(known, axis=0) if known else None
        hidden = len(known) < len(regions)
        return None if drawn is None or (hidden and not drawn.any()) else np.asarray(drawn)


def said_by_answers(answers: Mapping[str, Prediction], spacing_mm: tuple[float, float] | None = None) -> Said:
    """What a network says of a case."""
    return Said(
        {name: regions for name, one in answers.items() if (regions := one.regions())},
        {name: word for name, one in answers.items() if (word := _word(one)) is not None},
        {
            name: one.value * MILLIMETRES[one.unit]
            for name, one in answers.items()
            if isinstance(one, ValuePrediction) and len(one.values) == 1 and one.unit in MILLIMETRES
        },
        spacing_mm,
    )


def _word(one: Prediction) -> str | None:
    if isinstance(one, MultilabelPrediction):
        return one.answers[0] if len(one.answers) == 1 else None
    return one.label if isinstance(one, ClassPrediction) else None


def said_by_labels(
    tasks: Sequence[Task[Any, Any]], truths: Mapping[str, Any], record: Record, description: Description
) -> Said:
    """What the data set says of a case.

    Args:
        tasks: All of them.
        truths: What each has read of the case, by name; None where it is unknown.
        record: The case.
        description: What its labels mean.
    """
    masks: dict[str, Regions] = {}
    words: dict[str, str] = {}
    millimetres: dict[str, float] = {}
    for task in tasks:
        if task.spatial:
            if (truth := truths[task.name]) is not None:
                masks[task.name] = _regions(truth, description.masks[task.target_name].classes)
        elif len(task.target_names) == 1 and (label := record.labels.get(task.target_names[0])) is not None:
            column = description.columns[task.target_names[0]]
            if column.classes is not None:
                words[task.name] = str(label)
            elif column.unit in MILLIMETRES:
                millimetres[task.name] = float(label) * MILLIMETRES[column.unit]
    return Said(masks, words, millimetres, record.spacing_mm)


def _regions(truth: NDArray[np.uint8], classes: Sequence[str]) -> Regions:
    """Of a mask as `read_case_mask` gives it."""
    regions: dict[str, NDArray[np.bool_] | None] = {}
    for index, name in enumerate(classes[1:], start=1):
        region = region_of(truth, index)
        hidden = truth == IGNORE if truth.ndim == 2 else truth[..., index - 1] == IGNORE
        regions[name] = None if hidden.any() and not region.any() else region
    return regions
