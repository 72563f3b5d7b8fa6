"""The encoder of the original U-Net (Ronneberger 2015, doi:10.1007/978-3-319-24574-4_28)."""

from typing import TYPE_CHECKING, Any

from unet_mtl.nn.blocks import build_convolutions
from unet_mtl.nn.encoders.spec import EncoderSpec

if TYPE_CHECKING:
    from unet_mtl.nn.settings import NetworkSettings


def build_plain(image: Any, settings: "NetworkSettings") -> list[Any]:
    """Apply two convolutions at each level, with max pooling between the levels.

    Args:
        image: (B, H, W, C).
        settings: Widths and normalization of the convolutions, and the dropout after the bottleneck.

    Returns:
        Features (B, H / 2**i, W / 2**i, widths[i]) of each level i.
    """
    from keras import layers

    x, features = image, []
    for level, width in enumerate(settings.widths):
        if level:
            x = layers.MaxPooling2D(2, name=f"encoder{level}_pool")(x)
        is_bottleneck = level == settings.levels - 1
        x = build_convolutions(
            x,
            width,
            normalization=settings.normalization,
            dropout=settings.dropout if is_bottleneck else 0.0,
            name=f"encoder{level}",
        )
        features.append(x)
    return features


PLAIN = EncoderSpec(
    name="plain",
    build=build_plain,
    strides=lambda settings: [2**level for level in range(settings.levels)],
)
