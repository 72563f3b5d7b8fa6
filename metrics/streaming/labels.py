"""From what Keras hands a metric to class indices and counts of one batch, in int32.

Counting costs one pass a class: made for up to a few dozen classes, batches of up to 2^30 pixels.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

_NO_CLASS = -(2**30)
# what rounding may have done to a probability; anything further out is a logit or a mistake
_SLACK = 0.01


def read_scores(y_pred: Any, n_classes: int, multilabel: bool) -> Any:
    """Give float32 probabilities with a channel axis, after a look at the number of channels."""
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
    """Give int32 class indices in the shape of `like`; what is no whole number becomes no class."""
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
    # NaN as a whole number is 0 on one backend and -2^31 on another
    return ops.cast(ops.where(ops.equal(truth, ops.floor(truth)), truth, float(_NO_CLASS)), "int32")


def predicted_labels(scores: Any, n_classes: int, threshold: float) -> tuple[Any, Any]:
    """Turn probabilities into int32 class indices and whether they are unusable, both channel-less.

    Unusable is NaN and, where a threshold decides, what lies outside 0..1 as logits do. The largest of softmax
    channels is the same for logits.
    """
    best, largest = _largest(scores)
    if scores.shape[-1] < n_classes:
        best = ops.where(largest >= threshold, best + 1, 0)
        return best, ops.logical_not(is_probability(largest))
    return best, ops.isnan(largest)


def is_probability(scores: Any) -> Any:
    """Say which scores lie in 0..1, but for rounding; NaN does not."""
    return ops.logical_and(scores >= -_SLACK, scores <= 1.0 + _SLACK)


def drop_ignored(truth: Any, labels: Any, missing: Any, ignore: int | None) -> tuple[Any, Any]:
    """Give truth and labels, both -1 where ignored; elsewhere an unusable prediction makes the truth no class."""
    known = ops.where(missing, _NO_CLASS, truth)
    if ignore is None:
        return known, labels
    counted = ops.not_equal(truth, ignore)
    return ops.where(counted, known, -1), ops.where(counted, labels, -1)


def count_classes(truth: Any, labels: Any, n_classes: int) -> tuple[Any, Any]:
    """Count tp, fp, fn, tn (4, B, classes), and (B,) pixels whose truth is no class."""
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
    """Count independent 0/1 channels: tp, fp, fn, tn (4, B, classes), and (B,) entries that are neither."""
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
    """Give int32 (B,): 1 where the case counts, which is where any of its weights is not 0."""
    if sample_weight is None:
        return ops.ones((n_cases,), dtype="int32")
    weights = ops.convert_to_tensor(sample_weight)
    if len(weights.shape) == 0:
        raise ValueError("sample_weight must have one weight a case, shape (batch,), got a single number")
    return ops.cast(_per_case(ops.not_equal(weights, 0)) > 0, "int32")


def _largest(scores: Any) -> tuple[Any, Any]:
    # the first largest channel, as argmax: Keras's own takes five times as long on TensorFlow's CPU build
    largest = scores[..., 0]
    best = ops.zeros_like(largest, dtype="int32")
    for channel in range(1, scores.shape[-1]):
        best = ops.where(scores[..., channel] > largest, channel, best)
        largest = ops.maximum(largest, scores[..., channel])
    return best, largest


def _per_case(flags: Any) -> Any:
    if len(flags.shape) == 1:  # an empty tuple of axes means all axes to PyTorch
        flags = flags[:, None]
    return ops.sum(ops.cast(flags, "int32"), axis=tuple(range(1, len(flags.shape))))


def _per_case_and_channel(flags: Any) -> Any:
    if len(flags.shape) == 2:
        flags = flags[:, None]
    return ops.sum(ops.cast(flags, "int32"), axis=tuple(range(1, len(flags.shape) - 1)))


def _differ(first: Any, second: Any) -> bool:
    sizes = zip(first, second, strict=True)
    return any(a is not None and b is not None and a != b for a, b in sizes)
