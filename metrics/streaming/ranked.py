"""Scores of ranked probabilities from a histogram: area under the ROC curve and average precision."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from metrics.streaming.counted import mean_of_defined, share
from metrics.streaming.labels import is_probability, kept_cases, read_scores, read_truth
from metrics.streaming.whole import WholeNumbers

_REGISTER = keras.saving.register_keras_serializable(package="unet_mtl")


class RankedScore(WholeNumbers):
    """Base of scores of ranked probabilities: histograms of positives and negatives.

    The bins divide 0..1 into equal parts. Probabilities in the same bin are ties, so the result is the exact score of
    the probabilities rounded down to a multiple of 1 / bins.

    Args:
        n_classes: Number of classes, 2 or more; with `multilabel` the number of channels. Two classes have
            one score, that of class 1; more classes have one-vs-rest scores.
        bins: Number of bins, a power of two (so that their edges are exact).
        class_index: The class to score; None: the mean over the classes for which the score is defined.
        ignore: Pixels (with `multilabel`: entries) with this true value are dropped, for example 255.
        include_background: Whether a mean over three or more classes includes class 0; usually False for masks.
        multilabel: Whether channels are independent binary labels, as in `CountScore`.
        name: Name of the metric; by default "auroc" or "average_precision", with "_class<index>" if it applies.

    Call `update_state(y_true, y_pred, sample_weight=None)` with labels or masks as in `CountScore`. All
    pixels are pooled. Each class is ranked by its own channel; sigmoid outputs (n_classes - 1) have no channel for
    class 0.

    `result()` is a float32 scalar. A class is undefined if it occurs in nothing or in everything that was counted, and
    the result is NaN if all classes are. It also becomes NaN once a counted truth was neither a class nor `ignore`, or
    a counted probability was NaN or outside 0..1, such as a logit, because a compiled graph cannot raise an error.

    Raises:
        ValueError: an impossible `n_classes`, `bins` or `class_index`, or shapes that do not fit.
    """

    _title = "ranked"

    def __init__(
        self,
        n_classes: int,
        *,
        bins: int = 4096,
        class_index: int | None = None,
        ignore: int | None = None,
        include_background: bool = True,
        multilabel: bool = False,
        name: str | None = None,
    ) -> None:
        self.first_class = 1 if n_classes == 2 and not multilabel else 0
        if n_classes < (1 if multilabel else 2) or not 2 <= bins <= 2**16 or bins & (bins - 1):
            raise ValueError(
                "n_classes must be 2 or more (1 with multilabel), bins a power of two from 2 to 65536; "
                f"got {n_classes}, {bins}"
            )
        if class_index is not None and not self.first_class <= class_index < n_classes:
            allowed = f"{self.first_class}..{n_classes - 1}"
            raise ValueError(f"class_index must be in {allowed} or None, got {class_index}")
        suffix = "" if class_index is None else f"_class{class_index}"
        super().__init__((2, n_classes - self.first_class, bins), name or self._title + suffix)
        self.n_classes, self.bins, self.class_index, self.ignore = n_classes, bins, class_index, ignore
        self.include_background, self.multilabel = include_background, multilabel

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; the class documents the shapes."""
        scores = read_scores(y_pred, self.n_classes, self.multilabel)
        start = max(self.first_class, self.n_classes - scores.shape[-1])
        scores = scores[..., start - self.n_classes :]
        positive, known, counted = self._read_truth(y_true, scores, start)
        kept = kept_cases(sample_weight, ops.shape(scores)[0])
        counted = ops.logical_and(counted, ops.reshape(kept, (-1, *[1] * (len(scores.shape) - 1))) > 0)
        usable = ops.logical_and(known, is_probability(scores))
        self._mark_unknown(ops.logical_and(counted, ops.logical_not(usable)))
        scores = ops.where(usable, scores, 0.0)
        self._add_limbs(self._histogram(scores, positive, ops.logical_and(counted, usable), start))

    def result(self) -> Any:
        """Return the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        totals = self._totals()
        positives, negatives = totals[1], totals[0]
        n_positive, n_negative = ops.sum(positives, axis=-1), ops.sum(negatives, axis=-1)
        usable = ops.logical_and(n_positive > 0, n_negative > 0)
        scores = self._curve(positives, negatives, n_positive, n_negative)
        if self.class_index is not None:
            column = self.class_index - self.first_class
            return self._where_defined(scores[column], usable[column])
        skip = 0 if self.include_background or self.multilabel or self.first_class else 1
        return self._where_defined(*mean_of_defined(scores[skip:], usable[skip:]))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain JSON."""
        return {
            "n_classes": self.n_classes,
            "bins": self.bins,
            "class_index": self.class_index,
            "ignore": self.ignore,
            "include_background": self.include_background,
            "multilabel": self.multilabel,
            "name": self.name,
        }

    def _curve(self, positives: Any, negatives: Any, n_positive: Any, n_negative: Any) -> Any:
        """Convert float32 histograms (classes, bins) and their sums (classes,) into scores (classes,)."""
        raise NotImplementedError

    def _read_truth(self, y_true: Any, scores: Any, start: int) -> tuple[Any, Any, Any]:
        """Return bools in the shape of `scores`: positive, known, counted."""
        truth = read_truth(y_true, scores if self.multilabel else scores[..., 0])
        positive = ops.equal(truth, 1)
        known = ops.logical_or(positive, ops.equal(truth, 0))
        if not self.multilabel:
            truth = truth[..., None]
            positive = ops.equal(truth, ops.arange(start, self.n_classes, dtype="int32"))
            known = ops.logical_and(truth >= 0, truth < self.n_classes)
        counted = ops.ones_like(positive) if self.ignore is None else ops.not_equal(truth, self.ignore)
        return positive, known, counted

    def _histogram(self, scores: Any, positive: Any, counted: Any, start: int) -> Any:
        shape = tuple(self.low.shape)
        size = shape[0] * shape[1] * shape[2]
        column = ops.arange(start, self.n_classes, dtype="int32") - self.first_class
        place = ops.clip(ops.cast(ops.floor(scores * float(self.bins)), "int32"), 0, self.bins - 1)
        key = (ops.cast(positive, "int32") * shape[1] + column) * self.bins + place
        # entries that do not count go into an extra bin, which is cut off
        key = ops.reshape(ops.where(counted, key, size), (-1,))
        # not `ops.segment_sum`, which adds in float32 on PyTorch
        empty = ops.zeros((size + 1,), dtype="int32")
        counts = ops.scatter_update(empty, key[:, None], ops.ones_like(key), reduction="add")
        return ops.reshape(counts[:size], shape)


@_REGISTER
class AUROC(RankedScore):
    """Streaming `metrics.ranking.auroc` (two classes) and `auroc_one_vs_rest`, 0..1, 1 is best.

    Because of binning, it differs from the exact area by at most half the share of positive-negative pairs in the
    same bin (each such pair counts one half instead of 0 or 1), plus float32 rounding of about 1e-6. Arguments,
    shapes and edge cases as in `RankedScore`.

    Example:
        >>> score = AUROC(2)
        >>> score.update_state([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.9])
        >>> float(score.result())
        0.875
    """

    _title = "auroc"

    def _curve(self, positives: Any, negatives: Any, n_positive: Any, n_negative: Any) -> Any:
        # sums of whole numbers below 2^24 are exact in float32, so divide last
        not_above = ops.cumsum(negatives, axis=-1) - 0.5 * negatives
        below = share(not_above, n_negative[:, None])
        return ops.sum(share(positives, n_positive[:, None]) * below, axis=-1)


@_REGISTER
class AveragePrecision(RankedScore):
    """Sum over thresholds of (recall gained) * precision, 0..1, 1 is best; chance level is the prevalence.

    The thresholds are the lower edges of the bins, so it is scikit-learn's `average_precision_score` of the
    probabilities rounded down to them. Arguments, shapes and edge cases as in `RankedScore`.

    Example:
        >>> score = AveragePrecision(2)
        >>> score.update_state([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9])
        >>> round(float(score.result()), 4)
        0.8333
    """

    _title = "average_precision"

    def _curve(self, positives: Any, negatives: Any, n_positive: Any, n_negative: Any) -> Any:
        found = ops.flip(ops.cumsum(ops.flip(positives, axis=-1), axis=-1), axis=-1)
        wrong = ops.flip(ops.cumsum(ops.flip(negatives, axis=-1), axis=-1), axis=-1)
        return ops.sum(share(positives, n_positive[:, None]) * share(found, found + wrong), axis=-1)
