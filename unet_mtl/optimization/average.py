"""Moving averages of all weights of a network, in which the noise of single steps cancels."""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras
from keras import ops

LONGEST_RAMP = 2000
"""The largest number of steps of the ramp."""

REACH = 10
"""The share of a training, as its reciprocal, that an average at its end reaches back at most."""


def ramp_steps(total: int | None) -> float:
    """Return T of the ramp `decay * (1 - exp(-t / T))` for a training of this many steps; None: not known yet.

    An average of the decay d reaches back 1 / (1 - d) steps. T is the number for which this is a tenth of the training
    at its end, or 2000 if that is less. A constant decay of 0.999 would reach back 1000 steps, so that an average over
    a training of 500 steps would mostly be its start.
    """
    if total is None:
        return float(LONGEST_RAMP)
    return min(total / math.log(max(total / REACH, math.e)), float(LONGEST_RAMP))


class Average:
    """Exponential moving averages of weights and of the statistics of batch normalization.

    Keras' `use_ema` averages trainable variables only. The statistics that belong to the last weights do not fit the
    averaged ones.

    Args:
        network: The network.
        decay: The decay after the ramp, in 0..1.
        total: The number of steps of the training; None: not known yet.
    """

    def __init__(self, network: keras.Model, decay: float, total: int | None) -> None:
        self.decay = decay
        self.weights = [weight for weight in network.weights if "float" in weight.dtype]

        def state(value: Any, name: str) -> Any:
            return keras.Variable(value, trainable=False, dtype="float32", name=name)

        self.values = [state(ops.convert_to_numpy(w), f"average_{i}") for i, w in enumerate(self.weights)]
        self.steps = state(0.0, "average_steps")
        self.ramp = state(ramp_steps(total), "average_ramp")

    @property
    def variables(self) -> list[Any]:
        """The state that is saved in checkpoints."""
        return [*self.values, self.steps, self.ramp]

    def follow(self, total: int | None) -> None:
        """Adapt the ramp to a training that has another number of steps than planned so far."""
        self.ramp.assign(ramp_steps(total))

    def update(self) -> None:
        """Take the weights after a step into the averages."""
        self.steps.assign(self.steps + 1.0)
        decay = self.decay * (1.0 - ops.exp(-self.steps / self.ramp))
        for value, weight in zip(self.values, self.weights, strict=True):
            weight = ops.stop_gradient(ops.cast(weight, "float32"))
            value.assign(value + (1.0 - decay) * (weight - value))

    def update_state(self, variables: list[Any], state: list[Any]) -> list[Any]:
        """Return the state of a JAX trainer after `update`, in which nothing may be assigned.

        Args:
            variables: The variables of the trainer.
            state: Their values.
        """
        with keras.StatelessScope(state_mapping=list(zip(variables, state, strict=True))) as scope:
            self.update()
        found = (scope.get_current_value(variable) for variable in variables)
        return [old if new is None else new for old, new in zip(state, found, strict=True)]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the network the averages for a while."""
        raw = [ops.copy(ops.convert_to_tensor(weight)) for weight in self.weights]
        try:
            for weight, value in zip(self.weights, self.values, strict=True):
                # JAX gives the buffers of weights away, which must not be those of the averages.
                weight.assign(ops.copy(ops.cast(value, weight.dtype)))
            yield
        finally:
            for weight, value in zip(self.weights, raw, strict=True):
                weight.assign(value)


def applied_average(average: Average | None) -> AbstractContextManager[None]:
    """Give a network the averages of its weights for a while, if there are any."""
    return nullcontext() if average is None else average.applied()
