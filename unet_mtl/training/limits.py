"""The end of a training by a number of steps or by time."""

from typing import Any

import keras

from unet_mtl.optimization.budget import Budget
from unet_mtl.optimization.plan import Entry
from unet_mtl.training.callbacks import Progress
from unet_mtl.wording import count_of


class FollowPlan(keras.callbacks.Callback):
    """Follows the trainer's plan: adapts the learning rate to it and ends the training where it ends.

    Must precede the callback that saves checkpoints.

    Args:
        steps: Batches per epoch.
        progress: The state of the run, which is told that the training has ended, and the time that it took.
        budget: The limit of time, which extends the plan; None: the plan is complete.
    """

    def __init__(self, steps: int, progress: Progress, budget: Budget | None = None) -> None:
        super().__init__()
        self.steps = steps
        self.progress = progress
        self.budget = budget
        self._before = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Follow the plan from the first step of the epoch on, which may be the first one of a resumed training."""
        self._before = epoch * self.steps
        self._follow(self._before)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure the pause before an epoch, with the work of all callbacks."""
        if self.budget is not None and batch == 0 and self._before:
            self.budget.end_pause()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Plan the rest of the training anew if it is time to, and end it after its last step."""
        step = self._before + batch + 1
        plan = self.model.plan
        if self.budget is not None:
            total = self.budget.end_step(step, plan.total(step))
            if total is not None:
                plan.entries.append((step, total))
        if any(start == step for start, _ in plan.entries):
            self._follow(step)
        if plan.total(step) == step:
            self.model.stop_training = self.progress.finished = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the learning rate that the epoch ended with."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        if self.budget is not None:
            self.progress.seconds = self.budget.used

    def _follow(self, step: int) -> None:
        trainer = self.model
        if keras.backend.backend() == "jax":
            trainer.jax_state_sync()
        if trainer.rate is not None:
            trainer.rate.follow(step)
        if trainer.average is not None:
            trainer.average.follow(trainer.plan.total(step))


def describe_plan(entries: list[Entry]) -> str:
    """Return the settings that repeat a training without a clock, as lines of a config."""
    return (
        "# The same training without a clock, on any machine: put these settings into its config.\n"
        f"training: {{minutes: null, epochs: null, steps: [{_list(entries)}]}}\n"
    )


def describe_end(entries: list[Entry], done: int, steps: int) -> str:
    """Return a line about a training that was ended by time, with the setting that repeats it.

    Args:
        entries: The plan that was followed.
        done: The number of steps.
        steps: Batches per epoch.
    """
    settings = (
        f"training.minutes=null training.epochs=null training.steps=[{_list(entries).replace(' ', '')}]"
    )
    fitted = f"{count_of(done, 'step')} in {count_of(-(-done // steps), 'epoch')} fitted into the time"
    return f"{fitted}; the same training without a clock: {settings}"


def _list(entries: list[Entry]) -> str:
    return ", ".join(f"[{start}, {total}]" for start, total in entries)
