"""Measurement: a length or an area of a predicted mask, which needs no training."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

import metrics
from unet_mtl.data.description import Description
from unet_mtl.data.units import PIXEL
from unet_mtl.tasks import measures
from unet_mtl.tasks.base import Features, Task
from unet_mtl.tasks.case_scores import CaseScore, CaseScores
from unet_mtl.tasks.masks import MaskTask
from unet_mtl.tasks.number_task import NumberTask, Truth
from unet_mtl.tasks.predictions import Prediction, Value, ValuePrediction

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes

Shape = Literal["ellipse_perimeter", "ellipse_axes", "feret", "area"]
Spacing = tuple[float, float]

_OWN_SETTINGS = ("kind", "name", "target")


def _perimeter(region: NDArray[np.bool_], spacing: Spacing) -> tuple[float, ...]:
    return (metrics.ellipse_perimeter(*metrics.ellipse_axes(region, spacing)),)


def _feret(region: NDArray[np.bool_], spacing: Spacing) -> tuple[float, ...]:
    return (metrics.feret_diameter(region, spacing),)


def _area(region: NDArray[np.bool_], spacing: Spacing) -> tuple[float, ...]:
    return (int(np.count_nonzero(region)) * spacing[0] * spacing[1],)


_SHAPES: dict[Shape, Callable[[NDArray[np.bool_], Spacing], tuple[float, ...]]] = {
    "ellipse_perimeter": _perimeter,
    "ellipse_axes": metrics.ellipse_axes,
    "feret": _feret,
    "area": _area,
}


class Measurement(NumberTask):
    """Measures a mask that another task predicts, at the original size and with the pixel spacing of the case.

    Nothing is trained. The answer is evaluated against a column like any other number. It is in the unit of the
    column, or in pixels if the spacing is unknown. Lengths of an empty mask are undefined (NaN); its area is 0.

    Attributes:
        mask: The name of the task that predicts the mask.
        class_: The class of the mask that is measured; None: all classes but the background together. `class` in a
            config.
        shape: What is measured. "ellipse_perimeter": the perimeter of the ellipse that has the second moments of the
            largest object. "ellipse_axes": the major and the minor axis of that ellipse, which need two `targets`.
            "feret": the largest distance between two points of one object. "area": the area of all objects.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    kind: Literal["measurement"] = "measurement"
    mask: str
    class_: str | None = Field(default=None, alias="class")
    shape: Shape

    derived: ClassVar[bool] = True

    @model_validator(mode="after")
    def _check_number(self) -> Self:
        expected = 2 if self.shape == "ellipse_axes" else 1
        if len(self.target_names) != expected:
            hint = "`targets: [MAJOR, MINOR]`, the columns of both axes" if expected == 2 else "one `target`"
            raise ValueError(f"`shape: {self.shape}` needs {hint}; received {', '.join(self.target_names)}")
        return self

    @model_validator(mode="after")
    def _check_untrained(self) -> Self:
        for name, field in Task.model_fields.items():
            if name not in _OWN_SETTINGS and getattr(self, name) != field.default:
                raise ValueError(
                    f"`{name}` applies to training, and nothing of a measurement is trained; leave it out"
                )
        return self

    @property
    def measured(self) -> measures.Measure:
        """Area for the shape "area", else length."""
        return "area" if self.shape == "area" else "length"

    def conflicts(self, tasks: Sequence[Task[Any, Any]], description: Description) -> list[str]:
        """Return a message if there is no such mask or class."""
        masks = {task.name: task for task in tasks if isinstance(task, MaskTask)}
        if self.mask not in masks:
            known = ", ".join(masks) or "none"
            return [
                f"task {self.name!r}: no task {self.mask!r} predicts a mask to be measured; those that do are {known}"
            ]
        described = description.masks.get(masks[self.mask].target_name)
        classes = described.classes[1:] if described else ()
        if self.class_ is not None and described and self.class_ not in classes:
            return [
                f"task {self.name!r}: mask {self.mask!r} has no class {self.class_!r}; it has {', '.join(classes)}"
            ]
        return []

    def derive(self, answers: Mapping[str, Prediction], spacing_mm: Spacing | None) -> ValuePrediction:
        """Measure the predicted mask; lengths are NaN if it is empty."""
        regions = answers[self.mask].regions()
        chosen = list(regions.values()) if self.class_ is None else [regions[self.class_]]
        found = _SHAPES[self.shape](np.logical_or.reduce(chosen), spacing_mm or (1.0, 1.0))
        values = {
            number.column: Value(found_mm, PIXEL)
            if spacing_mm is None
            else Value(measures.from_mm(found_mm, number.unit), number.unit)
            for number, found_mm in zip(self._numbers, found, strict=True)
        }
        return ValuePrediction(self.name, values)

    def score_case(self, truth: Truth, prediction: ValuePrediction, spacing_mm: Spacing | None) -> CaseScores:
        """Return the errors of each known number; undefined ones count as missed structures."""
        scored = super().score_case(truth, prediction, spacing_mm)
        empty = any(np.isnan(value.value) for value in prediction.values.values())
        scores = {name: CaseScore(score.value, missed=empty) for name, score in scored.scores.items()}
        return CaseScores(scores, scored.facts)

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Return the scores of each number, over the cases where it is known and the measurement defined."""
        return super().score_set(_measured_only(facts))

    def score_samples(self, facts: pd.DataFrame) -> dict[str, metrics.Sample]:
        """Return the samples of the cases where a number is known and the measurement defined."""
        return super().score_samples(_measured_only(facts))

    def labelled_cases(self, facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Return, for each score, the cases where its number is known and the measurement defined."""
        return super().labelled_cases(_measured_only(facts))

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Draw measured against true values, without undefined ones."""
        super().draw_set(axes, _measured_only(facts))

    def encode(self, truth: Truth | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """Raise an error, since nothing is trained, like all members for the training."""
        raise self._untrained()

    def build_head(self, features: Features) -> Any:
        """Raise an error."""
        raise self._untrained()

    def loss(self) -> "keras.losses.Loss":
        """Raise an error."""
        raise self._untrained()

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Raise an error."""
        raise self._untrained()

    def decode(self, raw: NDArray[np.float32]) -> ValuePrediction:
        """Raise an error."""
        raise self._untrained()

    def _untrained(self) -> TypeError:
        return TypeError(f"task {self.name!r} is measured in a mask; the network has no output for it")


def _measured_only(facts: pd.DataFrame) -> pd.DataFrame:
    """Return the facts with unknown truths where the prediction is undefined."""
    facts = facts.copy()
    for name in [str(name) for name in facts if str(name).startswith("predicted")]:
        truth = f"truth{name.removeprefix('predicted')}"
        facts.loc[facts[name].isna(), truth] = np.nan
    return facts
