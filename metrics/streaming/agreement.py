"""Scores over all classes jointly: accuracy, balanced accuracy, Matthews correlation, Cohen's kappa."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

from metrics.streaming.counted import CountScore, share, split_counts
from metrics.streaming.labels import drop_ignored, kept_cases, predicted_labels, read_scores, read_truth
from metrics.streaming.whole import WholeNumbers

_REGISTER = keras.saving.register_keras_serializable(package="unet_mtl")


@_REGISTER
class Accuracy(CountScore):
    """Share of correct labels over all classes, 0..1; arguments and shapes as in `CountScore`.

    For label vectors it is the streaming form of `metrics.classification.accuracy`. With `class_index` it is the
    one-vs-rest `metrics.overlap.accuracy` of that class; with `multilabel` it is the share of correct entries.
    All classes are included, so `include_background` has no effect. NaN if nothing was counted.

    Example:
        >>> score = Accuracy(3)
        >>> score.update_state([0, 1, 2, 2], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
        >>> float(score.result())
        0.75
    """

    _title = "accuracy"

    def _overall(self, counts: Any) -> tuple[Any, Any]:
        tp, fp, fn, tn = split_counts(counts)
        right, counted = tp + tn, tp + fp + fn + tn
        if self.class_index is not None:
            right, counted = right[..., self.class_index], counted[..., self.class_index]
        elif self.multilabel:
            right, counted = ops.sum(right, axis=-1), ops.sum(counted, axis=-1)
        else:
            right, counted = ops.sum(tp, axis=-1), counted[..., 0]
        return share(right, counted), counted > 0


@_REGISTER
class BalancedAccuracy(CountScore):
    """Streaming `metrics.classification.balanced_accuracy`: mean recall over the classes present in the truth.

    Everything is pooled into one score, class 0 included; 0..1, 1 is best, NaN if nothing was counted.

    Args:
        n_classes: Number of classes, 2 or more.
        threshold: Decision threshold, as in `CountScore`, which also defines shapes and edge cases.
        ignore: True value to drop, as in `CountScore`.
        name: Name of the metric; by default "balanced_accuracy".

    Raises:
        ValueError: n_classes below 2, or shapes that do not fit.

    Example:
        >>> score = BalancedAccuracy(2)
        >>> score.update_state([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.4])
        >>> float(score.result())
        0.5
    """

    def __init__(
        self, n_classes: int, *, threshold: float = 0.5, ignore: int | None = None, name: str | None = None
    ) -> None:
        super().__init__(
            n_classes,
            per="pooled",
            threshold=threshold,
            ignore=ignore,
            include_background=True,
            name=name or "balanced_accuracy",
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain JSON."""
        return _label_config(self)

    def _ratio(self, tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
        return tp, tp + fn

    def _is_defined(self, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
        return tp + fn > 0


@_REGISTER
class MCC(CountScore):
    """Streaming Matthews correlation, -1..1; 0 if a margin is zero, NaN if nothing was counted.

    With `class_index` it is the one-vs-rest `metrics.overlap.mcc` of that class; without, it is
    `metrics.overlap.multiclass_mcc` (R_K) over all classes, per case or pooled, which is the same number for two
    classes. R_K is not a mean over classes, so `include_background` has no effect. With `multilabel` it is the
    mean of `metrics.overlap.mcc` over the channels. Arguments and shapes as in
    `CountScore`.

    Example:
        >>> score = MCC(2, per="pooled")
        >>> score.update_state([1, 0, 0, 1], [0.9, 0.8, 0.1, 0.4])
        >>> float(score.result())
        0.0
    """

    _title = "mcc"

    def _overall(self, counts: Any) -> tuple[Any, Any]:
        # scaling by a power of two is exact and keeps products of four counts of 10^12 within float32
        tp, fp, fn, tn = split_counts(counts * 2.0**-20)
        terms = (tp * tn - fp * fn, (tp + fp) * (tn + fn), (tp + fn) * (tn + fp))
        counted = tp + fp + fn + tn > 0
        if self.class_index is not None or self.multilabel:
            return self._over_classes(_correlation(*terms), counted)
        return _correlation(*(ops.sum(term, axis=-1) for term in terms)), counted[..., 0]


class MarginScore(WholeNumbers):
    """Base of scores that need margins and distances of label pairs instead of the full confusion matrix.

    The state has shape (3, n_classes): counts of the true classes, counts of the predicted classes, and counts of the
    distances between them. Shapes and edge cases as in `CountScore`.
    """

    def __init__(self, n_classes: int, threshold: float, ignore: int | None, name: str) -> None:
        if n_classes < 2:
            raise ValueError(f"n_classes must be 2 or more, got {n_classes}")
        super().__init__((3, n_classes), name)
        self.n_classes, self.threshold, self.ignore = n_classes, threshold, ignore

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; the class documents the shapes."""
        labels, missing = self._predicted(y_pred)
        truth, labels = drop_ignored(read_truth(y_true, labels), labels, missing, self.ignore)
        kept = kept_cases(sample_weight, ops.shape(truth)[0])
        used = ops.logical_and(ops.reshape(kept, (-1, *[1] * (len(truth.shape) - 1))) > 0, labels >= 0)
        known = ops.logical_and(truth >= 0, truth < self.n_classes)
        self._mark_unknown(ops.logical_and(used, ops.logical_not(known)))
        rows = [self._histogram(values, used) for values in (truth, labels, ops.abs(truth - labels))]
        self._add_limbs(ops.stack(rows))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain JSON."""
        return _label_config(self)

    def _predicted(self, y_pred: Any) -> tuple[Any, Any]:
        """Return int32 labels and a flag for invalid predictions."""
        scores = read_scores(y_pred, self.n_classes, multilabel=False)
        return predicted_labels(scores, self.n_classes, self.threshold)

    def _histogram(self, values: Any, used: Any) -> Any:
        counted = (ops.logical_and(used, values == index) for index in range(self.n_classes))
        return ops.stack([ops.sum(ops.cast(flags, "int32")) for flags in counted])

    def _shares(self) -> tuple[Any, Any, Any, Any]:
        """Return the three rows as fractions (n_classes,), and the number of counted labels."""
        totals = self._totals()
        counted = ops.sum(totals[0])
        true, predicted, apart = (totals[part] / ops.maximum(counted, 1.0) for part in range(3))
        return true, predicted, apart, counted

    def _kappa(self, costs: Any) -> Any:
        """Return kappa for the `costs` (n_classes,) of distances 0, 1, 2, ..."""
        true, predicted, apart, _ = self._shares()
        place = ops.arange(self.n_classes, dtype="int32")
        table = ops.take(costs, ops.abs(place[:, None] - place[None, :]))
        expected = ops.sum(table * true[:, None] * predicted[None, :])
        return self._where_defined(1.0 - share(ops.sum(costs * apart), expected), expected > 0)


@_REGISTER
class CohenKappa(MarginScore):
    """Agreement beyond chance, 1 - observed / expected disagreement (Cohen 1960, 1968), -1..1, 1 is best.

    doi:10.1177/001316446002000104, doi:10.1037/h0026256.

    Args:
        n_classes: Number of classes, 2 or more; with weights, their order is their rank.
        weights: Cost of a disagreement: None: 1; "linear": the distance between the classes; "quadratic": the squared
            distance.
        threshold: Decision threshold, as in `CountScore`, which also defines shapes and edge cases.
        ignore: True value to drop, as in `CountScore`.
        name: Name of the metric; by default "cohen_kappa", with "_linear" or "_quadratic".

    `result()` is one float32 score of the pooled counts. It is NaN if nothing was counted, or if truth and
    prediction consist of the same single class (0 / 0).

    Raises:
        ValueError: unknown `weights`, n_classes below 2, or shapes that do not fit.

    Example:
        >>> score = CohenKappa(3, weights="quadratic")
        >>> score.update_state([0, 1, 2, 2], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
        >>> round(float(score.result()), 4)
        0.8
    """

    def __init__(
        self,
        n_classes: int,
        *,
        weights: Literal["linear", "quadratic"] | None = None,
        threshold: float = 0.5,
        ignore: int | None = None,
        name: str | None = None,
    ) -> None:
        if n_classes < 2 or weights not in (None, "linear", "quadratic"):
            raise ValueError(
                "n_classes must be 2 or more, weights None, 'linear' or 'quadratic'; "
                f"got {n_classes}, {weights!r}"
            )
        default = "cohen_kappa" + ("" if weights is None else f"_{weights}")
        super().__init__(n_classes, threshold, ignore, name or default)
        self.weights = weights

    def result(self) -> Any:
        """Return the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        apart = ops.arange(self.n_classes, dtype="float32")
        if self.weights is None:
            return self._kappa(ops.cast(apart > 0, "float32"))
        return self._kappa(apart if self.weights == "linear" else apart * apart)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain JSON."""
        return {**super().get_config(), "weights": self.weights}


def _correlation(covariance: Any, predicted: Any, true: Any) -> Any:
    return ops.clip(share(covariance, ops.sqrt(predicted * true)), -1.0, 1.0)


def _label_config(metric: Any) -> dict[str, Any]:
    return {name: getattr(metric, name) for name in ("n_classes", "threshold", "ignore", "name")}
