"""Temperature and thresholds of tasks that predict one of several classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import metrics
from unet_mtl.decisions.aims import Aim
from unet_mtl.decisions.calibration import CalibrationSums, compare_sums
from unet_mtl.decisions.stored import TaskDecision
from unet_mtl.decisions.thresholds import choose_for_class, choose_for_classes, choose_threshold
from unet_mtl.decisions.tuner import FEW, Sample, Tuner
from unet_mtl.errors import ConfigError
from unet_mtl.tasks import Classification
from unet_mtl.tasks.tempering import logits_of, temper
from unet_mtl.wording import count_of


class ClassTuner(Tuner[Classification]):
    """Fits a temperature, and chooses the threshold of the second of two classes, or thresholds or costs of several."""

    def __init__(self, task: Classification, aims: Any, *, clean_up: bool = False) -> None:
        super().__init__(task, aims, clean_up=clean_up)
        self._truths: list[int] = []
        self._raws: list[NDArray[np.float32]] = []
        own = aims.own_parts(task.name)
        if len(own) > 1:
            raise ConfigError(
                f"`aim`: task {task.name!r} has aims for {', '.join(map(repr, own))}, and its classes exclude each "
                "other; give one of them an aim"
            )
        self._part = own[0] if own else ""
        self._require(aims.of(task.name, self._part))

    @staticmethod
    def parts_of(task: Classification) -> Sequence[str]:
        """Return the classes, if there are more than two."""
        return task.classes if len(task.classes) > 2 else ()

    def _require(self, aim: Aim) -> None:
        n, name = len(self.task.classes), self.task.name
        expected = 1 if n == 2 or self._part else n
        if aim.kind == "cost" and len(aim.costs) != expected:
            raise ConfigError(
                f"`aim` {str(aim)!r} does not fit task {name!r}, which has {count_of(n, 'class')}; give "
                + (
                    "cost:FP,FN"
                    if expected == 1
                    else f"{count_of(n, 'row')} of {n} costs, one for each true class"
                )
            )
        if aim.least and expected > 1:
            raise ConfigError(
                f"`aim` {str(aim)!r} needs a class of task {name!r}, such as "
                f"'{name}.{self.task.classes[-1]}={aim}'; it has {', '.join(self.task.classes)}"
            )

    def see(self, sample: Sample) -> None:
        """Take up label and probabilities of one case."""
        self._truths.append(int(sample.truth))
        self._raws.append(sample.raw)
        self.patients.append(sample.patient)

    def end_pass(self) -> bool:
        """Fit the temperature, then choose thresholds of the tempered probabilities."""
        truth = np.array(self._truths, np.int64)
        raws = np.array(self._raws, np.float32)
        if not truth.size:
            self.note("nothing was chosen, since no validation case has a label")
            return False
        several = len(self.task.classes) > 2
        shown = raws if several else raws[:, 0]
        before = self.task.temperature
        logits = logits_of(shown, exclusive=several)
        self.set_temperature(metrics.fit_temperature(truth, logits), truth.size)
        tempered = temper(shown, self.task.temperature, exclusive=several)
        former_sums, sums = (
            [CalibrationSums.of(truth[i : i + 1], values[i : i + 1]) for i in range(truth.size)]
            for values in (temper(shown, before, exclusive=several), tempered)
        )
        self.calibration += compare_sums(former_sums, sums, self.patients, self.task.name)
        aim = self.aims.of(self.task.name, self._part)
        if several:
            self._choose_several(truth, tempered, aim)
        else:
            self._choose_binary(truth, tempered, aim, before)
        return False

    def _choose_binary(
        self, truth: NDArray[np.int64], shown: NDArray[np.float32], aim: Aim, before: float
    ) -> None:
        n_positive = int(truth.sum())
        if not self.check_numbers(n_positive, truth.size - n_positive, ""):
            return
        # The same cases reach this threshold as the former one at the former temperature.
        former = temper(np.array([self.task.threshold]), self.task.temperature / before, exclusive=False)
        choice = choose_threshold(truth, shown, aim, float(former[0]))
        if choice is None:
            self._note_unreached(aim)
            return
        self.change(threshold=choice.threshold)
        self._add_row(aim, f"{choice.threshold:.3f}", choice.untuned, choice.value, n_positive)

    def _choose_several(self, truth: NDArray[np.int64], shown: NDArray[np.float32], aim: Aim) -> None:
        if self._part:
            self._choose_part(truth, shown, aim)
            return
        counts = np.bincount(truth, minlength=len(self.task.classes))
        rare = [f"{c} ({n})" for c, n in zip(self.task.classes, counts, strict=True) if n < FEW]
        if rare:
            self.note(
                f"validation has few cases of {', '.join(rare)}; fewer than {FEW} make thresholds unreliable"
            )
        probabilities = shown.astype(np.float64)
        if aim.kind == "cost":
            costs = np.asarray(aim.costs)
            untuned, tuned = (
                float(costs[truth, answers].mean())
                for answers in (probabilities.argmax(1), (probabilities @ costs).argmin(1))
            )
            self.change(costs=aim.costs, thresholds=())
            self._add_row(aim, "least expected cost", untuned, tuned, 0)
            return
        thresholds, value, untuned = choose_for_classes(truth, probabilities, aim)
        if value > untuned:
            self.change(thresholds=thresholds)
        self._add_row(aim, self._words(thresholds), untuned, value, 0)

    def _choose_part(self, truth: NDArray[np.int64], shown: NDArray[np.float32], aim: Aim) -> None:
        index = self.task.classes.index(self._part)
        n_positive = int((truth == index).sum())
        if not self.check_numbers(n_positive, truth.size - n_positive, self._part):
            return
        found = choose_for_class(truth, shown.astype(np.float64), index, aim)
        if found is None:
            self._note_unreached(aim)
            return
        thresholds, choice = found
        self.change(thresholds=thresholds, costs=())
        self._add_row(aim, self._words(thresholds), choice.untuned, choice.value, n_positive)

    def _words(self, thresholds: Sequence[float]) -> str:
        pairs = zip(self.task.classes, thresholds, strict=True)
        return ", ".join(f"{name} {threshold:.3f}" for name, threshold in pairs)

    def _note_unreached(self, aim: Aim) -> None:
        self.note(
            f"no threshold reaches {aim} on validation without giving all cases the same answer; the threshold is as "
            "before"
        )

    def _add_row(self, aim: Aim, chosen: str, untuned: float, tuned: float, n_positive: int) -> None:
        self.choices.append(
            {
                "task": self.task.name,
                "part": self._part or (self.task.classes[1] if len(self.task.classes) == 2 else ""),
                "aim": str(aim),
                "chosen": chosen,
                "score": aim.score,
                "untuned": untuned,
                "tuned": tuned,
                "n": len(self._truths),
                "n_positive": n_positive or None,
            }
        )

    def finish(self) -> TaskDecision | None:
        """Return temperature and thresholds."""
        aim = self.aims.of(self.task.name, self._part)
        where = f" of {self._part}" if self._part else ""
        details = {
            "temperature": f"temperature {self.task.temperature:.3g}",
            "threshold": f"threshold {self.task.threshold:.3f} for {aim}",
            "thresholds": f"thresholds {self._words(self.task.thresholds or [np.nan] * len(self.task.classes))} for "
            f"{aim}{where}",
            "costs": f"least expected cost for {aim}",
        }
        if not self.task.thresholds:
            details.pop("thresholds")
        if not self.task.costs:
            details.pop("costs")
        return self.decision(details, len(self._truths))
