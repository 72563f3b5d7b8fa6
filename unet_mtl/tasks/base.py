"""The contract of a task: one output of the network, from its label to its scores and picture."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, field_validator

from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import ConfigError
from unet_mtl.settings import Settings
from unet_mtl.tasks.predictions import Prediction

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes

Truth = TypeVar("Truth")
Answer = TypeVar("Answer", bound=Prediction)


TAKEN = {
    "image": "the network's input",
    "error": "a column of predictions.csv",
    "val": "the validation loss (val_loss)",
}
"""Names that no task may have, and whose they are."""


class Features(NamedTuple):
    """What the body of the network offers to one head.

    Attributes:
        pixels: (B, H, W, C) of the decoder, for tasks that are spatial; else None.
        pooled: (B, F) of all inputs that the task reads, behind trunk and hidden layers, for the others; else None.
    """

    pixels: Any
    pooled: Any


@dataclass(frozen=True)
class CaseScore:
    """One score of one case.

    Attributes:
        value: NaN where the score is undefined.
        missed: There was something to find and nothing was found.
        hallucinated: There was nothing to find and something was found.
    """

    value: float
    missed: bool = False
    hallucinated: bool = False


@dataclass(frozen=True)
class CaseScores:
    """What evaluation keeps of one case: scores to average, and the facts that set scores are made of."""

    scores: Mapping[str, CaseScore] = field(default_factory=dict)
    facts: Mapping[str, str | float] = field(default_factory=dict)


class Task(Settings, ABC, Generic[Truth, Answer]):
    """One output of the network.

    Attributes:
        name: The one key everywhere: config, batch, network output, loss, log, table, picture.
        target: What it learns: a mask or a column of the data set's description. Default: its name.
        weight: Factor of its loss in the sum over tasks.
        inputs: Names of the network's inputs that it reads; None: all of them.
        hidden: Units of dense layers of its own before the last one, for tasks that answer for the whole image.
    """

    kind: str
    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    target: str = ""
    weight: float = Field(default=1.0, ge=0)
    inputs: tuple[str, ...] | None = Field(default=None, min_length=1)
    hidden: tuple[PositiveInt, ...] = ()

    spatial: ClassVar[bool] = False
    """Whether the target moves with the image under augmentation."""

    picture: ClassVar[str] = ""
    """What `draw_set` draws, as part of a file name."""

    @field_validator("name")
    @classmethod
    def _not_taken(cls, name: str) -> str:
        if name in TAKEN:
            raise ValueError(f"{TAKEN[name]} has that name; choose another, and give the column as `target`")
        return name

    @field_validator("hidden")
    @classmethod
    def _no_pixels_through_dense_layers(cls, hidden: tuple[int, ...]) -> tuple[int, ...]:
        if hidden and cls.spatial:
            raise ValueError("dense layers are for tasks that answer for the whole image; leave `hidden` out")
        return hidden

    @property
    def target_name(self) -> str:
        """`target`, or the task's own name."""
        return self.target or self.name

    @property
    def target_names(self) -> tuple[str, ...]:
        """All that it learns: masks, for a task that is spatial, else columns."""
        return (self.target_name,)

    def is_labelled(self, record: Record) -> bool:
        """Whether anything of what it learns is known of a case; opens no file."""
        known = record.masks if self.spatial else record.labels
        return any(name in known for name in self.target_names)

    def case_class(self, record: Record) -> str | None:
        """The class that `training.sampling` draws a case by; None: unknown.

        Raises:
            ConfigError: This kind of task puts cases into no classes.
        """
        raise ConfigError(
            f"training.sampling: task {self.name!r} is a {self.kind}, which puts cases into no classes; name a "
            "classification or an ordinal task"
        )

    @property
    @abstractmethod
    def primary(self) -> tuple[str, bool]:
        """(streaming score, whether higher is better) that picks the best checkpoint."""

    @property
    def ranking(self) -> tuple[str, bool]:
        """(case score, whether higher is better) that says which cases went well."""
        return self.primary

    @property
    def paired(self) -> tuple[str, bool]:
        """(score that each case has by itself, whether higher is better), by which two networks are compared."""
        return self.ranking

    def paired_values(self, cases: pd.DataFrame) -> NDArray[np.float64]:
        """The score `paired` of each case.

        Args:
            cases: Scores and facts of labelled cases, one row each.

        Returns:
            (cases,), NaN where it is undefined.
        """
        score = self.paired[0]
        return cases[score].to_numpy(np.float64) if score in cases else np.full(len(cases), np.nan)

    @abstractmethod
    def adapt(self, train: Dataset) -> "Task[Truth, Answer]":
        """A new task with classes, unit and constants filled in, from TRAIN cases only.

        Raises:
            ConfigError: The data set does not describe the target.
            DataError: No train case is labelled.
        """

    @abstractmethod
    def read(self, record: Record, description: Description) -> Truth | None:
        """The label of one case, at the image's own size; None: unknown.

        Raises:
            DataError: The label is there, but is not what the description says.
        """

    def reading(self, description: Description) -> Any:
        """Plain JSON of all, beside record and files of the target, that `read` depends on.

        What a task that moves with the image read before is used again only while this is the same.
        """
        return [self.to_config(), description.model_dump(mode="json")]

    @abstractmethod
    def encode(self, truth: Truth | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """(target, weight) of one case; an unknown label is a finite filler with weight 0.0, never NaN.

        Where a task learns several things, the weight is the share of them that is known.
        """

    @abstractmethod
    def build_head(self, features: Features) -> Any:
        """Keras layers from the features to an output whose last layer has the task's name, in float32."""

    @abstractmethod
    def loss(self) -> "keras.losses.Loss":
        """A loss with one value a sample."""

    @abstractmethod
    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Cheap streaming metrics for the curves; the primary score's is among them."""

    @abstractmethod
    def decode(self, raw: NDArray[np.float32]) -> Answer:
        """The prediction in the user's terms, of the network's output for one case."""

    @abstractmethod
    def score_case(
        self, truth: Truth, prediction: Answer, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Scores and facts of one labelled case. Formulas live in `metrics`."""

    @abstractmethod
    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Scores that exist only over a set, from the facts of its cases, one row each."""

    def labelled(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Of each score of the set, the cases whose label it is about: its n. A score without an entry is about all.

        Where a task learns several things, a case may have the label of one and not of another.
        """
        return {}

    def bearers(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Of these, the cases that it is made of: only where they are of several patients it has an interval."""
        return self.labelled(facts)

    def label(self, score: str) -> str:
        """The name of a score for readers."""
        return score

    def is_headline(self, score: str) -> bool:
        """Whether a score is shown on the screen; all of them stand in summary.json."""
        return True

    def truth_title(self, truth: Truth) -> str:
        """The truth in a few words, as `Prediction.title` says the answer."""
        return ""

    def draw_case(self, axes: "Axes", truth: Truth | None, prediction: Answer) -> None:
        """Draws onto the image of one case; most tasks have nothing to draw there."""

    @abstractmethod
    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """One picture of all cases: a confusion matrix, say."""

    def _described(self, kind: str, described: Mapping[str, Any], target: str | None = None) -> Any:
        """What the data set says of the one target, or of one of several."""
        name = self.target_name if target is None else target
        if name not in described:
            setting = "target" if target is None else "targets"
            raise ConfigError(
                f"task {self.name!r}: the data set describes no {kind} {name!r}; "
                f"it has {', '.join(map(repr, described)) or 'none'}. Set `{setting}` of the task, or add it there"
            )
        return described[name]
