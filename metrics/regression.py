"""Scores of predicted numbers, in the unit of the target where they have one.

Truth and prediction have the same, arbitrary shape, and all entries have the same weight. Drop missing values
first: NaN input gives NaN. Empty input gives NaN without a warning. Correlations remain accurate with large offsets
(1e8 plus small differences) and with very small or large scales (1e-200, 1e200).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean absolute error, non-negative, in the unit of the target.

    Args:
        y_true: True values, any shape.
        y_pred: Predicted values, same shape.

    Returns:
        The score; NaN for empty input.

    Raises:
        ValueError: shapes differ (as in all functions of this module).

    Example:
        >>> mae([1.0, 2.0, 3.0], [1.0, 4.0, 2.0])
        1.0
    """
    return _mean(np.abs(_errors(y_true, y_pred)))


def median_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Median absolute error, non-negative, in the unit of the target; robust to outliers.

    Example:
        >>> median_absolute_error([1.0, 2.0, 3.0], [1.0, 4.0, 300.0])
        2.0
    """
    return _median(np.abs(_errors(y_true, y_pred)))


def rmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Root mean squared error, non-negative, in the unit of the target; never below `mae`.

    Example:
        >>> rmse([1.0, 2.0], [4.0, 6.0])
        3.5355339059327378
    """
    errors = _errors(y_true, y_pred)
    return _root_mean_square(errors, errors.size)


def bias(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean of prediction minus truth, in the unit of the target; positive means overestimation.

    Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8.

    Example:
        >>> bias([1.0, 2.0], [2.0, 2.0])
        0.5
    """
    return _mean(_errors(y_true, y_pred))


def r2(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Coefficient of determination 1 - SS_error / SS_total; 1 is best, negative is worse than the mean.

    Returns:
        A number up to 1; NaN with fewer than 2 values or a constant truth (scikit-learn returns 1 or 0).

    Example:
        >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
        0.5
    """
    errors, truth = _errors(y_true, y_pred), _flat(y_true)
    if not _varies(truth):
        return float("nan")
    centred = _centred(truth)
    exponent = _exponent(centred)
    with np.errstate(over="ignore"):
        lost = np.sum(np.ldexp(errors, -exponent) ** 2) / np.sum(np.ldexp(centred, -exponent) ** 2)
    return float(1.0 - lost)


def relative_errors(y_true: ArrayLike, y_pred: ArrayLike) -> Numbers:
    """Return the relative error |prediction - truth| / |truth| of each value.

    Returns:
        float64 of shape (values,), non-negative, as a fraction (0.1 is 10 %); NaN where the truth is 0.

    Example:
        >>> relative_errors([2.0, 0.0, -4.0], [3.0, 1.0, -5.0]).tolist()
        [0.5, nan, 0.25]
    """
    errors, size = np.abs(_errors(y_true, y_pred)), np.abs(_flat(y_true))
    with np.errstate(invalid="ignore", over="ignore"):
        shares: Numbers = np.divide(errors, size, out=np.full(size.shape, np.nan), where=size != 0)
    return shares


def median_relative_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Median of the defined `relative_errors`, a non-negative fraction; NaN if none is defined.

    Example:
        >>> median_relative_error([2.0, 0.0, -4.0], [3.0, 1.0, -5.0])
        0.375
    """
    errors = relative_errors(y_true, y_pred)
    return _median(errors[_flat(y_true) != 0])


def mean_relative_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean of the defined `relative_errors`, a non-negative fraction; NaN if none is defined.

    A truth near 0 can make it arbitrarily large: report `median_relative_error` as well.

    Example:
        >>> mean_relative_error([2.0, 0.0, -4.0], [3.0, 1.0, -5.0])
        0.375
    """
    errors = relative_errors(y_true, y_pred)
    return _mean(errors[_flat(y_true) != 0])


def pearson(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Linear correlation in -1..1 (Pearson 1895, doi:10.1098/rspl.1895.0041), invariant to scale and offset.

    Returns:
        A number in -1..1; NaN with fewer than 2 values or if either side is constant.

    Example:
        >>> pearson([1.0, 2.0, 3.0], [10.0, 20.0, 30.0])
        1.0
    """
    truth, prediction = _pair(y_true, y_pred)
    if not (_varies(truth) and _varies(prediction)):
        return float("nan")
    truth, prediction = _unit(truth), _unit(prediction)
    scale = np.sqrt((truth @ truth) * (prediction @ prediction))
    return float(np.clip(truth @ prediction / scale, -1.0, 1.0))


def spearman(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Rank correlation in -1..1 (Spearman 1904, doi:10.2307/1412159), invariant to monotonic transformations.

    It is Pearson's correlation of the ranks; tied values share the mean of their ranks.

    Returns:
        A number in -1..1; NaN, without a warning, with fewer than 2 values or if either side is constant.

    Example:
        >>> spearman([1.0, 2.0, 3.0], [1.0, 10.0, 1000.0])
        1.0
    """
    from scipy.stats import rankdata

    truth, prediction = _pair(y_true, y_pred)
    return pearson(rankdata(truth), rankdata(prediction))


def concordance(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Lin's concordance 2 cov / (var_true + var_pred + bias^2): correlation penalised for offset and scale.

    Lin 1989, doi:10.2307/2532051, with variances divided by n as in the paper, not by n - 1.

    Returns:
        A number in -1..1; 1 if all pairs are equal and vary, and never larger in magnitude than `pearson`. 0 if
        exactly one side is constant, or both are constant with different values. NaN with fewer than 2 values
        or if both sides are constant and equal, which is no evidence of agreement.

    Example:
        >>> round(concordance([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]), 4)
        0.5714
    """
    truth, prediction = _pair(y_true, y_pred)
    shift = bias(truth, prediction)
    if truth.size < 2 or not np.isfinite(shift):
        return float("nan")
    if not (_varies(truth) and _varies(prediction)):
        return 0.0 if _varies(truth) or _varies(prediction) or shift else float("nan")
    truth, prediction = _centred(truth), _centred(prediction)
    # one scale for all three terms, so that their squares neither underflow nor overflow
    exponent = _exponent(np.concatenate([truth, prediction, [shift]]))
    truth, prediction = np.ldexp(truth, -exponent), np.ldexp(prediction, -exponent)
    apart = truth @ truth + prediction @ prediction + truth.size * np.ldexp(shift, -exponent) ** 2
    return float(np.clip(2 * (truth @ prediction) / apart, -1.0, 1.0))


@dataclass(frozen=True)
class LimitsOfAgreement:
    """Limits of agreement of the errors (prediction minus truth), in the unit of the target.

    Attributes:
        bias: Mean error; positive means overestimation. NaN without any value.
        low: Lower limit, bias - z sd. NaN with fewer than 2 values, as are all following fields except n.
        high: Upper limit, bias + z sd.
        sd: Standard deviation of the errors, with divisor n - 1.
        bias_interval: Confidence interval of the bias, (low, high).
        low_interval: Confidence interval of the lower limit.
        high_interval: Confidence interval of the upper limit.
        n: Number of values.
    """

    bias: float
    low: float
    high: float
    sd: float
    bias_interval: tuple[float, float]
    low_interval: tuple[float, float]
    high_interval: tuple[float, float]
    n: int


def limits_of_agreement(
    y_true: ArrayLike, y_pred: ArrayLike, level: float = 0.95, *, confidence: float = 0.95
) -> LimitsOfAgreement:
    """Bland and Altman's limits of agreement: the range of `level` of normally distributed errors.

    Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8; z = 1.96 for level 0.95 (they round it to 2).
    Intervals by Student's t with n - 1 degrees of freedom and the variances sd^2 / n of the bias and
    sd^2 (1 / n + z^2 / (2 (n - 1))) of a limit (1999, doi:10.1177/096228029900800204).

    Args:
        y_true: True values, any shape.
        y_pred: Predicted values, same shape.
        level: Share of the errors between the limits, above 0 and below 1.
        confidence: Coverage of the three intervals, above 0 and below 1. They treat all values as independent and
            are too narrow with several values per patient.

    Returns:
        A `LimitsOfAgreement`, which documents the results for few values.

    Raises:
        ValueError: shapes differ, or `level` or `confidence` is out of range.

    Example:
        >>> limits = limits_of_agreement([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 3.0, 5.0])
        >>> limits.bias, round(limits.sd, 4), round(limits.low, 4), round(limits.high, 4)
        (0.5, 0.5774, -0.6316, 1.6316)
        >>> [round(end, 4) for end in limits.bias_interval]
        [-0.4187, 1.4187]
    """
    from scipy.special import ndtri, stdtrit

    errors = _errors(y_true, y_pred)
    mean, sd = _mean(errors), _standard_deviation(errors)
    degrees = max(errors.size - 1, 1)  # with fewer than 2 values sd and everything derived from it is NaN
    z = float(ndtri(_upper_tail(level, "level")))
    t = float(stdtrit(degrees, _upper_tail(confidence, "confidence")))
    low, high = _around(mean, z * sd)
    of_limit = t * sd * (1 / (degrees + 1) + z**2 / (2 * degrees)) ** 0.5
    return LimitsOfAgreement(
        bias=mean,
        low=low,
        high=high,
        sd=sd,
        bias_interval=_around(mean, t * sd / (degrees + 1) ** 0.5),
        low_interval=_around(low, of_limit),
        high_interval=_around(high, of_limit),
        n=errors.size,
    )


def interval_coverage(y_true: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Share of true values within their predicted intervals, ends included; the nominal level is best, not 1.

    Khosravi et al. 2011, doi:10.1109/TNN.2011.2162110. Wide intervals cover everything: report
    `mean_interval_width` as well.

    Args:
        y_true: True values, any shape.
        low: Lower ends, same shape and unit.
        high: Upper ends, same shape, never below `low`.

    Returns:
        A fraction in 0..1; NaN for empty input or if any number is NaN.

    Raises:
        ValueError: shapes differ, or a lower end is above its upper end.

    Example:
        >>> interval_coverage([1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 3.5, 3.0], [2.0, 2.0, 4.0, 6.0])
        0.75
    """
    truth = _flat(y_true)
    bottom, top = _ends(low, high)
    if np.shape(y_true) != np.shape(low):
        raise ValueError(f"y_true has shape {np.shape(y_true)} but low has {np.shape(low)}: they must agree")
    if np.isnan([truth, bottom, top]).any():
        return float("nan")
    return _mean(((bottom <= truth) & (truth <= top)).astype(np.float64))


def mean_interval_width(low: ArrayLike, high: ArrayLike) -> float:
    """Mean of upper minus lower end, non-negative, in the unit of the target; arguments as in `interval_coverage`.

    Example:
        >>> mean_interval_width([0.0, 2.0], [2.0, 6.0])
        3.0
    """
    bottom, top = _ends(low, high)
    with np.errstate(invalid="ignore", over="ignore"):
        return _mean(top - bottom)


def _ends(low: ArrayLike, high: ArrayLike) -> tuple[Numbers, Numbers]:
    if np.shape(low) != np.shape(high):
        raise ValueError(f"low has shape {np.shape(low)} but high has {np.shape(high)}: they must agree")
    bottom, top = _flat(low), _flat(high)
    crossed = bottom > top
    if crossed.any():
        first = int(crossed.argmax())
        raise ValueError(
            f"interval {first} goes from {bottom[first]:g} down to {top[first]:g}; expected (low, high) in this order"
        )
    return bottom, top


def _flat(values: ArrayLike) -> Numbers:
    return np.asarray(values, np.float64).ravel()


def _pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Numbers, Numbers]:
    # (n, 1) and (n,) would broadcast to n x n errors
    if np.shape(y_true) != np.shape(y_pred):
        raise ValueError(
            f"y_true has shape {np.shape(y_true)} but y_pred has {np.shape(y_pred)}: they must agree"
        )
    return _flat(y_true), _flat(y_pred)


def _errors(y_true: ArrayLike, y_pred: ArrayLike) -> Numbers:
    truth, prediction = _pair(y_true, y_pred)
    with np.errstate(invalid="ignore", over="ignore"):
        errors: Numbers = prediction - truth
    return errors


def _varies(values: Numbers) -> bool:
    return values.size > 1 and bool(values.min() != values.max())


def _centred(values: Numbers) -> Numbers:
    # twice, because the mean of numbers around 1e8 is rounded while the mean of the residuals is not
    with np.errstate(invalid="ignore", over="ignore"):
        centred: Numbers = values - values.mean()
        centred -= centred.mean()
    return centred


def _unit(values: Numbers) -> Numbers:
    # scaled to 1, so that squares of very small or large numbers neither underflow nor overflow
    centred = _centred(values)
    centred /= np.abs(centred).max()
    return centred


def _exponent(values: Numbers) -> int:
    # exponent of the power of two next to the largest number; scaling by it is exact
    largest = np.abs(values).max(initial=0.0)
    return int(np.frexp(largest)[1]) if np.isfinite(largest) else 0


def _standard_deviation(values: Numbers) -> float:
    return _root_mean_square(_centred(values) if values.size else values, values.size - 1)


def _root_mean_square(values: Numbers, divisor: int) -> float:
    if divisor < 1:
        return float("nan")
    exponent = _exponent(values)
    with np.errstate(over="ignore"):
        mean = np.sum(np.ldexp(values, -exponent) ** 2) / divisor
        return float(np.ldexp(np.sqrt(mean), exponent))


def _around(centre: float, half: float) -> tuple[float, float]:
    return centre - half, centre + half


def _upper_tail(share: float, name: str) -> float:
    if not 0 < share < 1:
        raise ValueError(f"{name} must be above 0 and below 1, such as 0.95 for 95 %, got {share}")
    return (1 + share) / 2


def _mean(values: Numbers) -> float:
    with np.errstate(invalid="ignore", over="ignore"):
        return float(values.mean()) if values.size else float("nan")


def _median(values: Numbers) -> float:
    return float(np.median(values)) if values.size else float("nan")
