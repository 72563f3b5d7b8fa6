"""Settings of the optimizer and the epochs; free of Keras, so that a config is validated without it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from unet_mtl.balancing import AnyBalancing, Fixed
from unet_mtl.batches.order.sampling import Sampling
from unet_mtl.settings import Settings


class TrainingSettings(Settings):
    """Epochs, batches, optimizer and the choice of the best checkpoint.

    Attributes:
        epochs: The maximum number of epochs.
        batch_size: Cases per step.
        spread_labels: Whether cases are ordered so that every batch has labels of each task, as far as there are
            enough of them; each epoch still has every case once. It helps tasks with few labels, which otherwise
            come in clusters.
        learning_rate: The initial learning rate, which is also the highest.
        schedule: "cosine" decays the learning rate to zero over all epochs, "constant" keeps it.
        weight_decay: Weight decay of AdamW, applied to kernels only.
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

    epochs: int = Field(default=50, ge=1)
    batch_size: int = Field(default=8, ge=1)
    spread_labels: bool = False
    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = Field(default=0.0, ge=0)
    encoder_learning_rate: float = Field(default=1.0, ge=0, le=1)
    freeze_epochs: int = Field(default=0, ge=0)
    patience: int | None = Field(default=None, ge=1)
    monitor: str | None = None
    mode: Literal["max", "min"] | None = None
    sampling: Sampling | None = None
    balancing: AnyBalancing = Fixed()
    workers: int = Field(default=2, ge=1, le=256)

    @model_validator(mode="after")
    def _one_order(self) -> Self:
        if self.spread_labels and self.sampling is not None:
            raise ValueError(
                "`spread_labels` takes every case once per epoch, but `sampling` draws some several times; keep one of "
                "them"
            )
        return self
