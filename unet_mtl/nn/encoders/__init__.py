"""Encoders, which turn an image into features at several resolutions."""

from unet_mtl.nn.encoders.convnext import CONVNEXT_TINY
from unet_mtl.nn.encoders.densenet import DENSENET121
from unet_mtl.nn.encoders.efficientnet_lite import LITE0, LITE2
from unet_mtl.nn.encoders.efficientnet_v2 import V2_B0, V2_B1, V2_B2, V2_B3, V2_S
from unet_mtl.nn.encoders.mobilenet_v3 import MOBILE_LARGE, MOBILE_SMALL
from unet_mtl.nn.encoders.plain import PLAIN
from unet_mtl.nn.encoders.residual import RESIDUAL
from unet_mtl.nn.encoders.resnet import RESNET50, RESNET50V2
from unet_mtl.nn.encoders.spec import EncoderSpec

ENCODERS: dict[str, EncoderSpec] = {
    spec.name: spec
    for spec in (
        PLAIN,
        RESIDUAL,
        LITE0,
        LITE2,
        V2_B0,
        V2_B1,
        V2_B2,
        V2_B3,
        V2_S,
        MOBILE_LARGE,
        MOBILE_SMALL,
        RESNET50,
        RESNET50V2,
        DENSENET121,
        CONVNEXT_TINY,
    )
}
"""Encoders by the name of the setting. A new encoder is one file and one entry here."""

UNFIT_FAMILIES = ("inception", "xception", "nasnet")
"""Families of keras.applications with features of sizes such as 125, 60 and 29, which a decoder cannot double."""

__all__ = ["ENCODERS", "UNFIT_FAMILIES", "EncoderSpec"]
