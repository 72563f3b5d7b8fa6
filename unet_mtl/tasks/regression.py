"""Regression: one number or several for the whole image, in the units of their columns."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.units import PIXEL
from unet_mtl.data.view import View
from unet_mtl.losses import LOSSES
from unet_mtl.tasks import measures, number_coding
from unet_mtl.tasks.base import Features, Task
from unet_mtl.tasks.loss_settings import RegressionLoss
from unet_mtl.tasks.number import Number, Scale, by_suffix
from unet_mtl.tasks.number_task import NumberTask, Truth
from unet_mtl.tasks.predictions import ValuePrediction

if TYPE_CHECKING:
    import keras


class Regression(NumberTask):
    """Predicts numbers, which are learned in standardised form.

    Attributes:
        scale: "linear", or "log" for positive numbers over several orders of magnitude, such as counts and volumes:
            the network learns log(1 + value), so that errors are relative ones.
        measure: "length" or "area": the numbers are sizes in the image, in mm, mm2 or pixels. The network learns them
            in pixels of its input, so that augmentation may zoom, and answers are converted by the pixel spacing of
            each case. None: the network learns plain numbers.
        loss_kind: Set as `loss`. "huber": quadratic up to one standard deviation, then linear. "mse": quadratic.
            "gaussian": the likelihood of a normal distribution, so that predictions have a 95 % interval.
        spreads: For "gaussian", the factor of the predicted standard deviation of each number; empty: 1. `tune` fits
            them.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    kind: Literal["regression"] = "regression"
    scale: Scale = "linear"
    measure: measures.Measure | None = None
    loss_kind: RegressionLoss = Field(default="huber", alias="loss")
    spreads: tuple[Annotated[float, Field(gt=0)], ...] = ()

    @property
    def measured(self) -> measures.Measure | None:
        """The setting `measure`."""
        return self.measure

    @property
    def number_scale(self) -> Scale:
        """The setting `scale`."""
        return self.scale

    def conflicts(self, tasks: Sequence[Task[Any, Any]], description: Description) -> list[str]:
        """Return a message if the task measures an image that it does not read."""
        reads_image = description.images is not None and (self.inputs is None or "image" in self.inputs)
        if self.measure is None or reads_image:
            return []
        return [
            f"task {self.name!r}: `measure: {self.measure}` is for numbers that are learned from the image; add "
            "'image' to the `inputs` of the task, or remove `measure`"
        ]

    def adapt_to_views(self, train: Dataset, view_of: Callable[[Record], View]) -> "Regression":
        """Return the task with constants of the train values in pixels of the network's input, if it measures."""
        if self.measure is None:
            return self
        seen: dict[str, list[float]] = {number.column: [] for number in self.numbers}
        for record in filter(self.is_labelled, train):
            truth = self.read(record, train.description) or {}
            for column, value in self.see(truth, view_of(record)).items():
                seen[column].append(value)
        numbers = [
            number.model_copy(
                update={
                    "seen": Number(column=number.column, unit=PIXEL, scale=self.scale).fit(
                        seen[number.column]
                    )
                }
            )
            for number in self.numbers
        ]
        return self.model_copy(update={"numbers": tuple(numbers)})

    def see(self, truth: Truth, view: View) -> Truth:
        """Return lengths and areas in pixels of the network's input."""
        if self.measure is None:
            return truth
        units = {number.column: number.unit for number in self._numbers}
        return {
            name: measures.to_input(value, units[name], self.measure, view) for name, value in truth.items()
        }

    def encode(self, truth: Truth | None, size: tuple[int, int]) -> tuple[NDArray[Any], float]:
        """Return (n, 2) float32: each number standardised and followed by 1, or 0 and 0 where it is unknown."""
        target = number_coding.encode(self._numbers, truth or {})
        return target, float(target[:, 1].mean())

    def build_head(self, features: Features) -> Any:
        """Build a linear dense layer: (B, n), or (B, 2n) for "gaussian" with n means, then n log-variances."""
        from unet_mtl.nn.heads import dense_head

        units = len(self._numbers) * LOSSES[self.kind][self.loss_kind].outputs
        return dense_head(features.pooled, units, "linear", self.name)

    def loss(self) -> "keras.losses.Loss":
        """Return the mean loss over the known numbers, in standard deviations."""
        return LOSSES[self.kind][self.loss_kind].build()

    def training_metrics(self) -> "list[keras.metrics.Metric]":
        """Return the mean absolute error over known numbers in their unit (on a log scale: of the logarithm).

        Lengths and areas are in pixels of the network's input. With several numbers there is one for each, and one
        over all of them in standard deviations.
        """
        from metrics import streaming

        each = [
            streaming.MeanAbsoluteError(number.learned.deviation, f"{self.name}_mae{suffix}", index=index)
            for index, (suffix, number) in enumerate(by_suffix(self._numbers).items())
        ]
        return each if len(each) == 1 else [streaming.MeanAbsoluteError(name=f"{self.name}_mae"), *each]

    def decode(self, raw: NDArray[np.float32]) -> ValuePrediction:
        """Return the numbers in their units, or lengths and areas in pixels of the network's input."""
        return ValuePrediction(self.name, number_coding.decode(self._numbers, raw, self.spreads))

    def restore(self, prediction: ValuePrediction, view: View) -> ValuePrediction:
        """Return lengths and areas in their units, or in pixels of the original image if the spacing is unknown."""
        if self.measure is None:
            return prediction
        units = {number.column: number.unit for number in self._numbers}
        values = {
            name: measures.from_input(value, units[name], self.measure, view)
            for name, value in prediction.values.items()
        }
        return ValuePrediction(self.name, values)
