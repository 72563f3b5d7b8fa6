"""From one-hot masks and probabilities to class indices, with the rule of the threshold stated once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUNDING = 1e-6  # what a float32 sigmoid may be beside 0..1


def labels_from_one_hot(one_hot: ArrayLike, *, axis: int = -1) -> NDArray[np.intp]:
    """Give the class of each pixel whose class is marked with a 1 in its own channel.

    Args:
        one_hot: 0 and 1 (any dtype) with the classes on `axis`, the background among them.
        axis: Where the classes are: -1 for Keras, 0 or 1 for PyTorch.

    Returns:
        intp without that axis.

    Raises:
        ValueError: another value than 0 and 1, or a pixel with no class or several: masks whose classes
            overlap are for `metrics.count_multilabel`.

    Example:
        >>> labels_from_one_hot([[1, 0, 0], [0, 0, 1]]).tolist()
        [0, 2]
    """
    channels = np.asarray(one_hot)
    if channels.ndim == 0 or channels.shape[axis] == 0:
        raise ValueError(f"one_hot needs an axis of classes, got shape {channels.shape}")
    marked = channels == 1
    if not np.all(marked | (channels == 0)):
        raise ValueError("one_hot must hold 0 and 1 only: use labels_from_probabilities for probabilities")
    n_marked = marked.sum(axis=axis)
    if not np.all(n_marked == 1):
        worst = int(n_marked.max()) if n_marked.max() > 1 else 0
        raise ValueError(
            f"every pixel needs exactly one class, one has {worst}: add a background channel, or use "
            "count_multilabel where classes overlap"
        )
    return np.asarray(marked.argmax(axis=axis))


def labels_from_probabilities(
    probabilities: ArrayLike, *, threshold: float | None = None, axis: int = -1
) -> NDArray[np.intp]:
    """Give the most probable class of each pixel, or class 0 where no class reaches the threshold.

    Args:
        probabilities: float with the classes on `axis`.
        threshold: None: channels are all classes with the background (softmax), the largest wins. A number:
            channels are the classes but the background (sigmoid); a pixel gets the largest of them where that
            is equal to or above the threshold, else class 0.
        axis: Where the classes are.

    Returns:
        intp without that axis; the first of equal channels wins.

    Raises:
        ValueError: no channel, NaN, or, with a threshold, values outside 0..1 such as logits.

    Example:
        >>> labels_from_probabilities([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]]).tolist()
        [1, 0]
        >>> labels_from_probabilities([[0.5], [0.49]], threshold=0.5).tolist()
        [1, 0]
    """
    channels = np.asarray(probabilities)
    if channels.ndim == 0 or channels.shape[axis] == 0:
        raise ValueError(f"probabilities need an axis of classes, got shape {channels.shape}")
    if np.isnan(channels).any():
        raise ValueError("probabilities hold NaN: leave out the cases without a prediction first")
    best = np.asarray(channels.argmax(axis=axis))
    if threshold is None:
        return best
    if channels.size and (channels.min() < -_ROUNDING or channels.max() > 1 + _ROUNDING):
        raise ValueError(
            f"probabilities must be in 0..1, got {channels.min():g}..{channels.max():g}: apply sigmoid to logits"
        )
    return np.where(channels.max(axis=axis) >= threshold, best + 1, 0)
