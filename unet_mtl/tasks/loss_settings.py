"""Settings of losses. This module does not import Keras."""

from typing import Annotated

from pydantic import Field

from unet_mtl.losses import LOSSES
from unet_mtl.registry import name_in
from unet_mtl.settings import Settings

OrdinalMethod = Annotated[str, name_in(LOSSES["ordinal"])]
LabelSmoothing = Annotated[float, Field(ge=0, lt=1)]
RegressionLoss = Annotated[str, name_in(LOSSES["regression"])]


class Tversky(Settings):
    """The Tversky loss in place of soft Dice, for small structures that must not be missed; see `soft_tversky`.

    Attributes:
        alpha: The cost of a false positive pixel.
        beta: The cost of a false negative pixel.
        gamma: 1: the loss of Salehi 2017. Above 1: the focal Tversky loss (Abraham 2019, with 4/3), which keeps a
            larger gradient for images that are almost right.
    """

    alpha: float = Field(default=0.3, gt=0)
    beta: float = Field(default=0.7, gt=0)
    gamma: float = Field(default=1.0, ge=1, le=3)
