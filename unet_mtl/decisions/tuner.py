"""The contract of tuners: each sees the validation cases of one task and returns settings for it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.view import View
from unet_mtl.decisions.aims import Aims
from unet_mtl.decisions.stored import TaskDecision
from unet_mtl.tasks import Prediction, Task
from unet_mtl.wording import count_of

FEW = 10
"""The number of positive or negative cases below which a threshold depends on single cases."""

AnyTask = TypeVar("AnyTask", bound=Task[Any, Any])


class Sample(NamedTuple):
    """One validation case with a label of the task.

    Attributes:
        truth: The label, as `Task.read` returns it.
        raw: The output of the network for the task.
        answer: The prediction with the decisions of earlier passes.
        patient: The patient.
        spacing_mm: Distances of pixel centres (between rows, between columns); None: unknown.
        view: The scale at which the network sees the case; None for a run that reads no image.
    """

    truth: Any
    raw: NDArray[np.float32]
    answer: Prediction
    patient: str
    spacing_mm: tuple[float, float] | None = None
    view: View | None = None


class Tuner(ABC, Generic[AnyTask]):
    """Chooses settings of one task. It sees all cases once in each pass.

    Args:
        task: The task, with the settings that it was trained with.
        aims: The aims of all tasks.
        clean_up: Whether a clean-up of masks is chosen.

    Attributes:
        task: The task with the settings that were chosen so far.
        settings: These settings.
        patients: The patient of each case.
        notes: Sentences about what was not chosen, and about few cases.
        choices: Rows about thresholds and clean-up: task, part, aim, what was chosen, the score without and with it,
            and the number of cases and of positive ones.
        calibration: Rows about probabilities before and after, from `compare_sums`.
    """

    def __init__(self, task: AnyTask, aims: Aims, *, clean_up: bool = False) -> None:
        self.task = task
        self.aims = aims
        self.settings: dict[str, Any] = {}
        self.patients: list[str] = []
        self.notes: list[str] = []
        self.choices: list[dict[str, Any]] = []
        self.calibration: list[dict[str, Any]] = []

    @staticmethod
    def parts_of(task: Any) -> Sequence[str]:
        """Return the names of the parts of a task that may have aims of their own; empty for a single threshold."""
        return ()

    @abstractmethod
    def see(self, sample: Sample) -> None:
        """Take up one case of the current pass."""

    @abstractmethod
    def end_pass(self) -> bool:
        """Choose settings from the cases of a pass, and return whether another pass over all cases is needed."""

    def note(self, text: str) -> None:
        """Add a sentence about the task."""
        self.notes.append(f"{self.task.name}: {text}")

    def change(self, **settings: Any) -> None:
        """Set settings of the task."""
        self.settings |= settings
        self.task = type(self.task).model_validate(self.task.to_config() | settings)

    def set_temperature(self, temperature: float, n: int) -> None:
        """Set the temperature, unless none could be fitted.

        Args:
            temperature: The result of `metrics.fit_temperature`.
            n: The number of cases that it was fitted on.
        """
        if np.isnan(temperature):
            return
        if temperature >= 1000:
            self.note(
                "no temperature, since the probabilities favour wrong answers on average; train longer or check labels"
            )
            return
        if n < FEW:
            self.note(f"the temperature was fitted on {count_of(n, 'case')} only")
        if temperature != getattr(self.task, "temperature", 1.0):
            self.change(temperature=temperature)

    def check_numbers(self, n_positive: int, n_negative: int, part: str) -> bool:
        """Return whether both outcomes occur, and note it if they do not or if one of them is rare."""
        what = f"of {part!r} " if part else ""
        if not n_positive or not n_negative:
            lacking = "positive" if not n_positive else "negative"
            self.note(f"no threshold {what}was chosen, since validation has no {lacking} case")
            return False
        if min(n_positive, n_negative) < FEW:
            kind, n = ("positive", n_positive) if n_positive <= n_negative else ("negative", n_negative)
            self.note(
                f"the threshold {what}depends on {count_of(n, f'{kind} case')} of validation; fewer than {FEW} make it "
                "unreliable"
            )
        return True

    def decision(self, details: Mapping[str, str], n: int) -> TaskDecision | None:
        """Return what is stored, with its line for tables; None if nothing was chosen.

        Args:
            details: What was chosen by setting, in words.
            n: The number of validation cases with a label.
        """
        chosen = [text for name, text in details.items() if name in self.settings]
        if not chosen:
            return None
        text = f"{', '.join(chosen)}; chosen on {count_of(n, 'validation case')}"
        return TaskDecision(task=self.task.name, settings=self.settings, text=text)

    @abstractmethod
    def finish(self) -> TaskDecision | None:
        """Return what is stored; None if nothing was chosen."""
