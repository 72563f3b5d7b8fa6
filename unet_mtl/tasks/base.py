"""The contract of a task: one output of the network, from its label to its scores and pictures."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

import metrics
from metrics.interval_ends import UNLIMITED, Limits
from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.resized import Resized
from unet_mtl.data.view import View
from unet_mtl.errors import ConfigError
from unet_mtl.settings import Settings, Units
from unet_mtl.tasks.case_scores import CaseScores
from unet_mtl.tasks.predictions import Prediction

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes

Truth = TypeVar("Truth")
Answer = TypeVar("Answer", bound=Prediction)


RESERVED_NAMES = {
    "image": "the network's input",
    "error": "a column of predictions.csv",
    "val": "the validation loss (val_loss)",
}
"""Names that no task may have, and what has them."""


class Features(NamedTuple):
    """Features of the network that a head is built on.

    Attributes:
        pixels: Features (B, H, W, C) of the decoder for spatial tasks; else None.
        pooled: Features (B, F) of all inputs that the task reads, after trunk and hidden layers, for image-level
            tasks; else None.
    """

    pixels: Any
    pooled: Any


class Task(Settings, ABC, Generic[Truth, Answer]):
    """One output of the network.

    Attributes:
        name: The key of the task in config, batches, network outputs, losses, logs, tables and pictures.
        target: The mask or column of the data set's description that the task learns. Default: the name.
        weight: The factor of the task's loss in the sum over tasks.
        final_weight: The weight in the last epoch, which is approached linearly; None: the weight is constant.
        shared_gradient: The factor of the task's gradient into the encoder of the image, in 0..1, for image-level
            tasks. Outputs do not depend on it. With 0 the task reads the features that other tasks have learned.
        detach_epochs: Epochs at the beginning in which `shared_gradient` is 0, for image-level tasks.
        inputs: Names of the network's inputs that the task reads; None: all of them.
        hidden: Units of the task's own dense layers before the last one, for image-level tasks.
    """

    kind: str
    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)
    target: str = ""
    weight: float = Field(default=1.0, ge=0)
    final_weight: float | None = Field(default=None, ge=0)
    shared_gradient: float = Field(default=1.0, ge=0, le=1)
    detach_epochs: int = Field(default=0, ge=0)
    inputs: tuple[str, ...] | None = Field(default=None, min_length=1)
    hidden: tuple[Units, ...] = ()

    spatial: ClassVar[bool] = False
    """Whether the target is transformed together with the image by augmentation."""

    derived: ClassVar[bool] = False
    """Whether the answer is computed from answers of other tasks, so that the network has no output for the task and
    nothing is trained; see `derive`."""

    picture: ClassVar[str] = ""
    """The last part of the file name of the picture that `draw_set` draws."""

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name in RESERVED_NAMES:
            raise ValueError(
                f"{RESERVED_NAMES[name]} has that name; choose another, and give the column as `target`"
            )
        return name

    @field_validator("hidden")
    @classmethod
    def _is_image_level(cls, hidden: tuple[int, ...]) -> tuple[int, ...]:
        if hidden and cls.spatial:
            raise ValueError(
                "dense layers are for image-level tasks, and this task predicts masks; remove `hidden`"
            )
        return hidden

    @field_validator("shared_gradient", "detach_epochs")
    @classmethod
    def _branches_off(cls, value: float, info: ValidationInfo) -> float:
        if cls.spatial and value != cls.model_fields[str(info.field_name)].default:
            raise ValueError(
                "the gradient of an image-level task may be reduced, and this task predicts masks; remove "
                f"`{info.field_name}`"
            )
        return value

    @property
    def target_name(self) -> str:
        """`target`, or the name of the task if that is empty."""
        return self.target or self.name

    @property
    def target_names(self) -> tuple[str, ...]:
        """Everything that the task learns: masks for a spatial task, else columns."""
        return (self.target_name,)

    def is_labelled(self, record: Record) -> bool:
        """Return whether at least one target of a case is known. No file is opened."""
        known = record.masks if self.spatial else record.labels
        return any(name in known for name in self.target_names)

    @property
    def reads_view(self) -> bool:
        """Whether labels or answers depend on the scale at which the network sees a case; see `see`."""
        return False

    @property
    def needs_spacing(self) -> bool:
        """Whether answers in the unit of the labels need the pixel spacing of a case."""
        return False

    def case_class(self, record: Record) -> str | None:
        """Return the class of a case for `training.sampling`; None: unknown.

        Raises:
            ConfigError: Tasks of this kind do not assign cases to classes.
        """
        raise ConfigError(
            f"training.sampling: task {self.name!r} is a {self.kind}, which puts cases into no classes; name a "
            "classification or an ordinal task"
        )

    @property
    @abstractmethod
    def primary(self) -> tuple[str, bool]:
        """The streaming score that selects the best checkpoint, and whether higher is better."""

    @property
    def ranking(self) -> tuple[str, bool]:
        """The score by which cases are sorted from best to worst, and whether higher is better."""
        return self.primary

    @property
    def comparison_score(self) -> tuple[str, bool]:
        """The score, defined for each single case, by which two networks are compared; whether higher is better."""
        return self.ranking

    def comparison_values(self, cases: pd.DataFrame) -> NDArray[np.float64]:
        """Return the `comparison_score` of each case.

        Args:
            cases: Scores and facts of labelled cases, one row each.

        Returns:
            (cases,), NaN where the score is undefined.
        """
        score = self.comparison_score[0]
        return cases[score].to_numpy(np.float64) if score in cases else np.full(len(cases), np.nan)

    @abstractmethod
    def adapt(self, train: Dataset) -> "Task[Truth, Answer]":
        """Return a new task with classes, unit and constants, computed from TRAIN cases only.

        Raises:
            ConfigError: The description of the data set does not contain the target.
            DataError: No train case is labelled.
        """

    def adapt_to_views(self, train: Dataset, view_of: Callable[[Record], View]) -> "Task[Truth, Answer]":
        """Return a new task with constants of the labels as the network sees them; `adapt` comes first.

        Args:
            train: The train cases.
            view_of: Returns the scale at which the network sees a case without augmentation.
        """
        return self

    @abstractmethod
    def read(self, record: Record, description: Description) -> Truth | None:
        """Return the label of one case, at the image's original size; None: unknown.

        Raises:
            DataError: The label exists, but contradicts the description or the classes that the task learned.
        """

    def cache_key(self, description: Description) -> Any:
        """Return, as plain JSON, everything that `read` depends on besides the record and the target's files.

        A cached target of a spatial task is used again only while this is unchanged.
        """
        return [self.to_config(), description.model_dump(mode="json")]

    @abstractmethod
    def encode(self, truth: Truth | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """Return target and label weight of one case for the loss.

        An unknown label is a finite filler with weight 0.0, never NaN. If a task has several targets, the weight is
        the share of them that is known.

        Args:
            truth: The label; None: unknown. Masks have the network's size.
            size: (height, width) of the network.
        """

    def see(self, truth: Truth, view: View) -> Truth:
        """Return a label in the terms of the network's input, for `encode`; called if `reads_view` is true.

        Args:
            truth: The label, as `read` returns it.
            view: The scale at which the network sees the case in this sample.
        """
        return truth

    @abstractmethod
    def build_head(self, features: Features) -> Any:
        """Build Keras layers on the features; the last one is named after the task and has dtype float32."""

    def build_foreground(self, output: Any) -> Any:
        """Return the probability (B, H, W, 1) that each pixel is foreground, as a Keras tensor in float32.

        `network.pooling: mask` pools by it. None: the task has no foreground.

        Args:
            output: The output of the head, as `build_head` returns it.
        """
        return None

    @abstractmethod
    def loss(self) -> "keras.losses.Loss":
        """Return the loss, with one value per sample."""

    @abstractmethod
    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Return inexpensive streaming metrics for the training curves, including the `primary` score."""

    @abstractmethod
    def decode(self, raw: NDArray[np.float32]) -> Answer:
        """Return the prediction in the user's terms from the network's output for one case."""

    def decode_resized(self, output: Resized) -> Answer:
        """Return the prediction of a spatial task at the size of the image.

        The base class resizes the whole output, which takes `4 * K` bytes per pixel for K channels. Tasks of large
        images override this method.

        Args:
            output: The network's output (height, width, K) for one case, with the size of its image.
        """
        return self.decode(output.whole())

    def restore(self, prediction: Answer, view: View) -> Answer:
        """Return a prediction in the user's terms from one in the terms of the network's input; undoes `see`."""
        return prediction

    def finish(self, prediction: Answer, spacing_mm: tuple[float, float] | None) -> Answer:
        """Return the prediction at the size of the image after the clean-up that the task has, if any.

        Args:
            prediction: The prediction at the original size.
            spacing_mm: Distances of pixel centres (between rows, between columns); None: unknown.
        """
        return prediction

    def derive(self, answers: Mapping[str, Prediction], spacing_mm: tuple[float, float] | None) -> Answer:
        """Return the answer of a task that is `derived`.

        Args:
            answers: Predictions of the other tasks by name, at the original size.
            spacing_mm: Distances of pixel centres (between rows, between columns); None: unknown.
        """
        raise NotImplementedError(f"task {self.name!r} is predicted by the network")

    def conflicts(self, tasks: "Sequence[Task[Any, Any]]", description: Description) -> list[str]:
        """Return a message for each conflict of the task with other tasks of a training; empty if there is none.

        Args:
            tasks: All tasks of the training.
            description: The description of the data set.
        """
        return []

    @abstractmethod
    def score_case(
        self, truth: Truth, prediction: Answer, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Return scores and facts of one labelled case. The formulas are in `metrics`.

        Args:
            truth: The label, as `read` returns it.
            prediction: The prediction for the case.
            spacing_mm: Distances of pixel centres (between rows, between columns); None: unknown.
        """

    @abstractmethod
    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Return scores that are defined only for a set of cases, from the facts of the cases, one row each."""

    def score_limits(self, score: str) -> Limits:
        """Return the smallest and the largest possible value of a score of one case.

        Intervals stay between them. Infinite limits are right for every score, but their intervals are less accurate.
        """
        return UNLIMITED

    def score_samples(self, facts: pd.DataFrame) -> Mapping[str, metrics.Sample]:
        """Return what scores of the set are computed from, one entry a case, for those that are means or an AUROC.

        Their intervals are computed without resampling (`metrics.intervals`), and are reliable with fewer patients.
        Scores without an entry are bootstrapped. A score of the set must equal that of its sample.

        Args:
            facts: Facts of the cases, one row each.
        """
        return {}

    def labelled_cases(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Return, for each score of the set, which cases have the label that it needs; their number is its n.

        Scores without an entry are computed from all cases. Entries are needed by tasks with several targets, since
        a case may have the label of one target and not of another.

        Args:
            facts: Facts of the cases, one row each.

        Returns:
            Masks (cases,) by name of score.
        """
        return {}

    def contributing_cases(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Return, for each score of the set, which cases influence its value.

        A score has an interval only if these cases belong to several patients. Arguments and result are those of
        `labelled_cases`.
        """
        return self.labelled_cases(facts)

    def score_label(self, score: str) -> str:
        """Return the name of a score for tables that people read."""
        return score

    def is_headline(self, score: str) -> bool:
        """Return whether a score is printed on the screen; summary.json contains all scores."""
        return True

    def truth_title(self, truth: Truth) -> str:
        """Return the label in a few words, in the form of `Prediction.title`; empty: the picture shows it."""
        return ""

    def draw_case(
        self,
        axes: "Axes",
        truth: Truth | None,
        prediction: Answer,
        tasks: "Sequence[Task[Any, Any]]" = (),
    ) -> None:
        """Draw label and prediction onto the image of one case; image-level tasks draw nothing.

        Args:
            axes: Axes with the image.
            truth: The label; None: unknown.
            prediction: The prediction for the case.
            tasks: All tasks that draw onto these axes, so that each has colours of its own.
        """

    @abstractmethod
    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Draw one picture of all cases, such as a confusion matrix."""

    def _find_described(self, kind: str, described: Mapping[str, Any], target: str | None = None) -> Any:
        """Return the description of the only target, or of one of several.

        Raises:
            ConfigError: The data set does not describe it.
        """
        name = self.target_name if target is None else target
        if name not in described:
            setting = "target" if target is None else "targets"
            raise ConfigError(
                f"task {self.name!r}: the data set describes no {kind} {name!r}; it has "
                f"{', '.join(map(repr, described)) or 'none'}. Set `{setting}` of the task, or describe the {kind} in "
                "the data set"
            )
        return described[name]
