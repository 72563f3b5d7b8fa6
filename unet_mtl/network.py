"""Builds the one network: a plain functional `keras.Model`, image in, dict by task name out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import layers

from unet_mtl.errors import ConfigError
from unet_mtl.nn.decoder import build_decoder
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.heads import build_pooled
from unet_mtl.nn.settings import NetworkSettings, check_size
from unet_mtl.tasks import Features, Task

IMAGE = "image"
"""Name of the image input."""


def build_network(
    tasks: Sequence[Task[Any, Any]],
    *,
    size: tuple[int, int] = (256, 256),
    channels: int = 3,
    settings: NetworkSettings | None = None,
    precision: str = "float32",
) -> keras.Model:
    """One encoder, a decoder where a task draws masks, and a head for each task.

    Args:
        tasks: Adapted ones, which know their classes. Their names are the outputs' keys.
        size: (height, width) of the image.
        channels: Of the image.
        settings: Widths, levels and so on.
        precision: "float32" or "mixed_bfloat16"; outputs are float32 either way.

    Returns:
        A model from (B, height, width, channels) in 0..1 to a dict by task name. It holds Keras' own
        layers only, so that it loads where this package is not installed.

    Raises:
        ConfigError: No task, two of one name, or a size that the levels cannot halve.
    """
    settings = settings or NetworkSettings()
    _check_names(tasks)
    check_size(size, settings)
    with _precision(precision):
        image = layers.Input((*size, channels), name=IMAGE)
        by_level = ENCODERS[settings.encoder](
            image, settings.widths, normalization=settings.normalization, dropout=settings.dropout
        )
        features = Features(
            _build_pixels(by_level, tasks, settings), build_pooled(by_level[-1], settings.pooling)
        )
        outputs = {task.name: task.build_head(features) for task in tasks}
    return keras.Model({IMAGE: image}, outputs, name="unet_mtl")


def _check_names(tasks: Sequence[Task[Any, Any]]) -> None:
    names = [task.name for task in tasks]
    if not names:
        raise ConfigError("a network needs at least one task, received none")
    if len(set(names)) < len(names):
        raise ConfigError(f"task names must differ, received {', '.join(names)}")


def _build_pixels(by_level: Sequence[Any], tasks: Sequence[Task[Any, Any]], settings: NetworkSettings) -> Any:
    if not any(task.spatial for task in tasks):
        return None
    return build_decoder(by_level, settings.widths[:-1], up=settings.up, normalization=settings.normalization)


@contextmanager
def _precision(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_precision(network: keras.Model, precision: str) -> keras.Model:
    """The same weights computing in another precision, for a machine other than the one that trained.

    Args:
        network: From `build_network`.
        precision: Of its layers in mixed precision, "float32" or a mixed one; layers in float32 stay in it.
    """
    config = _replace_policy(network.get_config(), precision)
    copy: keras.Model = type(network).from_config(config)
    copy.set_weights(network.get_weights())
    return copy


def _replace_policy(config: Any, precision: str) -> Any:
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy" and config["config"]["name"].startswith("mixed"):
            return config | {"config": {"name": precision}}
        return {key: _replace_policy(value, precision) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_replace_policy(value, precision) for value in config)
    return config
