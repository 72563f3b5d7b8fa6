"""GradNorm, weights that equalise the tasks' gradients at the last shared layer (Chen 2018, arXiv:1711.02257)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from unet_mtl.balancing.base import Balancer, Balancing, Losses

SMALLEST = 1e-3
"""The lower bound of weights. A task with weight 0 would never recover, and a negative weight would unlearn it."""


class GradNorm(Balancing):
    """Settings of weights v that are moved towards `v * norm = mean(v * norm) * r ** alpha` after each step.

    r is the task's loss relative to its first one, divided by the mean of this over tasks, so that tasks that learn
    slowly have larger weights. The sum of the weights stays T. A task without labels in a batch, or with a gradient
    norm of 0, is excluded from all means, and its weight is unchanged. `task.weight` is a further factor of the loss
    that is not balanced.

    Attributes:
        alpha: The strength by which slow tasks are favoured; 0: all gradient norms are equalised.
        learning_rate: The learning rate of Adam for the weights.
        initial_steps: The number of labelled steps that the first loss of a task is the mean of. Its weight is
            constant until then. The paper takes a single step, but the loss of one small batch may be close to 0 by
            chance.
    """

    name: Literal["gradnorm"] = "gradnorm"
    alpha: float = Field(default=1.5, ge=0)
    learning_rate: float = Field(default=0.025, gt=0)
    initial_steps: int = Field(default=10, ge=1)

    needs_tape: ClassVar[bool] = True

    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """Return a balancer with weights of 1."""
        return GradNormBalancer(weights, self)


class GradNormBalancer(Balancer):
    """Keeps weights, first losses and Adam's moments. Those of a task are unchanged in steps without its labels."""

    needs_norms: ClassVar[bool] = True

    def __init__(self, weights: Sequence[float], settings: GradNorm) -> None:
        super().__init__(weights)
        import keras

        self.settings = settings

        def state(value: float, name: str) -> Any:
            start = np.full(len(weights), value, np.float32)
            return keras.Variable(start, dtype="float32", trainable=False, name=name)

        self.learned = state(1, "gradnorm_weights")
        self.initial = state(0, "initial_losses")
        self.initial_steps = state(0, "initial_steps")
        self.steps = state(0, "adam_steps")
        self.first = state(0, "adam_first_moments")
        self.second = state(0, "adam_second_moments")
        self.variables = [
            self.learned,
            self.initial,
            self.initial_steps,
            self.steps,
            self.first,
            self.second,
        ]

    def factors(self) -> Sequence[Any]:
        """Return `task.weight * v`."""
        return [weight * self.learned[i] for i, weight in enumerate(self.weights)]

    def update_norms(self, losses: Losses, norms: Any) -> None:
        """Take one step of Adam on `sum |v * norm - target|`, with a constant target."""
        from keras import ops

        values = ops.stack(losses.values)
        # If float16 overflows, the optimizer skips the step, and so does this.
        usable = ops.logical_and(ops.isfinite(norms), ops.isfinite(values))
        present = ops.logical_and(ops.logical_and(ops.stack(losses.labelled), usable), norms > 0)
        ready = self._update_initial(values, present)
        # A single task cannot be balanced.
        ready = ops.logical_and(ready, ops.sum(ops.cast(ready, "float32")) > 1)

        def mean(x: Any) -> Any:
            kept = ops.where(ready, x, 0.0)
            return ops.divide_no_nan(ops.sum(kept), ops.sum(ops.cast(ready, "float32")))

        rates = ops.where(ready, ops.divide_no_nan(values, self.initial / self.settings.initial_steps), 0.0)
        relative = ops.divide_no_nan(rates, mean(rates))
        weighted_norms = self.learned * norms
        target = mean(weighted_norms) * ops.power(relative, self.settings.alpha)
        moved = self._adam(ops.where(ready, norms * ops.sign(weighted_norms - target), 0.0), ready)
        moved = ops.maximum(moved, SMALLEST)
        # Excluded tasks keep their weights, so the sum of the others must be preserved.
        moved = moved * ops.divide_no_nan(mean(self.learned), mean(moved))
        self.learned.assign(ops.where(ready, moved, self.learned))

    def _update_initial(self, values: Any, present: Any) -> Any:
        """Add to the first losses, and return for each task whether it is present and its first loss complete."""
        from keras import ops

        n_steps = self.settings.initial_steps
        early = ops.logical_and(present, self.initial_steps < n_steps)
        self.initial.assign_add(ops.where(early, values, 0.0))
        self.initial_steps.assign_add(ops.cast(early, "float32"))
        return ops.logical_and(present, self.initial_steps >= n_steps)

    def _adam(self, gradient: Any, ready: Any) -> Any:
        # Keras' own Adam would update the moments of tasks without labels.
        from keras import ops

        def update(variable: Any, value: Any) -> Any:
            variable.assign(ops.where(ready, value, variable))
            return variable

        steps = update(self.steps, self.steps + 1)
        first = update(self.first, 0.9 * self.first + 0.1 * gradient)
        second = update(self.second, 0.999 * self.second + 0.001 * ops.square(gradient))
        first = ops.divide_no_nan(1.0 * first, 1 - ops.power(0.9, steps))
        second = ops.divide_no_nan(1.0 * second, 1 - ops.power(0.999, steps))
        return self.learned - self.settings.learning_rate * first / (ops.sqrt(second) + 1e-7)
