"""Weights by which all tasks pull alike at the last shared layer (Chen 2018, arXiv:1711.02257)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from unet_mtl.balancing.base import Balancer, Balancing, Losses

SMALLEST = 1e-3
"""No weight falls below this: at 0 or less a task would never come back, or be unlearned."""


class GradNorm(Balancing):
    """Moves each weight v towards `v * norm = mean(v * norm) * r ** alpha`, after each step.

    r is the task's loss relative to its first one, over the mean of this over tasks: one that lags behind gets more.
    The weights keep their sum, T. A task without labels in a batch, or without any gradient there, is in no mean, and
    its weight stays. `task.weight` is a factor of the loss beside v, and not balanced away.

    Attributes:
        alpha: How much more a task gets that lags behind; 0: all norms alike.
        learning_rate: Of Adam on the weights.
        initial_steps: The first loss of a task is the mean of so many labelled steps, and its weight waits for them.
            The paper takes one step, where a batch of few cases may happen to cost next to nothing.
    """

    name: Literal["gradnorm"] = "gradnorm"
    alpha: float = Field(default=1.5, ge=0)
    learning_rate: float = Field(default=0.025, gt=0)
    initial_steps: int = Field(default=10, ge=1)

    needs_tape: ClassVar[bool] = True

    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """Starts with weights of 1."""
        return GradNormBalancer(weights, self)


class GradNormBalancer(Balancer):
    """Keeps weights, first losses and Adam's moments, of which a task's stand still where it has no label."""

    reads_norms: ClassVar[bool] = True

    def __init__(self, weights: Sequence[float], settings: GradNorm) -> None:
        super().__init__(weights)
        import keras

        self.settings = settings

        def state(value: float, name: str) -> Any:
            start = np.full(len(weights), value, np.float32)
            return keras.Variable(start, dtype="float32", trainable=False, name=name)

        self.learned = state(1, "gradnorm_weights")
        self.initial = state(0, "initial_losses")
        self.seen = state(0, "initial_steps")
        self.steps = state(0, "adam_steps")
        self.first = state(0, "adam_first_moments")
        self.second = state(0, "adam_second_moments")
        self.variables = [self.learned, self.initial, self.seen, self.steps, self.first, self.second]

    def factors(self) -> Sequence[Any]:
        """`task.weight * v`."""
        return [weight * self.learned[i] for i, weight in enumerate(self.weights)]

    def see_norms(self, losses: Losses, norms: Any) -> None:
        """One step of Adam on `sum |v * norm - target|`, the target held constant."""
        from keras import ops

        values = ops.stack(losses.values)
        # Float16 overflows now and then, and the optimizer drops the step; so does this.
        usable = ops.logical_and(ops.isfinite(norms), ops.isfinite(values))
        present = ops.logical_and(ops.logical_and(ops.stack(losses.labelled), usable), norms > 0)
        ready = self._see_initial(values, present)
        # Alone there is nobody to be weighed against.
        ready = ops.logical_and(ready, ops.sum(ops.cast(ready, "float32")) > 1)

        def mean(x: Any) -> Any:
            kept = ops.where(ready, x, 0.0)
            return ops.divide_no_nan(ops.sum(kept), ops.sum(ops.cast(ready, "float32")))

        rates = ops.where(ready, ops.divide_no_nan(values, self.initial / self.settings.initial_steps), 0.0)
        relative = ops.divide_no_nan(rates, mean(rates))
        pulls = self.learned * norms
        target = mean(pulls) * ops.power(relative, self.settings.alpha)
        moved = self._adam(ops.where(ready, norms * ops.sign(pulls - target), 0.0), ready)
        moved = ops.maximum(moved, SMALLEST)
        # Those that take no part keep their weights, and so the others keep their sum.
        moved = moved * ops.divide_no_nan(mean(self.learned), mean(moved))
        self.learned.assign(ops.where(ready, moved, self.learned))

    def _see_initial(self, values: Any, present: Any) -> Any:
        from keras import ops

        early = ops.logical_and(present, self.seen < self.settings.initial_steps)
        self.initial.assign_add(ops.where(early, values, 0.0))
        self.seen.assign_add(ops.cast(early, "float32"))
        return ops.logical_and(present, self.seen >= self.settings.initial_steps)

    def _adam(self, gradient: Any, taking_part: Any) -> Any:
        # Keras' own would let the momentum of a task without labels run on.
        from keras import ops

        def update(variable: Any, value: Any) -> Any:
            variable.assign(ops.where(taking_part, value, variable))
            return variable

        steps = update(self.steps, self.steps + 1)
        first = update(self.first, 0.9 * self.first + 0.1 * gradient)
        second = update(self.second, 0.999 * self.second + 0.001 * ops.square(gradient))
        first = ops.divide_no_nan(1.0 * first, 1 - ops.power(0.9, steps))
        second = ops.divide_no_nan(1.0 * second, 1 - ops.power(0.999, steps))
        return self.learned - self.settings.learning_rate * first / (ops.sqrt(second) + 1e-7)
