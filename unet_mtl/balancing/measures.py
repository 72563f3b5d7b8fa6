"""Measurements of the tasks' gradients on the shared layers: their norms and the cosines between them."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from unet_mtl.balancing.base import Losses


class Measures:
    """Sums over the measured steps of an epoch.

    Args:
        names: Names of the T tasks.
        every: The number of steps between two measurements.
    """

    def __init__(self, names: Sequence[str], every: int) -> None:
        import keras

        self.names = tuple(names)
        self.every = every

        def zeros(*shape: int) -> Any:
            return keras.Variable(np.zeros(shape, np.float32), dtype="float32", trainable=False)

        n_tasks = len(self.names)
        self.norms, self.norm_counts = zeros(n_tasks), zeros(n_tasks)
        self.cosines, self.cosine_counts = zeros(n_tasks, n_tasks), zeros(n_tasks, n_tasks)

    def reset(self) -> None:
        """Set all sums to 0, for a new epoch."""
        for variable in (self.norms, self.norm_counts, self.cosines, self.cosine_counts):
            variable.assign(np.zeros(variable.shape, np.float32))

    def update(self, products: Any, losses: Losses) -> None:
        """Add one step. Values that are not finite are skipped.

        Args:
            products: Inner products (T, T) of the gradients of the tasks' losses, without factors.
            losses: The losses of the batch.
        """
        from keras import ops

        squares = ops.diagonal(products)
        labelled = ops.logical_and(ops.stack(losses.labelled), ops.isfinite(squares))
        norms = ops.sqrt(ops.where(labelled, squares, 0.0))
        self.norms.assign_add(norms)
        self.norm_counts.assign_add(ops.cast(labelled, "float32"))
        scale = norms[:, None] * norms[None, :]
        both = ops.logical_and(scale > 0, ops.isfinite(products))
        self.cosines.assign_add(ops.divide_no_nan(ops.where(both, products, 0.0), scale))
        self.cosine_counts.assign_add(ops.cast(both, "float32"))

    def results(self) -> dict[str, float]:
        """Return the means of the epoch, `<task>_gradient` and `cosine_<a>_<b>`.

        A mean is NaN if no measured step had the labels of the task, or of both tasks.
        """
        from keras import ops

        sums = (self.norms, self.norm_counts, self.cosines, self.cosine_counts)
        norms, norm_counts, cosines, cosine_counts = (np.array(ops.convert_to_numpy(x), float) for x in sums)
        norms[norm_counts == 0] = cosines[cosine_counts == 0] = np.nan
        norms, cosines = norms / np.maximum(norm_counts, 1), cosines / np.maximum(cosine_counts, 1)
        results = {f"{name}_gradient": float(norm) for name, norm in zip(self.names, norms, strict=True)}
        for (i, a), (j, b) in combinations(enumerate(self.names), 2):
            results[f"cosine_{a}_{b}"] = float(cosines[i, j])
        return results
