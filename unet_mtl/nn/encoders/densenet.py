"""DenseNet121 (Huang 2017, arXiv:1608.06993): each layer reads all those before it in its block."""

from unet_mtl.nn.encoders.applications import Application, application_spec
from unet_mtl.nn.encoders.image import IMAGENET_DEVIATION, IMAGENET_MEAN

DENSENET121 = application_spec(
    "densenet121",
    Application(
        "DenseNet121",
        ("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu"),
        mean=IMAGENET_MEAN,
        deviation=IMAGENET_DEVIATION,
    ),
    file="densenet/densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
    digest="md5:30ee3e1110167f948a6b9946edeeb738",
    licence="BSD-3-Clause",
)
