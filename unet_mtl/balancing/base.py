"""The contract of a balancer: settings, free of Keras, and what they build for one training."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from unet_mtl.errors import ConfigError
from unet_mtl.settings import Settings

MEASURED_EVERY = 20


class Losses(NamedTuple):
    """Of one batch, a scalar for each task.

    Attributes:
        values: Mean loss over the labelled cases; 0 where there is none.
        labelled: Whether there is one.
    """

    values: Sequence[Any]
    labelled: Sequence[Any]


class Balancer:
    """State and formulas in one training. As it stands, the weights that the user set, and no state.

    Args:
        weights: `task.weight` by task. Every balancer has them as factors on top of what it finds itself.
    """

    reads_norms: ClassVar[bool] = False
    """Whether `see_norms` wants the norm of each task's gradient at the last shared layer."""

    mends_gradients: ClassVar[bool] = False
    """Whether `coefficients` says how the tasks' gradients on the shared layers are added."""

    def __init__(self, weights: Sequence[float]) -> None:
        self.weights = tuple(weights)
        self.variables: list[Any] = []
        """State, which checkpoints hold; the trainable ones learn with the network."""

    def factors(self) -> Sequence[Any]:
        """What each task's loss is multiplied by at present."""
        return self.weights

    def total(self, losses: Losses) -> Any:
        """The number that is minimised."""
        total: Any = 0.0
        for factor, value in zip(self.factors(), losses.values, strict=True):
            total = total + factor * value
        return total

    def see_norms(self, losses: Losses, norms: Any) -> None:
        """Learns from one step.

        Args:
            losses: Of the batch.
            norms: (T,) of the gradient of each task's loss, without its factor, on the last shared kernel.
        """

    def coefficients(self, products: Any) -> Any:
        """(T,) factors by which the gradients are added on shared variables, on top of `factors`.

        Args:
            products: (T, T) inner products of the tasks' gradients, `factors` included.
        """
        return np.ones(len(self.weights), np.float32)

    def end_epoch(self, means: NDArray[np.float64]) -> None:
        """Learns from one epoch.

        Args:
            means: (T,) mean loss of each task over the labelled train cases; NaN where none was.
        """


class Balancing(Settings, ABC):
    """What may be set of a balancer.

    Attributes:
        name: Which one.
        measure_every: Steps from one measurement of the tasks' gradients on the shared layers to the next: their
            norms and the cosines between them. 0: never. None: 20 on TensorFlow, 50 with "fixed", and elsewhere
            never.
    """

    name: str
    measure_every: int | None = Field(default=None, ge=0)

    usually_measured: ClassVar[int] = MEASURED_EVERY

    needs_tape: ClassVar[bool] = False
    """Whether it works on gradients of single tasks, which only TensorFlow's step gives here."""

    @abstractmethod
    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """Makes the balancer of one training; imports Keras.

        Args:
            weights: `task.weight` by task.
            seed: Of what it draws.
        """

    def measured_every(self, backend: str) -> int:
        """Resolves `measure_every`, and checks that the backend can do what was asked of it.

        Args:
            backend: As `keras.backend.backend()` says.

        Raises:
            ConfigError: Gradients of single tasks are needed, on another backend than TensorFlow.
        """
        if backend == "tensorflow":
            return self.usually_measured if self.measure_every is None else self.measure_every
        if self.needs_tape:
            raise ConfigError(
                f"training.balancing: {self.name} needs the gradients of single tasks, which are taken on TensorFlow "
                f"alone, and Keras runs on {backend}; set fixed, uncertainty or dwa, or KERAS_BACKEND=tensorflow"
            )
        if self.measure_every:
            raise ConfigError(
                f"training.balancing: measure_every is {self.measure_every}, and Keras runs on {backend}; gradients "
                "of single tasks are taken on TensorFlow alone: set it to 0, or KERAS_BACKEND=tensorflow"
            )
        return 0
