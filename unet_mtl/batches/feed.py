"""The form in which batches are passed to Keras' `fit`, which depends on the backend."""

import weakref
from typing import Any

import keras
from numpy.typing import NDArray

from unet_mtl.batches.batches import Batches
from unet_mtl.batches.cache.memory import keep_freed_memory


def feed(batches: Batches) -> Any:
    """Return batches in the form that `fit` reads fastest on the current backend.

    On TensorFlow that is a tf.data pipeline without autotuning, since `fit` otherwise waits at the end of every epoch
    until autotuning has stopped. On other backends it is the batches themselves, and TensorFlow is not imported.

    Args:
        batches: The batches; on TensorFlow they live as long as the returned pipeline.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    signature = batches.signature
    places = [(part, name) for part, arrays in enumerate(signature) for name in arrays]
    # TensorFlow's default graph keeps every Python function that a pipeline calls until the process ends. A strong
    # reference would keep the batches and the cache of every finished training as long.
    batches_reference = weakref.ref(batches)

    def make_arrays(index: Any) -> list[NDArray[Any]]:
        if index <= 1:  # TensorFlow has applied its own settings of the allocator by then
            keep_freed_memory()
        living = batches_reference()
        if living is None:
            raise ReferenceError(
                "the batches of this pipeline have been deleted; keep the object that feed returned"
            )
        batch = living[int(index)]
        return [batch[part][name] for part, name in places]

    def make_tensors(index: Any) -> tuple[dict[str, Any], ...]:
        # `from_generator` does the same in so many steps of Python that it delivered a sixth fewer images.
        dtypes = [signature[part][name].dtype for part, name in places]
        batch: tuple[dict[str, Any], ...] = ({}, {}, {})
        for (part, name), tensor in zip(places, tf.numpy_function(make_arrays, [index], dtypes), strict=True):
            batch[part][name] = tf.ensure_shape(tensor, (None, *signature[part][name].shape[1:]))
        return batch

    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    # One batch is prefetched as tensors; further ones are prefetched as arrays in `batches`.
    pipeline = tf.data.Dataset.range(len(batches)).map(make_tensors).prefetch(1).with_options(options)
    pipeline.batches = batches
    return pipeline
