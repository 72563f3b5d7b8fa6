"""The scale of predicted standard deviations of numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.decisions.calibration import compare_intervals
from unet_mtl.decisions.stored import TaskDecision
from unet_mtl.decisions.tuner import FEW, Sample, Tuner
from unet_mtl.losses.values import bound_log_variance
from unet_mtl.tasks import Regression
from unet_mtl.tasks.number import by_suffix
from unet_mtl.wording import count_of

_Z = 1.959963984540054
_LEAST, _LARGEST = 0.05, 20.0


def fit_spread(deviations: NDArray[np.float64]) -> float:
    """Return the factor of predicted standard deviations that makes the true values most likely.

    It is the root mean square of the standardised errors (Laves et al. 2020, arXiv:2104.12376).

    Args:
        deviations: (true value - predicted mean) / predicted standard deviation, (cases,).

    Returns:
        The factor, within 0.05..20; 1 without any case.
    """
    if not deviations.size:
        return 1.0
    return float(np.clip(np.sqrt(np.mean(deviations**2)), _LEAST, _LARGEST))


class NumberTuner(Tuner[Regression]):
    """Fits the factor of the predicted standard deviation of each number, if the task predicts any."""

    def __init__(self, task: Regression, aims: Any, *, clean_up: bool = False) -> None:
        super().__init__(task, aims, clean_up=clean_up)
        self._deviations: list[NDArray[np.float64]] = []

    @staticmethod
    def parts_of(task: Regression) -> Sequence[str]:
        """Return nothing, since numbers have no thresholds."""
        return ()

    def see(self, sample: Sample) -> None:
        """Take up the standardised errors of one case, NaN for unknown numbers."""
        if self.task.loss_kind != "gaussian":
            return
        truth = sample.truth
        if self.task.reads_view and sample.view is not None:
            truth = self.task.see(truth, sample.view)
        target = np.asarray(self.task.encode(truth, (1, 1))[0], np.float64)
        mean, log_variance = np.asarray(sample.raw, np.float64).reshape(2, -1)
        bounded = bound_log_variance(log_variance, lambda x: np.logaddexp(0.0, x))
        deviation = (target[:, 0] - mean) / np.exp(bounded / 2)
        self._deviations.append(np.where(target[:, 1] == 1, deviation, np.nan))
        self.patients.append(sample.patient)

    def end_pass(self) -> bool:
        """Fit a factor for each number."""
        if self.task.loss_kind != "gaussian":
            return False
        if not self._deviations:
            self.note("nothing was chosen, since no validation case has a label")
            return False
        deviations = np.array(self._deviations)
        spreads = []
        former = self.task.spreads or (1.0,) * deviations.shape[1]
        for (suffix, number), column, before in zip(
            by_suffix(self.task.numbers).items(), deviations.T, former, strict=True
        ):
            known = ~np.isnan(column)
            spread = fit_spread(column[known])
            spreads.append(spread)
            n = int(known.sum())
            if not n:
                continue
            if n < FEW:
                self.note(f"the spread of {number.column!r} was fitted on {count_of(n, 'case')} only")
            inside = tuple(np.abs(column[known]) <= factor * _Z for factor in (before, spread))
            patients = [p for p, is_known in zip(self.patients, known, strict=True) if is_known]
            self.calibration += compare_intervals(
                {f"interval_coverage{suffix}": (inside[0], inside[1])}, patients, self.task.name
            )
        self.change(spreads=tuple(spreads))
        return False

    def finish(self) -> TaskDecision | None:
        """Return the factors."""
        words = ", ".join(f"{spread:.3g}" for spread in self.task.spreads)
        return self.decision(
            {"spreads": f"predicted standard deviations times {words}"}, len(self._deviations)
        )
