"""TensorFlow's start-up notes, kept from the user's screen."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _stderr_of_libraries_hidden() -> Iterator[None]:
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def import_quietly() -> None:
    """Imports the backend and lets it look for devices once, without its notes on CUDA and oneDNN.

    They are written by C++ before any log level is heeded. Python's own errors are raised as ever.
    """
    with _stderr_of_libraries_hidden():
        import keras

        keras.distribution.list_devices()
