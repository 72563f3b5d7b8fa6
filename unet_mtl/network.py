"""Builds the network: a functional `keras.Model` from a dict of inputs to a dict of outputs by task name."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import layers

from unet_mtl.arguments import check_types
from unet_mtl.batches.inputs.inputs import IMAGE, Inputs, Reads, find_reads
from unet_mtl.errors import ConfigError
from unet_mtl.nn.blocks import freeze_normalization
from unet_mtl.nn.decoder import build_decoder
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.pooling import POOLINGS, PoolingInput
from unet_mtl.nn.settings import NetworkSettings, check_size
from unet_mtl.nn.tabular import FUSIONS, build_dense, build_joined
from unet_mtl.tasks import Features, Task, learned_tasks
from unet_mtl.wording import count_of


@check_types
def build_network(
    tasks: Sequence[Task[Any, Any]],
    inputs: Inputs | None = None,
    *,
    size: tuple[int, int] = (256, 256),
    channels: int = 3,
    settings: NetworkSettings | None = None,
    precision: str = "float32",
) -> keras.Model:
    """Build one encoder, a decoder if a task predicts masks, dense layers for columns, and a head for each task.

    Args:
        tasks: Tasks that `adapt` has given their classes. Their names are the keys of the outputs. Tasks that are
            derived from others have no output.
        inputs: Inputs that tasks may read; None: an image alone. Inputs that no task reads are left out.
        size: (height, width) of the image in pixels.
        channels: The number of channels of the image.
        settings: Settings of the network; None: the defaults.
        precision: "float32", "mixed_bfloat16" or "mixed_float16"; outputs are float32 in each case.

    Returns:
        A model from a dict of inputs to a dict of outputs by task name. Inputs are a float32
        (B, height, width, channels) in 0..1 named "image", and a (B, width) for each tabular input by its name. The
        model consists of Keras' own layers, so that it loads where this package is not installed.

    Raises:
        ConfigError: There is no task, two tasks share a name, a task has no classes yet, the encoder cannot halve an
            image of this size, or tasks read inputs that do not exist or that cannot be combined.
    """
    settings, inputs = settings or NetworkSettings(), inputs or Inputs()
    _check_names(tasks)
    tasks = learned_tasks(tasks)
    columns = {table.name: table.names for table in inputs.tables}
    reads = find_reads(tasks, columns, image=inputs.image, fusion=settings.fusion)
    inputs = inputs.only({name for names in reads.values() for name in names})
    if inputs.image:
        check_size(size, settings)
    with _precision(precision):
        body = _Body(inputs, (*size, channels), settings)
        pixels = _build_pixels(body, tasks, reads, settings)
        masks = _Masks(pixels, tasks, reads)
        pooled = _build_pooled(body, tasks, reads, settings, masks)
        outputs = {
            task.name: masks.output(task)
            if task.spatial
            else task.build_head(Features(None, pooled[task.name]))
            for task in tasks
        }
    return keras.Model(body.inputs, outputs, name="unet_mtl")


class _Masks:
    """The heads of the spatial tasks, each of which is built when it is first needed.

    Initial weights are drawn in the order in which layers are built. This order is therefore that of the tasks, unless
    a pooling reads the masks, which are built first then.
    """

    def __init__(self, pixels: Any, tasks: Sequence[Task[Any, Any]], reads: Reads) -> None:
        self._pixels = pixels
        self._tasks = [task for task in tasks if task.spatial]
        self._reads = reads
        self._outputs: dict[str, Any] = {}

    def output(self, task: Task[Any, Any]) -> Any:
        """Return the output of a spatial task."""
        if task.name not in self._outputs:
            self._outputs[task.name] = task.build_head(Features(self._pixels, None))
        return self._outputs[task.name]

    def foregrounds(self, reads: tuple[str, ...]) -> dict[str, Any]:
        """Return the probability of the foreground by mask task, for an image-level task that reads these inputs.

        Masks that depend on further inputs are left out, so that no column reaches a task that does not read it.
        """
        allowed = [task for task in self._tasks if set(self._reads[task.name]) <= set(reads)]
        found = {task.name: task.build_foreground(self.output(task)) for task in allowed}
        return {name: foreground for name, foreground in found.items() if foreground is not None}


class _Body:
    """Encoder of the image and embeddings of the tables.

    Parts that several tasks read are built once, by the names of the inputs that they depend on.
    """

    def __init__(self, inputs: Inputs, shape: tuple[int, int, int], settings: NetworkSettings) -> None:
        self.settings = settings
        self.inputs: dict[str, Any] = {}
        self.features: Sequence[Any] = ()
        if inputs.image:
            self.inputs[IMAGE] = layers.Input(shape, name=IMAGE)
            self.features = ENCODERS[settings.encoder].build(self.inputs[IMAGE], settings)
            if settings.encoder_normalization == "frozen":
                freeze_normalization(self.inputs[IMAGE], self.features)
        self._tables: dict[str, Any] = {}
        for table in inputs.tables:
            self.inputs[table.name] = layers.Input((table.width,), name=table.name)
            self._tables[table.name] = build_dense(self.inputs[table.name], table.hidden, table.name)
        self._bottlenecks: dict[tuple[str, ...], Any] = {}
        self._pooled: dict[tuple[str, ...], Any] = {}
        self._joined: dict[tuple[str, ...], Any] = {}

    def bottleneck(self, reads: tuple[str, ...]) -> Any:
        """Return the deepest features (B, h, w, C), modulated by the tables read if the fusion does that."""
        tables = self._modulating(reads)
        if tables not in self._bottlenecks:
            x = self.features[-1]
            modulate = FUSIONS[self.settings.fusion]
            if tables and modulate is not None:
                name = "_".join((self.settings.fusion, *tables))
                condition = build_joined([self._tables[table] for table in tables], f"{name}_condition")
                x = modulate(x, condition, name)
            self._bottlenecks[tables] = x
        return self._bottlenecks[tables]

    def joined(self, reads: tuple[str, ...], masks: _Masks) -> Any:
        """Return (B, F): the pooled bottleneck, the embeddings of tables that do not modulate it, or both."""
        if reads not in self._joined:
            tables = [name for name in reads if name != IMAGE and name not in self._modulating(reads)]
            parts = [self._tables[name] for name in tables]
            if IMAGE in reads:
                parts.insert(0, self._pool(reads, masks))
            self._joined[reads] = build_joined(parts, "_".join(("joined", *reads)))
        return self._joined[reads]

    def _pool(self, reads: tuple[str, ...], masks: _Masks) -> Any:
        tables = self._modulating(reads)
        if tables not in self._pooled:
            name = "_".join(("pooled", *tables))
            levels = [*self.features[:-1], self.bottleneck(reads)]
            self._pooled[tables] = POOLINGS[self.settings.pooling](
                PoolingInput(levels, lambda: masks.foregrounds(reads)), name
            )
        return self._pooled[tables]

    def _modulating(self, reads: tuple[str, ...]) -> tuple[str, ...]:
        modulates = FUSIONS[self.settings.fusion] is not None and IMAGE in reads
        return tuple(name for name in reads if name != IMAGE) if modulates else ()


def _build_pixels(
    body: _Body, tasks: Sequence[Task[Any, Any]], reads: Reads, settings: NetworkSettings
) -> Any:
    """Build the decoder that all spatial tasks share, (B, H, W, C); None if there is no such task."""
    spatial = {task.name: reads[task.name] for task in tasks if task.spatial}
    if not spatial:
        return None
    if len(set(spatial.values())) > 1:
        received = "; ".join(f"{name} reads {', '.join(names)}" for name, names in spatial.items())
        raise ConfigError(
            f"all masks come from one decoder, so their tasks must read the same inputs, received: {received}"
        )
    bottleneck = body.bottleneck(next(iter(spatial.values())))
    return build_decoder(
        [*body.features[:-1], bottleneck],
        settings.strides,
        widths=settings.decoder_channels,
        up=settings.up,
        normalization=settings.normalization,
    )


def _build_pooled(
    body: _Body, tasks: Sequence[Task[Any, Any]], reads: Reads, settings: NetworkSettings, masks: _Masks
) -> dict[str, Any]:
    """Build the shared trunk and each image-level task's hidden layers: (B, F) by task name."""
    joined = {task.name: body.joined(reads[task.name], masks) for task in tasks if not task.spatial}
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
        received = "; ".join(
            f"{name} reads {', '.join(reads[name])}, {width} numbers" for name, width in widths.items()
        )
        raise ConfigError(
            "network.trunk: the trunk has the same weights for every task, so each task must read equally many "
            f"numbers, received: {received}. Give the inputs `hidden` layers of equal final width, or the tasks the "
            "same `inputs`"
        )


def _check_names(tasks: Sequence[Task[Any, Any]]) -> None:
    names = [task.name for task in tasks]
    if not names:
        raise ConfigError("a network needs at least one task, received none")
    if len(set(names)) < len(names):
        raise ConfigError(f"task names must differ, received {', '.join(names)}")
    without = [repr(task.name) for task in tasks if getattr(task, "classes", None) == ()]
    if without:
        raise ConfigError(
            f"{count_of(len(without), 'task')} without classes: {', '.join(without)}; take them from the train cases "
            "first, with `task.adapt(train)`, or name them as `classes`"
        )


@contextmanager
def _precision(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
