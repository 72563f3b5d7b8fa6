"""The Keras model that trains one network on several tasks, each loss and score over its labelled cases alone."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unet_mtl.balancing import Balancer, Losses
from unet_mtl.balancing.measures import Measures
from unet_mtl.balancing.shared import shared_variables
from unet_mtl.config import TrainingSettings
from unet_mtl.losses.base import LogitLoss, weighted_mean
from unet_mtl.nn.heads import split_activations
from unet_mtl.optimization.average import Average, applied_average
from unet_mtl.optimization.learning_rate import LearningRate
from unet_mtl.optimization.optimizers import OPTIMIZERS
from unet_mtl.optimization.plan import Plan
from unet_mtl.tasks import Task
from unet_mtl.training.deep_supervision import DeepSupervision
from unet_mtl.training.encoder_rate import EncoderRate
from unet_mtl.training.shared_gradient import SharedGradients
from unet_mtl.training.task_schedule import make_weights


class LabelledMean(keras.metrics.Mean):
    """The mean over the labelled cases of an epoch; NaN without one, since 0 would look like a perfect loss."""

    def result(self) -> Any:
        """Return sum(w * v) / sum(w)."""
        empty = ops.equal(self.count, 0)
        return ops.where(empty, float("nan"), ops.divide_no_nan(self.total, self.count))


def as_floats(images: Any) -> Any:
    """Convert uint8 images to float32 in 0..1, as `Preprocess.scale` does, and return others as they are.

    The conversion takes place here so that batches reach the device in a quarter of the bytes. The network itself, and
    whatever is exported, takes numbers in 0..1.
    """
    if keras.backend.standardize_dtype(images.dtype) != "uint8":
        return images
    return ops.cast(images, "float32") / 255.0


class MultiTaskTrainer(keras.Model):
    """Trains a network with `fit` on the combined loss of all tasks, and logs exact losses and scores.

    The per-output losses of Keras are means of batch means, diluted by unlabelled cases; these are means over
    labelled cases, and the `loss` of an epoch is the sum of these, weighted by the present factors of the balancer.
    Losses read logits, whose gradient does not vanish where a probability rounds to 0 or 1. Only `network`, which
    gives probabilities, is ever saved.

    Args:
        network: The network, from `build_network`.
        tasks: The tasks that the network was built for.
        balancer: The balancer that combines the losses; None: their sum, weighted by the tasks' weights.
        measure_every: Steps between two measurements of the tasks' gradients; 0: none. TensorFlow only.
        average: Averages of the weights of `network`, which are validated; None: the last weights are.
        deep_supervision: Whether masks are learned at coarser levels of the decoder too.
    """

    def __init__(
        self,
        network: keras.Model,
        tasks: Sequence[Task[Any, Any]],
        balancer: Balancer | None = None,
        measure_every: int = 0,
        average: Average | None = None,
        deep_supervision: bool = False,
    ) -> None:
        super().__init__(name="trainer")
        self.network = network
        self.tasks = tuple(tasks)
        losses = {task.name: task.loss() for task in tasks}
        body, self.activations = split_activations(
            network, [name for name, loss in losses.items() if isinstance(loss, LogitLoss)]
        )
        self.shared_gradients = SharedGradients(body, tasks)
        self.body = self.shared_gradients.model
        self.task_losses = {
            name: loss.of_logits if name in self.activations else loss.call for name, loss in losses.items()
        }
        self.supervision: DeepSupervision | None = None
        if deep_supervision:
            masks = [task.name for task in tasks if task.spatial and task.name in self.activations]
            self.supervision = DeepSupervision(network, self.body, masks)
            self.supervised = self.supervision.model  # Keras tracks models, but not our objects
        self.loss_means = {task.name: LabelledMean(name=f"{task.name}_loss") for task in tasks}
        self.scores = {task.name: task.training_metrics() for task in tasks}
        self.balancer = balancer or Balancer(make_weights(tasks))
        # Keras tracks lists of variables, but not our objects
        self.balancer_variables = self.balancer.variables
        self.scheduled_weights = [w for w in self.balancer.weights if isinstance(w, keras.Variable)]
        self.average = average
        self.average_variables = [] if average is None else average.variables
        self.plan = Plan()
        self.rate: LearningRate | None = None
        self.measures: Measures | None = None
        self.measuring = False
        self.train_function: Any = None
        self.encoder_rate: EncoderRate | None = None
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
        """Return logits, or outputs without a sigmoid or softmax, by task name; images are in 0..1 or uint8."""
        body = self.supervised if self.supervision and training else self.body
        outputs = body({name: as_floats(array) for name, array in inputs.items()}, training=training)
        return {name: ops.cast(output, "float32") for name, output in outputs.items()}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the balancer's total of the task losses `sum(w * loss) / sum(w)`.

        In validation, the balancer's present weights are used.

        Args:
            x: Not used.
            y: Targets by task name.
            y_pred: Results of `call` by task name.
            sample_weight: Label weights (B,) by task name.
            training: Not used.
        """
        return self.balancer.total(self.mean_losses(y, y_pred, sample_weight))

    def mean_losses(self, y: Any, y_pred: Any, sample_weight: Any) -> Losses:
        """Return the mean loss of each task over the labelled cases of a batch, and update the means of the epoch."""
        means, labelled = [], []
        for task in self.tasks:
            values = self.task_losses[task.name](y[task.name], y_pred[task.name])
            weights = sample_weight[task.name]
            self.loss_means[task.name].update_state(values, weights)
            if self.supervision:
                values = self.supervision.add_levels(
                    task.name, values, y[task.name], y_pred, self.task_losses[task.name]
                )
            means.append(weighted_mean(values, weights))
            labelled.append(ops.any(ops.greater(weights, 0)))
        return Losses(means, labelled)

    def train_step(self, *arguments: Any) -> Any:
        """Run the step of Keras, or our own where gradients of single tasks are needed, and update the averages."""
        if self.measuring or self._balances_gradients:
            results = self.task_step(self, *arguments, self.measures if self.measuring else None)
        else:
            results = super().train_step(*arguments)
        if self.average is None:
            return results
        if keras.backend.backend() != "jax":
            self.average.update()
            return results
        logs, (trainable, others, *rest) = results
        variables = [*self.trainable_variables, *self.non_trainable_variables]
        values = self.average.update_state(variables, [*trainable, *others])
        return logs, (values[: len(trainable)], values[len(trainable) :], *rest)

    def evaluate(self, *arguments: Any, **options: Any) -> Any:
        """Evaluate the averages of the weights if there are any."""
        with applied_average(self.average):
            return super().evaluate(*arguments, **options)

    def make_train_function(self, force: bool = False) -> Any:
        """Make the train function of Keras or, where gradients are measured, two: one of them for every n-th step.

        The other steps take as long as without measurement, and a training that ends before its first measurement does
        not wait for the measuring function to be traced.
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
            # Each function is always called, and so traced, with the same value of this flag.
            self.measuring = (step + 1) % every == 0
            logs = (measuring if self.measuring else plain)(iterator)
            step += 1  # not reached at the end of the data, which raises an error
            return logs

        self.train_function = train_function
        return train_function

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Update the scores of each task with its output, target and label weights, and return all results."""
        for name, metrics in self.scores.items():
            output = self.activations[name](y_pred[name]) if name in self.activations else y_pred[name]
            for metric in metrics:
                metric.update_state(y[name], output, sample_weight=sample_weight[name])
        return super().get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the results of an epoch, with the weighted sum of the tasks' mean losses as `loss`.

        Keras calls this at the end of an epoch. During an epoch `loss` is the running mean of the batches' totals.
        """
        results: dict[str, Any] = super().get_metrics_result()
        if not math.isfinite(float(results["loss"])):
            return results
        factors = (float(factor) for factor in self.balancer.factors())
        means = (float(mean.result()) for mean in self.loss_means.values())
        # The mean of a task without a label is NaN.
        known = [factor * mean for factor, mean in zip(factors, means, strict=True) if not math.isnan(mean)]
        return results | {"loss": sum(known) if known else math.nan}


def make_trainer(
    network: keras.Model,
    tasks: Sequence[Task[Any, Any]],
    settings: TrainingSettings,
    *,
    steps: int,
    seed: int = 0,
) -> MultiTaskTrainer:
    """Return a compiled trainer.

    Args:
        network: The network, from `build_network`.
        tasks: The tasks that the network was built for.
        settings: Optimizer, schedule, averages and balancing.
        steps: Batches per epoch.
        seed: Seed of the balancer.

    Raises:
        ConfigError: The balancer does not work on this backend, or needs layers that several tasks share.
    """
    measure_every = settings.balancing.resolve_measure_every(keras.backend.backend())
    balancer = settings.balancing.build(make_weights(tasks), seed=seed)
    learned = [variable for variable in balancer.variables if variable.trainable]
    plan = settings.make_plan(steps)
    optimizer, rate = _make_optimizer(settings, plan, round(settings.warmup_epochs * steps))
    encoder_rate = None
    if settings.encoder_learning_rate != 1 or settings.freeze_epochs:
        encoder_rate = EncoderRate(network, optimizer, settings)
        learned += encoder_rate.variables
    optimizer.exclude_from_weight_decay(var_list=learned, var_names=["bias", "gamma", "beta"])
    if any(layer.compute_dtype == "float16" for layer in network.layers):
        # `compile` would decide by the policy of the trainer, which differs from that of the network.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    average = None
    if settings.average_decay is not None:
        average = Average(network, settings.average_decay, plan.total(0))
    trainer = MultiTaskTrainer(network, tasks, balancer, measure_every, average, settings.deep_supervision)
    trainer.plan, trainer.rate, trainer.encoder_rate = plan, rate, encoder_rate
    # On a CPU a compiled step runs at 0.7 of the speed; "auto" compiles only where it pays.
    trainer.compile(optimizer=optimizer, jit_compile="auto")
    optimizer.build(trainer.trainable_variables)  # in the order in which JAX passes them
    return trainer


def _make_optimizer(
    settings: TrainingSettings, plan: Plan, warmup_steps: int
) -> tuple[Any, LearningRate | None]:
    """Return the optimizer, and its learning rate unless that is constant."""
    rate = None
    if settings.schedule != "constant" or warmup_steps:
        rate = LearningRate(settings.learning_rate, settings.schedule, plan, warmup_steps)
    optimizer = OPTIMIZERS[settings.optimizer](
        settings.learning_rate if rate is None else rate,
        weight_decay=settings.weight_decay,
        global_clipnorm=settings.clip_norm,
    )
    if rate is not None and rate.variables:
        optimizer.plan_variables = list(rate.variables)  # so that Keras saves them with its own
    return optimizer, rate
