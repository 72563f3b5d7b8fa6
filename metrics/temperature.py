"""Temperature scaling: a single parameter, fitted on validation cases, that calibrates a network.

Guo et al. 2017 (arXiv:1706.04599). Dividing all logits by T changes no decision: T above 1 makes probabilities
less confident, T below 1 more confident. Logits have the shape (cases,) for a binary task (logits of the positive
class) or (cases, classes); `ravel` the logits of a mask.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]

_LOWEST, _HIGHEST = 1e-3, 1e3


def fit_temperature(y_true: ArrayLike, logits: ArrayLike) -> float:
    """Find the temperature with the smallest mean negative log likelihood.

    Args:
        y_true: 0 and 1 or bool (cases,) with binary logits, else class indices (cases,).
        logits: float, (cases,) or (cases, classes), before sigmoid or softmax; not those of training cases.

    Returns:
        T in 0.001..1000, never worse than 1 on these cases. 1.0 if every case is classified correctly: the
        likelihood then increases as T approaches 0, but a few easy cases do not justify certainty. 1000, which
        makes all classes nearly equally likely, if the logits favour wrong classes on average, so that no finite
        T is optimal. NaN without any case.

    Raises:
        ValueError: shapes do not fit, a label is out of range, or a logit is not finite.

    Example:
        >>> temperature = fit_temperature([1, 1, 1, 0], [3.0, 3.0, 3.0, 3.0])  # confidence 0.95, correct in 3 of 4
        >>> round(temperature, 3), apply_temperature([3.0], temperature).round(3).tolist()
        (2.731, [0.75])
    """
    margins = _margins(y_true, logits)
    if margins.size == 0:
        return float("nan")
    if margins.max() <= 0:
        return 1.0
    if margins.mean() >= 0:
        return _HIGHEST
    from scipy.optimize import minimize_scalar  # slow to import

    # the loss is convex in 1 / T, so it has one minimum in log T
    found = minimize_scalar(
        lambda log_temperature: _loss(margins, np.exp(log_temperature)),
        bounds=np.log([_LOWEST, _HIGHEST]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return min(1.0, float(np.exp(found.x)), key=lambda temperature: _loss(margins, temperature))


def apply_temperature(logits: ArrayLike, temperature: float) -> Numbers:
    """Convert logits into probabilities: sigmoid or softmax of logits / temperature.

    Args:
        logits: float, (cases,) binary or (cases, classes).
        temperature: Temperature above 0, from `fit_temperature`; 1 leaves the probabilities unchanged.

    Returns:
        float64 of the same shape: probabilities of the positive class, or of each class.

    Raises:
        ValueError: the shape is neither, a logit is not finite, or the temperature is not above 0.

    Example:
        >>> apply_temperature([[2.0, 0.0], [0.0, 0.0]], 2.0).round(3).tolist()
        [[0.731, 0.269], [0.5, 0.5]]
    """
    values = _check_logits(logits)
    if not (temperature > 0 and np.isfinite(temperature)):
        raise ValueError(f"a temperature must be finite and above 0, got {temperature}")
    from scipy.special import expit, softmax

    scaled = values / temperature
    return np.asarray(expit(scaled) if values.ndim == 1 else softmax(scaled, axis=1))


def _loss(margins: Numbers, temperature: float) -> float:
    return float(np.logaddexp.reduce(margins / temperature, axis=1).mean())


def _margins(y_true: ArrayLike, logits: ArrayLike) -> Numbers:
    """Return logits minus the logit of the true class, (cases, classes); the loss is their log-sum-exp."""
    truth, values = np.asarray(y_true), _check_logits(logits)
    if values.ndim == 1:
        values = np.stack([np.zeros_like(values), values], axis=1)
    if truth.shape != values.shape[:1]:
        raise ValueError(f"y_true must be (cases,), got {truth.shape} with logits of {np.shape(logits)}")
    n_classes = values.shape[1]
    if truth.size == 0:
        return values
    if truth.dtype.kind not in "iub" or truth.min() < 0 or truth.max() >= n_classes:
        raise ValueError(
            f"y_true must hold class indices 0..{n_classes - 1}, got dtype {truth.dtype} with values "
            f"{truth.min()}..{truth.max()}"
        )
    right = np.take_along_axis(values, truth.astype(np.intp)[:, None], axis=1)
    return np.asarray(values - right)


def _check_logits(logits: ArrayLike) -> Numbers:
    values = np.asarray(logits, np.float64)
    if values.ndim not in (1, 2) or (values.ndim == 2 and values.shape[1] < 2):
        raise ValueError(
            f"logits must be (cases,) or (cases, 2 or more classes), got shape {values.shape}: "
            "ravel those of a mask or of a single column"
        )
    if not np.isfinite(values).all():
        raise ValueError("logits must be finite: drop cases without a prediction, clip infinite ones")
    return values
