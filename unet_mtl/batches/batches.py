"""Batches of inputs, targets and label weights, made in threads; a sample depends only on (seed, epoch, case)."""

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
from unet_mtl.batches.case_loader import CaseLoader
from unet_mtl.batches.inputs.channels import add_indicators
from unet_mtl.batches.inputs.columns import FittedInput, Labels
from unet_mtl.batches.inputs.inputs import IMAGE, Inputs
from unet_mtl.batches.order.label_order import make_label_order
from unet_mtl.batches.order.sampling import Strata, draw_epoch
from unet_mtl.batches.prefetch import Prefetcher
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.data.file_hashes import FileHashes
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import ConfigError, DataError, UnetMtlError
from unet_mtl.tasks import Task

Batch = tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]], dict[str, NDArray[np.float32]]]
ImageType = Literal["uint8", "float32"]

_READY_BATCHES = 3
"""The number of prefetched batches beyond one for each worker."""

_ALIGNMENT = 64  # bytes


class Batches(keras.utils.PyDataset):
    """Batches of inputs, targets and label weights, each a dict by name.

    Order, crops and augmentation follow from `seed` and `epoch`, so a resumed run sees the same samples as an
    uninterrupted one, whatever the number of workers. The last batch may be shorter.

    Args:
        dataset: The cases.
        tasks: Adapted tasks.
        preprocess: The fixed steps.
        inputs: The inputs of the network; None: the image alone.
        batch_size: The number of cases in a batch.
        augment: The random steps on images; None for validation.
        hide: Whether columns are hidden with the chances `input_dropout` and `cell_dropout`; False for validation.
        shuffle: Whether each epoch has an order of its own.
        spread_labels: Whether the order, which still differs between epochs, gives as many batches as possible a label
            of each task; see `make_label_order`. Needs `shuffle`.
        strata: The chance of each case to be drawn, and groups with the same share of every batch; see
            `draw_epoch`. None: each case comes once per epoch.
        seed: Seed of order, crops, hidden columns and augmentation.
        workers: The number of threads that make batches.
        cache: A cache of cases at the size of the network; None decodes them each time.
        file_hashes: Digests of files, shared with other users of the same files; None: an instance of its own.
        image_type: "float32": images in 0..1. "uint8": images in 0..255, for data sets with 8 bits per channel only;
            they take a quarter of the memory.
        shard: (index, count): these batches are one of `count` disjoint parts of each epoch. Together the parts have
            every case once, and all have the same number of batches; the b-th batches of all parts form the b-th batch
            of an unsharded epoch with `count` times the batch size. Where the number of cases is not divisible, the
            last place of a part holds another case with label weights of 0.

    Raises:
        ConfigError: `spread_labels` is True and `shuffle` is False.
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
        # The threads of Keras stop and start with each epoch, which takes 0.1 s; those of the prefetcher continue.
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=1)
        if spread_labels and not shuffle:
            raise ConfigError(
                "`spread_labels` is True and `shuffle` is False, which keeps the order; set `shuffle` to True too"
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
        # TensorFlow passes on the message of an error in a thread, not the error itself.
        self.error: UnetMtlError | None = None
        # Batches of two epochs may be made at the same time, and the order of each serves many batches.
        self._epoch_order = lru_cache(maxsize=2)(self._draw_order)
        self._loader = CaseLoader(
            dataset.description, tasks, preprocess, cache, image=self.inputs.image, file_hashes=file_hashes
        )
        # OpenCV's own threads would wait for each other in busy loops, beside those of the prefetcher.
        self._prefetcher = Prefetcher(self._make, workers, lambda: cv2.setNumThreads(1))
        self._n_prefetched = workers + _READY_BATCHES

    def __len__(self) -> int:
        return -(-self._places // self.batch_size)

    @property
    def _places(self) -> int:
        return -(-len(self.dataset) // self.shard[1])

    def __getitem__(self, index: int) -> Batch:
        """Return one batch of the current epoch, and start to make the following ones."""
        key = self._key(self.epoch, index)
        try:
            return self._prefetcher.take(key, islice(self._following(*key), self._n_prefetched))
        except UnetMtlError as error:
            self.error = error
            raise

    def close(self) -> None:
        """Stop the threads; the next request for a batch starts new ones."""
        self._prefetcher.close()

    def records_of(self, index: int) -> list[Record]:
        """Return the cases of one batch of the current epoch, without the filler of a shard."""
        return self._records(self.epoch, index)

    def make(self, index: int, epoch: int = 0) -> Batch:
        """Return one batch, made in the calling thread without prefetching others."""
        return self._make(self._key(epoch, index))

    @property
    def signature(self) -> Batch:
        """Return a batch of zero cases: arrays of shape (0, ...) with the dtypes and shapes of every batch."""
        size = self.preprocess.size
        encoded = {task.name: np.asarray(task.encode(None, size)[0]) for task in self.tasks}
        inputs: dict[str, NDArray[Any]] = {}
        if self.inputs.image:
            channels = self.preprocess.channels + self.inputs.n_indicators
            inputs[IMAGE] = np.empty((0, *size, channels), self.image_type)
        for table in self.inputs.tables:
            inputs[table.name] = np.empty((0, table.width), np.float32)
        return (
            inputs,
            {name: np.empty((0, *target.shape), target.dtype) for name, target in encoded.items()},
            {name: np.empty(0, np.float32) for name in encoded},
        )

    def _key(self, epoch: int, index: int) -> tuple[int, int]:
        # If all epochs are the same, a batch that was prefetched at the end of one is used in the next.
        differs = self.shuffle or self.hide or self.augment is not None or self.strata is not None
        return (epoch if differs else 0, index)

    def _following(self, epoch: int, index: int) -> Iterator[tuple[int, int]]:
        for later in range(index + 1, len(self)):
            yield epoch, later
        # The first batches of the next epoch are prefetched too, so that it starts without waiting.
        for first in range(min(index, len(self))):
            yield self._key(epoch + 1, first)

    def _records(self, epoch: int, index: int) -> list[Record]:
        return [self.dataset.records[case] for case in self._select(self._epoch_order(epoch)[0], index)]

    def _select(self, order: NDArray[np.int64], index: int) -> NDArray[np.int64]:
        return order[self.shard[0] :: self.shard[1]][index * self.batch_size : (index + 1) * self.batch_size]

    def _draw_order(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the indices of the cases of an epoch in order, and how often each has been drawn before."""
        if self.strata is not None:
            whole = self.batch_size * self.shard[1]
            return draw_epoch(self.strata, whole, (self.seed, epoch))
        order = np.arange(len(self.dataset))
        if self.spread_labels:
            order = self._label_order(epoch)
        elif self.shuffle:
            order = np.random.default_rng([self.seed, epoch]).permutation(order)
        return order, np.zeros_like(order)

    def _label_order(self, epoch: int) -> NDArray[np.int64]:
        known = [[task.is_labelled(record) for task in self.tasks] for record in self.dataset]
        labelled = np.asarray(known, bool).reshape(len(self.dataset), len(self.tasks))
        return make_label_order((self.seed, epoch), labelled, self.batch_size, self.shard[1])

    def _make(self, key: tuple[int, int]) -> Batch:
        epoch, index = key
        records, turns = self._records(epoch, index), self._select(self._epoch_order(epoch)[1], index)
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
        # A seed of its own for each input, which also differs from the seed of the augmentation.
        return table.hide(
            record.labels, sample_seed(self.seed, epoch, f"{_sample_name(record, turn)}\0{table.name}")
        )

    def _sample(
        self, record: Record, epoch: int, turn: int
    ) -> tuple[NDArray[Any] | None, dict[str, tuple[Any, float]]]:
        image, masks = self._loader.load(record)
        # Validation must be the same in every epoch.
        seed = sample_seed(self.seed, epoch if self.augment is not None else 0, _sample_name(record, turn))
        if image is not None:
            image, masks = self.preprocess.draw_sample(image, masks, seed)
            if self.augment is not None:
                image, masks = self.augment(image, masks, seed)
            image = add_indicators(image, self.inputs.channels, record.missing_channels)
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
                f"{record.image}: no longer an image of 8 bits; do not change the data during a training, and resume "
                "it with the original file"
            )


def _sample_name(record: Record, turn: int) -> str:
    """Return the name that seeds a sample, so that a case drawn twice in an epoch is augmented in two ways."""
    return f"{record.case}/{turn}" if turn else record.case


def _empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an uninitialised array aligned to 64 bytes, which TensorFlow uses without copying it."""
    n_bytes = math.prod(shape) * dtype.itemsize
    buffer = np.empty(n_bytes + _ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % _ALIGNMENT
    return buffer[start : start + n_bytes].view(dtype).reshape(shape)
