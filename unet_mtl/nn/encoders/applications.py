"""Encoders from keras.applications, whose layers become part of our network under names of our own."""

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unet_mtl.nn.blocks import BATCH_MOMENTUM
from unet_mtl.nn.encoders.image import build_bottleneck, build_scaled_image
from unet_mtl.nn.encoders.spec import LIGHT_DECODER, EncoderSpec, LayerWeights, PretrainedFile, strides_from

if TYPE_CHECKING:
    from unet_mtl.nn.settings import NetworkSettings

_URL = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True)
class Application:
    """A model of keras.applications, and what it needs as an encoder.

    Attributes:
        model: The name of the function in `keras.applications`.
        taps: The features by name, finest first: the operation of this name, or else the last one with a name that
            begins like this. Names are those of Keras; operations that Keras numbers by itself are numbered from 1
            for each class, as in "activation1".
        first_stride: The stride of the first of these features.
        mean: The mean of the images that the weights expect, of numbers in 0..1.
        deviation: Their standard deviation.
        is_bgr: Whether the weights expect the order blue, green, red.
        options: Further arguments of the function.
    """

    model: str
    taps: tuple[str, ...]
    first_stride: int = 2
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    deviation: tuple[float, ...] = (0.5, 0.5, 0.5)
    is_bgr: bool = False
    options: tuple[tuple[str, Any], ...] = ()

    def make(self, shape: tuple[int, int, int]) -> Any:
        """Return the model without weights, scaling and classifier, for images of one shape."""
        import keras

        function: Callable[..., Any] = getattr(keras.applications, self.model)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This model usually expects")  # 1 or 3 channels
            return function(include_top=False, weights=None, input_shape=shape, **dict(self.options))


def build_application(image: Any, settings: "NetworkSettings", *, application: Application) -> list[Any]:
    """Build the layers of an application, each as a layer of the network.

    Args:
        image: (B, H, W, C) in 0..1.
        settings: The dropout after the bottleneck.
        application: The model.

    Returns:
        Its features, finest first.
    """
    import keras

    x = build_scaled_image(image, application.mean, application.deviation)
    model = application.make(tuple(x.shape[1:]))
    names = _name_operations(model)
    taps = [_find_tap(tap, list(names.values())) for tap in application.taps]
    outputs = {names[o.name]: o.output for o in _flatten(model) if names[o.name] in taps}
    trimmed = keras.Model(model.input, [outputs[tap] for tap in taps])
    copies: dict[str, Any] = {}

    def copy(operation: Any) -> Any:
        if isinstance(operation, keras.Sequential):
            inner = [copy(layer) for layer in operation.layers]
            return lambda x, **_: reduce(lambda y, layer: layer(y), inner, x)
        name = names[operation.name]
        copies[name] = _copy(operation, f"encoder_{name}")
        return copies[name]

    keras.models.clone_model(trimmed, input_tensors=x, clone_function=copy)
    # The first call of each copy was that on `x`; the model that is returned has nodes of its own.
    return build_bottleneck([copies[tap].output for tap in taps], settings)


def _flatten(model: Any) -> Iterator[Any]:
    """Yield the operations of a model and of the sequences in it, apart from inputs."""
    import keras

    for operation in model.operations:
        if isinstance(operation, keras.Sequential):
            yield from operation.layers
        elif not isinstance(operation, keras.layers.InputLayer):
            yield operation


def _name_operations(model: Any) -> dict[str, str]:
    """Return our name of each operation by its own: the same, but numbered from 1 where Keras has numbered it."""
    counts: Counter[str] = Counter()
    names = {}
    for operation in _flatten(model):
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", type(operation).__name__).lower()
        name = operation.name
        if re.fullmatch(rf"{kind}(_\d+)?", name):
            counts[kind] += 1
            name = f"{kind}{counts[kind]}"
        names[operation.name] = name
    return names


def _find_tap(tap: str, names: Sequence[str]) -> str:
    return tap if tap in names else [name for name in names if name.startswith(tap)][-1]


def _copy(operation: Any, name: str) -> Any:
    from keras import layers

    config = operation.get_config() | {"name": name}
    if isinstance(operation, layers.BatchNormalization):
        config["momentum"] = BATCH_MOMENTUM
    if _is_scale(operation):
        # The class of keras.applications is private; a depthwise 1x1 convolution computes the same.
        initializer = {"class_name": "Constant", "config": {"value": config["init_values"]}}
        return layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer=initializer, name=name)
    if _has_groups(operation):
        # TensorFlow has no gradient of convolutions in groups on a CPU.
        return layers.DepthwiseConv2D(config["kernel_size"], padding=config["padding"], name=name)
    return type(operation).from_config(config)


def _convert(operation: Any) -> list[np.ndarray]:
    """Return the arrays of an operation in the shapes of its copy."""
    arrays: list[np.ndarray] = operation.get_weights()
    if _is_scale(operation):
        return [arrays[0].reshape((1, 1, -1, 1))]
    if _has_groups(operation):
        return [arrays[0].swapaxes(2, 3), *arrays[1:]]
    return arrays


def _is_scale(operation: Any) -> bool:
    return type(operation).__name__ == "LayerScale"


def _has_groups(operation: Any) -> bool:
    return type(operation).__name__ == "Conv2D" and operation.groups > 1


def read_application(path: Path, *, application: Application) -> LayerWeights:
    """Read one of the .h5 files of keras.applications, strictly.

    Args:
        path: The file, of the model without its classifier.
        application: The model.
    """
    model = application.make((64, 64, 3))
    model.load_weights(path)
    names = _name_operations(model)
    found = {}
    for layer in _flatten(model):
        if getattr(layer, "weights", None):
            found[f"encoder_{names[layer.name]}"] = _convert(layer)
    if application.is_bgr:
        stem = next(iter(found))
        found[stem][0] = np.ascontiguousarray(found[stem][0][:, :, ::-1])
    return found


def application_spec(
    name: str, application: Application, *, file: str, digest: str, licence: str, depthwise: bool = False
) -> EncoderSpec:
    """Return the spec of an encoder from keras.applications.

    Args:
        name: The name of the setting.
        application: The model.
        file: The path of its weights below Google's folder of keras.applications.
        digest: "sha256:" or "md5:" and the digest of the file that Keras itself checks.
        licence: The licence of the weights.
        depthwise: Whether its convolutions are depthwise.
    """
    return EncoderSpec(
        name=name,
        build=partial(build_application, application=application),
        strides=strides_from(application.first_stride),
        decoder_widths=LIGHT_DECODER,
        depthwise=depthwise,
        pretrained=PretrainedFile(
            name=file.rpartition("/")[2],
            digest=digest,
            licence=licence,
            source=f"keras.applications.{application.model}",
            read=partial(read_application, application=application),
            url=f"{_URL}/{file}",
        ),
    )
