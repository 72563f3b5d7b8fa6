"""What may be set of the training; free of Keras, so that a config is checked without it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from unet_mtl.balancing import AnyBalancing, Fixed
from unet_mtl.batches.order.sampling import Sampling
from unet_mtl.settings import Settings


class TrainingSettings(Settings):
    """How long and how fast.

    Attributes:
        epochs: At most.
        batch_size: Cases a step.
        spread_labels: Whether cases are dealt so that every batch has labels of each task, as far as they reach;
            each epoch still has every case once. For tasks with few labels, which otherwise come in clumps.
        learning_rate: Of Adam at the start (its peak).
        schedule: "cosine" falls to zero over all epochs, "constant" stays.
        weight_decay: Of AdamW, on the kernels.
        patience: Epochs without a better `monitor` until training stops; None: never.
        monitor: Validation score that picks the best checkpoint, `<task>_<score>`; None: the first task's
            primary score. Never a loss, which means nothing across weights.
        mode: Whether `monitor` is to be large or small; None: the task knows for its primary score.
        sampling: Draws cases of rare classes more often, in batches that hold each class in its share; None: each epoch
            has every case once, in any order.
        balancing: How the losses of several tasks become one: a name of `BALANCERS`, or its settings.
        workers: Threads that prepare batches.
    """

    epochs: int = Field(default=50, ge=1)
    batch_size: int = Field(default=8, ge=1)
    spread_labels: bool = False
    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = Field(default=0.0, ge=0)
    patience: int | None = Field(default=None, ge=1)
    monitor: str | None = None
    mode: Literal["max", "min"] | None = None
    sampling: Sampling | None = None
    balancing: AnyBalancing = Fixed()
    workers: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _one_order(self) -> Self:
        if self.spread_labels and self.sampling is not None:
            raise ValueError(
                "`spread_labels` deals every case once, and `sampling` draws some several times; keep one of them"
            )
        return self
