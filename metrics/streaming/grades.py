"""Scores of ordered grades, for networks that predict the thresholds between grades."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from metrics.streaming.agreement import MarginScore
from metrics.streaming.labels import is_probability

_REGISTER = keras.saving.register_keras_serializable(package="unet_mtl")


class GradeScore(MarginScore):
    """Base of scores of grades; the predicted grade is the number of thresholds that are exceeded.

    Threshold k is exceeded if P(grade > k) is at least 0.5, so the grade is the median of the predicted distribution.

    Args:
        n_classes: Number of grades, 2 or more.
        conditional: Meaning of y_pred. True: P(grade > k | grade > k - 1), with cumulative product
            P(grade > k) (CORN, Shi et al. 2023, doi:10.1007/s10044-023-01181-9). False: P(grade > k) itself (CORAL,
            Cao et al. 2020, doi:10.1016/j.patrec.2020.11.008); a value above its predecessor is reduced to it.
        ignore: Cases with this true value are dropped.
        name: Name of the metric; by default "quadratic_weighted_kappa" or "grade_mae".

    Call `update_state(y_true, y_pred, sample_weight=None)` with grades from 0, (B,) or (B, 1), and sigmoid outputs
    (B, n_classes - 1). Cases with weight 0 are excluded; all others count once. `result()` is NaN if nothing was
    counted, or once a counted truth was not a grade, or a counted output was NaN or outside 0..1, such as a logit.

    Raises:
        ValueError: n_classes below 2, or shapes that do not fit.
    """

    _title = "grade_score"

    def __init__(
        self,
        n_classes: int,
        *,
        conditional: bool = False,
        ignore: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(n_classes, 0.5, ignore, name or self._title)
        self.conditional = conditional

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain JSON."""
        return {name: getattr(self, name) for name in ("n_classes", "conditional", "ignore", "name")}

    def _predicted(self, y_pred: Any) -> tuple[Any, Any]:
        outputs = ops.cast(y_pred, "float32")
        if len(outputs.shape) != 2 or outputs.shape[1] != self.n_classes - 1:
            raise ValueError(
                f"y_pred must be (batch, {self.n_classes - 1}), a sigmoid between each two of {self.n_classes} grades, "
                f"got shape {tuple(outputs.shape)}"
            )
        beyond = outputs[:, 0]
        grade = ops.cast(beyond >= self.threshold, "int32")
        for place in range(1, self.n_classes - 1):
            given = outputs[:, place]
            beyond = beyond * given if self.conditional else ops.minimum(beyond, given)
            grade = grade + ops.cast(beyond >= self.threshold, "int32")
        return grade, ops.logical_not(ops.all(is_probability(outputs), axis=-1))


@_REGISTER
class QuadraticWeightedKappa(GradeScore):
    """Streaming `metrics.classification.quadratic_weighted_kappa`, up to 1, which is best; 0 is chance level.

    Arguments, shapes and edge cases as in `GradeScore`; also NaN if truth and prediction are a single, equal grade.

    Example:
        >>> score = QuadraticWeightedKappa(4)
        >>> score.update_state(
        ...     [0, 1, 2, 3], [[0.1, 0.0, 0.0], [0.8, 0.3, 0.2], [0.9, 0.6, 0.1], [0.9, 0.7, 0.4]]
        ... )
        >>> float(score.result())
        0.875
    """

    _title = "quadratic_weighted_kappa"

    def result(self) -> Any:
        """Return the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        apart = ops.arange(self.n_classes, dtype="float32")
        return self._kappa(apart * apart)


@_REGISTER
class GradeMAE(GradeScore):
    """Streaming `metrics.classification.grade_mae`: mean error in grades, 0 is best.

    Arguments, shapes and edge cases as in `GradeScore`.

    Example:
        >>> score = GradeMAE(3, conditional=True)
        >>> score.update_state([0, 2], [[0.2, 0.9], [0.7, 0.7]])
        >>> float(score.result())
        0.5
    """

    _title = "grade_mae"

    def result(self) -> Any:
        """Return the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        _, _, apart, counted = self._shares()
        errors = ops.sum(apart * ops.arange(self.n_classes, dtype="float32"))
        return self._where_defined(errors, counted > 0)
