"""Shapes of the learning rate over a training, by the name of the setting. Keras is imported when one is called."""

import math
from collections.abc import Callable
from typing import Any


def shape_constant(progress: Any) -> Any:
    """Return 1."""
    from keras import ops

    return ops.ones_like(progress)


def shape_cosine(progress: Any) -> Any:
    """Return half a period of the cosine (Loshchilov 2017, arXiv:1608.03983)."""
    from keras import ops

    return 0.5 * (1.0 + ops.cos(ops.multiply(ops.array(math.pi, dtype=progress.dtype), progress)))


def shape_polynomial(progress: Any) -> Any:
    """Return (1 - progress) ** 0.9, the "poly" schedule of nnU-Net (Isensee 2021, doi:10.1038/s41592-020-01008-z)."""
    from keras import ops

    return ops.power(1.0 - progress, 0.9)


SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "cosine": shape_cosine,
    "polynomial": shape_polynomial,
    "constant": shape_constant,
}
"""Functions from the progress of a training, a float32 in 0..1, to the share of the highest learning rate.

Each is 1 at a progress of 0. A new schedule is one function and one line here.
"""
