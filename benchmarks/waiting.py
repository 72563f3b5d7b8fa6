"""Which share of a training step is spent waiting for input?

    python benchmarks/waiting.py CONFIG [cases] [epochs] [key=value ...]

Trains on the first cases of the training split, and measures the time from each request for a batch to its delivery,
and the time at the end of an epoch before the next one starts. The following inputs are compared in turn within each
epoch:

- "Keras' queue": files decoded to floats in every epoch by a PyDataset with two threads of Keras (the former input);
- "Keras' queue, one thread": the same with one thread, for which Keras leaves the autotuning of tf.data on;
- "ours": the present input of `fit`, decoded in the first epoch and read from the cache in later epochs.

Needs the TensorFlow backend.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

import keras  # noqa: TID253, E402

from unet_mtl.api import read_dataset  # noqa: E402
from unet_mtl.batches.batches import Batches  # noqa: E402
from unet_mtl.batches.feed import feed  # noqa: E402
from unet_mtl.config import load_config  # noqa: E402
from unet_mtl.data.splits import split_dataset  # noqa: E402
from unet_mtl.training.session import Session, make_session  # noqa: E402


class AsKeras(keras.utils.PyDataset):
    """Batches made when the threads of Keras request them."""

    def __init__(self, batches: Batches, workers: int) -> None:
        super().__init__(workers=workers, max_queue_size=8)
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Any:
        return self.batches.make(index, self.batches.epoch)


class Way:
    """One kind of input with its model and its timings."""

    def __init__(self, name: str, session: Session, keras_workers: int | None) -> None:
        self.name = name
        self.session = session
        self.adapter: Any = None
        if keras_workers is not None:
            from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

            self.adapter = PyDatasetAdapter(AsKeras(session.train, keras_workers))
        self.source = feed(session.train) if self.adapter is None else self.adapter.get_tf_dataset()
        session.trainer.train_on_batch(*session.train.make(0))  # compiles

    def run(self, epoch: int) -> dict[str, float]:
        """Train one epoch, and return the total seconds, the seconds waiting for batches, and those at its end."""
        clock = {"first": 0.0, "later": 0.0, "end": 0.0}
        self.session.train.epoch = epoch
        began = time.perf_counter()
        with _adding(clock, "first"):
            if self.adapter is not None:
                self.adapter.on_epoch_begin()
            iterator: Iterator[Any] | None = iter(self.source)
        for index in range(len(self.session.train)):
            with _adding(clock, "later" if index else "first"):
                batch = next(iterator)
            self.session.trainer.train_on_batch(*batch)
        with _adding(clock, "end"):
            iterator = None
            if self.adapter is not None:
                self.adapter.on_epoch_end()
        return clock | {"all": time.perf_counter() - began}


@contextmanager
def _adding(clock: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    clock[name] += time.perf_counter() - began


def make_way(name: str, config: Any, cases: int, keras_workers: int | None) -> Way:
    """Return a session of its own, so that every input trains the same network."""
    if keras_workers is not None:
        delivery = config.delivery.model_copy(update={"cache": "off"})
        config = config.model_copy(update={"delivery": delivery})
    parts = dict(split_dataset(read_dataset(config.data), config.split))
    session = make_session(config, parts, image_type="float32" if keras_workers else "uint8")
    session.train.dataset = parts["train"].only(parts["train"].records[:cases])
    return Way(name, session, keras_workers)


def main() -> None:
    """Print one line per input and epoch."""
    overrides = [word for word in sys.argv[2:] if "=" in word]
    numbers = [int(word) for word in sys.argv[2:] if word.isdigit()]
    cases, epochs = (*numbers, *(120, 3)[len(numbers) :])
    config = load_config(sys.argv[1], overrides)
    ways = [
        make_way("Keras' queue", config, cases, 2),
        make_way("Keras' queue, one thread", config, cases, 1),
        make_way("ours", config, cases, None),
    ]
    print(f"{cases} cases\n{'':28}{'s a step':>10}{'first':>10}{'later':>10}{'end':>10}{'waiting':>10}")
    for epoch in range(epochs):
        for way in ways:
            clock = way.run(epoch)
            waited = clock["first"] + clock["later"] + clock["end"]
            steps = len(way.session.train)
            print(
                f"{way.name + f', epoch {epoch + 1}':28}{clock['all'] / steps:>10.3f}"
                + "".join(f"{clock[name]:>9.3f}s" for name in ("first", "later", "end"))
                + f"{100 * waited / clock['all']:>9.2f}%",
                flush=True,
            )
    for way in ways:
        way.session.train.close()


if __name__ == "__main__":
    main()
