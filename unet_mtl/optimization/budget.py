"""A limit of time, turned into a number of steps that is forecast anew while the training runs."""

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from statistics import median

FIRST_FORECAST = 10
"""Steps before the first forecast. The first two, in which the network is compiled, are not part of it."""

_COMPILING = 2
_WINDOW = 50
"""The number of latest steps whose median duration is forecast for the next ones."""

_SHARE = 0.05
"""The share of the budget after which the number of steps is forecast again."""

_TOLERANCE = 0.01
"""Changes of the forecast below this share of the steps that are left are ignored."""

_PAUSE = 0.4
"""The duration of a step of validation in steps of training, until the first validation has been measured."""


class Budget:
    """Counts the time of a training, and says after how many steps it has to end.

    An epoch ends with a pause for validation and saving, and so does a training whose last epoch is incomplete. What
    the next steps and pauses will take is forecast from the latest ones.

    Args:
        seconds: The duration of the whole training.
        steps_per_epoch: Batches of the train split.
        validation_steps: Batches of the validation split.
        limit: The largest number of steps; None: no limit.
        used: Seconds used before, by the part of a resumed training that is not repeated.
        clock: A function that returns seconds.
    """

    def __init__(
        self,
        seconds: float,
        *,
        steps_per_epoch: int,
        validation_steps: int,
        limit: int | None = None,
        used: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self.steps_per_epoch = steps_per_epoch
        self.validation_steps = validation_steps
        self.limit = limit
        self._clock = clock
        self._origin = clock() - used
        self._seen = 0  # steps since the start or the resumption
        self._durations: deque[float] = deque(maxlen=_WINDOW)
        self._last = used
        self._next: float | None = None
        self._pause: float | None = None
        self._pauses = 0

    @property
    def used(self) -> float:
        """The seconds used so far, including those before a training was resumed."""
        return self._clock() - self._origin

    def end_pause(self) -> None:
        """Measure the pause between two epochs."""
        now = self.used
        pause, self._last = now - self._last, now
        self._pauses += 1
        # The first includes the compilation of the validation.
        self._pause = pause if self._pause is None or self._pauses == 2 else (self._pause + pause) / 2

    def end_step(self, step: int, total: int | None) -> int | None:
        """Return the number of steps in all that now fits into the budget; None: it is as planned.

        Args:
            step: The number of steps so far.
            total: The planned number of steps in all; None: not planned yet.
        """
        now = self.used
        self._seen += 1
        if self._seen > _COMPILING:
            self._durations.append(now - self._last)
        self._last = now
        # A single step may take many times as long, such as one in which another function is compiled.
        duration = median(self._durations) if self._durations else 0.0
        pause = duration * _PAUSE * self.validation_steps if self._pause is None else self._pause
        if now + duration + pause > self.seconds:
            return None if step == total else step
        if self._seen < FIRST_FORECAST if self._next is None else now < self._next:
            return None
        found = self._forecast(step, max(duration, 1e-9), pause, self.seconds - now)
        self._next = now + _SHARE * self.seconds
        is_near = total is not None and abs(found - total) <= _TOLERANCE * (total - step)
        return None if is_near else found

    def _forecast(self, step: int, duration: float, pause: float, left: float) -> int:
        """Return the largest number of steps in all whose steps and pauses fit into the time that is left."""
        pauses = (step - 1) // self.steps_per_epoch  # of epochs that ended before this step

        def cost(total: int) -> float:
            return (total - step) * duration + (-(-total // self.steps_per_epoch) - pauses) * pause

        candidates = range(step, step + max(int(left / duration), 0) + 2)
        found = step + max(bisect_right(candidates, left, key=cost) - 1, 0)
        return found if self.limit is None else max(min(found, self.limit), step)
