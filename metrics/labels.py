"""Conversion of one-hot masks and probabilities to class indices."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUNDING = 1e-6  # a float32 sigmoid may exceed 0..1 by this much


def labels_from_one_hot(one_hot: ArrayLike, *, axis: int = -1) -> NDArray[np.intp]:
    """Return the class index of each pixel of a one-hot mask.

    Args:
        one_hot: 0 and 1 (any dtype) with the classes on `axis`, including the background.
        axis: Axis of the classes: -1 for Keras, 0 or 1 for PyTorch.

    Returns:
        Class indices, intp without that axis.

    Raises:
        ValueError: there is a value other than 0 and 1, or a pixel with no class or several; use
            `metrics.count_multilabel` for overlapping classes.

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
    """Return the most probable class of each pixel, or class 0 if no class reaches the threshold.

    Args:
        probabilities: float with the classes on `axis`.
        threshold: None: the channels are all classes including the background (softmax), and the largest wins. A
            number: the channels are the foreground classes (sigmoid); the largest wins if it is at least the
            threshold, otherwise the pixel has class 0.
        axis: Axis of the classes.

    Returns:
        Class indices, intp without that axis; the first of equal channels wins.

    Raises:
        ValueError: there is no channel, a value is NaN, or, with a threshold, outside 0..1 such as a logit.

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
