"""A residual encoder with more blocks at deeper levels, as nnU-Net's ResEnc (Isensee 2024, arXiv:2404.09556)."""

from typing import TYPE_CHECKING, Any

from unet_mtl.nn.blocks import NORMALIZATIONS, build_convolutions
from unet_mtl.nn.encoders.spec import EncoderSpec

if TYPE_CHECKING:
    from unet_mtl.nn.settings import NetworkSettings

BLOCKS = (1, 2, 3, 4, 5, 5, 5, 5)
"""The number of blocks at each level; the one of the first level is that of the plain encoder, without a residual."""


def build_residual(image: Any, settings: "NetworkSettings") -> list[Any]:
    """Apply two convolutions at full resolution, then levels of residual blocks.

    Args:
        image: (B, H, W, C).
        settings: Widths and normalization of the convolutions, and the dropout after the bottleneck.

    Returns:
        Features (B, H / 2**i, W / 2**i, widths[i]) of each level i.
    """
    from keras import layers

    first, *widths = settings.widths
    features = [
        build_convolutions(image, first, normalization=settings.normalization, dropout=0.0, name="encoder0")
    ]
    for level, width in enumerate(widths, start=1):
        x = features[-1]
        for block in range(BLOCKS[level]):
            x = _build_block(
                x, width, 1 if block else 2, settings.normalization, f"encoder{level}_block{block}"
            )
        features.append(x)
    if settings.dropout:
        features[-1] = layers.SpatialDropout2D(settings.dropout, name="encoder_dropout")(features[-1])
    return features


def _build_block(x: Any, width: int, stride: int, normalization: str, name: str) -> Any:
    """Apply two convolutions and add the input, averaged and projected where the size or the channels change."""
    from keras import layers

    before = layers.AveragePooling2D(stride, name=f"{name}_pool")(x) if stride > 1 else x
    if before.shape[-1] != width:
        before = _build_convolution(before, width, 1, 1, normalization, f"{name}_projection")
    x = _build_convolution(x, width, 3, stride, normalization, f"{name}_conv1")
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = _build_convolution(x, width, 3, 1, normalization, f"{name}_conv2")
    x = layers.Add(name=f"{name}_add")([before, x])
    return layers.ReLU(name=f"{name}_relu2")(x)


def _build_convolution(x: Any, width: int, kernel: int, stride: int, normalization: str, name: str) -> Any:
    from keras import layers

    normalize = NORMALIZATIONS[normalization]
    x = layers.Conv2D(
        width,
        kernel,
        strides=stride,
        padding="same",
        use_bias=normalize is None,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return x if normalize is None else normalize(x, f"{name}_norm")


RESIDUAL = EncoderSpec(
    name="residual",
    build=build_residual,
    strides=lambda settings: [2**level for level in range(settings.levels)],
)
