"""What Keras' `fit` is given, by backend."""

from collections.abc import Iterator
from typing import Any

import keras

from unet_mtl.pipeline.batches import Batch, Batches
from unet_mtl.pipeline.memory import keep_freed_memory


def feed(batches: Batches) -> Any:
    """Gives batches in the form in which `fit` of this backend loses no time.

    On TensorFlow that is a tf.data pipeline with autotuning off, which otherwise has every epoch wait at its end;
    on the others the batches themselves, and no TensorFlow is imported.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    def one_epoch() -> Iterator[Batch]:
        for index in range(len(batches)):
            if index <= 1:  # once TensorFlow has made its own settings
                keep_freed_memory()
            yield batches[index]

    signature = tuple(
        {name: tf.TensorSpec((None, *array.shape[1:]), array.dtype) for name, array in part.items()}
        for part in batches.signature
    )
    dataset = tf.data.Dataset.from_generator(one_epoch, output_signature=signature)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    # One batch as tensors ahead; what is further ahead waits as arrays in `batches`.
    return (
        dataset.prefetch(1).apply(tf.data.experimental.assert_cardinality(len(batches))).with_options(options)
    )
