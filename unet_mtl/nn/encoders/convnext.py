"""ConvNeXt (Liu 2022, arXiv:2201.03545): 7x7 depthwise convolutions and layer normalization, from stride 4 on."""

from unet_mtl.nn.encoders.applications import Application, application_spec
from unet_mtl.nn.encoders.image import IMAGENET_DEVIATION, IMAGENET_MEAN

CONVNEXT_TINY = application_spec(
    "convnext_tiny",
    Application(
        "ConvNeXtTiny",
        ("add3", "add6", "add15", "layer_normalization1"),
        first_stride=4,
        mean=IMAGENET_MEAN,
        deviation=IMAGENET_DEVIATION,
        options=(("include_preprocessing", False),),
    ),
    file="convnext/convnext_tiny_notop.h5",
    digest="sha256:d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    licence="MIT",
    depthwise=True,
)
