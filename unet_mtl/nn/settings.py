"""Settings of the network. This module does not import Keras, so that a config file is checked without it."""

from typing import Annotated

from pydantic import Field

from unet_mtl.errors import ConfigError
from unet_mtl.nn.blocks import NORMALIZATIONS, UP_SAMPLINGS
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.pooling import POOLINGS
from unet_mtl.nn.tabular import FUSIONS
from unet_mtl.registry import name_in
from unet_mtl.settings import Settings, Units

EncoderName = Annotated[str, name_in(ENCODERS)]
Normalization = Annotated[str, name_in(NORMALIZATIONS)]
UpSampling = Annotated[str, name_in(UP_SAMPLINGS)]
Pooling = Annotated[str, name_in(POOLINGS)]
Fusion = Annotated[str, name_in(FUSIONS)]


class NetworkSettings(Settings):
    """Settings of the U-Net.

    Attributes:
        encoder: The name of the encoder, an entry of `ENCODERS`.
        width: The number of channels of the first level of the plain encoder; each further level has twice as many
            (32 gives 32, 64, 128, 256, 512).
        levels: The number of levels of the plain encoder, including the bottleneck.
        normalization: Normalization after each convolution: "batch", "group" (for batches of fewer than 4) or
            "none".
        up: Up-sampling in the decoder: "transpose" (transposed convolution) or "nearest" (nearest neighbour and a
            convolution).
        pooling: What image-level heads read of the image: the "average" or the "max" of the bottleneck, "both", its
            average with learned weights of the positions ("attention"), or averages of all levels inside and outside
            the predicted masks with the maximum of the bottleneck ("mask"; without a mask task it is "both").
        dropout: The share of bottleneck channels that is dropped in training.
        fusion: How columns of the table are combined with the image. "join": they are concatenated with the pooled
            bottleneck, for image-level tasks only. "film": they scale and shift the channels of the bottleneck, for
            masks as well.
        trunk: Units of dense layers that all image-level tasks share, with the same weights, whichever inputs each
            of them reads.
    """

    encoder: EncoderName = "plain"
    width: int = Field(default=32, ge=1, le=1024)
    levels: int = Field(default=5, ge=2, le=8)
    normalization: Normalization = "batch"
    up: UpSampling = "transpose"
    pooling: Pooling = "average"
    dropout: float = Field(default=0.0, ge=0, lt=1)
    fusion: Fusion = "join"
    trunk: tuple[Units, ...] = ()

    @property
    def widths(self) -> tuple[int, ...]:
        """The number of channels at each level of the plain encoder, finest first."""
        return tuple(self.width * 2**level for level in range(self.levels))

    @property
    def strides(self) -> tuple[int, ...]:
        """The number of image pixels to one row or column of the features at each level, finest first."""
        return tuple(ENCODERS[self.encoder].strides(self))


def check_size(size: tuple[int, int], settings: NetworkSettings) -> None:
    """Check that the encoder can halve an image of this size down to its bottleneck.

    Args:
        size: (height, width) in pixels.
        settings: Settings of the network.

    Raises:
        ConfigError: A side is not divisible by the stride of the bottleneck; the message suggests sizes that are.
    """
    strides = settings.strides
    stride = strides[-1]
    if all(side > 0 and side % stride == 0 for side in size):
        return
    below = tuple(max(side // stride, 1) * stride for side in size)
    above = tuple(-(-max(side, 1) // stride) * stride for side in size)
    raise ConfigError(
        f"a network of {len(strides)} levels needs image sides divisible by {stride}, received "
        f"{size[0]}x{size[1]}; the nearest that are: {below[0]}x{below[1]} and {above[0]}x{above[1]}"
    )
