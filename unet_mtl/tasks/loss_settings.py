"""What may be set of a loss, free of Keras."""

from pydantic import Field

from unet_mtl.settings import Settings


class Tversky(Settings):
    """In place of soft Dice, for structures that are small and must not be missed; see `soft_tversky`.

    Attributes:
        alpha: Cost of a pixel found where nothing is.
        beta: Cost of a pixel missed.
        gamma: 1: Salehi 2017. Above: focal Tversky (Abraham 2019, who take 4/3), which still learns from images that
            are nearly right.
    """

    alpha: float = Field(default=0.3, gt=0)
    beta: float = Field(default=0.7, gt=0)
    gamma: float = Field(default=1.0, ge=1, le=3)
