"""Decoded outputs, in the user's terms: what a predictor hands out, and what a task is scored on."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def key_of(words: str) -> str:
    """A class name as part of a column name: lower case, anything but letters and digits an underscore.

    >>> key_of("Posterior region")
    'posterior_region'
    """
    return re.sub(r"\W+", "_", words.strip().lower())


def keys_of(classes: Sequence[str]) -> list[str]:
    """Like `key_of` for all classes; where two would be alike, each gets its index.

    >>> keys_of(["HER2-", "HER2+", "unclear"])
    ['her2__0', 'her2__1', 'unclear']
    """
    keys = [key_of(name) for name in classes]
    return [f"{key}_{i}" if keys.count(key) > 1 else key for i, key in enumerate(keys)]


class Prediction(ABC):
    """A decoded output."""

    def masks(self) -> dict[str, NDArray[np.uint8]]:
        """What is written as pictures, (height, width) class indices; the key is added to the file's name."""
        return {}

    def regions(self) -> dict[str, NDArray[np.bool_]]:
        """Where each class is, (height, width), by its name and without the background; nothing without a mask."""
        return {}

    @abstractmethod
    def cells(self) -> dict[str, str | float]:
        """Columns of predictions.csv, without the task's name in front."""

    @abstractmethod
    def title(self) -> str:
        """A few words for the head of a picture; empty if the picture itself says it."""


@dataclass(frozen=True, kw_only=True)
class MaskPrediction(Prediction):
    """`mask` (H, W) uint8 class indices; `probabilities` (H, W, classes) float32."""

    mask: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]

    def masks(self) -> dict[str, NDArray[np.uint8]]:
        """The one mask."""
        return {"": self.mask}

    def regions(self) -> dict[str, NDArray[np.bool_]]:
        """Of each class but the background."""
        return {name: self.mask == index for index, name in enumerate(self.classes) if index}

    def cells(self) -> dict[str, str | float]:
        """Pixels of each class but the background, at the original size."""
        sizes = np.bincount(self.mask.ravel(), minlength=len(self.classes))
        return {f"{key}_px": int(sizes[i]) for i, key in enumerate(keys_of(self.classes)) if i}

    def title(self) -> str:
        """Nothing: the contours say it."""
        return ""


@dataclass(frozen=True, kw_only=True)
class OverlapPrediction(Prediction):
    """`mask` (H, W, K) uint8, 1 where a class is, else 0; `probabilities` likewise, float32.

    The K channels are `classes` but the background, which comes first there.
    """

    mask: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]

    def masks(self) -> dict[str, NDArray[np.uint8]]:
        """A mask of 0 and 1 for each class, by its key."""
        return {
            key: np.ascontiguousarray(self.mask[..., i]) for i, key in enumerate(keys_of(self.classes)[1:])
        }

    def regions(self) -> dict[str, NDArray[np.bool_]]:
        """Of each class; they may overlap."""
        return {name: self.mask[..., i] == 1 for i, name in enumerate(self.classes[1:])}

    def cells(self) -> dict[str, str | float]:
        """Pixels of each class, at the original size."""
        return {f"{key}_px": int(np.count_nonzero(mask)) for key, mask in self.masks().items()}

    def title(self) -> str:
        """Nothing: the contours say it."""
        return ""


@dataclass(frozen=True)
class ClassPrediction(Prediction):
    """`label` is one of `classes`; `probabilities` (classes,) float32 sum to 1."""

    name: str
    label: str
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]

    def cells(self) -> dict[str, str | float]:
        """The class, and the probability of each."""
        pairs = zip(keys_of(self.classes), self.probabilities, strict=True)
        return {"": self.label} | {f"probability_{key}": round(float(p), 6) for key, p in pairs}

    def title(self) -> str:
        """The class with its probability."""
        return f"{self.name}: {self.label} ({self.probabilities[self.classes.index(self.label)]:.2f})"


@dataclass(frozen=True)
class GradePrediction(ClassPrediction):
    """`label` is the median of the probabilities of `classes`, which are in order."""

    @property
    def expected_rank(self) -> float:
        """Mean of the ranks by their probabilities, from 1 (the first class) to the number of classes."""
        return float(self.probabilities @ np.arange(1, len(self.classes) + 1))

    def cells(self) -> dict[str, str | float]:
        """The grade, the probability of each, and the expected rank."""
        return super().cells() | {"expected_rank": round(self.expected_rank, 4)}


@dataclass(frozen=True)
class MultilabelPrediction(Prediction):
    """Several yes-or-no answers.

    Attributes:
        name: Of the task.
        findings: Names of what was asked for.
        words: The answer to each, in the words of its column.
        found: (findings,) bool.
        probabilities: (findings,) float32 of being there.
    """

    name: str
    findings: tuple[str, ...]
    words: tuple[str, ...]
    found: NDArray[np.bool_]
    probabilities: NDArray[np.float32]

    def cells(self) -> dict[str, str | float]:
        """The word and the probability of each finding."""
        answers = zip(keys_of(self.findings), self.words, self.probabilities, strict=True)
        return {
            name: cell
            for key, word, probability in answers
            for name, cell in ((key, word), (f"{key}_probability", round(float(probability), 6)))
        }

    def title(self) -> str:
        """Those found, with their probabilities."""
        answers = zip(self.findings, self.probabilities, self.found, strict=True)
        found = [f"{finding} ({probability:.2f})" for finding, probability, is_there in answers if is_there]
        return f"{self.name}: {', '.join(found) or 'none'}"


@dataclass(frozen=True)
class Value:
    """A number in its unit, and the ends of its 95 % interval where one is predicted."""

    value: float
    unit: str
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        words = f"{self.value:.3g} {self.unit}".rstrip()
        return words if self.low is None else f"{words} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True)
class ValuePrediction(Prediction):
    """`values` by column; of a task with one number `value`, `unit`, `low` and `high` are its own."""

    name: str
    values: Mapping[str, Value]

    @property
    def value(self) -> float:
        """The number, in `unit`."""
        return self._only.value

    @property
    def unit(self) -> str:
        """Its unit."""
        return self._only.unit

    @property
    def low(self) -> float | None:
        """Lower end of its interval; None: none is predicted."""
        return self._only.low

    @property
    def high(self) -> float | None:
        """Upper end of its interval."""
        return self._only.high

    @property
    def _only(self) -> Value:
        if len(self.values) != 1:
            raise ValueError(
                f"task {self.name!r} answers with {', '.join(self.values)}; take one out of `values`"
            )
        return next(iter(self.values.values()))

    def cells(self) -> dict[str, str | float]:
        """Values and ends of intervals, the unit in the column's name; of several numbers their columns too."""
        cells: dict[str, str | float] = {}
        for name, value in zip(self._cell_names(), self.values.values(), strict=True):
            cells[name] = round(value.value, 4)
            for end, number in (("low", value.low), ("high", value.high)):
                if number is not None:
                    cells[f"{name}_{end}" if name else end] = round(number, 4)
        return cells

    def _cell_names(self) -> list[str]:
        if len(self.values) == 1:
            return [self.unit]
        # many a column says its unit already: length_mm
        units = {column: f"_{value.unit}" if value.unit else "" for column, value in self.values.items()}
        return keys_of([column.removesuffix(unit) + unit for column, unit in units.items()])

    def title(self) -> str:
        """The values with their units."""
        return f"{self.name}: {list_values(self.values, columns=len(self.values) > 1)}"


def list_values(values: Mapping[str, Value], *, columns: bool) -> str:
    """The values in a few words, each behind its column if wanted."""
    return ", ".join(f"{column} {value}" if columns else str(value) for column, value in values.items())
