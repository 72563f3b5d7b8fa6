"""Temperatures: calibrated probabilities from those of a network (Guo et al. 2017, arXiv:1706.04599)."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_LEAST = float(np.finfo(np.float32).eps) / 2
"""The distance from 0 and 1 at which probabilities are clipped; nearer to 1, float32 has no number but 1 itself."""

_Float = TypeVar("_Float", bound=np.floating[Any])


def logits_of(probabilities: NDArray[Any], *, exclusive: bool) -> NDArray[np.float64]:
    """Return logits from which the probabilities follow, in the form that `metrics.fit_temperature` takes.

    Args:
        probabilities: Probabilities of a sigmoid, of any shape; or of a softmax over the last axis. Those nearer to 0
            or 1 than 6e-8 are clipped.
        exclusive: Whether they are those of a softmax.

    Returns:
        Finite numbers in the shape of `probabilities`.
    """
    clipped = np.clip(np.asarray(probabilities, np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(clipped) if exclusive else np.log(clipped) - np.log1p(-clipped))


def temper(probabilities: NDArray[_Float], temperature: float, *, exclusive: bool) -> NDArray[_Float]:
    """Return the probabilities after their logits were divided by the temperature.

    Args:
        probabilities: Probabilities of a sigmoid, of any shape; or of a softmax over the last axis.
        temperature: A number above 0. Above 1 probabilities become less certain; at 1 they are returned unchanged.
        exclusive: Whether they are those of a softmax.

    Returns:
        An array of the same shape and type.
    """
    if temperature == 1:
        return probabilities
    from scipy.special import expit, softmax  # slow to import

    scaled = logits_of(probabilities, exclusive=exclusive) / temperature
    return np.asarray(softmax(scaled, axis=-1) if exclusive else expit(scaled), probabilities.dtype)
