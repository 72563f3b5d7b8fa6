"""Settings of tasks that change from epoch to epoch: weights that move, and factors of gradients."""

from collections.abc import Sequence
from typing import Any

import keras

from unet_mtl.tasks import Task


def make_weights(tasks: Sequence[Task[Any, Any]]) -> list[Any]:
    """Return the weight of each task: a number, or a variable if the task has a `final_weight`."""
    return [
        task.weight
        if task.final_weight is None
        else keras.Variable(task.weight, dtype="float32", trainable=False, name=f"{task.name}_weight")
        for task in tasks
    ]


def weight_at(task: Task[Any, Any], epoch: float, epochs: float) -> float:
    """Return the weight of a task in an epoch, counted from 0: linear from `weight` to `final_weight`."""
    if task.final_weight is None or epochs <= 1:
        return task.weight
    return task.weight + (task.final_weight - task.weight) * min(epoch / (epochs - 1), 1.0)


class TaskSchedule(keras.callbacks.Callback):
    """Sets weights and factors of gradients at the beginning of each epoch.

    All of them are functions of the epoch and of the trainer's plan, so that a resumed training continues as if it had
    not been interrupted. Must follow the callback that follows the plan.

    Args:
        steps: Batches per epoch.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the values of an epoch before its first step."""
        trainer, step = self.model, epoch * self.steps
        segment = trainer.plan.segment(step)
        epochs = 0.0 if segment is None else segment.total / self.steps
        done = 0.0 if segment is None else segment.at(step) * epochs
        for task, weight in zip(trainer.tasks, trainer.balancer.weights, strict=True):
            if task.final_weight is not None:
                weight.assign(weight_at(task, done, epochs))
        trainer.shared_gradients.set_epoch(epoch)
