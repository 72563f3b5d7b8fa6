"""Builds the one network: a plain functional `keras.Model`, dict of inputs in, dict by task name out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import layers

from unet_mtl.batches.inputs.inputs import IMAGE, Inputs, Reads, find_reads
from unet_mtl.errors import ConfigError
from unet_mtl.nn.decoder import build_decoder
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.heads import build_pooled
from unet_mtl.nn.settings import NetworkSettings, check_size
from unet_mtl.nn.tabular import build_dense, build_film, build_joined
from unet_mtl.tasks import Features, Task


def build_network(
    tasks: Sequence[Task[Any, Any]],
    inputs: Inputs | None = None,
    *,
    size: tuple[int, int] = (256, 256),
    channels: int = 3,
    settings: NetworkSettings | None = None,
    precision: str = "float32",
) -> keras.Model:
    """One encoder, a decoder where a task draws masks, dense layers for columns, and a head for each task.

    Args:
        tasks: Adapted ones, which know their classes. Their names are the outputs' keys.
        inputs: What there is to read; None: an image alone. What no task reads is left out.
        size: (height, width) of the image.
        channels: Of the image.
        settings: Widths, levels and so on.
        precision: "float32" or "mixed_bfloat16"; outputs are float32 either way.

    Returns:
        A model from a dict of (B, height, width, channels) in 0..1 by the name "image", and (B, width) of each
        tabular input by its name, to a dict by task name. It holds Keras' own layers only, so that it loads where
        this package is not installed.

    Raises:
        ConfigError: No task, two of one name, a size that the levels cannot halve, or tasks that read what is not
            there or does not fit together.
    """
    settings, inputs = settings or NetworkSettings(), inputs or Inputs()
    _check_names(tasks)
    columns = {table.name: table.names for table in inputs.tables}
    reads = find_reads(tasks, columns, image=inputs.image, fusion=settings.fusion)
    inputs = inputs.only({name for names in reads.values() for name in names})
    if inputs.image:
        check_size(size, settings)
    with _precision(precision):
        body = _Body(inputs, (*size, channels), settings)
        pixels = _build_pixels(body, tasks, reads, settings)
        pooled = _build_pooled(body, tasks, reads, settings)
        outputs = {
            task.name: task.build_head(
                Features(pixels, None) if task.spatial else Features(None, pooled[task.name])
            )
            for task in tasks
        }
    return keras.Model(body.inputs, outputs, name="unet_mtl")


class _Body:
    """Encoder of the image and embeddings of the columns; what several tasks read is built once."""

    def __init__(self, inputs: Inputs, shape: tuple[int, int, int], settings: NetworkSettings) -> None:
        self.settings = settings
        self.inputs: dict[str, Any] = {}
        self.by_level: Sequence[Any] = ()
        if inputs.image:
            self.inputs[IMAGE] = layers.Input(shape, name=IMAGE)
            self.by_level = ENCODERS[settings.encoder](
                self.inputs[IMAGE],
                settings.widths,
                normalization=settings.normalization,
                dropout=settings.dropout,
            )
        self._tables: dict[str, Any] = {}
        for table in inputs.tables:
            self.inputs[table.name] = layers.Input((table.width,), name=table.name)
            self._tables[table.name] = build_dense(self.inputs[table.name], table.hidden, table.name)
        self._bottlenecks: dict[tuple[str, ...], Any] = {}
        self._pooled: dict[tuple[str, ...], Any] = {}
        self._joined: dict[tuple[str, ...], Any] = {}

    def bottleneck(self, reads: tuple[str, ...]) -> Any:
        """Deepest features (B, h, w, C), scaled and shifted by the columns read where `fusion` is "film"."""
        tables = self._modulating(reads)
        if tables not in self._bottlenecks:
            x = self.by_level[-1]
            if tables:
                name = "_".join(("film", *tables))
                x = build_film(x, build_joined([self._tables[t] for t in tables], f"{name}_condition"), name)
            self._bottlenecks[tables] = x
        return self._bottlenecks[tables]

    def joined(self, reads: tuple[str, ...]) -> Any:
        """(B, F): the pooled bottleneck, the columns, or both."""
        if reads not in self._joined:
            tables = [name for name in reads if name != IMAGE and name not in self._modulating(reads)]
            parts = [self._tables[name] for name in tables]
            if IMAGE in reads:
                parts.insert(0, self._pool(reads))
            self._joined[reads] = build_joined(parts, "_".join(("joined", *reads)))
        return self._joined[reads]

    def _pool(self, reads: tuple[str, ...]) -> Any:
        tables = self._modulating(reads)
        if tables not in self._pooled:
            name = "_".join(("pooled", *tables))
            self._pooled[tables] = build_pooled(self.bottleneck(reads), self.settings.pooling, name)
        return self._pooled[tables]

    def _modulating(self, reads: tuple[str, ...]) -> tuple[str, ...]:
        film = self.settings.fusion == "film" and IMAGE in reads
        return tuple(name for name in reads if name != IMAGE) if film else ()


def _build_pixels(
    body: _Body, tasks: Sequence[Task[Any, Any]], reads: Reads, settings: NetworkSettings
) -> Any:
    """(B, H, W, C) of the one decoder, where a task is spatial."""
    spatial = {task.name: reads[task.name] for task in tasks if task.spatial}
    if not spatial:
        return None
    if len(set(spatial.values())) > 1:
        told = "; ".join(f"{name} reads {', '.join(names)}" for name, names in spatial.items())
        raise ConfigError(f"all masks come from one decoder and read the same inputs, received: {told}")
    by_level = [*body.by_level[:-1], body.bottleneck(next(iter(spatial.values())))]
    return build_decoder(by_level, settings.widths[:-1], up=settings.up, normalization=settings.normalization)


def _build_pooled(
    body: _Body, tasks: Sequence[Task[Any, Any]], reads: Reads, settings: NetworkSettings
) -> dict[str, Any]:
    """By task of the whole image: (B, F) behind the shared trunk and the task's own layers."""
    joined = {task.name: body.joined(reads[task.name]) for task in tasks if not task.spatial}
    _check_trunk(joined, reads, settings)
    trunk = [
        layers.Dense(units, activation="relu", kernel_initializer="he_normal", name=f"trunk_{index}")
        for index, units in enumerate(settings.trunk, start=1)
    ]
    shared: dict[tuple[str, ...], Any] = {}
    pooled = {}
    for task in tasks:
        if task.spatial:
            continue
        key = reads[task.name]
        if key not in shared:
            shared[key] = joined[task.name]
            for layer in trunk:
                shared[key] = layer(shared[key])
        pooled[task.name] = build_dense(shared[key], task.hidden, task.name)
    return pooled


def _check_trunk(joined: Mapping[str, Any], reads: Reads, settings: NetworkSettings) -> None:
    widths = {name: int(x.shape[-1]) for name, x in joined.items()}
    if settings.trunk and len(set(widths.values())) > 1:
        told = "; ".join(
            f"{name} reads {', '.join(reads[name])}, {width} numbers" for name, width in widths.items()
        )
        raise ConfigError(
            f"network.trunk: shared weights need equally many numbers from every task, received: {told}. Give inputs "
            "`hidden` layers that end alike, or the tasks the same `inputs`"
        )


def _check_names(tasks: Sequence[Task[Any, Any]]) -> None:
    names = [task.name for task in tasks]
    if not names:
        raise ConfigError("a network needs at least one task, received none")
    if len(set(names)) < len(names):
        raise ConfigError(f"task names must differ, received {', '.join(names)}")


@contextmanager
def _precision(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
