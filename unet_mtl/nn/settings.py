"""What may be set of the network; free of Keras, so that a config is checked without it."""

from typing import Literal

from pydantic import Field, PositiveInt

from unet_mtl.errors import ConfigError
from unet_mtl.settings import Settings

Normalization = Literal["batch", "group", "none"]
UpSampling = Literal["transpose", "nearest"]
Pooling = Literal["average", "max", "both"]
EncoderName = Literal["plain"]
Fusion = Literal["join", "film"]


class NetworkSettings(Settings):
    """The U-Net.

    Attributes:
        encoder: Which encoder.
        width: Channels of the first level; each level down doubles them (32 gives 32, 64, 128, 256, 512).
        levels: Levels, the bottleneck included; image sides must be divisible by 2 ** (levels - 1).
        normalization: After each convolution; "group" suits batches of fewer than 4.
        up: Transposed convolution, or nearest neighbour and a convolution.
        pooling: What image-level heads read of the bottleneck: its average, its maximum, or both.
        dropout: Share of bottleneck channels that is dropped in training.
        fusion: How columns of the table meet the image. "join": beside the pooled bottleneck, for answers about the
            whole image. "film": they scale and shift the bottleneck's channels, for masks as well.
        trunk: Units of dense layers that all tasks of the whole image share, with the same weights, whatever inputs
            each of them reads.
    """

    encoder: EncoderName = "plain"
    width: int = Field(default=32, ge=1)
    levels: int = Field(default=5, ge=2, le=8)
    normalization: Normalization = "batch"
    up: UpSampling = "transpose"
    pooling: Pooling = "average"
    dropout: float = Field(default=0.0, ge=0, lt=1)
    fusion: Fusion = "join"
    trunk: tuple[PositiveInt, ...] = ()

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels by level."""
        return tuple(self.width * 2**level for level in range(self.levels))

    @property
    def stride(self) -> int:
        """Pixels of the image to one of the bottleneck."""
        return 2 ** (self.levels - 1)


def check_size(size: tuple[int, int], settings: NetworkSettings) -> None:
    """Says which sizes would do.

    Raises:
        ConfigError: A side is not divisible by the network's stride.
    """
    stride = settings.stride
    if all(side > 0 and side % stride == 0 for side in size):
        return
    below = tuple(max(side // stride, 1) * stride for side in size)
    above = tuple(-(-max(side, 1) // stride) * stride for side in size)
    raise ConfigError(
        f"a network of {settings.levels} levels needs image sides divisible by {stride}, received "
        f"{size[0]}x{size[1]}; the nearest that are: {below[0]}x{below[1]} and {above[0]}x{above[1]}"
    )
