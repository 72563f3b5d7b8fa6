"""A training step that knows each task's gradient by itself: on TensorFlow, one tape that is asked several times."""

from collections.abc import Sequence
from itertools import compress
from typing import Any

from unet_mtl.balancing.base import Balancer
from unet_mtl.balancing.measures import Measures
from unet_mtl.balancing.shared import last_shared_kernel, shared_variables
from unet_mtl.errors import ConfigError


class TaskStep:
    """Does what Keras' `train_step` does, in the same order, and looks at single tasks where somebody asks.

    Args:
        network: Whose shared layers are looked at.
        balancer: What to do with the losses.

    Raises:
        ConfigError: The balancer works on shared layers, and there are none.
    """

    def __init__(self, network: Any, balancer: Balancer) -> None:
        self.balancer = balancer
        self.shared = shared_variables(network)
        self.kernel = last_shared_kernel(network)
        if self.kernel is None and (balancer.reads_norms or balancer.mends_gradients):
            raise ConfigError(
                "training.balancing: gradients are balanced on layers that several tasks share, and in this network "
                "no two tasks share one; set fixed, uncertainty or dwa"
            )

    def __call__(self, trainer: Any, data: Any, measures: Measures | None) -> dict[str, Any]:
        """One step, and the logs after it.

        Args:
            trainer: Whose step it is.
            data: Inputs, targets and label weights of a batch.
            measures: What to write down; None: nothing.
        """
        import keras
        import tensorflow as tf

        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        scale_loss = trainer.optimizer.scale_loss
        with tf.GradientTape(persistent=True) as tape:
            outputs = trainer(x, training=True)
            losses = trainer.mean_losses(y, outputs, weights)
            total = self.balancer.total(losses)
            scaled = scale_loss(total)
            parts = [scale_loss(value) for value in losses.values]
        next(metric for metric in trainer.metrics if metric.name == "loss").update_state(
            total, sample_weight=tf.shape(next(iter(x.values())))[0]
        )
        variables, scale = trainer.trainable_variables, scale_loss(tf.constant(1.0))
        if self.balancer.mends_gradients:
            gradients = self._mended(tape, parts, variables)
        else:
            gradients = tape.gradient(scaled, variables)
        if self.balancer.reads_norms:
            by_task = [_or_zeros(tape.gradient(part, [self.kernel]), [self.kernel]) for part in parts]
            norms = tf.stack([tf.norm(gradient) for (gradient,) in by_task]) / scale
            self.balancer.see_norms(losses, norms)
        if measures is not None:
            by_task = [_or_zeros(tape.gradient(part, self.shared), self.shared) for part in parts]
            measures.update(_inner_products(by_task) / tf.square(scale), losses)
        trainer.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        logs: dict[str, Any] = trainer.compute_metrics(x, y, outputs, sample_weight=weights)
        return logs

    def _mended(self, tape: Any, parts: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
        import tensorflow as tf

        factors = [tf.convert_to_tensor(factor, tf.float32) for factor in self.balancer.factors()]
        by_task = [
            [None if g is None else factor * g for g in tape.gradient(part, variables)]
            for factor, part in zip(factors, parts, strict=True)
        ]
        ids = {id(variable) for variable in self.shared}
        is_shared = [id(variable) in ids for variable in variables]
        on_shared = [
            _or_zeros(list(compress(row, is_shared)), list(compress(variables, is_shared))) for row in by_task
        ]
        coefficients = self.balancer.coefficients(_inner_products(on_shared))
        mended = []
        for shared, column in zip(is_shared, zip(*by_task, strict=True), strict=True):
            known = [(coefficients[i] if shared else 1.0) * g for i, g in enumerate(column) if g is not None]
            mended.append(tf.add_n(known) if known else None)
        return mended


def _or_zeros(gradients: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
    import tensorflow as tf

    return [
        tf.zeros(v.shape) if g is None else tf.convert_to_tensor(g)
        for g, v in zip(gradients, variables, strict=True)
    ]


def _inner_products(by_task: Sequence[Sequence[Any]]) -> Any:
    """(T, T) in float32, not by a matrix product, which a GPU would round to 10 bits."""
    import tensorflow as tf

    flat = [tf.concat([tf.reshape(gradient, [-1]) for gradient in row], 0) for row in by_task]
    n_tasks = len(flat)
    upper = {(i, j): tf.reduce_sum(flat[i] * flat[j]) for i in range(n_tasks) for j in range(i, n_tasks)}
    rows = [[upper[min(i, j), max(i, j)] for j in range(n_tasks)] for i in range(n_tasks)]
    return tf.stack([tf.stack(row) for row in rows])
