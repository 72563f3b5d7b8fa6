"""Scores of ordered grades, for networks whose outputs are the thresholds between them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from metrics.streaming.agreement import MarginScore
from metrics.streaming.labels import is_probability

_REGISTER = keras.saving.register_keras_serializable(package="unet_mtl")


class GradeScore(MarginScore):
    """What scores of grades share: the predicted grade is the number of thresholds that are passed.

    A threshold k is passed where P(grade > k) is 0.5 or above, so the grade is the median of the probabilities.

    Args:
        n_classes: Number of grades, 2 or more.
        conditional: What y_pred holds. True: P(grade > k, given that it is > k - 1), whose running product is
            P(grade > k) (CORN, Shi et al. 2023, doi:10.1007/s10044-023-01181-9). False: P(grade > k) itself (CORAL,
            Cao et al. 2020, doi:10.1016/j.patrec.2020.11.008); one above its forerunner counts as equal to it.
        ignore: Cases whose truth has this value are dropped.
        name: Default "quadratic_weighted_kappa" or "grade_mae".

    Call `update_state(y_true, y_pred, sample_weight=None)` with grades from 0 on, (B,) or (B, 1), and sigmoid outputs
    (B, n_classes - 1). A case of weight 0 is left out, anything else counts once. `result()` is NaN where nothing was
    counted, and once a counted truth was no grade or a counted output NaN or outside 0..1, as logits are.

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
        """Give the constructor's arguments, plain JSON."""
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
    """Streaming `metrics.classification.quadratic_weighted_kappa`, up to 1, which is best; 0 is chance.

    Arguments, shapes and edges as in `GradeScore`; NaN, too, where truth and prediction are all of one same grade.

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
        """Give the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        apart = ops.arange(self.n_classes, dtype="float32")
        return self._kappa(apart * apart)


@_REGISTER
class GradeMAE(GradeScore):
    """Streaming `metrics.classification.grade_mae`: mean error in grades, 0 is best.

    Arguments, shapes and edges as in `GradeScore`.

    Example:
        >>> score = GradeMAE(3, conditional=True)
        >>> score.update_state([0, 2], [[0.2, 0.9], [0.7, 0.7]])
        >>> float(score.result())
        0.5
    """

    _title = "grade_mae"

    def result(self) -> Any:
        """Give the score over everything since the last `reset_state`: float32 scalar, NaN if undefined."""
        _, _, apart, counted = self._shares()
        errors = ops.sum(apart * ops.arange(self.n_classes, dtype="float32"))
        return self._where_defined(errors, counted > 0)
