"""Temperature, thresholds and clean-up of masks."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import metrics
from unet_mtl.decisions.aims import Aim, Candidates, Numbers
from unet_mtl.decisions.calibration import CalibrationSums, compare_sums
from unet_mtl.decisions.clean_up import clean, list_candidates, part_areas
from unet_mtl.decisions.pixels import (
    THRESHOLDS,
    Counts,
    count_exclusive,
    count_largest,
    count_mask,
    count_overlapping,
    sample_pixels,
    score_images,
)
from unet_mtl.decisions.stored import TaskDecision
from unet_mtl.decisions.tuner import FEW, Sample, Tuner
from unet_mtl.errors import ConfigError
from unet_mtl.tasks import OverlappingSegmentation, Segmentation
from unet_mtl.tasks.tempering import logits_of, temper
from unet_mtl.wording import count_of

AnyMask = Segmentation | OverlappingSegmentation


class _Step(Protocol):
    def see(self, sample: Sample) -> None: ...

    def end(self) -> None: ...


class MaskTuner(Tuner[Any]):
    """Fits a temperature to pixels, then chooses thresholds, and then a clean-up, in one pass over the cases each.

    Attributes:
        untuned: Counts of the pixels of each image with the settings of the training, (classes - 1, 4).
        areas_mm, areas_px: Areas of the parts of true structures, if a clean-up is chosen.
    """

    def __init__(self, task: AnyMask, aims: Any, *, clean_up: bool = False) -> None:
        super().__init__(task, aims, clean_up=clean_up)
        self.clean_up = clean_up
        self.untuned: list[Counts] = []
        self.areas_mm: list[float] = []
        self.areas_px: list[float] = []
        self.in_mm = True
        self.words = ""
        temperature = _Temperature(self)
        self._steps: list[_Step] = [temperature, _Thresholds(self, temperature)]
        self._steps += [_CleanUp(self)] if clean_up else []
        for part in ("", *aims.own_parts(task.name)):
            if len(aims.of(task.name, part).costs) > 1:
                raise ConfigError(f"`aim` of task {task.name!r}: masks take cost:FP,FN, the costs of a pixel")

    @staticmethod
    def parts_of(task: AnyMask) -> Sequence[str]:
        """Return the classes but the background if they may overlap; other masks have a single threshold."""
        return task.classes[1:] if isinstance(task, OverlappingSegmentation) else ()

    def see(self, sample: Sample) -> None:
        """Take up one case in the current step."""
        self._steps[0].see(sample)

    def end_pass(self) -> bool:
        """Choose what the current step is about."""
        if not self.untuned:
            self.note("nothing was chosen, since no validation case has a mask")
            return False
        self._steps.pop(0).end()
        return bool(self._steps)

    def add_row(self, part: str, aim: str, chosen: str, score: str, scores: tuple[float, float]) -> None:
        """Add a row to `choices`; `scores` are those without and with what was chosen."""
        has_class = np.array(self.untuned)[:, :, [0, 2]].sum(-1) > 0
        index = self.task.classes.index(part) - 1 if part else None
        n_positive = has_class.any(1).sum() if index is None else has_class[:, index].sum()
        row = {"task": self.task.name, "part": part, "aim": aim, "chosen": chosen, "score": score}
        counts = {"n": len(self.untuned), "n_positive": int(n_positive)}
        self.choices.append(row | {"untuned": scores[0], "tuned": scores[1]} | counts)

    def finish(self) -> TaskDecision | None:
        """Return temperature, thresholds and clean-up."""
        details = {"temperature": f"temperature {self.task.temperature:.3g}"}
        details |= dict.fromkeys(("threshold", "foreground_threshold", "thresholds"), self.words)
        details["clean_up"] = f"clean-up: {self.task.clean_up}"
        return self.decision(details, len(self.untuned))


class _Temperature:
    """Fits the temperature on a sample of pixels, the same number from each image."""

    def __init__(self, tuner: MaskTuner) -> None:
        self._tuner = tuner
        self._exclusive = isinstance(tuner.task, Segmentation) and not tuner.task.is_sigmoid
        self._pixels: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
        self.before: list[CalibrationSums] = []

    def see(self, sample: Sample) -> None:
        tuner, answer = self._tuner, _mask_of(sample)
        n_classes = len(tuner.task.classes)
        tuner.patients.append(sample.patient)
        tuner.untuned.append(count_mask(sample.truth, answer.mask, n_classes))
        if tuner.clean_up:
            tuner.areas_px += part_areas(sample.truth, n_classes, None)
            tuner.in_mm &= sample.spacing_mm is not None
            tuner.areas_mm += part_areas(sample.truth, n_classes, sample.spacing_mm)
        pixels = self.sample(sample, len(self._pixels))
        self._pixels.append(pixels)
        self.before.append(CalibrationSums.of(*pixels))

    def sample(self, sample: Sample, index: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return outcomes and probabilities of pixels, which are the same in each pass."""
        shown = _mask_of(sample).output.whole()
        labels, values = sample_pixels(sample.truth, shown, np.random.default_rng(index))
        if isinstance(self._tuner.task, Segmentation) and not self._exclusive and values.ndim == 2:
            # Each sigmoid is about one class.
            each = labels[:, None] == np.arange(1, len(self._tuner.task.classes))
            return each.ravel().astype(np.int64), values.ravel()
        return labels, values

    def end(self) -> None:
        labels = np.concatenate([truth for truth, _ in self._pixels])
        values = np.concatenate([values for _, values in self._pixels])
        logits = logits_of(values, exclusive=self._exclusive)
        former = self._tuner.task.temperature
        found = metrics.fit_temperature(labels, logits) if labels.size else float("nan")
        # The sampled probabilities have the former temperature, which is a factor of the new one.
        self._tuner.set_temperature(found * former if 0 < found < 1000 else found, len(self._pixels))
        self._pixels.clear()


class _Thresholds:
    """Chooses the threshold of the foreground, or of each class if classes may overlap, from counts of pixels."""

    def __init__(self, tuner: MaskTuner, temperature: _Temperature) -> None:
        self._tuner = tuner
        self._trained = tuner.task
        self._temperature = temperature
        self._after: list[CalibrationSums] = []
        self._counts: list[Counts] = []

    def _former(self) -> Numbers:
        """Return the thresholds of the training for probabilities after the temperature, by class."""
        task, n = self._trained, len(self._trained.classes) - 1
        former = getattr(task, "thresholds", ()) or (task.threshold,) * n
        ratio = self._tuner.task.temperature / task.temperature
        return np.asarray(temper(np.array(former, np.float64), ratio, exclusive=False))

    def _grid(self) -> NDArray[np.float32]:
        return np.unique(np.append(THRESHOLDS, self._former().astype(np.float32)))

    def see(self, sample: Sample) -> None:
        task, shown = self._tuner.task, _mask_of(sample).output.whole()
        self._after.append(CalibrationSums.of(*self._temperature.sample(sample, len(self._after))))
        if isinstance(task, OverlappingSegmentation):
            count = count_overlapping
        else:
            count = count_largest if task.is_sigmoid and len(task.classes) > 2 else count_exclusive
        self._counts.append(count(sample.truth, shown, self._grid()))

    def end(self) -> None:
        tuner = self._tuner
        tuner.calibration += compare_sums(
            self._temperature.before, self._after, tuner.patients, tuner.task.name
        )
        counts, untuned = np.array(self._counts), np.array(tuner.untuned)[..., None]
        if isinstance(tuner.task, OverlappingSegmentation):
            self._choose_each(counts, untuned)
        else:
            self._choose_one(counts, untuned)
        self._counts.clear()

    def _choose_one(self, counts: Counts, untuned: Counts) -> None:
        tuner, aim = self._tuner, self._tuner.aims.of(self._tuner.task.name)
        name = "threshold" if tuner.task.is_sigmoid else "foreground_threshold"
        former = float(self._former()[0]) if tuner.task.is_sigmoid else 0.5
        found = self._choose(counts, untuned, aim, former, "")
        if found is not None:
            threshold, scores = found
            if scores[1] != scores[0]:
                tuner.change(**{name: threshold})
            tuner.words = f"{name.replace('_', ' ')} {threshold:.3g} for {_words(aim)}"
            tuner.add_row("", _words(aim), f"{threshold:.3g}", _words(aim, score=True), scores)

    def _choose_each(self, counts: Counts, untuned: Counts) -> None:
        tuner = self._tuner
        thresholds = self._former().tolist()
        words = []
        for index, part in enumerate(tuner.task.classes[1:]):
            aim = tuner.aims.of(tuner.task.name, part)
            one = slice(index, index + 1)
            found = self._choose(counts[:, one], untuned[:, one], aim, thresholds[index], part)
            if found is not None:
                thresholds[index], scores = found
                words.append(f"{part} {thresholds[index]:.3g} for {_words(aim)}")
                tuner.add_row(part, _words(aim), f"{thresholds[index]:.3g}", _words(aim, score=True), scores)
        if words:
            tuner.change(thresholds=tuple(thresholds))
            tuner.words = f"thresholds {', '.join(words)}"

    def _choose(
        self, counts: Counts, untuned: Counts, aim: Aim, former: float, part: str
    ) -> tuple[float, tuple[float, float]] | None:
        """Return a threshold, and the score of the aim without and with it; None if the aim is not reached."""
        tuner, of = self._tuner, f" of {part!r}" if part else ""
        n_images = int((counts[:, :, [0, 2], 0].sum((1, 2)) > 0).sum())
        if n_images == 0:
            tuner.note(f"no threshold{of} was chosen, since no validation image has the class")
            return None
        if n_images < FEW:
            tuner.note(f"the threshold{of} depends on {count_of(n_images, 'image')} with the class")
        candidates = score_images(counts)
        grid = self._grid().astype(np.float64)
        index = aim.choose(candidates, grid, former)
        if index is None:
            tuner.note(f"no threshold{of} reaches {_words(aim)} on validation; it is as before")
            return None
        before = float(aim.values(score_images(untuned))[0])
        return round(float(grid[index]), 6), (before, float(aim.values(candidates)[index]))


class _CleanUp:
    """Chooses the clean-up with the best mean Dice."""

    def __init__(self, tuner: MaskTuner) -> None:
        self._tuner = tuner
        self._counts: list[list[Counts]] = []

    def see(self, sample: Sample) -> None:
        tuner, mask = self._tuner, _mask_of(sample).mask
        n_classes = len(tuner.task.classes)
        self._counts.append(
            [
                count_mask(sample.truth, clean(plan, mask, n_classes, sample.spacing_mm), n_classes)
                for plan in self._plans()
            ]
        )

    def _plans(self) -> Any:
        tuner = self._tuner
        areas = tuner.areas_mm if tuner.in_mm else tuner.areas_px
        return list_candidates(areas, in_mm=tuner.in_mm)

    def end(self) -> None:
        # (images, plans, classes, 4) -> (images, classes, 4, plans)
        scores: Candidates = score_images(np.moveaxis(np.array(self._counts), 1, -1))
        if np.isnan(scores.f1).all():
            return
        index = int(np.nanargmax(np.round(scores.f1, 12)))
        plan = self._plans()[index]
        if index:
            self._tuner.change(clean_up=plan.to_config())
        self._tuner.add_row("", "clean-up", str(plan), "dice", (float(scores.f1[0]), float(scores.f1[index])))


def _mask_of(sample: Sample) -> Any:
    """Return the prediction of a mask, of either kind."""
    return sample.answer


def _words(aim: Aim, *, score: bool = False) -> str:
    """Return an aim, or its score, with the name that F1 has for masks."""
    return (aim.score if score else str(aim)).replace("f1", "dice")
