"""The contract of an engine, the part that computes a network's outputs."""

from collections.abc import Mapping
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from unet_mtl.runs import RunFolder

Outputs = dict[str, NDArray[np.float32]]
"""Outputs of the network by task name, float32, (cases, ...)."""


class Engine(Protocol):
    """Computes the outputs of a trained network, with one library on one device.

    A new engine is one file in `engines/`, and one line in `engines.ENGINES`. It takes and returns NumPy arrays, so
    that `Predictor` does not depend on the library.
    """

    @property
    def name(self) -> str:
        """Key of the engine in `ENGINES`."""

    @property
    def precision(self) -> str:
        """Precision that the engine computes in: "float32", "mixed_bfloat16" or "mixed_float16"."""

    @property
    def sizes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of one case of each input, by input name: (height, width, channels) or (columns,)."""

    @classmethod
    def load(cls, run: RunFolder) -> Self:
        """Load the network of a run.

        Raises:
            RunError: The network cannot be loaded.
        """

    def __call__(self, inputs: Mapping[str, NDArray[np.float32]]) -> Outputs:
        """Compute the outputs for a batch.

        Args:
            inputs: Float32 array (cases, *shape of the input) by input name. The arrays are not changed.

        Returns:
            Outputs by task name, float32: (cases, height, width, K) for masks, (cases, K) for other tasks.
        """
