"""Batches by task name, made off the training thread; a sample is a function of (seed, epoch, case) alone."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import UnetMtlError
from unet_mtl.pipeline.augment import Augment, sample_seed
from unet_mtl.pipeline.crops import crop_sample
from unet_mtl.pipeline.preprocess import Preprocess
from unet_mtl.tasks import Task

Batch = tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]], dict[str, NDArray[np.float32]]]


class Batches(keras.utils.PyDataset):
    """Inputs, targets and label weights, each a dict by name.

    Order, crops and augmentation follow from `seed` and `epoch`, so a resumed run sees what an uninterrupted one
    would have seen, whatever the number of workers. The last short batch is kept.

    Args:
        dataset: The cases.
        tasks: Adapted ones.
        preprocess: The fixed steps.
        batch_size: Cases a batch.
        augment: The random steps; None for validation.
        shuffle: Whether each epoch has an order of its own.
        seed: Of order and augmentation.
        workers: Threads that prepare batches.
    """

    def __init__(
        self,
        dataset: Dataset,
        tasks: Sequence[Task[Any, Any]],
        preprocess: Preprocess,
        *,
        batch_size: int,
        augment: Augment | None = None,
        shuffle: bool = False,
        seed: int = 0,
        workers: int = 2,
    ) -> None:
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=8)
        self.dataset = dataset
        self.tasks = tuple(tasks)
        self.preprocess = preprocess
        self.batch_size = batch_size
        self.augment = augment
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = 0
        # TensorFlow hands on the words of an error in a thread, not the error.
        self.error: UnetMtlError | None = None

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        try:
            samples = [self._sample(record) for record in self.records_of(index)]
        except UnetMtlError as error:
            self.error = error
            raise
        inputs, targets, weights = (
            {name: np.stack([sample[part][name] for sample in samples]) for name in samples[0][part]}
            for part in range(3)
        )
        return inputs, targets, weights

    def records_of(self, index: int) -> list[Record]:
        """The cases of one batch of this epoch."""
        order = np.arange(len(self.dataset))
        if self.shuffle:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(order)
        return [
            self.dataset.records[i] for i in order[index * self.batch_size : (index + 1) * self.batch_size]
        ]

    def _sample(self, record: Record) -> Batch:
        image, _ = self.preprocess.read(record.image, record.frame)
        truths: dict[str, Any] = {
            task.name: task.read(record, self.dataset.description) for task in self.tasks
        }
        masks: dict[str, NDArray[np.uint8]] = {
            task.name: self.preprocess.fit_mask(truths[task.name])
            for task in self.tasks
            if task.spatial and truths[task.name] is not None
        }
        # Validation must be the same every epoch.
        seed = sample_seed(self.seed, self.epoch if self.augment is not None else 0, record.case)
        if self.preprocess.fit == "crops":
            image, masks = crop_sample(
                image, masks, self.preprocess.size, self.preprocess.crops.foreground, seed
            )
        if self.augment is not None:
            image, masks = self.augment(image, masks, seed)
        encoded = {
            task.name: task.encode((truths | masks)[task.name], self.preprocess.size) for task in self.tasks
        }
        targets = {name: np.asarray(target) for name, (target, _) in encoded.items()}
        weights = {name: np.asarray(weight, np.float32) for name, (_, weight) in encoded.items()}
        return {"image": self.preprocess.scale(image)}, targets, weights
