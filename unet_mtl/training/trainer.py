"""Trains one network on several tasks, each loss and score over its labelled cases alone."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.balancing import Balancer, Losses
from unet_mtl.balancing.measures import Measures
from unet_mtl.balancing.shared import shared_variables
from unet_mtl.losses.base import weighted_mean
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
        balancer: How their losses become one; None: by the tasks' weights.
        measure_every: Steps from one look at the tasks' gradients to the next; 0: none. TensorFlow only.
    """

    def __init__(
        self,
        network: keras.Model,
        tasks: Sequence[Task[Any, Any]],
        balancer: Balancer | None = None,
        measure_every: int = 0,
    ) -> None:
        super().__init__(name="trainer")
        self.network = network
        self.tasks = tuple(tasks)
        self.task_losses = {task.name: task.loss() for task in tasks}
        self.loss_means = {task.name: LabelledMean(name=f"{task.name}_loss") for task in tasks}
        self.scores = {task.name: task.training_metrics() for task in tasks}
        self.balancer = balancer or Balancer([task.weight for task in tasks])
        self.balancer_variables = self.balancer.variables  # Keras follows lists, not our objects
        self.measures: Measures | None = None
        self.measuring = False
        self.train_function: Any = None
        if measure_every and shared_variables(network):
            self.measures = Measures([task.name for task in tasks], measure_every)
        self.task_step: Any = None
        if self.measures or self._balances_gradients:
            from unet_mtl.balancing.tape import TaskStep

            self.task_step = TaskStep(network, self.balancer)

    @property
    def _balances_gradients(self) -> bool:
        return self.balancer.needs_norms or self.balancer.combines_gradients

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
        """The balancer's total of `sum(w * loss) / sum(w)` by task; in validation with what it learned so far.

        Args:
            x: Not used.
            y: Targets by task name.
            y_pred: Outputs by task name.
            sample_weight: (B,) label weights by task name.
            training: Not used.
        """
        return self.balancer.total(self.mean_losses(y, y_pred, sample_weight))

    def mean_losses(self, y: Any, y_pred: Any, sample_weight: Any) -> Losses:
        """The mean loss of each task over the labelled cases of a batch; counted in the means of the epoch."""
        means, labelled = [], []
        for task in self.tasks:
            values = self.task_losses[task.name].call(y[task.name], y_pred[task.name])
            weights = sample_weight[task.name]
            self.loss_means[task.name].update_state(values, weights)
            means.append(weighted_mean(values, weights))
            labelled.append(ops.any(ops.greater(weights, 0)))
        return Losses(means, labelled)

    def train_step(self, *arguments: Any) -> Any:
        """Keras' own, unless somebody asks for gradients of single tasks."""
        if self.measuring or self._balances_gradients:
            return self.task_step(self, *arguments, self.measures if self.measuring else None)
        return super().train_step(*arguments)

    def make_train_function(self, force: bool = False) -> Any:
        """Keras' own; where gradients are measured, two of them, of which the measuring one has every n-th step.

        The steps between cost what they cost without, and a training that ends before its first measurement never
        waits for that function to be traced.
        """
        if self.measures is None or (self.train_function is not None and not force):
            return super().make_train_function(force)
        functions = []
        for _ in range(2):
            super().make_train_function(force=True)
            functions.append(self.train_function)
        plain, measuring = functions
        every, step = self.measures.every, int(self.optimizer.iterations)

        def train_function(iterator: Any) -> Any:
            nonlocal step
            # Each function is traced while this is as it will always be for it.
            self.measuring = (step + 1) % every == 0
            logs = (measuring if self.measuring else plain)(iterator)
            step += 1  # not at the end of the data, which is an error
            return logs

        self.train_function = train_function
        return train_function

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Updates each task's scores with its own output, target and label weights."""
        for name, metrics in self.scores.items():
            for metric in metrics:
                metric.update_state(y[name], y_pred[name], sample_weight=sample_weight[name])
        return self.get_metrics_result()


def make_trainer(
    network: keras.Model,
    tasks: Sequence[Task[Any, Any]],
    settings: TrainingSettings,
    *,
    steps: int,
    seed: int = 0,
) -> MultiTaskTrainer:
    """A compiled trainer.

    Args:
        network: From `build_network`.
        tasks: Those that it was built for.
        settings: Learning rate and so on.
        steps: Batches an epoch.
        seed: Of what the balancer draws.

    Raises:
        ConfigError: The balancer does not work on this backend, or nothing is shared that it could balance.
    """
    measure_every = settings.balancing.resolve_measure_every(keras.backend.backend())
    balancer = settings.balancing.build([task.weight for task in tasks], seed=seed)
    learned = [variable for variable in balancer.variables if variable.trainable]
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.epochs * steps)
    optimizer: Any = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    optimizer.exclude_from_weight_decay(var_list=learned, var_names=["bias", "gamma", "beta"])
    if any(layer.compute_dtype == "float16" for layer in network.layers):
        # `compile` would do so by the trainer's own policy, which is not the network's.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    trainer = MultiTaskTrainer(network, tasks, balancer, measure_every)
    # On a CPU a jit-compiled step runs at 0.7 of the speed; "auto" knows that.
    trainer.compile(optimizer=optimizer, jit_compile="auto")
    optimizer.build([*network.trainable_variables, *learned])
    return trainer
