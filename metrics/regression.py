"""Scores of predicted numbers, in the unit of the target where they have one.

Every function takes numbers of one shape (any shape; all entries count alike). A missing value has to be
dropped before: NaN in gives NaN out. Empty input gives NaN without a warning.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean absolute error, 0 and up, in the unit of the target.

    Args:
        y_true: True values, any shape.
        y_pred: Predicted values, same shape.

    Returns:
        The score; NaN for empty input.

    Raises:
        ValueError: shapes differ (as in all functions of this file).

    Example:
        >>> mae([1.0, 2.0, 3.0], [1.0, 4.0, 2.0])
        1.0
    """
    return _mean(np.abs(_errors(y_true, y_pred)))


def median_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Median absolute error, 0 and up, in the unit of the target; hardly moved by a few wild errors.

    Example:
        >>> median_absolute_error([1.0, 2.0, 3.0], [1.0, 4.0, 300.0])
        2.0
    """
    return _median(np.abs(_errors(y_true, y_pred)))


def rmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Root of the mean squared error, 0 and up, in the unit of the target; never below `mae`.

    Example:
        >>> rmse([1.0, 2.0], [4.0, 6.0])
        3.5355339059327378
    """
    return float(np.sqrt(_mean(_errors(y_true, y_pred) ** 2)))


def bias(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean of prediction minus truth, in the unit of the target: above 0 means predicted too high.

    Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8.

    Example:
        >>> bias([1.0, 2.0], [2.0, 2.0])
        0.5
    """
    return _mean(_errors(y_true, y_pred))


def r2(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Explained share of the variance, 1 - SS_error / SS_total; 1 is best, below 0 worse than the mean.

    Returns:
        A number up to 1; NaN with fewer than 2 values or a constant truth (scikit-learn gives 1 or 0 there).

    Example:
        >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
        0.5
    """
    errors, truth = _errors(y_true, y_pred), _flat(y_true)
    if _constant(truth):
        return float("nan")
    return float(1.0 - np.sum(errors**2) / np.sum((truth - truth.mean()) ** 2))


def relative_errors(y_true: ArrayLike, y_pred: ArrayLike) -> Numbers:
    """Give each value's |prediction - truth| / |truth|.

    Returns:
        float64 of shape (values,), 0 and up, a share (0.1 is 10 %); NaN where the truth is 0.

    Example:
        >>> relative_errors([2.0, 0.0, -4.0], [3.0, 1.0, -5.0]).tolist()
        [0.5, nan, 0.25]
    """
    errors, size = np.abs(_errors(y_true, y_pred)), np.abs(_flat(y_true))
    shares: Numbers = np.divide(errors, size, out=np.full(size.shape, np.nan), where=size != 0)
    return shares


def median_relative_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Median of the defined `relative_errors`, a share, 0 and up; NaN if none is defined.

    Example:
        >>> median_relative_error([2.0, 0.0, -4.0], [3.0, 1.0, -5.0])
        0.375
    """
    errors = relative_errors(y_true, y_pred)
    return _median(errors[_flat(y_true) != 0])


def pearson(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Linear correlation in -1..1 (Pearson 1895, doi:10.1098/rspl.1895.0041), blind to scale and shift.

    Returns:
        A number in -1..1; NaN with fewer than 2 values or where either side is constant.

    Example:
        >>> pearson([1.0, 2.0, 3.0], [10.0, 20.0, 30.0])
        1.0
    """
    _errors(y_true, y_pred)
    truth, prediction = _flat(y_true), _flat(y_pred)
    if _constant(truth) or _constant(prediction):
        return float("nan")
    truth, prediction = _centred(truth), _centred(prediction)
    scale = np.sqrt((truth @ truth) * (prediction @ prediction))
    return float(np.clip(truth @ prediction / scale, -1.0, 1.0))


def _flat(values: ArrayLike) -> Numbers:
    return np.asarray(values, np.float64).ravel()


def _errors(y_true: ArrayLike, y_pred: ArrayLike) -> Numbers:
    # (n, 1) against (n,) would broadcast to n x n errors
    if np.shape(y_true) != np.shape(y_pred):
        raise ValueError(
            f"y_true has shape {np.shape(y_true)} but y_pred has {np.shape(y_pred)}: they must agree"
        )
    return _flat(y_pred) - _flat(y_true)


def _constant(values: Numbers) -> bool:
    return values.size < 2 or bool(values.min() == values.max())


def _centred(values: Numbers) -> Numbers:
    # scaled to 1, so that squares of very small or large numbers neither vanish nor overflow
    centred: Numbers = values - values.mean()
    centred /= np.abs(centred).max()
    return centred


def _mean(values: Numbers) -> float:
    return float(values.mean()) if values.size else float("nan")


def _median(values: Numbers) -> float:
    return float(np.median(values)) if values.size else float("nan")
