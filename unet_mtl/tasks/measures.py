"""Lengths and areas: labels in the unit of a column, answers in that unit or in pixels, and pixels between them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from unet_mtl.data.description import ColumnDescription
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.units import MILLIMETRES, PIXEL, read_unit
from unet_mtl.data.view import View
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks.number import Number
from unet_mtl.tasks.predictions import Value

Measure = Literal["length", "area"]

_POWERS: dict[Measure, int] = {"length": 1, "area": 2}
_NAMES: dict[Measure, str] = {"length": "a length", "area": "an area"}


def require_units(task: str, columns: Mapping[str, ColumnDescription], measure: Measure) -> None:
    """Require that each column has a unit of length or of area.

    Args:
        task: The name of the task, for the error message.
        columns: Descriptions by column.
        measure: What the columns measure.

    Raises:
        ConfigError: A column has another unit, or none.
    """
    square = "2" * (measure == "area")
    known = ", ".join([*(f"{name}{square}" for name in MILLIMETRES if name.isascii()), PIXEL])
    for name, described in columns.items():
        unit = read_unit(described.unit)
        # A number of pixels is an area too.
        if unit is None or (unit.power != _POWERS[measure] and described.unit != PIXEL):
            received = repr(described.unit) if described.unit else "no unit"
            raise ConfigError(
                f"task {task!r}: {_NAMES[measure]} needs a unit of {measure}, and column {name!r} has {received}; set "
                f"`unit` of the column in dataset.yaml to one of {known}"
            )


def in_pixels(unit: str) -> bool:
    """Return whether a unit is that of pixels of the original image, which need no spacing."""
    known = read_unit(unit)
    return known is not None and known.millimetres is None


def is_usable(record: Record, unit: str) -> bool:
    """Return whether a label in a unit can be compared with an image, which takes a spacing unless it is in pixels."""
    return record.spacing_mm is not None or in_pixels(unit)


def require_usable(
    task: str, columns: Mapping[str, ColumnDescription], measure: Measure, train: Dataset
) -> Dataset:
    """Return the train cases with a label that can be used.

    Raises:
        DataError: There are labels, but none in a case with a pixel spacing.
    """
    for name, column in columns.items():
        labelled = [record for record in train if name in record.labels]
        negative = [record.case for record in labelled if float(record.labels[name]) < 0]
        if negative:
            raise DataError(
                f"task {task!r}: case {negative[0]!r} has a {name!r} below 0, which {_NAMES[measure]} never is; "
                "correct the cell"
            )
        if labelled and not any(is_usable(record, column.unit) for record in labelled):
            raise DataError(
                f"task {task!r}: none of the {len(labelled)} train cases with a {name!r} has a pixel spacing, which "
                f"{_NAMES[measure]} needs for a number in {column.unit}; set `spacing_mm` in dataset.yaml, or give "
                f"the number in pixels of the image, with `unit: {PIXEL}`"
            )
    return train.only([r for r in train if any(is_usable(r, column.unit) for column in columns.values())])


def drop_unusable(numbers: Sequence[Number], known: Mapping[str, float], record: Record) -> dict[str, float]:
    """Return the labels of a case, by column, that can be compared with its image."""
    units = {number.column: number.unit for number in numbers}
    return {name: value for name, value in known.items() if is_usable(record, units[name])}


def to_input(value: float, unit: str, measure: Measure, view: View) -> float:
    """Convert a length or area to pixels of the network's input.

    Args:
        value: The number in `unit`.
        unit: The unit of the column.
        measure: What the number measures.
        view: The scale at which the network sees the case; its spacing is known unless `unit` is pixels.
    """
    per_unit, known = _per_unit(unit, measure, view)
    if known != unit:
        raise DataError(
            f"{value:g} {unit} cannot be converted to pixels without the pixel spacing of the case"
        )
    return value * per_unit


def from_input(value: Value, unit: str, measure: Measure, view: View) -> Value:
    """Convert a prediction in pixels of the network's input to a unit, or to pixels of the original image.

    Args:
        value: The prediction.
        unit: The unit of the column.
        measure: What the number measures.
        view: The scale at which the network sees the case.

    Returns:
        The prediction in `unit`; in "px" if the spacing is unknown.
    """
    per_unit, known = _per_unit(unit, measure, view)
    low, high = (None if end is None else end / per_unit for end in (value.low, value.high))
    return replace(value, value=value.value / per_unit, unit=known, low=low, high=high)


def _per_unit(unit: str, measure: Measure, view: View) -> tuple[float, str]:
    """Return how many pixels of the network's input a unit has, and the unit, which is "px" where none is known."""
    known, power = read_unit(unit), _POWERS[measure]
    if known is None or known.millimetres is None:
        return view.per_pixel**power, unit or PIXEL
    if view.per_mm is None:
        return view.per_pixel**power, PIXEL
    return view.per_mm**power * known.millimetres, unit


def from_mm(value_mm: float, unit: str) -> float:
    """Convert a length in mm, or an area in mm2, to the unit of a column; numbers of pixels are unchanged."""
    known = read_unit(unit)
    return value_mm if known is None or known.millimetres is None else value_mm / known.millimetres
