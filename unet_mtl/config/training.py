"""Settings of the optimizer and the epochs; free of Keras, so that a config is validated without it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from unet_mtl.balancing import AnyBalancing, Fixed
from unet_mtl.batches.order.sampling import Sampling
from unet_mtl.optimization.optimizers import OPTIMIZERS
from unet_mtl.optimization.plan import Entry, Plan, require_plan
from unet_mtl.optimization.schedules import SCHEDULES
from unet_mtl.registry import name_in
from unet_mtl.settings import Settings

LIMITS = ("epochs", "steps", "minutes")
"""Settings that end a training."""

EPOCHS = 50
"""The number of epochs where no limit is set."""


class TrainingSettings(Settings):
    """Epochs, batches, optimizer and the choice of the best checkpoint.

    Attributes:
        epochs: The maximum number of epochs; 50 if neither `steps` nor `minutes` is set. Of several limits, the one
            that is reached first ends the training.
        steps: The maximum number of steps, where the last epoch may be incomplete; or the plan that a training with
            `minutes` has followed, a list of [step, steps in all], which repeats that training without a clock.
        minutes: The duration of the training, validation and saving included. The number of steps is forecast from
            their speed, and the learning rate follows it.
        batch_size: Cases per step.
        spread_labels: Whether cases are ordered so that every batch has labels of each task, as far as there are
            enough of them; each epoch still has every case once. It helps tasks with few labels, which otherwise
            come in clusters.
        optimizer: "adamw", or "sgd" with a Nesterov momentum of 0.99, for which nnU-Net takes a `learning_rate` of
            0.01, the polynomial `schedule` and a `clip_norm` of 12.
        learning_rate: The highest learning rate.
        warmup_epochs: Epochs, or a fraction of one, in which the learning rate rises linearly from zero.
        schedule: The decay of the learning rate over the training: "cosine", "polynomial" (with the exponent 0.9),
            both to zero, or "constant".
        weight_decay: Decoupled weight decay, applied to kernels only.
        clip_norm: The largest norm of the gradient of all weights together, to which larger ones are scaled; None: no
            limit.
        average_decay: The decay of a moving average of all weights, which is then validated, selects the best
            checkpoint and is saved in place of the weights of the last step; 0.999, for example. It is less at first
            and in short trainings. None: no average.
        deep_supervision: Whether masks are learned at coarser levels of the decoder too, by heads that exist during
            the training only.
        encoder_learning_rate: The factor on the learning rate of the encoder, in 0..1; less than 1 keeps it closer to
            `network.weights`. Unless it is 1, the encoder has no weight decay.
        freeze_epochs: Epochs at the beginning in which the encoder is not trained.
        patience: Epochs without a better `monitor` after which training stops; None: it never stops early.
        monitor: The validation score that selects the best checkpoint, `<task>_<score>`; None: the primary score of
            the first task. A loss is not accepted, since losses under different weights cannot be compared.
        mode: Whether a high ("max") or a low ("min") `monitor` is better; None: as the task defines its primary score.
        sampling: Draws cases of rare classes more often, in batches that hold each class in proportion; None: each
            epoch has every case once, in random order.
        balancing: How the losses of several tasks are combined: a name in `BALANCERS`, or the balancer's settings.
        workers: Threads that prepare batches.
    """

    epochs: int | None = Field(default=None, ge=1)
    steps: Annotated[int, Field(ge=1)] | tuple[Entry, ...] | None = None
    minutes: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    batch_size: int = Field(default=8, ge=1)
    spread_labels: bool = False
    optimizer: Annotated[str, name_in(OPTIMIZERS)] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup_epochs: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    schedule: Annotated[str, name_in(SCHEDULES)] = "cosine"
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    average_decay: float | None = Field(default=None, gt=0, lt=1)
    deep_supervision: bool = False
    encoder_learning_rate: float = Field(default=1.0, ge=0, le=1)
    freeze_epochs: int = Field(default=0, ge=0)
    patience: int | None = Field(default=None, ge=1)
    monitor: str | None = None
    mode: Literal["max", "min"] | None = None
    sampling: Sampling | None = None
    balancing: AnyBalancing = Fixed()
    workers: int = Field(default=2, ge=1, le=256)

    @model_validator(mode="before")
    @classmethod
    def _has_a_limit(cls, content: Any) -> Any:
        if isinstance(content, Mapping) and all(content.get(name) is None for name in LIMITS):
            return {**content, "epochs": EPOCHS}
        return content

    @model_validator(mode="after")
    def _one_order(self) -> Self:
        if self.spread_labels and self.sampling is not None:
            raise ValueError(
                "`spread_labels` takes every case once per epoch, but `sampling` draws some several times; keep one of "
                "them"
            )
        return self

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        if isinstance(self.steps, tuple):
            require_plan(self.steps)
            others = [name for name in ("epochs", "minutes") if getattr(self, name) is not None]
            if others:
                raise ValueError(
                    f"a list of `steps` repeats a whole training, so that `{others[0]}` has no use; set it to null"
                )
        if self.epochs is not None and self.warmup_epochs > self.epochs:
            raise ValueError(
                f"`warmup_epochs` is {self.warmup_epochs:g}, but the training has {self.epochs} `epochs`"
            )
        return self

    def make_plan(self, steps_per_epoch: int) -> Plan:
        """Return the numbers of steps that are known before the training.

        Args:
            steps_per_epoch: Batches of the train split.
        """
        if isinstance(self.steps, tuple):
            return Plan(list(self.steps))
        limit = self.step_limit(steps_per_epoch)
        return Plan() if self.minutes is not None or limit is None else Plan([(0, limit)])

    def step_limit(self, steps_per_epoch: int) -> int | None:
        """Return the largest number of steps that `epochs` and a number of `steps` allow; None: no limit."""
        limits = [] if self.epochs is None else [self.epochs * steps_per_epoch]
        if isinstance(self.steps, int):
            limits.append(self.steps)
        return min(limits, default=None)
