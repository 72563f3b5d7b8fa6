"""PCGrad, the projection of conflicting gradients (Yu 2020, arXiv:2001.06782)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from unet_mtl.balancing.base import Balancer, Balancing


class PCGrad(Balancing):
    """Settings of a sum of gradients from which conflicts between tasks are removed.

    If the gradients of two tasks have a negative inner product, each is projected onto the normal plane of the other
    before they are added. This concerns the shared layers, and the gradient on all of them is one vector. A task
    without labels in a batch has a gradient of zero, which conflicts with no other.
    """

    name: Literal["pcgrad"] = "pcgrad"

    needs_tape: ClassVar[bool] = True

    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """Return a balancer that projects onto the other tasks in a new random order at each step."""
        return PCGradBalancer(weights, seed)


class PCGradBalancer(Balancer):
    """Keeps the state of the random generator that draws the order."""

    combines_gradients: ClassVar[bool] = True

    def __init__(self, weights: Sequence[float], seed: int) -> None:
        super().__init__(weights)
        import keras

        self.generator = keras.random.SeedGenerator(seed, name="pcgrad_order")
        self.variables = [self.generator.state]

    def coefficients(self, products: Any) -> Any:
        """Return the result of `project` with a new random order."""
        import keras

        n_tasks = len(self.weights)
        order = keras.ops.argsort(keras.random.uniform((n_tasks, n_tasks), seed=self.generator), axis=1)
        return project(products, order)


def project(products: Any, order: Any) -> Any:
    """Return the coefficients of the tasks' gradients in the sum of their projections.

    Each projected gradient is a linear combination of the original ones. Their inner products are therefore
    sufficient, and each original gradient is needed only once, for the final sum.

    Args:
        products: Inner products (T, T) of the tasks' gradients.
        order: Integers (T, T). Row i is a permutation of all tasks, the order in which gradient i is projected.

    Returns:
        c of shape (T,), so that the sum over j of c[j] * gradient j is the sum of the projected gradients.
    """
    from keras import ops

    n_tasks = products.shape[0]
    own, squares = ops.arange(n_tasks, dtype=order.dtype), ops.diagonal(products)
    # Row i has the coefficients of projected gradient i.
    rows = ops.eye(n_tasks, dtype=products.dtype)
    for place in range(n_tasks):
        other = order[:, place]
        along = ops.sum(rows * ops.take(products, other, axis=0), axis=1)
        conflicts = ops.logical_and(along < 0, ops.not_equal(other, own))
        share = ops.where(conflicts, ops.divide_no_nan(along, ops.take(squares, other)), 0.0)
        rows = rows - share[:, None] * ops.one_hot(other, n_tasks, dtype=products.dtype)
    return ops.sum(rows, axis=0)
