"""Import of the backend without its start-up notes on the screen."""

import logging
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
    """Import the backend and list its devices once, without its notes about CUDA and oneDNN.

    The notes are hidden by redirecting stderr, since C++ writes them before any log level takes effect. Exceptions
    are raised as usual.
    """
    with _stderr_of_libraries_hidden():
        import keras

        keras.distribution.list_devices()
    # A command that loads several networks is otherwise warned that it traces several.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
