"""Settings of the network. This module does not import Keras, so that a config file is checked without it."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from unet_mtl.errors import ConfigError
from unet_mtl.nn.blocks import NORMALIZATIONS, UP_SAMPLINGS
from unet_mtl.nn.encoders import ENCODERS, UNFIT_FAMILIES
from unet_mtl.nn.pooling import POOLINGS
from unet_mtl.nn.tabular import FUSIONS
from unet_mtl.registry import name_in
from unet_mtl.settings import Settings, Units


def _refuse_unfit(name: Any) -> Any:
    if isinstance(name, str) and name not in ENCODERS and name.lower().startswith(UNFIT_FAMILIES):
        raise ValueError(
            "the sizes of its features do not halve from level to level, as those of an encoder must; choose one of "
            f"{', '.join(ENCODERS)}"
        )
    return name


EncoderName = Annotated[str, name_in(ENCODERS), BeforeValidator(_refuse_unfit)]
Normalization = Annotated[str, name_in(NORMALIZATIONS)]
UpSampling = Annotated[str, name_in(UP_SAMPLINGS)]
Pooling = Annotated[str, name_in(POOLINGS)]
Fusion = Annotated[str, name_in(FUSIONS)]
Channels = Annotated[int, Field(ge=1, le=4096)]
WeightsParts = Literal["encoder", "encoder_and_decoder"]


class NetworkSettings(Settings):
    """Settings of the U-Net.

    Attributes:
        encoder: The name of the encoder, an entry of `ENCODERS`.
        width: The number of channels of the first level of the encoders plain and residual; each further level has
            twice as many (32 gives 32, 64, 128, 256, 512). Other encoders have a fixed size.
        levels: The number of levels of the encoders plain and residual, including the bottleneck.
        normalization: Normalization after each convolution: "batch", "group" (for batches of fewer than 4) or
            "none". Encoders of fixed size have their own.
        weights: The weights that the training starts from: "imagenet" (those that the encoder was published with),
            a file, or the folder of a run. A path is relative to the working folder. None: random weights.
        weights_parts: What is taken from a run or its network.keras: "encoder" or "encoder_and_decoder".
        encoder_normalization: Whether the batch normalization of the encoder is "trained", or "frozen" with the
            statistics and factors of `weights`.
        decoder_widths: The number of channels of each level of the decoder, coarsest first. None: those of the
            features of the encoders plain and residual, and 64, 32, 24, 16, 8 with the others.
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
    weights: Annotated[str, Field(min_length=1)] | None = None
    weights_parts: WeightsParts = "encoder"
    encoder_normalization: Literal["trained", "frozen"] = "trained"
    decoder_widths: tuple[Channels, ...] | None = None
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

    @property
    def decoder_channels(self) -> tuple[int, ...] | None:
        """The number of channels of each level of the decoder, coarsest first; None: those of the features."""
        return self.decoder_widths or ENCODERS[self.encoder].decoder_widths

    @model_validator(mode="after")
    def _settings_fit_the_encoder(self) -> Self:
        levels = (self.strides[-1] - 1).bit_length()
        if self.decoder_widths is not None and len(self.decoder_widths) != levels:
            raise ValueError(
                f"decoder_widths: the decoder behind {self.encoder} has {levels} levels, received "
                f"{len(self.decoder_widths)} widths"
            )
        if self.weights == "imagenet" and ENCODERS[self.encoder].pretrained is None:
            names = ", ".join(name for name, spec in ENCODERS.items() if spec.pretrained)
            raise ValueError(
                f"weights: the encoder {self.encoder} has no ImageNet weights; choose one of {names}, or leave "
                "`weights` out"
            )
        if self.encoder_normalization == "frozen" and self.weights is None:
            raise ValueError(
                "encoder_normalization: frozen keeps the statistics of `weights`, which are not set; set them, or "
                "encoder_normalization: trained"
            )
        return self


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
