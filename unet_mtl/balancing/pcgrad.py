"""Gradients of tasks that contradict each other, mended (Yu 2020, arXiv:2001.06782)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from unet_mtl.balancing.base import Balancer, Balancing


class PCGrad(Balancing):
    """Takes out of each task's gradient what goes against another task's, before they are added.

    On the shared layers alone, all of them taken as one vector. A task without labels in a batch has a gradient of
    zero, which goes against none.
    """

    name: Literal["pcgrad"] = "pcgrad"

    needs_tape: ClassVar[bool] = True

    def build(self, weights: Sequence[float], *, seed: int) -> Balancer:
        """The others are gone through in an order drawn anew each step."""
        return PCGradBalancer(weights, seed)


class PCGradBalancer(Balancer):
    """Its state is that of the random order."""

    mends_gradients: ClassVar[bool] = True

    def __init__(self, weights: Sequence[float], seed: int) -> None:
        super().__init__(weights)
        import keras

        self.generator = keras.random.SeedGenerator(seed, name="pcgrad_order")
        self.variables = [self.generator.state]

    def coefficients(self, products: Any) -> Any:
        """As `project`, in a new order."""
        import keras

        n_tasks = len(self.weights)
        order = keras.ops.argsort(keras.random.uniform((n_tasks, n_tasks), seed=self.generator), axis=1)
        return project(products, order)


def project(products: Any, order: Any) -> Any:
    """Sum of the mended gradients as coefficients of the given ones.

    Each mended gradient stays a sum of given ones, so that their inner products are all that it takes, and the
    gradients themselves are gone through once.

    Args:
        products: (T, T) inner products of the tasks' gradients.
        order: (T, T) integers; row i is a permutation of all tasks, in which gradient i is mended.

    Returns:
        (T,) c, so that sum over j of c[j] * gradient j is the sum over i of the mended gradients.
    """
    from keras import ops

    n_tasks = products.shape[0]
    own, squares = ops.arange(n_tasks, dtype=order.dtype), ops.diagonal(products)
    rows = ops.eye(n_tasks, dtype=products.dtype)  # row i: mended gradient i, made of the given ones
    for place in range(n_tasks):
        other = order[:, place]
        along = ops.sum(rows * ops.take(products, other, axis=0), axis=1)
        against = ops.logical_and(along < 0, ops.not_equal(other, own))
        share = ops.where(against, ops.divide_no_nan(along, ops.take(squares, other)), 0.0)
        rows = rows - share[:, None] * ops.one_hot(other, n_tasks, dtype=products.dtype)
    return ops.sum(rows, axis=0)
