"""Base of all streaming scores of true and false positives and negatives."""

from __future__ import annotations

from typing import Any, Literal

from keras import ops

from metrics.streaming.labels import (
    count_classes,
    count_entries,
    drop_ignored,
    kept_cases,
    predicted_labels,
    read_scores,
    read_truth,
)
from metrics.streaming.whole import LIMB_BITS, WholeNumbers

_SCORE_BITS = 24
_HALF_BITS = 12


class CountScore(WholeNumbers):
    """Base of all scores of counts; subclasses define the score in `_ratio`.

    Args:
        n_classes: Number of classes with the background, 2 or more; with `multilabel` the number of channels.
        per: "case": mean over cases of the score of each case, without undefined cases (masks). "pooled": one score
            of the counts summed over all cases (masks, and the only sensible choice for label vectors, where a
            case is a single label).
        class_index: The class to score; None: the mean over the classes for which the score is defined.
        threshold: Smallest sigmoid probability that counts as a detection.
        ignore: Pixels (with `multilabel`: entries) with this true value are dropped before counting, for example
            255.
        include_background: Whether the mean over classes includes class 0; usually True for label vectors, in which
            class 0 is a class like the others.
        multilabel: Whether channels are independent binary labels, of which a case or pixel may have several or
            none. All channels are included in the mean; there is no background.
        name: Name of the metric; by default the class name in snake_case, with "_pooled" and "_class<index>" if they
            apply.

    Call `update_state(y_true, y_pred, sample_weight=None)` with

    * y_true: class indices, any dtype, (B, H, W) or (B, H, W, 1) for masks, (B,) or (B, 1) for labels; with
      `multilabel` 0 and 1 in y_pred's own shape;
    * y_pred: probabilities, truth's shape plus a last axis of n_classes channels (softmax: the largest wins)
      or of n_classes - 1 (sigmoid, one per foreground class: the largest wins if it reaches `threshold`,
      otherwise class 0); binary labels may also be (B,); with `multilabel` (B, ..., n_classes), independent;
    * sample_weight: (B,), (B, 1), or a per-case weight broadcast to the mask. Cases with weight 0 are excluded,
      regardless of their content; all others count once.

    `result()` is a float32 scalar. It is NaN while nothing is defined. It also becomes NaN once a counted pixel has a
    true value that is neither a class nor `ignore`, a NaN prediction, or a sigmoid value outside 0..1 such as a
    logit, because a compiled graph cannot raise an error.

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
        multilabel: bool = False,
        name: str | None = None,
    ) -> None:
        if n_classes < (1 if multilabel else 2) or per not in ("case", "pooled"):
            raise ValueError(
                "n_classes must be 2 or more (1 with multilabel), per 'case' or 'pooled'; "
                f"got {n_classes}, {per!r}"
            )
        if class_index is not None and not 0 <= class_index < n_classes:
            raise ValueError(f"class_index must be in 0..{n_classes - 1} or None, got {class_index}")
        suffix = "_pooled" * (per == "pooled") + ("" if class_index is None else f"_class{class_index}")
        super().__init__(() if per == "case" else (4, n_classes), name or self._title + suffix)
        self.n_classes, self.per, self.class_index = n_classes, per, class_index
        self.threshold, self.ignore, self.include_background = threshold, ignore, include_background
        self.multilabel = multilabel
        self.cases = self.add_weight(shape=(), initializer="zeros", dtype="int", name="cases")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; the class documents the shapes."""
        counts, unknown = self._count(y_true, y_pred)
        kept = kept_cases(sample_weight, ops.shape(unknown)[0])
        self._mark_unknown(kept * unknown > 0)
        if self.per == "case":
            self._add_scores(counts, kept)
        else:
            self._add_limbs(ops.sum(counts * kept[:, None], axis=1))

    def result(self) -> Any:
        """Return the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        total = self._totals()
        if self.per == "pooled":
            return self._where_defined(*self._overall(total))
        cases = ops.cast(self.cases, "float32")
        return self._where_defined(total / (ops.maximum(cases, 1.0) * 2.0**_SCORE_BITS), cases > 0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain JSON."""
        return {
            "n_classes": self.n_classes,
            "per": self.per,
            "class_index": self.class_index,
            "threshold": self.threshold,
            "ignore": self.ignore,
            "include_background": self.include_background,
            "multilabel": self.multilabel,
            "name": self.name,
        }

    def _ratio(self, tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
        """Return numerator and denominator of the score, float32 of shape (..., classes); 0 if both are 0."""
        raise NotImplementedError

    def _is_defined(self, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
        """Return for which classes the score is defined, bool (..., classes)."""
        return tp + fp + fn > 0

    def _overall(self, counts: Any) -> tuple[Any, Any]:
        """Convert float32 counts (4, ..., classes) into one score and whether it is defined, (...)."""
        parts = split_counts(counts)
        return self._over_classes(share(*self._ratio(*parts)), self._is_defined(*parts))

    def _over_classes(self, scores: Any, defined: Any) -> tuple[Any, Any]:
        if self.class_index is not None:
            return scores[..., self.class_index], defined[..., self.class_index]
        first = 0 if self.include_background or self.multilabel else 1
        return mean_of_defined(scores[..., first:], defined[..., first:])

    def _count(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        scores = read_scores(y_pred, self.n_classes, self.multilabel)
        if self.multilabel:
            return count_entries(read_truth(y_true, scores), scores, self.threshold, self.ignore)
        labels, missing = predicted_labels(scores, self.n_classes, self.threshold)
        truth, labels = drop_ignored(read_truth(y_true, labels), labels, missing, self.ignore)
        return count_classes(truth, labels, self.n_classes)

    def _add_scores(self, counts: Any, kept: Any) -> None:
        scores, defined = self._overall(ops.cast(counts, "float32"))
        used = kept * ops.cast(defined, "int32")
        fixed = used * ops.cast(ops.round(scores * 2.0**_SCORE_BITS), "int32")
        # whole scores would overflow int32 after 128 cases: sum their halves, then combine them as limbs
        coarse = ops.sum(ops.right_shift(fixed, _HALF_BITS))
        fine = ops.sum(ops.bitwise_and(fixed, 2**_HALF_BITS - 1))
        rest = LIMB_BITS - _HALF_BITS
        low = ops.left_shift(ops.bitwise_and(coarse, 2**rest - 1), _HALF_BITS)
        self._add_limbs(low, ops.right_shift(coarse, rest))
        self._add_limbs(fine)
        self.cases.assign(self.cases + self._whole(ops.sum(used)))


def split_counts(counts: Any) -> tuple[Any, Any, Any, Any]:
    """Return tp, fp, fn, tn of counts (4, ...)."""
    return counts[0], counts[1], counts[2], counts[3]


def share(part: Any, whole: Any) -> Any:
    """Divide; 0 where `whole` is not above 0."""
    return ops.where(whole > 0, part / ops.where(whole > 0, whole, 1.0), 0.0)


def mean_of_defined(scores: Any, defined: Any) -> tuple[Any, Any]:
    """Return the mean of the defined scores over the last axis, and whether any is defined."""
    n_used = ops.sum(ops.cast(defined, "float32"), axis=-1)
    return ops.sum(ops.where(defined, scores, 0.0), axis=-1) / ops.maximum(n_used, 1.0), n_used > 0
