"""What all tasks with numbers as answers share: columns, labels, scores and pictures."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

import pandas as pd
from numpy.typing import NDArray
from pydantic import model_validator

import metrics
from metrics.interval_ends import NOT_NEGATIVE, Limits
from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.data.records import Dataset, Record
from unet_mtl.tasks import measures, number_coding, number_scores
from unet_mtl.tasks.base import Task
from unet_mtl.tasks.case_scores import CaseScores
from unet_mtl.tasks.number import Number, Scale, by_suffix, check_columns
from unet_mtl.tasks.patient_answers import PatientAnswer, Pooling, pool_numbers
from unet_mtl.tasks.predictions import ValuePrediction

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

Truth = Mapping[str, float]


class NumberTask(Task[Truth, ValuePrediction]):
    """Base of the tasks that answer with numbers. A truth has the known numbers by column, in their units.

    Attributes:
        targets: Columns of several numbers, in place of `target`; any of them may be unknown for a case.
        numbers: Units and constants of the train cases for each target; set by `adapt`.
    """

    targets: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()

    picture: ClassVar[str] = "agreement"

    @model_validator(mode="after")
    def _check_targets(self) -> Self:
        if self.target and self.targets:
            raise ValueError("`target` and `targets` contradict each other; keep one of them")
        check_columns(self.targets)
        return self

    @property
    def measured(self) -> measures.Measure | None:
        """What the numbers measure in the image; None if they are no lengths or areas to the task."""
        return None

    @property
    def number_scale(self) -> Scale:
        """The scale on which the network learns the numbers."""
        return "linear"

    @property
    def target_names(self) -> tuple[str, ...]:
        """The columns of the numbers."""
        return self.targets or (self.target_name,)

    @property
    def reads_view(self) -> bool:
        """Whether the numbers are lengths or areas in the image."""
        return self.measured is not None

    @property
    def needs_spacing(self) -> bool:
        """Whether a length or area is in another unit than pixels."""
        return self.reads_view and not all(measures.in_pixels(number.unit) for number in self._numbers)

    @property
    def _numbers(self) -> tuple[Number, ...]:
        return self.numbers or tuple(
            Number(column=name, scale=self.number_scale) for name in self.target_names
        )

    def is_labelled(self, record: Record) -> bool:
        """Return whether a number is known; one in mm of a case without a pixel spacing cannot be used."""
        known = [number for number in self._numbers if number.column in record.labels]
        return any(not self.reads_view or measures.is_usable(record, number.unit) for number in known)

    @property
    def primary(self) -> tuple[str, bool]:
        """Mean absolute error; lower is better."""
        return ("mae", False)

    @property
    def ranking(self) -> tuple[str, bool]:
        """Absolute error or, for several numbers, its mean in standard deviations; lower is better."""
        return ("absolute_error" if len(self._numbers) == 1 else "standardised_error", False)

    def adapt(self, train: Dataset) -> Self:
        """Return the task with units from the description and constants from the train values."""
        columns = self._columns(train.description)
        if self.measured is not None:
            measures.require_units(self.name, columns, self.measured)
            train = measures.require_usable(self.name, columns, self.measured, train)
        numbers = number_coding.fit(self.name, columns, self.number_scale, train)
        return self.model_copy(update={"numbers": numbers})

    def _columns(self, description: Description) -> dict[str, ColumnDescription]:
        return {name: self._find_described("column", description.columns, name) for name in self.target_names}

    def read(self, record: Record, description: Description) -> Truth | None:
        """Return the known numbers in their units; None if all are unknown or cannot be used (see `is_labelled`)."""
        known = number_coding.read(self.name, self._numbers, self._columns(description), record)
        if self.reads_view:
            known = measures.drop_unusable(self._numbers, known, record)
        return known or None

    def score_case(
        self, truth: Truth, prediction: ValuePrediction, spacing_mm: tuple[float, float] | None
    ) -> CaseScores:
        """Return the errors of each known number."""
        return number_scores.score_case(self._numbers, truth, prediction.values)

    def pool_images(self, facts: pd.DataFrame, how: Pooling) -> PatientAnswer:
        """Return the mean number of a patient over several images, for labels and answers; see `AnswersPatients`."""
        truth, answers, differing = pool_numbers(self._numbers, facts)
        return PatientAnswer(truth or None, ValuePrediction(self.name, answers), differing)

    def score_set(self, facts: pd.DataFrame) -> dict[str, float]:
        """Return the scores of each number, over the cases where it is known."""
        return number_scores.score_set(self._numbers, facts)

    def score_limits(self, score: str) -> Limits:
        """Return 0 and infinity, since the scores of a case are absolute errors."""
        return NOT_NEGATIVE

    def score_samples(self, facts: pd.DataFrame) -> dict[str, metrics.Sample]:
        """Return the samples of bias, of the error of the train median, and of intervals of each number."""
        return number_scores.score_samples(self._numbers, facts)

    def labelled_cases(self, facts: pd.DataFrame) -> "dict[str, NDArray[np.bool_]]":
        """Return, for each score, the cases where its number is known."""
        return number_scores.labelled_cases(self._numbers, facts)

    def is_headline(self, score: str) -> bool:
        """Return whether a score is none of the additional correlations."""
        return not score.startswith(("spearman", "concordance"))

    def truth_title(self, truth: Truth) -> str:
        """Return the known numbers with their units."""
        return number_coding.describe(self._numbers, truth)

    def draw_set(self, axes: "Axes", facts: pd.DataFrame) -> None:
        """Draw predicted against true values, with a panel for each number."""
        from unet_mtl.plots.agreement import Agreement, draw_agreements

        parts = [(n, number_scores.pick_facts(facts, s)) for s, n in by_suffix(self._numbers).items()]
        draw_agreements(axes, [Agreement(n.column, n.unit, **part) for n, part in parts])
