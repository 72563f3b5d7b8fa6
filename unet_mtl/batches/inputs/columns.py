"""Columns of the table as an input of the network: numbers and words as a row of numbers, by the train cases alone."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, model_validator

from unet_mtl.data.description import ColumnDescription, Description
from unet_mtl.data.records import Dataset, Label
from unet_mtl.errors import DataError
from unet_mtl.settings import Settings

Labels = Mapping[str, Label]

FARTHEST = 10.0
"""Standard deviations from the train mean that are still told apart."""

UNSEEN = "\0unseen"
"""A word that no table has."""


class TabularInput(Settings):
    """A group of columns that the network reads together.

    Attributes:
        columns: As the data set describes them; those with numbers are standardised, those with words become one-hot.
        hidden: Units of dense layers of its own, before it is joined with other inputs.
        input_dropout: Share of the train cases, drawn anew each epoch, whose columns are hidden as if all were
            missing, so that a case without them still gets an answer.
        cell_dropout: Share of single cells that are hidden in training, half of those with words by a word that
            nobody has seen. Without it, places for what train never lacked would answer by chance.
    """

    columns: tuple[str, ...] = Field(min_length=1)
    hidden: tuple[PositiveInt, ...] = ()
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    cell_dropout: float = Field(default=0.05, ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _columns_alone(cls, content: Any) -> Any:
        return {"columns": content} if isinstance(content, list | tuple) else content


class NumberColumn(Settings):
    """A column of numbers, standardised: (value - mean) / deviation and 0, or 0 and 1 where it is unknown.

    Beyond `FARTHEST` deviations a number is taken for that many: no network has learned what lies there.

    Attributes:
        name: Of the column.
        unit: Of its numbers.
        mean: Of the known train values.
        deviation: Their standard deviation; 0 where they are all alike: then every number is taken for theirs.
    """

    kind: Literal["number"] = "number"
    name: str
    unit: str = ""
    mean: float
    deviation: float = Field(ge=0)

    @property
    def parts(self) -> tuple[str, ...]:
        """What each number of `encode` says."""
        return (self.name, f"{self.name} unknown")

    def encode(self, label: Label | None) -> tuple[float, ...]:
        """Two numbers."""
        if label is None:
            return (0.0, 1.0)
        away = (float(label) - self.mean) / self.deviation if self.deviation else 0.0
        return (float(np.clip(away, -FARTHEST, FARTHEST)), 0.0)

    def is_new(self, label: Label) -> bool:
        """Whether it is farther from the train values than is told apart."""
        rounding = 1e-9 * abs(self.mean)  # of the mean of equal numbers
        return abs(float(label) - self.mean) > FARTHEST * self.deviation + rounding


class WordColumn(Settings):
    """A column of words, one-hot; a word that no train case has and an unknown one have places of their own.

    Attributes:
        name: Of the column.
        words: Those of the train cases.
    """

    kind: Literal["words"] = "words"
    name: str
    words: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """What each number of `encode` says."""
        return (
            *(f"{self.name} is {word}" for word in self.words),
            f"{self.name} is another",
            f"{self.name} unknown",
        )

    def encode(self, label: Label | None) -> tuple[float, ...]:
        """One 1 among zeros."""
        place = len(self.words) + 1
        if label is not None:
            place = self.words.index(str(label)) if label in self.words else len(self.words)
        return tuple(float(i == place) for i in range(len(self.words) + 2))

    def is_new(self, label: Label) -> bool:
        """Whether no train case has this word."""
        return label not in self.words


Column = Annotated[NumberColumn | WordColumn, Field(discriminator="kind")]


class FittedInput(Settings):
    """A tabular input with what was learned of the train cases; saved with the run.

    Attributes:
        name: Of the input.
        columns: How each column becomes numbers.
        hidden: As of `TabularInput`.
        input_dropout: Likewise.
        cell_dropout: Likewise.
    """

    name: str
    columns: tuple[Column, ...]
    hidden: tuple[int, ...] = ()
    input_dropout: float = 0.0
    cell_dropout: float = 0.0

    @property
    def parts(self) -> tuple[str, ...]:
        """What each number of a row says."""
        return tuple(part for column in self.columns for part in column.parts)

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return len(self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    def encode(self, labels: Labels) -> NDArray[np.float32]:
        """The row of a case: (width,), always finite; columns that `labels` lacks are unknown."""
        numbers = [number for column in self.columns for number in column.encode(labels.get(column.name))]
        return np.asarray(numbers, np.float32)

    def hide(self, labels: Labels, seed: int) -> Labels:
        """What is left of a train case's columns for one epoch."""
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
        """Columns without a value, and `column=value` for one that is far from what the train cases have."""
        found = []
        for column in self.columns:
            label = labels.get(column.name)
            if label is None:
                found.append(column.name)
            elif column.is_new(label):
                found.append(f"{column.name}={label}")
        return found

    def is_missing(self, labels: Labels) -> bool:
        """Whether not one of its columns is known."""
        return not any(name in labels for name in self.names)

    def require_described(self, description: Description) -> None:
        """Makes sure that a data set means the same by these columns as the one that was learned from.

        Raises:
            DataError: With every difference.
        """
        problems = []
        for column in self.columns:
            described = description.columns.get(column.name)
            if described is None:
                problems.append(
                    f"input {self.name!r} reads column {column.name!r}, which the data set does not describe; it has "
                    f"{', '.join(map(repr, description.columns)) or 'none'}"
                )
            elif described.is_number != isinstance(column, NumberColumn):
                was, found = (
                    ("numbers", "words") if isinstance(column, NumberColumn) else ("words", "numbers")
                )
                problems.append(
                    f"input {self.name!r} learned {was} of column {column.name!r}, the data set gives {found}"
                )
            elif isinstance(column, NumberColumn) and described.unit != column.unit:
                problems.append(
                    f"input {self.name!r} learned column {column.name!r} in {column.unit!r}, the data set gives "
                    f"{described.unit!r}"
                )
        if problems:
            raise DataError(problems)


def fit_inputs(inputs: Mapping[str, TabularInput], train: Dataset) -> tuple[FittedInput, ...]:
    """Learns means, deviations and words.

    Args:
        inputs: By name.
        train: The train cases alone.

    Raises:
        DataError: With every problem: a column is not described, stands twice in an input, or no train case has a
            value in it.
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
            f"input {name!r}: the data set describes no column {column!r}; it has {known}. Add it to `columns` in its "
            "description"
        )
    if settings.columns.count(column) > 1:
        return f"input {name!r}: column {column!r} stands there twice"
    if not values:
        return f"input {name!r}: none of the {len(train)} train cases has a {column!r}; leave the column out"
    return ""


def _fit_column(
    name: str, described: ColumnDescription, values: Sequence[Label]
) -> NumberColumn | WordColumn:
    if not described.is_number:
        found = {str(value) for value in values}
        # In the order of the description where there is one, so that equal data give equal networks.
        order = [word for word in described.classes or sorted(found) if word in found]
        return WordColumn(name=name, words=tuple(order))
    numbers = np.asarray(values, float)
    # Of equal values, rounding leaves a deviation that is not quite 0.
    deviation = float(numbers.std()) if np.ptp(numbers) else 0.0
    return NumberColumn(name=name, unit=described.unit, mean=float(numbers.mean()), deviation=deviation)
