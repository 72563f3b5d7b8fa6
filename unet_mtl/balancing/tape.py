"""A training step on TensorFlow that computes the gradient of each task by itself, from one persistent tape."""

from collections.abc import Sequence
from itertools import compress
from typing import Any

from unet_mtl.balancing.base import Balancer
from unet_mtl.balancing.measures import Measures
from unet_mtl.balancing.shared import last_shared_kernel, shared_variables
from unet_mtl.errors import ConfigError


class TaskStep:
    """The operations of Keras' `train_step` in the same order, with gradients of single tasks where needed.

    Args:
        network: The network that the tasks share.
        balancer: The balancer of the losses.

    Raises:
        ConfigError: The balancer needs shared layers, and the network has none.
    """

    def __init__(self, network: Any, balancer: Balancer) -> None:
        self.balancer = balancer
        self.shared = shared_variables(network)
        self.kernel = last_shared_kernel(network)
        if self.kernel is None and (balancer.needs_norms or balancer.combines_gradients):
            raise ConfigError(
                "training.balancing: gradients are balanced on layers that several tasks share, and in this network "
                "no two tasks share one; set fixed, uncertainty or dwa"
            )

    def __call__(self, trainer: Any, data: Any, measures: Measures | None) -> dict[str, Any]:
        """Take one step and return the logs.

        Args:
            trainer: The trainer, which has the network, the optimizer and the losses of the tasks.
            data: Inputs, targets and label weights of a batch.
            measures: Measurements to be updated; None: none is made.
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
            scaled_losses = [scale_loss(value) for value in losses.values]
        next(metric for metric in trainer.metrics if metric.name == "loss").update_state(
            total, sample_weight=tf.shape(next(iter(x.values())))[0]
        )
        variables, scale = trainer.trainable_variables, scale_loss(tf.constant(1.0))
        if self.balancer.combines_gradients:
            gradients = self._combine(tape, scaled_losses, variables)
        else:
            gradients = tape.gradient(scaled, variables)
        if self.balancer.needs_norms:
            by_task = [_or_zeros(tape.gradient(loss, [self.kernel]), [self.kernel]) for loss in scaled_losses]
            norms = tf.stack([tf.norm(gradient) for (gradient,) in by_task]) / scale
            # Balanced norms would otherwise undo the setting `shared_gradient` of a task.
            norms = trainer.shared_gradients.without_factors(norms, trainer.tasks, self.kernel)
            self.balancer.update_norms(losses, norms)
        if measures is not None:
            by_task = [_or_zeros(tape.gradient(loss, self.shared), self.shared) for loss in scaled_losses]
            measures.update(_inner_products(by_task) / tf.square(scale), losses)
        trainer.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        logs: dict[str, Any] = trainer.compute_metrics(x, y, outputs, sample_weight=weights)
        return logs

    def _combine(self, tape: Any, scaled_losses: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
        """Return the gradients of all variables; on shared ones, the balancer's coefficients are applied."""
        import tensorflow as tf

        factors = [tf.convert_to_tensor(factor, tf.float32) for factor in self.balancer.factors()]
        by_task = [
            [None if g is None else factor * g for g in tape.gradient(loss, variables)]
            for factor, loss in zip(factors, scaled_losses, strict=True)
        ]
        ids = {id(variable) for variable in self.shared}
        is_shared = [id(variable) in ids for variable in variables]
        on_shared = [
            _or_zeros(list(compress(row, is_shared)), list(compress(variables, is_shared))) for row in by_task
        ]
        coefficients = self.balancer.coefficients(_inner_products(on_shared))
        combined = []
        for shared, column in zip(is_shared, zip(*by_task, strict=True), strict=True):
            terms = [(coefficients[i] if shared else 1.0) * g for i, g in enumerate(column) if g is not None]
            combined.append(tf.add_n(terms) if terms else None)
        return combined


def _or_zeros(gradients: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
    """Return the gradients, with zeros in place of None for variables that a loss does not depend on."""
    import tensorflow as tf

    return [
        tf.zeros(v.shape) if g is None else tf.convert_to_tensor(g)
        for g, v in zip(gradients, variables, strict=True)
    ]


def _inner_products(by_task: Sequence[Sequence[Any]]) -> Any:
    """Return inner products (T, T) in float32, without a matrix product, which GPUs may round to 10 bits."""
    import tensorflow as tf

    flat = [tf.concat([tf.reshape(gradient, [-1]) for gradient in row], 0) for row in by_task]
    n_tasks = len(flat)
    upper = {(i, j): tf.reduce_sum(flat[i] * flat[j]) for i in range(n_tasks) for j in range(i, n_tasks)}
    rows = [[upper[min(i, j), max(i, j)] for j in range(n_tasks)] for i in range(n_tasks)]
    return tf.stack([tf.stack(row) for row in rows])
