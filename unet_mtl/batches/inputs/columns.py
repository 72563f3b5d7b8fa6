"""Columns of the table as inputs of the network: standardised numbers and one-hot words, fitted on train cases."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.data.records import Dataset, Label
from unet_mtl.errors import DataError
from unet_mtl.settings import Settings, Units

Labels = Mapping[str, Label]

FARTHEST = 10.0
"""The number of standard deviations from the train mean at which numbers are clipped."""

UNSEEN = "\0unseen"
"""A word that stands for one that no train case has; no table contains it."""


class TabularInput(Settings):
    """A group of columns that the network reads together.

    Attributes:
        columns: Names of columns in the description of the data set. Numbers are standardised, words become one-hot.
        hidden: The units of dense layers that only this input has, before it is joined with other inputs.
        input_dropout: The share of train cases, drawn anew each epoch, in which all columns are hidden as if they were
            missing, so that the network also learns to predict cases without them.
        cell_dropout: The share of single cells that are hidden in training; half of the hidden words become unseen
            ones. Otherwise the weights for values that are never missing or unseen in train would stay random.
    """

    columns: tuple[str, ...] = Field(min_length=1)
    hidden: tuple[Units, ...] = ()
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    cell_dropout: float = Field(default=0.05, ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _columns_alone(cls, content: Any) -> Any:
        return {"columns": content} if isinstance(content, list | tuple) else content


class NumberColumn(Settings):
    """A standardised column of numbers, encoded as (value - mean) / deviation and 0, or as 0 and 1 if it is missing.

    Numbers are clipped at `FARTHEST` deviations from the mean, because no train case lies beyond.

    Attributes:
        name: The name of the column.
        unit: The unit of its numbers.
        mean: The mean of the known train values.
        deviation: The standard deviation of the known train values; 0 if they are all equal, and then every number is
            encoded as if it were equal to them.
    """

    kind: Literal["number"] = "number"
    name: str
    unit: str = ""
    mean: float
    deviation: float = Field(ge=0)

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the meaning of each number that `encode` returns."""
        return (self.name, f"{self.name} unknown")

    def encode(self, label: Label | None) -> tuple[float, ...]:
        """Return the standardised value, and 1.0 if the label is missing, else 0.0."""
        if label is None:
            return (0.0, 1.0)
        away = (float(label) - self.mean) / self.deviation if self.deviation else 0.0
        return (float(np.clip(away, -FARTHEST, FARTHEST)), 0.0)

    def is_new(self, label: Label) -> bool:
        """Return whether a number lies beyond the limits at which `encode` clips."""
        rounding = 1e-9 * abs(self.mean)  # error of the mean of equal numbers
        return abs(float(label) - self.mean) > FARTHEST * self.deviation + rounding


class WordColumn(Settings):
    """A one-hot column of words, with further places for a word that no train case has and for a missing one.

    Attributes:
        name: The name of the column.
        words: The words of the train cases.
    """

    kind: Literal["words"] = "words"
    name: str
    words: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the meaning of each number that `encode` returns."""
        return (
            *(f"{self.name} is {word}" for word in self.words),
            f"{self.name} is another",
            f"{self.name} unknown",
        )

    def encode(self, label: Label | None) -> tuple[float, ...]:
        """Return zeros, with a 1 at the place of the word."""
        place = len(self.words) + 1
        if label is not None:
            place = self.words.index(str(label)) if label in self.words else len(self.words)
        return tuple(float(i == place) for i in range(len(self.words) + 2))

    def is_new(self, label: Label) -> bool:
        """Return whether no train case has this word."""
        return label not in self.words


Column = Annotated[NumberColumn | WordColumn, Field(discriminator="kind")]


class FittedInput(Settings):
    """A tabular input fitted on the train cases; saved with the run.

    Attributes:
        name: The name of the input.
        columns: The fitted columns.
        hidden: The units of its own dense layers; see `TabularInput`.
        input_dropout: The share of train cases with all columns hidden; see `TabularInput`.
        cell_dropout: The share of single cells that are hidden; see `TabularInput`.
    """

    name: str
    columns: tuple[Column, ...]
    hidden: tuple[int, ...] = ()
    input_dropout: float = 0.0
    cell_dropout: float = 0.0

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the meaning of each number in a row."""
        return tuple(part for column in self.columns for part in column.parts)

    @property
    def width(self) -> int:
        """Return the number of values in a row."""
        return len(self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(column.name for column in self.columns)

    def encode(self, labels: Labels) -> NDArray[np.float32]:
        """Return the row of a case, (width,) float32, always finite; columns that are not in `labels` are missing."""
        numbers = [number for column in self.columns for number in column.encode(labels.get(column.name))]
        return np.asarray(numbers, np.float32)

    def hide(self, labels: Labels, seed: int) -> Labels:
        """Return the labels of a train case without the columns and cells that are hidden in one epoch.

        Args:
            labels: Labels by column name; they are not changed.
            seed: The seed of this case, epoch and input.
        """
        rng = np.random.default_rng(seed)
        if rng.random() < self.input_dropout:
            return {}
        kept = dict(labels)
        for column in self.columns:
            hidden, unseen = rng.random(2) < (self.cell_dropout, 0.5)
            if hidden and column.name in kept:
                if unseen and isinstance(column, WordColumn):
                    kept[column.name] = UNSEEN
                else:
                    del kept[column.name]
        return kept

    def describe_unknown(self, labels: Labels) -> list[str]:
        """Return the columns without a value, and `column=value` for values unlike those of the train cases."""
        unknown = []
        for column in self.columns:
            label = labels.get(column.name)
            if label is None:
                unknown.append(column.name)
            elif column.is_new(label):
                unknown.append(f"{column.name}={label}")
        return unknown

    def is_missing(self, labels: Labels) -> bool:
        """Return whether all of its columns are missing."""
        return not any(name in labels for name in self.names)

    def require_described(self, description: Description) -> None:
        """Check that a data set describes these columns as the training data did.

        Args:
            description: The description of the data set.

        Raises:
            DataError: A column is not described, or has another type or unit; the message lists all differences.
        """
        problems = []
        for column in self.columns:
            described = description.columns.get(column.name)
            if described is None:
                problems.append(
                    f"input {self.name!r} reads column {column.name!r}, which the data set does not describe; it "
                    f"describes {', '.join(map(repr, description.columns)) or 'none'}"
                )
            elif described.is_number != isinstance(column, NumberColumn):
                trained, received = (
                    ("numbers", "words") if isinstance(column, NumberColumn) else ("words", "numbers")
                )
                problems.append(
                    f"input {self.name!r} was trained with {trained} in column {column.name!r}, but the data set has "
                    f"{received}"
                )
            elif isinstance(column, NumberColumn) and described.unit != column.unit:
                problems.append(
                    f"input {self.name!r} was trained with column {column.name!r} in {column.unit!r}, but the data set "
                    f"has {described.unit!r}"
                )
        if problems:
            raise DataError(problems)


def fit_inputs(inputs: Mapping[str, TabularInput], train: Dataset) -> tuple[FittedInput, ...]:
    """Fit tabular inputs: compute means and deviations of numbers, and collect words.

    Args:
        inputs: Settings of each input by its name.
        train: The train cases, and no others.

    Raises:
        DataError: A column is not described, is listed twice in an input, or has no value in any train case; the
            message lists all problems.
    """
    problems: list[str] = []
    fitted = []
    for name, settings in inputs.items():
        columns: list[NumberColumn | WordColumn] = []
        for column in settings.columns:
            described = train.description.columns.get(column)
            values = [record.labels[column] for record in train if column in record.labels]
            problem = _problem(name, column, settings, train, described, values)
            if problem:
                problems.append(problem)
            elif described is not None:
                columns.append(_fit_column(column, described, values))
        fitted.append(
            FittedInput.model_construct(
                name=name,
                columns=tuple(columns),
                hidden=settings.hidden,
                input_dropout=settings.input_dropout,
                cell_dropout=settings.cell_dropout,
            )
        )
    if problems:
        raise DataError(list(dict.fromkeys(problems)))
    return tuple(fitted)


def _problem(
    name: str,
    column: str,
    settings: TabularInput,
    train: Dataset,
    described: ColumnDescription | None,
    values: Sequence[Label],
) -> str:
    if described is None:
        known = ", ".join(map(repr, train.description.columns)) or "none"
        return (
            f"input {name!r}: the data set describes no column {column!r}; it has {known}. Add it to `columns` in the "
            "description of the data set"
        )
    if settings.columns.count(column) > 1:
        return f"input {name!r}: column {column!r} is listed twice; remove one of them"
    if not values:
        return (
            f"input {name!r}: none of the {len(train)} train cases has a value in column {column!r}; "
            "leave the column out"
        )
    return ""


def _fit_column(
    name: str, described: ColumnDescription, values: Sequence[Label]
) -> NumberColumn | WordColumn:
    if not described.is_number:
        present = {str(value) for value in values}
        # The order of the description, where it has one, makes the encoding independent of the order of the rows.
        words = [word for word in described.classes or sorted(present) if word in present]
        return WordColumn(name=name, words=tuple(words))
    numbers = np.asarray(values, float)
    # For equal values, rounding would leave a deviation that is not exactly 0.
    deviation = float(numbers.std()) if np.ptp(numbers) else 0.0
    return NumberColumn(name=name, unit=described.unit, mean=float(numbers.mean()), deviation=deviation)
