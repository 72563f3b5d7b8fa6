"""The scores of `metrics.overlap` as streaming Keras metrics, for anyone's `model.compile`.

Give them to `weighted_metrics=` (Keras ignores sample weights in `metrics=`), one new instance for each head.
They read class-index truth and raw probabilities, on any Keras backend. Nothing but whole numbers is kept, so
an epoch's result is exact and the same to the last bit however it is cut into batches. Whole numbers live in
two limbs (value = high * 2^30 + low): float32 stops being exact at 2^24, JAX has no int64 by default.

Counting costs one pass a class: made for up to a few dozen classes, batches of up to 2^30 pixels.
"""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

_LIMB_BITS, _LIMB = 30, 2**30
_SCORE_BITS = 24
_HALF_BITS = 12
_REGISTER = keras.saving.register_keras_serializable(package="unet_mtl")


class _CountScore(keras.metrics.Metric):
    """What all scores made of counts share.

    Args:
        n_classes: Number of classes with the background, 2 or more.
        per: "case": mean over cases of each case's score, undefined cases left out (masks); "pooled": one
            score of the counts summed over everything (masks, and the only sensible one for label vectors,
            where a case is a single number).
        class_index: The one class that is scored; None: mean over the classes that are defined.
        threshold: For sigmoid predictions: smallest probability that counts as found.
        ignore: Pixels whose truth has this value are dropped before counting, e.g. 255.
        include_background: Whether class 0 takes part in the mean over classes. For label vectors, where
            class 0 is an answer like the others, mostly True.
        name: Default: the class's name in snake_case, with "_pooled" and "_class<index>" where they apply.

    Call `update_state(y_true, y_pred, sample_weight=None)` with

    * y_true: class indices, any dtype, (B, H, W) or (B, H, W, 1) for masks, (B,) or (B, 1) for labels;
    * y_pred: probabilities, truth's shape plus a last axis of n_classes channels (softmax: the largest wins)
      or of n_classes - 1 (sigmoid, one a foreground class: the largest if it reaches `threshold`, else
      class 0); binary labels may also be (B,);
    * sample_weight: (B,), (B, 1), or a per-case weight broadcast to the mask. 0 leaves the case out, anything
      else counts it once.

    `result()` is a float32 scalar; NaN where nothing is defined yet, and NaN, too, once a counted pixel's
    truth was neither a class nor `ignore` (a compiled graph cannot raise).

    Raises:
        ValueError: unknown `per`, an impossible `class_index`, or shapes that do not fit.
    """

    _title = "score"

    def __init__(
        self,
        n_classes: int,
        *,
        per: Literal["case", "pooled"] = "case",
        class_index: int | None = None,
        threshold: float = 0.5,
        ignore: int | None = None,
        include_background: bool = False,
        name: str | None = None,
    ) -> None:
        if n_classes < 2 or per not in ("case", "pooled"):
            raise ValueError(f"n_classes must be 2 or more, per 'case' or 'pooled'; got {n_classes}, {per!r}")
        if class_index is not None and not 0 <= class_index < n_classes:
            raise ValueError(f"class_index must be in 0..{n_classes - 1} or None, got {class_index}")
        suffix = "_pooled" * (per == "pooled") + ("" if class_index is None else f"_class{class_index}")
        super().__init__(name=name or self._title + suffix)
        self.n_classes, self.per, self.class_index = n_classes, per, class_index
        self.threshold, self.ignore, self.include_background = threshold, ignore, include_background
        # "int", as Keras's own step counters: int64 on TensorFlow, int32 elsewhere
        shape = () if per == "case" else (4, n_classes)
        self.low = self.add_weight(shape=shape, initializer="zeros", dtype="int", name="low")
        self.high = self.add_weight(shape=shape, initializer="zeros", dtype="int", name="high")
        self.cases = self.add_weight(shape=(), initializer="zeros", dtype="int", name="cases")
        self.unknown = self.add_weight(shape=(), initializer="zeros", dtype="int", name="unknown")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; see the class for shapes."""
        labels = _predicted_labels(y_pred, self.n_classes, self.threshold)
        truth = _true_labels(y_true, labels)
        counts, unknown = _count(truth, labels, self.n_classes, self.ignore)
        kept = _kept_cases(sample_weight, truth)
        self.unknown.assign(ops.maximum(self.unknown, self._whole(ops.any(kept * unknown > 0))))
        if self.per == "case":
            self._add_scores(counts, kept)
        else:
            self._add_limbs(ops.sum(counts * kept[:, None], axis=1), 0)

    def result(self) -> Any:
        """Give the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        total = ops.cast(self.high, "float32") * float(_LIMB) + ops.cast(self.low, "float32")
        if self.per == "case":
            cases = ops.cast(self.cases, "float32")
            score, defined = total / (ops.maximum(cases, 1.0) * 2.0**_SCORE_BITS), cases > 0
        else:
            score, defined = self._overall(total)
        return ops.where(ops.logical_and(defined, self.unknown == 0), score, float("nan"))

    def get_config(self) -> dict[str, Any]:
        """Give the constructor's arguments, plain JSON."""
        return {
            "n_classes": self.n_classes,
            "per": self.per,
            "class_index": self.class_index,
            "threshold": self.threshold,
            "ignore": self.ignore,
            "include_background": self.include_background,
            "name": self.name,
        }

    def _ratio(self, tp: Any, fp: Any, fn: Any) -> tuple[Any, Any]:
        """Give the score's numerator and denominator, float32 of shape (..., classes)."""
        raise NotImplementedError

    def _overall(self, counts: Any) -> tuple[Any, Any]:
        """Turn float32 counts (4, ..., classes) into one score and whether it is defined, (...)."""
        tp, fp, fn, _ = _parts(counts)
        scores, defined = _share(*self._ratio(tp, fp, fn)), tp + fp + fn > 0
        if self.class_index is not None:
            return scores[..., self.class_index], defined[..., self.class_index]
        first = 0 if self.include_background else 1
        used = ops.cast(defined[..., first:], "float32")
        n_used = ops.sum(used, axis=-1)
        return ops.sum(scores[..., first:] * used, axis=-1) / ops.maximum(n_used, 1.0), n_used > 0

    def _add_scores(self, counts: Any, kept: Any) -> None:
        scores, defined = self._overall(ops.cast(counts, "float32"))
        used = kept * ops.cast(defined, "int32")
        fixed = used * ops.cast(ops.round(scores * 2.0**_SCORE_BITS), "int32")
        # whole scores would overflow int32 after 128 cases: sum their halves, then join them as limbs
        coarse = ops.sum(ops.right_shift(fixed, _HALF_BITS))
        fine = ops.sum(ops.bitwise_and(fixed, 2**_HALF_BITS - 1))
        rest = _LIMB_BITS - _HALF_BITS
        self._add_limbs(
            ops.left_shift(ops.bitwise_and(coarse, 2**rest - 1), _HALF_BITS), ops.right_shift(coarse, rest)
        )
        self._add_limbs(fine, 0)
        self.cases.assign_add(self._whole(ops.sum(used)))

    def _add_limbs(self, low: Any, high: Any) -> None:
        total = self.low + self._whole(low)
        self.low.assign(ops.bitwise_and(total, _LIMB - 1))
        self.high.assign(self.high + ops.right_shift(total, _LIMB_BITS) + self._whole(high))

    def _whole(self, value: Any) -> Any:
        return ops.cast(value, self.low.dtype)


@_REGISTER
class Dice(_CountScore):
    """Streaming `metrics.overlap.dice`, 0..1; arguments, shapes and edges as in `_CountScore`.

    Example:
        >>> score = Dice(2)
        >>> score.update_state([[[0, 1, 1]], [[0, 0, 0]]], [[[[0.1], [0.9], [0.2]]], [[[0.1], [0.3], [0.2]]]])
        >>> round(float(score.result()), 4)
        0.6667
    """

    _title = "dice"

    def _ratio(self, tp: Any, fp: Any, fn: Any) -> tuple[Any, Any]:
        return 2.0 * tp, 2.0 * tp + fp + fn


@_REGISTER
class F1(Dice):
    """Streaming `metrics.overlap.f1` (beta 1): the same number as `Dice`, under its classification name.

    Example:
        >>> score = F1(3, per="pooled", include_background=True)
        >>> score.update_state([0, 1], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])
        >>> float(score.result())
        1.0
    """

    _title = "f1"


@_REGISTER
class MeanIoU(_CountScore):
    """Streaming `metrics.overlap.iou`, mean over the defined foreground classes, 0..1.

    Example:
        >>> score = MeanIoU(3, per="pooled")
        >>> score.update_state([1, 1, 2], [[0.2, 0.7, 0.1], [0.9, 0.1, 0.0], [0.0, 0.1, 0.9]])
        >>> float(score.result())
        0.75
    """

    _title = "mean_iou"

    def _ratio(self, tp: Any, fp: Any, fn: Any) -> tuple[Any, Any]:
        return tp, tp + fp + fn


@_REGISTER
class Precision(_CountScore):
    """Streaming `metrics.overlap.precision`, 0..1; 0 where nothing was found of a class that is there.

    Example:
        >>> score = Precision(2, per="pooled")
        >>> score.update_state([1, 0, 0, 1], [0.9, 0.8, 0.1, 0.4])
        >>> float(score.result())
        0.5
    """

    _title = "precision"

    def _ratio(self, tp: Any, fp: Any, fn: Any) -> tuple[Any, Any]:
        return tp, tp + fp


@_REGISTER
class Recall(_CountScore):
    """Streaming `metrics.overlap.recall`, 0..1; 0 where a class was found that is not there.

    Example:
        >>> score = Recall(2, per="pooled")
        >>> score.update_state([1, 1, 0, 1], [0.9, 0.8, 0.1, 0.4], sample_weight=[1.0, 0.0, 1.0, 1.0])
        >>> float(score.result())
        0.5
    """

    _title = "recall"

    def _ratio(self, tp: Any, fp: Any, fn: Any) -> tuple[Any, Any]:
        return tp, tp + fn


@_REGISTER
class MCC(_CountScore):
    """Streaming Matthews correlation, -1..1; 0 where a margin is zero, NaN where nothing was counted.

    With `class_index` it is `metrics.overlap.mcc` of that class against the rest; without, it is
    `metrics.overlap.multiclass_mcc` (R_K) over all classes, per case as well as pooled, which for two classes
    is the same number. R_K has no mean over classes, so `include_background` changes nothing.

    Example:
        >>> score = MCC(2, per="pooled")
        >>> score.update_state([1, 0, 0, 1], [0.9, 0.8, 0.1, 0.4])
        >>> float(score.result())
        0.0
    """

    _title = "mcc"

    def _overall(self, counts: Any) -> tuple[Any, Any]:
        # a power of two is exact, and keeps products of four counts of 10^12 inside float32
        tp, fp, fn, tn = _parts(counts * 2.0**-20)
        terms = (tp * tn - fp * fn, (tp + fp) * (tn + fn), (tp + fn) * (tn + fp))
        if self.class_index is None:
            covariance, predicted, true = (ops.sum(term, axis=-1) for term in terms)
        else:
            covariance, predicted, true = (term[..., self.class_index] for term in terms)
        score = _share(covariance, ops.sqrt(predicted * true))
        return ops.clip(score, -1.0, 1.0), (tp + fp + fn + tn)[..., 0] > 0


@_REGISTER
class MeanAbsoluteError(keras.metrics.Metric):
    """Streaming mean absolute error in the target's own unit: sum(w * |error|) * scale / sum(w).

    Sums are float32 with Kahan's compensation (1965, doi:10.1145/363707.363723), so that a long epoch loses
    nothing; between batchings the last digit may differ.

    Args:
        scale: What one unit of the network's output is worth, e.g. the standard deviation the target was
            divided by.
        name: Default "mae".

    Call `update_state(y_true, y_pred, sample_weight=None)` with one number a case, (B,) or (B, 1) each.
    A case of weight 0 adds nothing, even if its error is NaN. `result()` is NaN while the weights sum to 0.

    Raises:
        ValueError: more than one number a case.

    Example:
        >>> error = MeanAbsoluteError(scale=10.0)
        >>> error.update_state([1.0, 2.0, 3.0], [[1.5], [2.0], [9.0]], sample_weight=[1.0, 1.0, 0.0])
        >>> float(error.result())
        2.5
    """

    def __init__(self, scale: float = 1.0, name: str | None = None) -> None:
        super().__init__(name=name or "mae")
        self.scale = scale
        # two sums each: weighted errors, weights
        self.total = self.add_weight(shape=(2,), initializer="zeros", dtype="float32", name="total")
        self.lost = self.add_weight(shape=(2,), initializer="zeros", dtype="float32", name="lost")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; see the class for shapes."""
        errors = ops.abs(_column(y_pred, "y_pred") - _column(y_true, "y_true")) * self.scale
        weights = ops.ones_like(errors) if sample_weight is None else _column(sample_weight, "sample_weight")
        weighted = ops.where(weights > 0, weights * errors, 0.0)
        amount = ops.stack([ops.sum(weighted), ops.sum(weights)]) - self.lost
        total = self.total + amount
        self.lost.assign((total - self.total) - amount)
        self.total.assign(total)

    def result(self) -> Any:
        """Give the error over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        errors, weights = self.total[0] - self.lost[0], self.total[1] - self.lost[1]
        return ops.where(weights > 0, errors / ops.where(weights > 0, weights, 1.0), float("nan"))

    def get_config(self) -> dict[str, Any]:
        """Give the constructor's arguments, plain JSON."""
        return {"scale": self.scale, "name": self.name}


def _predicted_labels(y_pred: Any, n_classes: int, threshold: float) -> Any:
    """Turn probabilities into int32 class indices, without the channel axis."""
    scores = ops.cast(y_pred, "float32")
    if len(scores.shape) == 1:
        scores = scores[:, None]
    channels = scores.shape[-1]
    if channels not in (n_classes, n_classes - 1):
        raise ValueError(
            f"y_pred must end in {n_classes} (softmax) or {n_classes - 1} (sigmoid) channels for "
            f"n_classes={n_classes}, got shape {tuple(scores.shape)}"
        )
    best, largest = _largest(scores, channels)
    return best if channels == n_classes else ops.where(largest >= threshold, best + 1, 0)


def _largest(scores: Any, channels: int) -> tuple[Any, Any]:
    # the first largest channel, as argmax: Keras's own takes five times as long on TensorFlow's CPU build
    largest = scores[..., 0]
    best = ops.zeros_like(largest, dtype="int32")
    for channel in range(1, channels):
        best = ops.where(scores[..., channel] > largest, channel, best)
        largest = ops.maximum(largest, scores[..., channel])
    return best, largest


def _true_labels(y_true: Any, labels: Any) -> Any:
    truth = ops.cast(y_true, "int32")
    if len(truth.shape) == len(labels.shape) + 1 and truth.shape[-1] == 1:
        truth = truth[..., 0]
    if len(truth.shape) != len(labels.shape):
        raise ValueError(
            f"y_true must hold class indices of shape {tuple(labels.shape)} (or with a last axis of 1) "
            f"to fit y_pred, got {tuple(truth.shape)}"
        )
    return truth


def _count(truth: Any, labels: Any, n_classes: int, ignore: int | None) -> tuple[Any, Any]:
    """Count in int32: tp, fp, fn, tn (4, B, classes), and (B,) pixels whose truth is no class."""
    if ignore is not None:
        counted = ops.not_equal(truth, ignore)
        truth, labels = ops.where(counted, truth, -1), ops.where(counted, labels, -1)
    if len(truth.shape) == 1:  # an empty tuple of axes means all axes to PyTorch
        truth, labels = truth[:, None], labels[:, None]
    axes = tuple(range(1, len(truth.shape)))
    tp, true, predicted = [], [], []
    for index in range(n_classes):
        is_true, is_predicted = ops.equal(truth, index), ops.equal(labels, index)
        tp.append(ops.sum(ops.cast(ops.logical_and(is_true, is_predicted), "int32"), axis=axes))
        true.append(ops.sum(ops.cast(is_true, "int32"), axis=axes))
        predicted.append(ops.sum(ops.cast(is_predicted, "int32"), axis=axes))
    hits, in_truth, in_labels = (ops.stack(sums, axis=-1) for sums in (tp, true, predicted))
    pixels = ops.sum(in_labels, axis=-1)
    rest = pixels[:, None] - in_truth - in_labels + hits
    return ops.stack([hits, in_labels - hits, in_truth - hits, rest]), pixels - ops.sum(in_truth, axis=-1)


def _kept_cases(sample_weight: Any, truth: Any) -> Any:
    """Give int32 (B,): 1 where the case counts."""
    if sample_weight is None:
        return ops.ones((ops.shape(truth)[0],), dtype="int32")
    weights = ops.convert_to_tensor(sample_weight)
    if len(weights.shape) == 0:
        raise ValueError("sample_weight must have one weight a case, shape (batch,), got a single number")
    given = ops.not_equal(weights if len(weights.shape) > 1 else weights[:, None], 0)
    return ops.cast(ops.any(given, axis=tuple(range(1, len(given.shape)))), "int32")


def _parts(counts: Any) -> tuple[Any, Any, Any, Any]:
    return counts[0], counts[1], counts[2], counts[3]


def _share(part: Any, whole: Any) -> Any:
    return ops.where(whole > 0, part / ops.where(whole > 0, whole, 1.0), 0.0)


def _column(values: Any, name: str) -> Any:
    numbers = ops.cast(values, "float32")
    if len(numbers.shape) == 1:
        return numbers
    if len(numbers.shape) != 2 or numbers.shape[1] != 1:
        raise ValueError(f"{name} must be (batch,) or (batch, 1), got shape {tuple(numbers.shape)}")
    return numbers[:, 0]
