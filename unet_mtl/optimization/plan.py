"""The number of steps of a training, which a limit of time may change while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Entry = tuple[int, int]
"""A step, and the number of steps that the training has in all from there on."""


class Segment(NamedTuple):
    """A part of a training within which progress is linear in steps.

    Attributes:
        start: The number of steps before it.
        progress: The progress at its start, in 0..1.
        total: The number of steps at which the progress would be 1.
    """

    start: int
    progress: float
    total: int

    def at(self, step: int) -> float:
        """Return the progress after `step` steps."""
        if step >= self.total:
            return 1.0
        return self.progress + (1 - self.progress) * (step - self.start) / (self.total - self.start)


@dataclass
class Plan:
    """The planned numbers of steps.

    The learning rate does not jump where the number changes: from there on, the rest of its schedule takes the rest of
    the steps. Before the first entry nothing is known, and the progress is 0.

    Attributes:
        entries: Steps in ascending order, each with the number of steps in all that is planned from there on.
    """

    entries: list[Entry] = field(default_factory=list)

    @property
    def is_fixed(self) -> bool:
        """Whether the number of steps is known from the start and never changes."""
        return len(self.entries) == 1 and self.entries[0][0] == 0

    def segment(self, step: int) -> Segment | None:
        """Return the segment that holds after `step` steps; None: nothing is planned yet."""
        segment: Segment | None = None
        for start, total in self.entries:
            if start > step:
                break
            progress = 0.0 if segment is None else segment.at(start)
            segment = Segment(start, progress, total)
        return segment

    def total(self, step: int) -> int | None:
        """Return the number of steps in all that is planned after `step` steps; None: not known yet."""
        segment = self.segment(step)
        return None if segment is None else segment.total


def require_plan(entries: Sequence[Entry]) -> None:
    """Check that entries can be followed.

    Raises:
        ValueError: A step is not after the one before it, or a number of steps has been exceeded by then.
    """
    if not entries:
        raise ValueError("expected a number of steps, or a list of [step, steps in all]")
    last = -1
    for start, total in entries:
        if not last < start <= total or total < 1:
            raise ValueError(
                "expected a list of [step, steps in all] with ascending steps, none of them above the steps in all; "
                f"received [{start}, {total}]" + (f" after step {last}" if last >= 0 else "")
            )
        last = start
