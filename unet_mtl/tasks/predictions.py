"""Decoded outputs in the user's terms, as a predictor returns them and as tasks are scored on them."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.masks import count_values
from unet_mtl.data.resized import Resized


def key_of(name: str) -> str:
    """Return a class name as part of a column name: lower case, with underscores for all but letters and digits.

    >>> key_of("Posterior region")
    'posterior_region'
    """
    return re.sub(r"\W+", "_", name.strip().lower())


def keys_of(classes: Sequence[str]) -> list[str]:
    """Return the key of each class; classes with the same key have their index appended.

    >>> keys_of(["HER2-", "HER2+", "unclear"])
    ['her2__0', 'her2__1', 'unclear']
    """
    keys = [key_of(name) for name in classes]
    return [f"{key}_{i}" if keys.count(key) > 1 else key for i, key in enumerate(keys)]


class Regions(Mapping[str, NDArray[np.bool_]]):
    """Regions (H, W) by class, each of which is computed when it is read, and not kept.

    Args:
        names: Names of the classes.
        region: Function that returns the region of a class from its index in `names`.
    """

    def __init__(self, names: Sequence[str], region: Callable[[int], NDArray[np.bool_]]) -> None:
        self._names = tuple(names)
        self._region = region

    def __getitem__(self, name: str) -> NDArray[np.bool_]:
        if name not in self._names:
            raise KeyError(name)
        return self._region(self._names.index(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Prediction(ABC):
    """A decoded output of one case."""

    def masks(self) -> dict[str, NDArray[np.uint8]]:
        """Return class indices (H, W) to be written as images, by the suffix of the file name; empty: none."""
        return {}

    def regions(self) -> Mapping[str, NDArray[np.bool_]]:
        """Return the region (H, W) of each class but the background, by class name; empty without a mask."""
        return {}

    @abstractmethod
    def cells(self) -> dict[str, str | float]:
        """Return cells of predictions.csv by column, without the task's name at the start of the column."""

    @abstractmethod
    def title(self) -> str:
        """Return the prediction in a few words, for the title of a picture; empty if the picture shows it."""


@dataclass(frozen=True, kw_only=True)
class MaskPrediction(Prediction):
    """A mask of classes that exclude each other.

    Attributes:
        mask: Class indices (H, W), uint8.
        output: Probabilities by class, or by class but the background.
        classes: Names of the classes, the background first.
    """

    mask: NDArray[np.uint8]
    output: Resized = field(repr=False)
    classes: tuple[str, ...]

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """Probabilities (H, W, classes), float32. They are computed when they are first read, and kept."""
        whole = self.output.whole()
        if self.output.channels == len(self.classes):
            return whole
        return np.concatenate([1 - whole.max(-1, keepdims=True), whole], -1)

    def masks(self) -> dict[str, NDArray[np.uint8]]:
        """Return the mask, with an empty suffix."""
        return {"": self.mask}

    def regions(self) -> Mapping[str, NDArray[np.bool_]]:
        """Return the region of each class but the background."""
        return Regions(self.classes[1:], self._region)

    def _region(self, index: int) -> NDArray[np.bool_]:
        return np.asarray(self.mask == index + 1)

    def cells(self) -> dict[str, str | float]:
        """Return the number of pixels of each class but the background, at the original size."""
        sizes = count_values(self.mask)
        return {f"{key}_px": int(sizes[i]) for i, key in enumerate(keys_of(self.classes)) if i}

    def title(self) -> str:
        """Return an empty string, since contours show the mask."""
        return ""


@dataclass(frozen=True, kw_only=True)
class OverlapPrediction(Prediction):
    """Masks of K classes that may overlap.

    Attributes:
        mask: 1 where a pixel belongs to a class, else 0, (H, W, K), uint8.
        output: Probabilities of the K classes.
        classes: Names of the background and, after it, of the K classes.
    """

    mask: NDArray[np.uint8]
    output: Resized = field(repr=False)
    classes: tuple[str, ...]

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """Probabilities (H, W, K), float32. They are computed when they are first read, and kept."""
        return self.output.whole()

    def masks(self) -> dict[str, NDArray[np.uint8]]:
        """Return a mask of 0 and 1 for each class, by the key of the class."""
        return {key: self.mask[..., i] for i, key in enumerate(keys_of(self.classes)[1:])}

    def regions(self) -> Mapping[str, NDArray[np.bool_]]:
        """Return the region of each class; regions may overlap."""
        return Regions(self.classes[1:], self._region)

    def _region(self, index: int) -> NDArray[np.bool_]:
        return np.asarray(self.mask[..., index] == 1)

    def cells(self) -> dict[str, str | float]:
        """Return the number of pixels of each class, at the original size."""
        return {f"{key}_px": int(np.count_nonzero(mask)) for key, mask in self.masks().items()}

    def title(self) -> str:
        """Return an empty string, since contours show the masks."""
        return ""


@dataclass(frozen=True)
class ClassPrediction(Prediction):
    """One class of several.

    Attributes:
        name: The name of the task.
        label: The predicted class, one of `classes`.
        probabilities: Probabilities (classes,) that sum to 1, float32.
        classes: Names of the classes.
    """

    name: str
    label: str
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]

    def cells(self) -> dict[str, str | float]:
        """Return the class and the probability of each class."""
        pairs = zip(keys_of(self.classes), self.probabilities, strict=True)
        return {"": self.label} | {f"probability_{key}": round(float(p), 6) for key, p in pairs}

    def title(self) -> str:
        """Return the class with its probability."""
        return f"{self.name}: {self.label} ({self.probabilities[self.classes.index(self.label)]:.2f})"


@dataclass(frozen=True)
class GradePrediction(ClassPrediction):
    """One of several ordered classes; `label` is the median of the distribution `probabilities`."""

    @property
    def expected_rank(self) -> float:
        """The mean rank under `probabilities`, from 1 (the first class) to the number of classes."""
        return float(self.probabilities @ np.arange(1, len(self.classes) + 1))

    def cells(self) -> dict[str, str | float]:
        """Return the grade, the probability of each grade, and the expected rank."""
        return super().cells() | {"expected_rank": round(self.expected_rank, 4)}


@dataclass(frozen=True)
class MultilabelPrediction(Prediction):
    """Several yes-or-no labels.

    Attributes:
        name: The name of the task.
        labels: Names of the labels.
        answers: For each label, the predicted one of the two classes of its column.
        present: Whether each label is predicted to hold, (labels,) bool.
        probabilities: The probability that each label holds, (labels,) float32.
    """

    name: str
    labels: tuple[str, ...]
    answers: tuple[str, ...]
    present: NDArray[np.bool_]
    probabilities: NDArray[np.float32]

    def cells(self) -> dict[str, str | float]:
        """Return the answer and the probability of each label."""
        rows = zip(keys_of(self.labels), self.answers, self.probabilities, strict=True)
        return {
            name: cell
            for key, answer, probability in rows
            for name, cell in ((key, answer), (f"{key}_probability", round(float(probability), 6)))
        }

    def title(self) -> str:
        """Return the labels that are predicted to hold, with their probabilities."""
        rows = zip(self.labels, self.probabilities, self.present, strict=True)
        present = [f"{label} ({probability:.2f})" for label, probability, is_present in rows if is_present]
        return f"{self.name}: {', '.join(present) or 'none'}"


@dataclass(frozen=True)
class Value:
    """A number in its unit.

    Attributes:
        value: The number.
        unit: The unit, or an empty string.
        low: The lower end of the 95 % interval; None: no interval is predicted.
        high: The upper end of the interval.
    """

    value: float
    unit: str
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        text = f"{self.value:.3g} {self.unit}".rstrip()
        return text if self.low is None else f"{text} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True)
class ValuePrediction(Prediction):
    """One number or several. With one number, `value`, `unit`, `low` and `high` are those of the number.

    Attributes:
        name: The name of the task.
        values: Numbers by column.
    """

    name: str
    values: Mapping[str, Value]

    @property
    def value(self) -> float:
        """The number, in `unit`."""
        return self._only.value

    @property
    def unit(self) -> str:
        """The unit of the number."""
        return self._only.unit

    @property
    def low(self) -> float | None:
        """The lower end of the interval; None: no interval is predicted."""
        return self._only.low

    @property
    def high(self) -> float | None:
        """The upper end of the interval; None: no interval is predicted."""
        return self._only.high

    @property
    def _only(self) -> Value:
        if len(self.values) != 1:
            raise ValueError(
                f"task {self.name!r} predicts several numbers ({', '.join(self.values)}); select one of `values`"
            )
        return next(iter(self.values.values()))

    def cells(self) -> dict[str, str | float]:
        """Return numbers and ends of intervals. Columns contain the unit and, with several numbers, the column."""
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
        # Many column names contain the unit already, such as length_mm.
        units = {column: f"_{value.unit}" if value.unit else "" for column, value in self.values.items()}
        return keys_of([column.removesuffix(unit) + unit for column, unit in units.items()])

    def title(self) -> str:
        """Return the numbers with their units."""
        return f"{self.name}: {list_values(self.values, columns=len(self.values) > 1)}"


def list_values(values: Mapping[str, Value], *, columns: bool) -> str:
    """Return the numbers as text, each after the name of its column if `columns` is true."""
    return ", ".join(f"{column} {value}" if columns else str(value) for column, value in values.items())
