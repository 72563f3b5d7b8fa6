"""MobileNetV3 (Howard 2019, arXiv:1905.02244): depthwise bottlenecks with squeeze-and-excitation and hard swish."""

from unet_mtl.nn.encoders.applications import Application, application_spec
from unet_mtl.nn.encoders.spec import EncoderSpec


def _spec(size: str, md5: str, *taps: str) -> EncoderSpec:
    return application_spec(
        f"mobilenetv3_{size.lower()}",
        Application(f"MobileNetV3{size}", taps, options=(("include_preprocessing", False),)),
        file=f"mobilenet_v3/weights_mobilenet_v3_{size.lower()}_224_1.0_float_no_top_v2.h5",
        digest=f"md5:{md5}",
        licence="Apache-2.0",
        depthwise=True,
    )


MOBILE_LARGE = _spec(
    "Large",
    "07fb09a5933dd0c8eaafa16978110389",
    "expanded_conv_add",
    "expanded_conv_2_add",
    "expanded_conv_5_add",
    "expanded_conv_11_add",
    "activation",
)
# The first block halves the image, so that the features at stride 2 are those of the stem.
MOBILE_SMALL = _spec(
    "Small",
    "d3e8ec802a04aa4fc771ee12a9a9b836",
    "activation1",
    "expanded_conv_project_bn",
    "expanded_conv_2_add",
    "expanded_conv_7_add",
    "activation",
)
