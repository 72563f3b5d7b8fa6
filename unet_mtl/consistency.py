"""What answers of one network must not say of the same case, as the user declares it; free of Keras."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

import metrics
from unet_mtl.data.description import Description
from unet_mtl.data.images import IGNORE
from unet_mtl.data.records import Record
from unet_mtl.errors import ConfigError
from unet_mtl.settings import Settings
from unet_mtl.tasks import ClassPrediction, Prediction, Task, ValuePrediction

MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001}
"""Of units of length."""


class Finding(Settings):
    """A class of a task: this one, or any but this one.

    Attributes:
        task: Its name.
        is_: Set as `is`; the class.
        is_not: The class that is not it.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    task: str
    is_: str | None = Field(default=None, alias="is")
    is_not: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.is_ is None) == (self.is_not is None):
            raise ValueError(
                "give one of `is` and `is_not`, the class that a mask goes with or does not go with"
            )
        return self

    @property
    def word(self) -> str:
        """The class."""
        return str(self.is_ if self.is_not is None else self.is_not)

    def holds(self, word: str) -> bool:
        """Whether an answer is the finding."""
        return (word == self.word) == (self.is_not is None)


class MaskNeeds(Settings):
    """Where the mask has anything the finding must be, and the other way round.

    Attributes:
        mask: Name of a task that draws.
        needs: The finding.
    """

    mask: str
    needs: Finding

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.mask} needs {self.needs.task} {'' if self.needs.is_not is None else 'not '}{self.needs.word}"

    def check(self, case: "Said") -> str | None:
        """The contradiction in words; "" for none, and None where one of the two is not known."""
        mask, word = case.masks.get(self.mask), case.words.get(self.needs.task)
        if mask is None or word is None:
            return None
        if bool(mask.any()) == self.needs.holds(word):
            return ""
        return f"{self.mask} is {'drawn' if mask.any() else 'empty'} but {self.needs.task} is {word}"


class MaskMeasures(Settings):
    """The number must be about the largest diameter (maximum Feret) of the mask.

    Attributes:
        mask: Name of a task that draws.
        diameter: Name of a task of one number, a length.
        tolerance: How far off it may be, as a share of the mask's diameter.
    """

    mask: str
    diameter: str
    tolerance: float = Field(gt=0, allow_inf_nan=False)

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.mask} measures {self.diameter}"

    def check(self, case: "Said") -> str | None:
        """As of `MaskNeeds`; None, too, where the mask is empty or the pixel spacing is not known."""
        mask, number = case.masks.get(self.mask), case.millimetres.get(self.diameter)
        if mask is None or number is None or case.spacing_mm is None or not mask.any():
            return None
        measured = metrics.feret_diameter(mask, case.spacing_mm)
        if abs(number - measured) <= self.tolerance * measured:
            return ""
        return f"{self.diameter} is {number:.3g} mm but {self.mask} measures {measured:.3g} mm"


def _which(content: Any) -> str:
    if isinstance(content, Settings):
        return "diameter" if isinstance(content, MaskMeasures) else "needs"
    return "diameter" if isinstance(content, dict) and "diameter" in content else "needs"


Rule = Annotated[
    Annotated[MaskNeeds, Tag("needs")] | Annotated[MaskMeasures, Tag("diameter")], Discriminator(_which)
]


@dataclass(frozen=True)
class Said:
    """What is said of one case, by answers or by labels; what is not known is not there.

    Attributes:
        masks: By task, (height, width) bool: where anything is drawn.
        words: By task, the class.
        millimetres: By task, the one number, where it is a length.
        spacing_mm: (row, column) distance of pixels; None: unknown.
    """

    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    millimetres: Mapping[str, float] = field(default_factory=dict)
    spacing_mm: tuple[float, float] | None = None


def said_by_answers(answers: Mapping[str, Prediction], spacing_mm: tuple[float, float] | None = None) -> Said:
    """What a network says of a case."""
    masks = {name: list(one.masks().values()) for name, one in answers.items()}
    return Said(
        {name: np.any([mask > 0 for mask in own], axis=0) for name, own in masks.items() if own},
        {name: one.label for name, one in answers.items() if isinstance(one, ClassPrediction)},
        {
            name: one.value * MILLIMETRES[one.unit]
            for name, one in answers.items()
            if isinstance(one, ValuePrediction) and len(one.values) == 1 and one.unit in MILLIMETRES
        },
        spacing_mm,
    )


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
    masks: dict[str, NDArray[np.bool_]] = {}
    words: dict[str, str] = {}
    millimetres: dict[str, float] = {}
    for task in tasks:
        if task.spatial:
            truth = truths[task.name]
            drawn = None if truth is None else _drawn(truth)
            masks |= {} if drawn is None else {task.name: drawn}
        elif len(task.target_names) == 1 and (label := record.labels.get(task.target_names[0])) is not None:
            column = description.columns[task.target_names[0]]
            if column.classes is not None:
                words[task.name] = str(label)
            elif column.unit in MILLIMETRES:
                millimetres[task.name] = float(label) * MILLIMETRES[column.unit]
    return Said(masks, words, millimetres, record.spacing_mm)


def name_contradictions(found: Iterable[str | None]) -> str:
    """What `check` of each rule found in one case, with semicolons between; empty for nothing."""
    return "; ".join(words for words in found if words)


def _drawn(truth: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Where a mask has anything; None where what nobody labelled may hide it."""
    drawn = (truth > 0) & (truth != IGNORE)
    if (truth == IGNORE).any() and not drawn.any():
        return None
    return np.asarray(drawn.any(axis=-1) if drawn.ndim == 3 else drawn)


def require_rules(rules: Sequence[Rule], tasks: Sequence[Task[Any, Any]], description: Description) -> None:
    """Makes sure that the rules are about these tasks.

    Raises:
        ConfigError: With every problem.
    """
    by_name = {task.name: task for task in tasks}
    problems = [problem for rule in rules for problem in _problems(rule, by_name, description)]
    if problems:
        raise ConfigError("\n".join(f"consistency: {problem}" for problem in problems))


def _problems(rule: Rule, tasks: Mapping[str, Task[Any, Any]], description: Description) -> list[str]:
    other = rule.needs.task if isinstance(rule, MaskNeeds) else rule.diameter
    unknown = [name for name in (rule.mask, other) if name not in tasks]
    if unknown:
        return [f"there is no task {unknown[0]!r}; there is {', '.join(tasks)}"]
    problems = [] if tasks[rule.mask].spatial else [f"task {rule.mask!r} draws no mask"]
    targets = tasks[other].target_names
    column = description.columns.get(targets[0]) if len(targets) == 1 and not tasks[other].spatial else None
    if isinstance(rule, MaskNeeds):
        classes = column.classes if column is not None and column.classes else ()
        if not classes:
            problems.append(f"task {other!r} does not answer with one class")
        elif rule.needs.word not in classes:
            problems.append(f"task {other!r} has no class {rule.needs.word!r}; it has {', '.join(classes)}")
    elif column is None or not column.is_number:
        problems.append(f"task {other!r} does not answer with one number")
    elif column.unit not in MILLIMETRES:
        known = ", ".join(MILLIMETRES)
        problems.append(
            f"task {other!r} is in {column.unit or 'no unit'!r}, not in a unit of length: {known}"
        )
    return problems
