"""EfficientNetV2 (Tan 2021, arXiv:2104.00298): fused bottlenecks in the first stages, depthwise ones in the others."""

from unet_mtl.nn.encoders.applications import Application, application_spec
from unet_mtl.nn.encoders.image import IMAGENET_DEVIATION, IMAGENET_MEAN
from unet_mtl.nn.encoders.spec import EncoderSpec

_TAPS = ("block1", "block2", "block3", "block5", "top_activation")


def _spec(size: str, md5: str, mean: tuple[float, ...], deviation: tuple[float, ...]) -> EncoderSpec:
    return application_spec(
        f"efficientnetv2_{size.lower()}",
        Application(
            f"EfficientNetV2{size}",
            _TAPS,
            mean=mean,
            deviation=deviation,
            options=(("include_preprocessing", False),),
        ),
        file=f"efficientnet_v2/efficientnetv2-{size.lower()}_notop.h5",
        digest=f"md5:{md5}",
        licence="Apache-2.0",
        depthwise=True,
    )


V2_B0 = _spec("B0", "893217f2bb855e2983157299931e43ff", IMAGENET_MEAN, IMAGENET_DEVIATION)
V2_B1 = _spec("B1", "0e80663031ca32d657f9caa404b6ec37", IMAGENET_MEAN, IMAGENET_DEVIATION)
V2_B2 = _spec("B2", "1dfe2e7a5d45b6632553a8961ea609eb", IMAGENET_MEAN, IMAGENET_DEVIATION)
V2_B3 = _spec("B3", "f6abf7b5849ac99a89b50dd3fd532856", IMAGENET_MEAN, IMAGENET_DEVIATION)
# Keras scales images of 0..255 by 1 / 128 and subtracts 1.
V2_S = _spec("S", "af0682fb74e8c54910f2d4393339c070", (128 / 255,) * 3, (128 / 255,) * 3)
