"""Temperature and thresholds of several yes-or-no labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import metrics
from unet_mtl.decisions.calibration import CalibrationSums, compare_sums
from unet_mtl.decisions.stored import TaskDecision
from unet_mtl.decisions.thresholds import choose_threshold
from unet_mtl.decisions.tuner import Sample, Tuner
from unet_mtl.tasks import Multilabel
from unet_mtl.tasks.tempering import logits_of, temper
from unet_mtl.tasks.yes_no_labels import UNKNOWN


class LabelTuner(Tuner[Multilabel]):
    """Fits one temperature to all known labels, and chooses a threshold for each label from its known cases."""

    def __init__(self, task: Multilabel, aims: Any, *, clean_up: bool = False) -> None:
        super().__init__(task, aims, clean_up=clean_up)
        self._truths: list[NDArray[np.uint8]] = []
        self._raws: list[NDArray[np.float32]] = []
        self._words: list[str] = []

    @staticmethod
    def parts_of(task: Multilabel) -> Sequence[str]:
        """Return the labels."""
        return task.targets

    def see(self, sample: Sample) -> None:
        """Take up labels and probabilities of one case."""
        self._truths.append(sample.truth)
        self._raws.append(sample.raw)
        self.patients.append(sample.patient)

    def end_pass(self) -> bool:
        """Fit the temperature, then choose thresholds of the tempered probabilities."""
        if not self._truths:
            self.note("nothing was chosen, since no validation case has a label")
            return False
        truth, shown = np.array(self._truths), np.array(self._raws, np.float32)
        known = truth != UNKNOWN
        before = self.task.temperature
        logits = logits_of(shown[known], exclusive=False)
        self.set_temperature(
            metrics.fit_temperature(truth[known].astype(np.int64), logits), int(known.any(1).sum())
        )
        tempered = temper(shown, self.task.temperature, exclusive=False)
        former_sums, sums = (
            [CalibrationSums.of(y[k], p[k]) for y, p, k in zip(truth, values, known, strict=True)]
            for values in (temper(shown, before, exclusive=False), tempered)
        )
        self.calibration += compare_sums(former_sums, sums, self.patients, self.task.name)
        former = self.task.thresholds or (self.task.threshold,) * len(self.task.targets)
        same = temper(np.array(former), self.task.temperature / before, exclusive=False)
        thresholds = [
            self._choose(label, truth[k, i] == 1, tempered[k, i], float(same[i]))
            for i, (label, k) in enumerate(zip(self.task.targets, known.T, strict=True))
        ]
        if self.choices:
            self.change(thresholds=tuple(thresholds))
        return False

    def _choose(
        self, label: str, truth: NDArray[np.bool_], shown: NDArray[np.float32], untuned: float
    ) -> float:
        """Return the threshold of one label, which is the former one if none was chosen."""
        n_positive = int(truth.sum())
        if not self.check_numbers(n_positive, truth.size - n_positive, label):
            return untuned
        aim = self.aims.of(self.task.name, label)
        choice = choose_threshold(truth, shown, aim, untuned)
        if choice is None:
            self.note(
                f"no threshold of {label!r} reaches {aim} on validation without giving all cases the same answer; it "
                "is as before"
            )
            return untuned
        self._words.append(f"{label} {choice.threshold:.3f} for {aim}")
        row = {"task": self.task.name, "part": label, "aim": str(aim), "chosen": f"{choice.threshold:.3f}"}
        scores = {"score": aim.score, "untuned": choice.untuned, "tuned": choice.value}
        self.choices.append(row | scores | {"n": truth.size, "n_positive": n_positive})
        return choice.threshold

    def finish(self) -> TaskDecision | None:
        """Return temperature and thresholds."""
        details = {
            "temperature": f"temperature {self.task.temperature:.3g}",
            "thresholds": f"thresholds {', '.join(self._words)}",
        }
        return self.decision(details, len(self._truths))
