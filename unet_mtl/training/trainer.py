"""Trains one network on several tasks, each loss and score over its labelled cases alone."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.losses import weighted_mean
from unet_mtl.tasks import Task
from unet_mtl.training.settings import TrainingSettings


class LabelledMean(keras.metrics.Mean):
    """The mean of an epoch over labelled cases; NaN where there was none, and not a flattering 0."""

    def result(self) -> Any:
        """sum(w * v) / sum(w)."""
        empty = ops.equal(self.count, 0)
        return ops.where(empty, float("nan"), ops.divide_no_nan(self.total, self.count))


def as_floats(images: Any) -> Any:
    """uint8 to float32 in 0..1, as `Preprocess.scale` does; here, so that a quarter of the bytes is copied to get here.

    Whoever calls the network itself, and what is exported, goes on with numbers in 0..1.
    """
    if keras.backend.standardize_dtype(images.dtype) != "uint8":
        return images
    return ops.cast(images, "float32") / 255.0


class MultiTaskTrainer(keras.Model):
    """Gives `fit` to a network: the sum of weighted task losses, and curves that are exact.

    Keras' own per-output losses are means of batch means, diluted by unlabelled cases; these are means over
    labelled cases. Only `network` is ever saved.

    Args:
        network: From `build_network`.
        tasks: Those that it was built for.
    """

    def __init__(self, network: keras.Model, tasks: Sequence[Task[Any, Any]]) -> None:
        super().__init__(name="trainer")
        self.network = network
        self.tasks = tuple(tasks)
        self.task_losses = {task.name: task.loss() for task in tasks}
        self.loss_means = {task.name: LabelledMean(name=f"{task.name}_loss") for task in tasks}
        self.scores = {task.name: task.training_metrics() for task in tasks}

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The network's outputs by task name, of images in 0..1 or of uint8 ones."""
        return self.network({name: as_floats(array) for name, array in inputs.items()}, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Sum over tasks of `task.weight * sum(w * loss) / sum(w)`.

        Args:
            x: Not used.
            y: Targets by task name.
            y_pred: Outputs by task name.
            sample_weight: (B,) label weights by task name.
            training: Not used.
        """
        total = 0.0
        for task in self.tasks:
            values = self.task_losses[task.name].call(y[task.name], y_pred[task.name])
            weights = sample_weight[task.name]
            self.loss_means[task.name].update_state(values, weights)
            total = total + task.weight * weighted_mean(values, weights)
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Updates each task's scores with its own output, target and label weights."""
        for name, metrics in self.scores.items():
            for metric in metrics:
                metric.update_state(y[name], y_pred[name], sample_weight=sample_weight[name])
        return self.get_metrics_result()


def make_trainer(
    network: keras.Model, tasks: Sequence[Task[Any, Any]], settings: TrainingSettings, *, steps: int
) -> MultiTaskTrainer:
    """A compiled trainer.

    Args:
        network: From `build_network`.
        tasks: Those that it was built for.
        settings: Learning rate and so on.
        steps: Batches an epoch.
    """
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.epochs * steps)
    optimizer: Any = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if any(layer.compute_dtype == "float16" for layer in network.layers):
        # `compile` would do so by the trainer's own policy, which is not the network's.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    trainer = MultiTaskTrainer(network, tasks)
    # On a CPU a jit-compiled step runs at 0.7 of the speed; "auto" knows that.
    trainer.compile(optimizer=optimizer, jit_compile="auto")
    optimizer.build(network.trainable_variables)
    return trainer
