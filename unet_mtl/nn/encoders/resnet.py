"""ResNet50 (He 2016, arXiv:1512.03385) and its second version, which normalizes before each convolution."""

from unet_mtl.nn.encoders.applications import Application, application_spec

# The weights expect blue, green and red in 0..255 without their means.
RESNET50 = application_spec(
    "resnet50",
    Application(
        "ResNet50",
        ("conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
        mean=(123.68 / 255, 116.779 / 255, 103.939 / 255),
        deviation=(1 / 255,) * 3,
        is_bgr=True,
    ),
    file="resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    digest="md5:4d473c1dd8becc155b73f8504c6f6626",
    licence="MIT",
)
# The last block of a stage halves the image, so that features are taken before its first convolution.
RESNET50V2 = application_spec(
    "resnet50v2",
    Application(
        "ResNet50V2",
        (
            "conv1_conv",
            "conv2_block3_preact_relu",
            "conv3_block4_preact_relu",
            "conv4_block6_preact_relu",
            "post_relu",
        ),
    ),
    file="resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    digest="md5:fac2f116257151a9d068a22e544a4917",
    licence="BSD-3-Clause",
)
