"""Optimizers by the name of the setting. This module does not import Keras, since settings derive from its names."""

from collections.abc import Callable
from typing import Any

NESTEROV_MOMENTUM = 0.99
"""The momentum of SGD in nnU-Net (Isensee 2021, doi:10.1038/s41592-020-01008-z)."""


def build_adamw(rate: Any, **options: Any) -> Any:
    """Return AdamW (Loshchilov 2019, arXiv:1711.05101)."""
    import keras

    return keras.optimizers.AdamW(rate, **options)


def build_sgd(rate: Any, **options: Any) -> Any:
    """Return SGD with Nesterov momentum. Weight decay is decoupled from the gradient, as for AdamW."""
    import keras

    return keras.optimizers.SGD(rate, momentum=NESTEROV_MOMENTUM, nesterov=True, **options)


OPTIMIZERS: dict[str, Callable[..., Any]] = {"adamw": build_adamw, "sgd": build_sgd}
"""Functions of a learning rate and of the arguments `weight_decay` and `global_clipnorm` of Keras, by name.

A new optimizer is one function and one line here.
"""
