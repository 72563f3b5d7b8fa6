"""Streaming forms of the scores of `metrics.overlap`.

Arguments, shapes and edge cases of every class are those of `metrics.streaming.CountScore`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from metrics.streaming.counted import CountScore

_REGISTER = keras.saving.register_keras_serializable(package="unet_mtl")


@_REGISTER
class Dice(CountScore):
    """Streaming `metrics.overlap.dice`, 0..1, 1 is best; arguments, shapes and edge cases as in `CountScore`.

    Example:
        >>> score = Dice(2)
        >>> score.update_state([[[0, 1, 1]], [[0, 0, 0]]], [[[[0.1], [0.9], [0.2]]], [[[0.1], [0.3], [0.2]]]])
        >>> round(float(score.result()), 4)
        0.6667
    """

    _title = "dice"

    def _ratio(self, tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
        return 2.0 * tp, 2.0 * tp + fp + fn


@_REGISTER
class F1(Dice):
    """Streaming `metrics.overlap.f1` (beta 1): the same number as `Dice`, under the name used in classification.

    Example:
        >>> score = F1(3, per="pooled", include_background=True)
        >>> score.update_state([0, 1], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])
        >>> float(score.result())
        1.0
    """

    _title = "f1"


@_REGISTER
class FBeta(CountScore):
    """Streaming `metrics.overlap.f1` with any beta, 0..1, 1 is best (van Rijsbergen 1979).

    Args:
        n_classes: Number of classes, as in `CountScore`.
        beta: Weight of recall relative to precision, above 0.
        **options: All other arguments of `CountScore`. The default name is "f2" for beta 2, "f0_5" for 0.5.

    Raises:
        ValueError: beta is not above 0; or as for `CountScore`.

    Example:
        >>> score = FBeta(2, beta=2.0, per="pooled")
        >>> score.update_state([1, 1, 0], [0.9, 0.8, 0.7])
        >>> round(float(score.result()), 4), score.name
        (0.9091, 'f2_pooled')
    """

    def __init__(self, n_classes: int, *, beta: float = 1.0, **options: Any) -> None:
        if not beta > 0:
            raise ValueError(f"beta must be above 0, got {beta}")
        self._title = f"f{beta:g}".replace(".", "_")
        super().__init__(n_classes, **options)
        self.beta = beta

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor as plain JSON."""
        return {**super().get_config(), "beta": self.beta}

    def _ratio(self, tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
        square = self.beta**2
        weighted = (1.0 + square) * tp
        return weighted, weighted + square * fn + fp


@_REGISTER
class IoU(CountScore):
    """Streaming `metrics.overlap.iou` of one class (`class_index`) or the mean over classes, 0..1, 1 is best.

    Example:
        >>> score = IoU(3, per="pooled", class_index=1)
        >>> score.update_state([1, 1, 2], [[0.2, 0.7, 0.1], [0.9, 0.1, 0.0], [0.0, 0.1, 0.9]])
        >>> float(score.result())
        0.5
    """

    _title = "iou"

    def _ratio(self, tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
        return tp, tp + fp + fn


@_REGISTER
class MeanIoU(IoU):
    """The same number as `IoU`, under the usual name of the mean over the defined foreground classes.

    Example:
        >>> score = MeanIoU(3, per="pooled")
        >>> score.update_state([1, 1, 2], [[0.2, 0.7, 0.1], [0.9, 0.1, 0.0], [0.0, 0.1, 0.9]])
        >>> float(score.result())
        0.75
    """

    _title = "mean_iou"


@_REGISTER
class Precision(CountScore):
    """Streaming `metrics.overlap.precision`, 0..1; 0 if a class is present but was not predicted.

    Example:
        >>> score = Precision(2, per="pooled")
        >>> score.update_state([1, 0, 0, 1], [0.9, 0.8, 0.1, 0.4])
        >>> float(score.result())
        0.5
    """

    _title = "precision"

    def _ratio(self, tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
        return tp, tp + fp


@_REGISTER
class Recall(CountScore):
    """Streaming `metrics.overlap.recall`, 0..1; 0 if a class was predicted but is absent.

    Example:
        >>> score = Recall(2, per="pooled")
        >>> score.update_state([1, 1, 0, 1], [0.9, 0.8, 0.1, 0.4], sample_weight=[1.0, 0.0, 1.0, 1.0])
        >>> float(score.result())
        0.5
    """

    _title = "recall"

    def _ratio(self, tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
        return tp, tp + fn


@_REGISTER
class Specificity(CountScore):
    """Streaming `metrics.overlap.specificity` tn / (tn + fp), 0..1; undefined if the truth has no negative.

    Example:
        >>> score = Specificity(3, per="pooled", multilabel=True)
        >>> score.update_state([[0, 0, 1], [0, 1, 1]], [[0.9, 0.1, 0.8], [0.2, 0.7, 0.6]])
        >>> float(score.result())
        0.75
    """

    _title = "specificity"

    def _ratio(self, tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
        return tn, tn + fp

    def _is_defined(self, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
        return tn + fp > 0


@_REGISTER
class VolumeSimilarity(CountScore):
    """Volumetric similarity 1 - |fn - fp| / (2 tp + fp + fn), 0..1; it ignores the position of the pixels.

    Taha and Hanbury 2015 (doi:10.1186/s12880-015-0068-x). 0 if the class is absent from exactly one side.

    Example:
        >>> score = VolumeSimilarity(2)
        >>> score.update_state([[1, 0, 0, 0]], [[[0.1], [0.9], [0.8], [0.2]]])
        >>> round(float(score.result()), 4)
        0.6667
    """

    _title = "volume_similarity"

    def _ratio(self, tp: Any, fp: Any, fn: Any, tn: Any) -> tuple[Any, Any]:
        volumes = 2.0 * tp + fp + fn
        return volumes - ops.abs(fn - fp), volumes
