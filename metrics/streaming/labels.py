"""Conversion of the inputs of a Keras metric into class indices and counts of one batch, in int32.

Counting takes one pass per class. It is designed for up to a few dozen classes and batches of up to 2^30 pixels.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

_NO_CLASS = -(2**30)
# tolerance for rounded probabilities; values further outside 0..1 are logits or errors
_SLACK = 0.01


def read_scores(y_pred: Any, n_classes: int, multilabel: bool) -> Any:
    """Return float32 probabilities with a channel axis, after checking the number of channels."""
    scores = ops.cast(y_pred, "float32")
    if len(scores.shape) == 1:
        scores = scores[:, None]
    channels = scores.shape[-1]
    if multilabel and channels != n_classes:
        raise ValueError(
            f"y_pred must end in {n_classes} channels for multilabel n_classes={n_classes}, "
            f"got shape {tuple(scores.shape)}"
        )
    if channels not in (n_classes, n_classes - 1):
        raise ValueError(
            f"y_pred must end in {n_classes} (softmax) or {n_classes - 1} (sigmoid) channels for "
            f"n_classes={n_classes}, got shape {tuple(scores.shape)}"
        )
    return scores


def read_truth(y_true: Any, like: Any) -> Any:
    """Return int32 class indices in the shape of `like`; values that are not whole numbers become no class."""
    truth = ops.convert_to_tensor(y_true)
    if len(truth.shape) == len(like.shape) + 1 and truth.shape[-1] == 1:
        truth = truth[..., 0]
    if len(truth.shape) != len(like.shape) or _differ(truth.shape, like.shape):
        raise ValueError(
            f"y_true must hold class indices of shape {tuple(like.shape)} (or with a last axis of 1) "
            f"to fit y_pred, got {tuple(truth.shape)}; 0/1 of y_pred's own shape fit multilabel scores only"
        )
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(truth.dtype)):
        return ops.cast(truth, "int32")
    # NaN cast to an integer is 0 on one backend and -2^31 on another
    return ops.cast(ops.where(ops.equal(truth, ops.floor(truth)), truth, float(_NO_CLASS)), "int32")


def predicted_labels(scores: Any, n_classes: int, threshold: float) -> tuple[Any, Any]:
    """Convert probabilities into int32 class indices and a flag for invalid ones, both without the channel axis.

    NaN is invalid, and so are values outside 0..1, such as logits, if a threshold is applied. The largest softmax
    channel is the same for logits, which are therefore valid.
    """
    best, largest = _largest(scores)
    if scores.shape[-1] < n_classes:
        best = ops.where(largest >= threshold, best + 1, 0)
        return best, ops.logical_not(is_probability(largest))
    return best, ops.isnan(largest)


def is_probability(scores: Any) -> Any:
    """Return which scores lie in 0..1 up to rounding; NaN does not."""
    return ops.logical_and(scores >= -_SLACK, scores <= 1.0 + _SLACK)


def drop_ignored(truth: Any, labels: Any, missing: Any, ignore: int | None) -> tuple[Any, Any]:
    """Return truth and labels, both -1 where ignored; elsewhere an invalid prediction makes the truth invalid."""
    known = ops.where(missing, _NO_CLASS, truth)
    if ignore is None:
        return known, labels
    counted = ops.not_equal(truth, ignore)
    return ops.where(counted, known, -1), ops.where(counted, labels, -1)


def count_classes(truth: Any, labels: Any, n_classes: int) -> tuple[Any, Any]:
    """Count tp, fp, fn, tn (4, B, classes), and the pixels (B,) with an invalid true value."""
    tp, true, predicted = [], [], []
    for index in range(n_classes):
        is_true, is_predicted = ops.equal(truth, index), ops.equal(labels, index)
        tp.append(_per_case(ops.logical_and(is_true, is_predicted)))
        true.append(_per_case(is_true))
        predicted.append(_per_case(is_predicted))
    hits, in_truth, in_labels = (ops.stack(sums, axis=-1) for sums in (tp, true, predicted))
    pixels = ops.sum(in_labels, axis=-1)
    rest = pixels[:, None] - in_truth - in_labels + hits
    return ops.stack([hits, in_labels - hits, in_truth - hits, rest]), pixels - ops.sum(in_truth, axis=-1)


def count_entries(truth: Any, scores: Any, threshold: float, ignore: int | None) -> tuple[Any, Any]:
    """Count independent 0/1 channels: tp, fp, fn, tn (4, B, classes), and the invalid entries (B,)."""
    counted = ops.ones_like(truth, dtype="bool") if ignore is None else ops.not_equal(truth, ignore)
    positive, found = ops.equal(truth, 1), scores >= threshold
    known = ops.logical_and(ops.logical_or(positive, ops.equal(truth, 0)), is_probability(scores))
    table = [
        _per_case_and_channel(ops.logical_and(counted, ops.logical_and(is_true, is_found)))
        for is_true, is_found in (
            (positive, found),
            (ops.logical_not(positive), found),
            (positive, ops.logical_not(found)),
            (ops.logical_not(positive), ops.logical_not(found)),
        )
    ]
    unknown = _per_case_and_channel(ops.logical_and(counted, ops.logical_not(known)))
    return ops.stack(table), ops.sum(unknown, axis=-1)


def kept_cases(sample_weight: Any, n_cases: Any) -> Any:
    """Return int32 (B,): 1 for cases that count, which have any weight other than 0."""
    if sample_weight is None:
        return ops.ones((n_cases,), dtype="int32")
    weights = ops.convert_to_tensor(sample_weight)
    if len(weights.shape) == 0:
        raise ValueError("sample_weight must have one weight a case, shape (batch,), got a single number")
    return ops.cast(_per_case(ops.not_equal(weights, 0)) > 0, "int32")


def _largest(scores: Any) -> tuple[Any, Any]:
    # the first of the largest channels, like argmax, which takes five times as long on TensorFlow's CPU build
    largest = scores[..., 0]
    best = ops.zeros_like(largest, dtype="int32")
    for channel in range(1, scores.shape[-1]):
        best = ops.where(scores[..., channel] > largest, channel, best)
        largest = ops.maximum(largest, scores[..., channel])
    return best, largest


def _per_case(flags: Any) -> Any:
    if len(flags.shape) == 1:  # PyTorch takes an empty tuple of axes as all axes
        flags = flags[:, None]
    return ops.sum(ops.cast(flags, "int32"), axis=tuple(range(1, len(flags.shape))))


def _per_case_and_channel(flags: Any) -> Any:
    if len(flags.shape) == 2:
        flags = flags[:, None]
    return ops.sum(ops.cast(flags, "int32"), axis=tuple(range(1, len(flags.shape) - 1)))


def _differ(first: Any, second: Any) -> bool:
    sizes = zip(first, second, strict=True)
    return any(a is not None and b is not None and a != b for a, b in sizes)
