"""The contract of a balancer: settings, which do not import Keras, and the object they build for one training."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from unet_mtl.errors import ConfigError
from unet_mtl.settings import Settings

MEASURE_EVERY = 20
"""Default number of steps between two measurements of the tasks' gradients."""


class Losses(NamedTuple):
    """The losses of one batch, with a scalar for each of T tasks.

    Attributes:
        values: The mean loss over the labelled cases; 0 where there is none.
        labelled: Whether the batch has a labelled case.
    """

    values: Sequence[Any]
    labelled: Sequence[Any]


class Balancer:
    """State and formulas of a balancer in one training. This base class keeps the weights fixed and has no state.

    Args:
        weights: The setting `weight` of each task. Every balancer applies it in addition to its own weights. A weight
            that changes during the training is a Keras variable.
    """

    needs_norms: ClassVar[bool] = False
    """Whether `update_norms` must be called with the norm of each task's gradient at the last shared layer."""

    combines_gradients: ClassVar[bool] = False
    """Whether the tasks' gradients on shared variables must be combined by `coefficients`."""

    def __init__(self, weights: Sequence[float]) -> None:
        self.weights = tuple(weights)
        self.variables: list[Any] = []
        """State that is saved in checkpoints. Trainable variables are trained together with the network."""

    def factors(self) -> Sequence[Any]:
        """Return the present factor of each task's loss."""
        return self.weights

    def total(self, losses: Losses) -> Any:
        """Return the scalar that is minimised."""
        total: Any = 0.0
        for factor, value in zip(self.factors(), losses.values, strict=True):
            total = total + factor * value
        return total

    def update_norms(self, losses: Losses, norms: Any) -> None:
        """Update the state after one step.

        Args:
            losses: The losses of the batch.
            norms: The norm of the gradient of each task's loss, without its factor, on the last shared kernel; (T,).
        """

    def coefficients(self, products: Any) -> Any:
        """Return the factors (T,) by which gradients are added on shared variables, in addition to `factors`.

        Args:
            products: Inner products (T, T) of the tasks' gradients, multiplied by `factors`.
        """
        return np.ones(len(self.weights), np.float32)

    def end_epoch(self, means: NDArray[np.float64]) -> None:
        """Update the state after one epoch.

        Args:
            means: The mean loss of each task over the labelled train cases, (T,); NaN for a task without any.
        """


class Balancing(Settings, ABC):
    """Settings of a balancer.

    Attributes:
        name: The name of the balancer.
        measure_every: The number of steps between two measurements of the tasks' gradients on the shared layers
            (their norms and the cosines between them); 0: never. None: 20 on TensorFlow, or 50 with "fixed", and
            never on other backends.
    """

    name: str
    measure_every: int | None = Field(default=None, ge=0)

    default_measure_every: ClassVar[int] = MEASURE_EVERY

    needs_tape: ClassVar[bool] = False
    """Whether the balancer needs gradients of single tasks, which are only available on TensorFlow."""

    @abstractmethod
    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """Return the balancer of one training. This imports Keras.

        Args:
            weights: The setting `weight` of each task.
            seed: Seed of the balancer's random numbers, if it draws any.
        """

    def resolve_measure_every(self, backend: str) -> int:
        """Return the number of steps between two measurements on a backend, 0 for never.

        Args:
            backend: The name of the backend, in the form of `keras.backend.backend()`.

        Raises:
            ConfigError: The settings need gradients of single tasks, and the backend is not TensorFlow.
        """
        if backend == "tensorflow":
            return self.default_measure_every if self.measure_every is None else self.measure_every
        if self.needs_tape:
            raise ConfigError(
                f"training.balancing: {self.name} needs the gradients of single tasks, which are only available on "
                f"TensorFlow, and Keras runs on {backend}; set fixed, uncertainty or dwa, or KERAS_BACKEND=tensorflow"
            )
        if self.measure_every:
            raise ConfigError(
                f"training.balancing: measure_every is {self.measure_every}, and Keras runs on {backend}; gradients "
                "of single tasks are only available on TensorFlow: set it to 0, or KERAS_BACKEND=tensorflow"
            )
        return 0
