"""Calibration of probabilities: Brier score and its decomposition, reliability curve, calibration errors.

All functions accept two kinds of input. Binary: y_true of 0 and 1 in any shape, and probabilities of the positive
class in the same shape. Multi-class: labels (cases,) with probabilities (cases, classes), with any number of
leading axes. Over a whole image, the easy background improves every calibration score; consider the pixels in
`metrics.boundary_calibration.band_around` the lesion instead. Without any case, scores are NaN.

Bins are closed above: a bin contains edge < p <= next edge, and the first bin also contains 0. "width" cuts 0..1 into
equal parts (Guo et al. 2017, arXiv:1706.04599); "mass" cuts at quantiles of the probabilities (Nguyen and
O'Connor 2015, doi:10.18653/v1/D15-1182): equal probabilities stay in one bin, regardless of the order of the cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Binning = Literal["width", "mass"]
Numbers = NDArray[np.float64]

_ROUNDING = 1e-6  # a float32 softmax may return 1.0000001


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Predicted probability and observed frequency per bin; empty bins are kept.

    Attributes:
        edges: Edges of the bins, float64 (bins + 1,), ascending; NaN for "mass" without any case.
        confidence: Mean probability in each bin, float64 (bins,); NaN where the bin is empty.
        frequency: Share of positive (or correctly classified) cases in each bin, float64 (bins,); NaN if empty.
        count: Number of cases in each bin, int64 (bins,).
    """

    edges: Numbers
    confidence: Numbers
    frequency: Numbers
    count: NDArray[np.int64]


@dataclass(frozen=True)
class BrierDecomposition:
    """Terms of the Brier score: reliability - resolution + uncertainty + within_bin.

    Attributes:
        reliability: Mean squared difference between predicted and observed probability of the bins; 0 is best.
        resolution: Variance of the observed frequencies of the bins around the base rate; higher is better.
        uncertainty: Variance of the outcome, which is the score of always predicting the base rate. It does not
            depend on the model.
        within_bin: Variance of the probabilities within bins minus twice their covariance with the outcome, which
            binning hides. It is 0 if each bin holds one probability, and it can have either sign.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_bin: float

    @property
    def score(self) -> float:
        """The Brier score, up to rounding."""
        return self.reliability - self.resolution + self.uncertainty + self.within_bin


def brier_score(y_true: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared error of probabilities, 0 is best (Brier 1950).

    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. Binary: mean of (p - y)^2, in 0..1, half of Brier's
    own sum over both classes. Several classes: summed over them, in 0..2. scikit-learn's brier_score_loss does
    the same by default (scale_by_half="auto").

    Args:
        y_true: 0 and 1 or bool of any shape; or class indices (cases,).
        probabilities: Probability of class 1, same shape; or (cases, classes) with rows that sum to 1.

    Returns:
        The score; NaN without any case.

    Raises:
        ValueError: shapes do not fit, a label is out of range, a probability is NaN or outside 0..1, or a row
            does not sum to 1 within 0.001 (as in all functions that take probabilities).

    Example:
        >>> round(brier_score([1, 0], [0.8, 0.4]), 6)
        0.1
        >>> round(brier_score([1, 0], [[0.2, 0.8], [0.6, 0.4]]), 6)
        0.2
    """
    truth, values = _one_vs_rest(y_true, probabilities)
    return float(((values - truth) ** 2).sum(axis=1).mean()) if truth.size else float("nan")


def brier_decomposition(
    y_true: ArrayLike, probabilities: ArrayLike, n_bins: int = 15, *, binning: Binning = "width"
) -> BrierDecomposition:
    """Decompose the Brier score exactly into reliability, resolution, uncertainty and a within-bin term.

    Murphy 1973 (doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2), with the terms within bins of
    Stephenson, Coelho and Jolliffe 2008 (doi:10.1175/2007WAF2006116.1), without which the
    terms of binned probabilities do not add up. For several classes, the one-vs-rest terms are summed.

    Args:
        y_true: Outcomes or labels, as in `brier_score`.
        probabilities: Probabilities, as in `brier_score`.
        n_bins: Number of bins, 1 or more.
        binning: "width" or "mass".

    Returns:
        A `BrierDecomposition`; all terms are NaN without any case.

    Raises:
        ValueError: as for `brier_score` and `reliability_curve`.

    Example:
        >>> parts = brier_decomposition([0, 1, 1, 1], [0.25, 0.25, 0.75, 0.75], n_bins=2)
        >>> parts
        BrierDecomposition(reliability=0.0625, resolution=0.0625, uncertainty=0.1875, within_bin=0.0)
        >>> parts.score == brier_score([0, 1, 1, 1], [0.25, 0.25, 0.75, 0.75])
        True
    """
    truth, values = _one_vs_rest(y_true, probabilities)
    columns = [_decompose(truth[:, k], values[:, k], n_bins, binning) for k in range(values.shape[1])]
    return BrierDecomposition(*np.sum(columns, axis=0).tolist())


def reliability_curve(
    y_true: ArrayLike, probabilities: ArrayLike, n_bins: int = 15, *, binning: Binning = "width"
) -> ReliabilityCurve:
    """Return the mean predicted probability and the observed frequency of each bin, for a reliability diagram.

    Args:
        y_true: Outcomes or labels, as in `brier_score`.
        probabilities: Probabilities, as in `brier_score`. With several classes, the probability of the most likely
            class (the first one of equals) is compared with whether that class is correct.
        n_bins: Number of bins, 1 or more.
        binning: "width" or "mass".

    Returns:
        A `ReliabilityCurve`.

    Raises:
        ValueError: as for `brier_score`; or `n_bins` is below 1, or `binning` is unknown.

    Example:
        >>> curve = reliability_curve([0, 1, 1], [0.5, 0.5, 1.0], n_bins=4)
        >>> curve.confidence.tolist(), curve.frequency.tolist(), curve.count.tolist()
        ([nan, 0.5, nan, 1.0], [nan, 0.5, nan, 1.0], [0, 2, 0, 1])
    """
    return _curve(*_top_label(y_true, probabilities), n_bins, binning)


def expected_calibration_error(
    y_true: ArrayLike, probabilities: ArrayLike, n_bins: int = 15, *, binning: Binning = "width"
) -> float:
    """Expected calibration error: case-weighted mean gap between confidence and frequency, in 0..1, 0 is best.

    Naeini et al. 2015 (doi:10.1609/aaai.v29i1.9602) for probabilities of class 1; Guo et al. 2017
    (arXiv:1706.04599) for the most likely of several classes. It depends on the binning, which should be reported.

    Args:
        y_true: Outcomes or labels, as in `brier_score`.
        probabilities: Probabilities, as in `reliability_curve`.
        n_bins: Number of bins, 1 or more.
        binning: "width" or "mass".

    Returns:
        The score; NaN without any case.

    Raises:
        ValueError: as for `reliability_curve`.

    Example:
        >>> round(expected_calibration_error([0, 1, 1, 1], [0.6, 0.6, 0.6, 0.9]), 6)
        0.075
    """
    return _mean_gap(reliability_curve(y_true, probabilities, n_bins, binning=binning))


def maximum_calibration_error(
    y_true: ArrayLike, probabilities: ArrayLike, n_bins: int = 15, *, binning: Binning = "width"
) -> float:
    """Largest gap over all non-empty bins, in 0..1, 0 is best; a bin with few cases can determine it.

    Naeini et al. 2015; arguments, edge cases and errors as for `expected_calibration_error`.

    Example:
        >>> round(maximum_calibration_error([0, 1, 1, 1], [0.6, 0.6, 0.6, 0.9]), 6)
        0.1
    """
    curve = reliability_curve(y_true, probabilities, n_bins, binning=binning)
    gaps = np.abs(curve.confidence - curve.frequency)[curve.count > 0]
    return float(gaps.max()) if gaps.size else float("nan")


def classwise_calibration_error(
    y_true: ArrayLike, probabilities: ArrayLike, n_bins: int = 15, *, binning: Binning = "width"
) -> float:
    """Mean over classes of the one-vs-rest calibration error (Kull et al. 2019, arXiv:1910.12656).

    Unlike the error of the most likely class, it uses every predicted probability. A class without any case
    counts too, since the probabilities predicted for it are wrong. Binary input has one class, the positive one.
    Arguments, edge cases and errors as for `expected_calibration_error`.

    Example:
        >>> round(classwise_calibration_error([0, 1], [[0.8, 0.2, 0.0], [0.2, 0.6, 0.2]]), 6)
        0.2
    """
    truth, values = _one_vs_rest(y_true, probabilities)
    curves = [_curve(truth[:, k], values[:, k], n_bins, binning) for k in range(values.shape[1])]
    return float(np.mean([_mean_gap(curve) for curve in curves]))


def _read(y_true: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.generic], Numbers]:
    """Return checked labels (cases,) and probabilities, (cases,) if binary, otherwise (cases, classes)."""
    truth, values = np.asarray(y_true), np.asarray(probabilities, np.float64)
    if np.isnan(values).any():
        raise ValueError("probabilities hold NaN: drop the cases without a prediction first")
    if not ((values >= -_ROUNDING) & (values <= 1 + _ROUNDING)).all():
        raise ValueError(
            f"probabilities must be in 0..1, got {values.min()}..{values.max()}: "
            "apply sigmoid or softmax to logits first"
        )
    if truth.shape == values.shape:
        return _binary(truth), values.ravel()
    if truth.ndim == 0 or truth.shape != values.shape[:-1] or values.shape[-1] < 2:
        raise ValueError(
            "probabilities must have the shape of y_true (binary), or one axis of 2 or more classes more; "
            f"got {truth.shape} and {values.shape}"
        )
    return _labels(truth, values), values.reshape(-1, values.shape[-1])


def _binary(truth: NDArray[np.generic]) -> NDArray[np.generic]:
    if not np.all((truth == 0) | (truth == 1)):
        raise ValueError(
            f"y_true must hold 0 and 1 only, got {np.unique(truth)[:5].tolist()}: "
            "for several classes give probabilities one axis more"
        )
    return truth.ravel()


def _labels(truth: NDArray[np.generic], values: Numbers) -> NDArray[np.generic]:
    n_classes = values.shape[-1]
    if truth.size and (truth.dtype.kind not in "iub" or truth.min() < 0 or truth.max() >= n_classes):
        raise ValueError(
            f"y_true must hold class indices 0..{n_classes - 1}, got dtype {truth.dtype} with values "
            f"{truth.min()}..{truth.max()}"
        )
    off = np.abs(values.sum(axis=-1) - 1).max(initial=0)
    if off > 1e-3:
        raise ValueError(
            f"the probabilities of a case must sum to 1 within 0.001, one is off by {off:.3g}: "
            "softmax them, or score classes that do not exclude each other one by one"
        )
    return truth.ravel()


def _one_vs_rest(y_true: ArrayLike, probabilities: ArrayLike) -> tuple[Numbers, Numbers]:
    """Return outcome and probability per class, both (cases, classes); binary input has one class."""
    truth, values = _read(y_true, probabilities)
    if values.ndim == 1:
        return truth.astype(np.float64)[:, None], values[:, None]
    return (truth[:, None] == np.arange(values.shape[1])).astype(np.float64), values


def _top_label(y_true: ArrayLike, probabilities: ArrayLike) -> tuple[Numbers, Numbers]:
    truth, values = _read(y_true, probabilities)
    if values.ndim == 1:
        return truth.astype(np.float64), values
    return (values.argmax(axis=1) == truth).astype(np.float64), values.max(axis=1)


def _bins(values: Numbers, n_bins: int, binning: Binning) -> tuple[Numbers, NDArray[np.intp]]:
    """Return the edges, and the bin of each value."""
    if n_bins < 1 or binning not in ("width", "mass"):
        raise ValueError(f'n_bins must be 1 or more, binning "width" or "mass"; got {n_bins}, {binning!r}')
    edges = np.linspace(0, 1, n_bins + 1)
    if binning == "mass":
        edges = np.quantile(values, edges) if values.size else np.full(n_bins + 1, np.nan)
    return edges, np.searchsorted(edges[1:-1], values, side="left")


def _curve(outcome: Numbers, values: Numbers, n_bins: int, binning: Binning) -> ReliabilityCurve:
    edges, index = _bins(values, n_bins, binning)
    count = np.bincount(index, minlength=n_bins)
    blank = np.full(n_bins, np.nan)
    confidence, frequency = (
        np.divide(np.bincount(index, part, n_bins), count, out=blank.copy(), where=count > 0)
        for part in (values, outcome)
    )
    return ReliabilityCurve(edges, confidence, frequency, count.astype(np.int64, copy=False))


def _mean_gap(curve: ReliabilityCurve) -> float:
    used = curve.count > 0
    if not used.any():
        return float("nan")
    return float(np.average(np.abs(curve.confidence - curve.frequency)[used], weights=curve.count[used]))


def _decompose(
    outcome: Numbers, values: Numbers, n_bins: int, binning: Binning
) -> tuple[float, float, float, float]:
    curve, index = _curve(outcome, values, n_bins, binning), _bins(values, n_bins, binning)[1]
    if outcome.size == 0:
        return (float("nan"),) * 4
    base, confidence, frequency = outcome.mean(), curve.confidence[index], curve.frequency[index]
    spread = values - confidence
    return (
        float(np.mean((confidence - frequency) ** 2)),
        float(np.mean((frequency - base) ** 2)),
        float(base * (1 - base)),
        float(np.mean(spread**2) - 2 * np.mean(spread * (outcome - frequency))),
    )
