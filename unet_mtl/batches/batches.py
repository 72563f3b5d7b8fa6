"""Batches by task name, made off the training thread; a sample is a function of (seed, epoch, case) alone."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.augment.augment import Augment, sample_seed
from unet_mtl.batches.cache.array_cache import Cache
from unet_mtl.batches.case_loader import FittedCases
from unet_mtl.batches.inputs.columns import FittedInput, Labels
from unet_mtl.batches.inputs.inputs import IMAGE, Inputs
from unet_mtl.batches.order.label_order import spread_order
from unet_mtl.batches.order.sampling import Strata, draw_epoch
from unet_mtl.batches.prefetch import Ahead
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.data.file_hashes import FileHashes
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import ConfigError, DataError, UnetMtlError
from unet_mtl.tasks import Task

Batch = tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]], dict[str, NDArray[np.float32]]]
ImageType = Literal["uint8", "float32"]

_AHEAD = 3
"""Batches that wait ready beside those in the making."""

_ALIGNMENT = 64


class Batches(keras.utils.PyDataset):
    """Inputs, targets and label weights, each a dict by name.

    Order, crops and augmentation follow from `seed` and `epoch`, so a resumed run sees what an uninterrupted one
    would have seen, whatever the number of workers. The last short batch is kept.

    Args:
        dataset: The cases.
        tasks: Adapted ones.
        preprocess: The fixed steps.
        inputs: What the network reads; None: the image alone.
        batch_size: Cases a batch.
        augment: The random steps of images; None for validation.
        hide: Whether columns are hidden as `input_dropout` and `cell_dropout` say; not for validation.
        shuffle: Whether each epoch has an order of its own.
        spread_labels: Whether the order, still another one each epoch, gives every batch labels of each task as far
            as the labels reach; see `spread_order`. Needs `shuffle`.
        strata: Chances of cases to be drawn, and groups that every batch holds in their share; see `draw_epoch`. None:
            each case is there once.
        seed: Of order and augmentation.
        workers: Threads that prepare batches.
        cache: Where cases at the network's size are kept; None reads them each time.
        file_hashes: Digests of files, shared with other users of the same files; None: an instance of its own.
        image_type: "float32": images in 0..1. "uint8": as they are, a quarter of the bytes; for images of 8 bits.
        shard: (index, count): these batches are one of `count` disjoint parts of each epoch, which together
            have every case once, and have as many batches each. The b-th batches of all make up the b-th of an
            unsharded epoch of `count` times the batch size. Where the cases do not divide, the last place of a
            part is filled by a case whose labels weigh 0.

    Raises:
        ConfigError: `spread_labels` without `shuffle`.
    """

    def __init__(
        self,
        dataset: Dataset,
        tasks: Sequence[Task[Any, Any]],
        preprocess: Preprocess,
        *,
        batch_size: int,
        inputs: Inputs | None = None,
        augment: Augment | None = None,
        hide: bool = False,
        shuffle: bool = False,
        spread_labels: bool = False,
        strata: Strata | None = None,
        seed: int = 0,
        workers: int = 2,
        cache: Cache | None = None,
        file_hashes: FileHashes | None = None,
        image_type: ImageType = "float32",
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        # Keras' own threads stop and start with each epoch, at 0.1 s a time; ours work on.
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=1)
        if spread_labels and not shuffle:
            raise ConfigError(
                "spread_labels is True and shuffle False, which keeps the order; set shuffle too"
            )
        self.dataset = dataset
        self.tasks = tuple(tasks)
        self.preprocess = preprocess
        self.inputs = inputs or Inputs()
        self.batch_size = batch_size
        self.augment = augment
        self.hide = hide
        self.shuffle = shuffle
        self.spread_labels = spread_labels
        self.strata = strata
        self.seed = seed
        self.shard = shard
        self.image_type = image_type
        self.epoch = 0
        # TensorFlow hands on the words of an error in a thread, not the error.
        self.error: UnetMtlError | None = None
        # Two epochs are in the making at a time, each of many batches.
        self._drawn = lru_cache(maxsize=2)(self._draw)
        self._cases = FittedCases(
            dataset.description, tasks, preprocess, cache, image=self.inputs.image, file_hashes=file_hashes
        )
        # OpenCV's threads wait for each other by spinning, and there are ours.
        self._ahead = Ahead(self._make, workers, lambda: cv2.setNumThreads(1))
        self._n_ahead = workers + _AHEAD

    def __len__(self) -> int:
        return -(-self._places // self.batch_size)

    @property
    def _places(self) -> int:
        return -(-len(self.dataset) // self.shard[1])

    def __getitem__(self, index: int) -> Batch:
        """One batch of this epoch; those after it are begun with."""
        key = self._key(self.epoch, index)
        try:
            return self._ahead.take(key, islice(self._after(*key), self._n_ahead))
        except UnetMtlError as error:
            self.error = error
            raise

    def close(self) -> None:
        """Ends the threads; asked for a batch again, they start anew."""
        self._ahead.close()

    def records_of(self, index: int) -> list[Record]:
        """The cases of one batch of this epoch, without a filler."""
        return self._records(self.epoch, index)

    def make(self, index: int, epoch: int = 0) -> Batch:
        """One batch, made here and now."""
        return self._make(self._key(epoch, index))

    @property
    def signature(self) -> Batch:
        """Empty arrays of the types and shapes of a batch."""
        size = self.preprocess.size
        encoded = {task.name: np.asarray(task.encode(None, size)[0]) for task in self.tasks}
        inputs: dict[str, NDArray[Any]] = {}
        if self.inputs.image:
            inputs[IMAGE] = np.empty((0, *size, self.preprocess.channels), self.image_type)
        for table in self.inputs.tables:
            inputs[table.name] = np.empty((0, table.width), np.float32)
        return (
            inputs,
            {name: np.empty((0, *target.shape), target.dtype) for name, target in encoded.items()},
            {name: np.empty(0, np.float32) for name in encoded},
        )

    def _key(self, epoch: int, index: int) -> tuple[int, int]:
        # Where all epochs are alike, a batch made at the end of one serves in the next.
        changing = self.shuffle or self.hide or self.augment is not None or self.strata is not None
        return (epoch if changing else 0, index)

    def _after(self, epoch: int, index: int) -> Iterator[tuple[int, int]]:
        for later in range(index + 1, len(self)):
            yield epoch, later
        # So that an epoch does not begin with waiting.
        for first in range(min(index, len(self))):
            yield self._key(epoch + 1, first)

    def _records(self, epoch: int, index: int) -> list[Record]:
        return [self.dataset.records[case] for case in self._part(self._drawn(epoch)[0], index)]

    def _part(self, order: NDArray[np.int64], index: int) -> NDArray[np.int64]:
        return order[self.shard[0] :: self.shard[1]][index * self.batch_size : (index + 1) * self.batch_size]

    def _draw(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cases of an epoch in order, and how often each came before."""
        if self.strata is not None:
            whole = self.batch_size * self.shard[1]
            return draw_epoch(self.strata, whole, (self.seed, epoch))
        order = np.arange(len(self.dataset))
        if self.spread_labels:
            order = self._spread(epoch)
        elif self.shuffle:
            order = np.random.default_rng([self.seed, epoch]).permutation(order)
        return order, np.zeros_like(order)

    def _spread(self, epoch: int) -> NDArray[np.int64]:
        known = [[task.is_labelled(record) for task in self.tasks] for record in self.dataset]
        labelled = np.asarray(known, bool).reshape(len(self.dataset), len(self.tasks))
        return spread_order((self.seed, epoch), labelled, self.batch_size, self.shard[1])

    def _make(self, key: tuple[int, int]) -> Batch:
        epoch, index = key
        records, turns = self._records(epoch, index), self._part(self._drawn(epoch)[1], index)
        places = min(self.batch_size, self._places - index * self.batch_size)
        inputs, targets, weights = (
            {name: _empty((places, *array.shape[1:]), array.dtype) for name, array in part.items()}
            for part in self.signature
        )
        for place in range(places):
            filled = place < len(records)
            record = records[place] if filled else self.dataset.records[0]
            turn = int(turns[place]) if filled else 0
            image, encoded = self._sample(record, epoch, turn)
            if image is not None:
                self._put(inputs[IMAGE], place, image, record)
            for table in self.inputs.tables:
                inputs[table.name][place] = table.encode(self._columns(table, record, epoch, turn))
            for name, (target, weight) in encoded.items():
                targets[name][place] = target
                weights[name][place] = weight if filled else 0.0
        return inputs, targets, weights

    def _columns(self, table: FittedInput, record: Record, epoch: int, turn: int) -> Labels:
        if not self.hide:
            return record.labels
        # Another draw for each input, and another than that of the augmentation.
        return table.hide(
            record.labels, sample_seed(self.seed, epoch, f"{_named(record, turn)}\0{table.name}")
        )

    def _sample(
        self, record: Record, epoch: int, turn: int
    ) -> tuple[NDArray[Any] | None, dict[str, tuple[Any, float]]]:
        image, masks = self._cases.read(record)
        # Validation must be the same every epoch.
        seed = sample_seed(self.seed, epoch if self.augment is not None else 0, _named(record, turn))
        if image is not None:
            image, masks = self.preprocess.draw_sample(image, masks, seed)
            if self.augment is not None:
                image, masks = self.augment(image, masks, seed)
        description, size = self.dataset.description, self.preprocess.size
        truths = {
            task.name: masks.get(task.name) if task.spatial else task.read(record, description)
            for task in self.tasks
        }
        return image, {task.name: task.encode(truths[task.name], size) for task in self.tasks}

    def _put(self, images: NDArray[Any], place: int, image: NDArray[Any], record: Record) -> None:
        if images.dtype == image.dtype:
            images[place] = image
        elif images.dtype == np.float32:
            np.divide(image, np.float32(255), out=images[place], casting="unsafe", dtype=np.float32)
        else:
            raise DataError(
                f"{record.image}: no longer an image of 8 bits; leave the data alone while a training reads them, "
                "and resume it"
            )


def _named(record: Record, turn: int) -> str:
    """Of chance: a case that is drawn twice in an epoch is augmented in two ways."""
    return f"{record.case}/{turn}" if turn else record.case


def _empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array that starts where TensorFlow wants one to, which then takes it as it is instead of copying it."""
    n_bytes = math.prod(shape) * dtype.itemsize
    bytes_ = np.empty(n_bytes + _ALIGNMENT, np.uint8)
    start = -bytes_.ctypes.data % _ALIGNMENT
    return bytes_[start : start + n_bytes].view(dtype).reshape(shape)
