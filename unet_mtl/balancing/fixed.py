"""Fixed weights."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from unet_mtl.balancing.base import Balancer, Balancing


class Fixed(Balancing):
    """Settings of the sum over tasks of `task.weight * loss`, with constant weights."""

    name: Literal["fixed"] = "fixed"

    # Fixed weights need no measurements, so those for the log alone must cost little.
    default_measure_every: ClassVar[int] = 50

    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """Return a balancer without state."""
        return Balancer(weights)
