"""What Keras' `fit` is given, by backend."""

from typing import Any

import keras
from numpy.typing import NDArray

from unet_mtl.batches.batches import Batches
from unet_mtl.batches.cache.memory import keep_freed_memory


def feed(batches: Batches) -> Any:
    """Gives batches in the form in which `fit` of this backend loses no time.

    On TensorFlow that is a tf.data pipeline with autotuning off, which otherwise has every epoch wait at its end;
    on the others the batches themselves, and no TensorFlow is imported.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    parts = batches.signature
    places = [(part, name) for part, arrays in enumerate(parts) for name in arrays]

    def make(index: Any) -> list[NDArray[Any]]:
        if index <= 1:  # once TensorFlow has made its own settings
            keep_freed_memory()
        batch = batches[int(index)]
        return [batch[part][name] for part, name in places]

    def as_tensors(index: Any) -> tuple[dict[str, Any], ...]:
        # `from_generator` does as much, by way of so many steps in Python that a sixth of the images were lost.
        tensors = tf.numpy_function(make, [index], [parts[part][name].dtype for part, name in places])
        found: tuple[dict[str, Any], ...] = ({}, {}, {})
        for (part, name), tensor in zip(places, tensors, strict=True):
            found[part][name] = tf.ensure_shape(tensor, (None, *parts[part][name].shape[1:]))
        return found

    dataset = tf.data.Dataset.range(len(batches)).map(as_tensors)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    # One batch as tensors ahead; what is further ahead waits as arrays in `batches`.
    return dataset.prefetch(1).with_options(options)
