"""One case before and after prediction: everything that tables, overlays and files of predictions read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.inputs.columns import Labels
from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.data.channel_files import ChannelFile
from unet_mtl.data.description import Description
from unet_mtl.data.frames import choose_picture
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError, NotFiniteError
from unet_mtl.tasks import Prediction

Answers = dict[str, Prediction]
"""Predictions by task name."""


@dataclass(frozen=True)
class Case:
    """One case to predict.

    Attributes:
        name: Name for files and headings: the case of a record, or the image's name without suffix.
        image: Path of the image; None for a run that reads no image. If the channels are separate files, the first one
            that exists.
        frame: Index of the picture in a file of several; None for the usual one.
        frames: Number of pictures in the file, where it is known.
        channels: Files of the channels, if they are separate files.
        columns: Values of the table by column, unknown ones absent; or the error in the case's row.
        spacing_mm: Distance between neighbouring (rows, columns) in mm; None if unknown.
        record: Record of the case in a data set; None for a bare image or row.
        description: Description of that data set, by which the labels of `record` are read.
    """

    name: str
    image: Path | None = None
    frame: int | None = None
    frames: int = 1
    channels: tuple[ChannelFile, ...] = ()
    columns: Labels | DataError = field(default_factory=dict)
    spacing_mm: tuple[float, float] | None = None
    record: Record | None = None
    description: Description | None = None

    def pictures(self) -> list[tuple[int, int]]:
        """Return the number of pictures of each file, and the index of the one that is read."""
        if not self.channels:
            return [(self.frames, self.frame or 0)]
        files = [channel for channel in self.channels if not channel.missing]
        chosen = (choose_picture(file.path, file.frame) for file in files)
        return [(frames, index or 0) for index, frames in chosen]


def cases_of(dataset: Dataset, inputs: Inputs) -> Iterator[Case]:
    """Yield the cases of a data set, in its order.

    Args:
        dataset: The data set.
        inputs: Inputs of the run, which select the columns.
    """
    for record in dataset:
        yield Case(
            name=record.case,
            image=record.image,
            frame=record.frame,
            channels=record.channels,
            columns=inputs.columns_of(record),
            spacing_mm=record.spacing_mm,
            record=record,
            description=dataset.description,
        )


class Marks(NamedTuple):
    """Marks of an add-on on the picture of a case.

    Attributes:
        lines: Lines at the end of the title.
        frame: Colour of a frame around the picture; empty for no frame.
    """

    lines: tuple[str, ...] = ()
    frame: str = ""


class Extra(Protocol):
    """What an add-on found in one case."""

    def cells(self) -> dict[str, str | float]:
        """Return the cells of the case, by column, for cases.csv and predictions.csv."""

    def marks(self) -> Marks:
        """Return the marks on the picture of the case."""


@dataclass(frozen=True)
class CaseResult:
    """The result of one case; made by `Predictor.predict` alone.

    Attributes:
        case: The case that was predicted.
        error: Reason why there is no result; the fields below are empty then.
        image: Image at its original size, (height, width, channels), uint8 or float32 in 0..1; None for a run that
            reads no image.
        picture: The channels of `image` that pictures show, (height, width, 1 or 3); None: all of 1 or 3 channels.
        raw: Outputs of the network by task name, float32, at the size of the network's canvas.
        answers: Predictions by task name; masks at the original size.
        truths: Labels by task name, at the original size, in the form that `Task.read` returns; None for an unknown
            label. Empty for a case without a record.
        extras: What the add-ons found, by the name of the add-on.
    """

    case: Case
    error: DataError | None = None
    image: NDArray[Any] | None = None
    picture: NDArray[Any] | None = None
    raw: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    truths: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Extra] = field(default_factory=dict)

    def require(self) -> "CaseResult":
        """Return the result itself.

        Raises:
            DataError: The case could not be predicted.
        """
        if isinstance(self.error, NotFiniteError):
            raise self.error.explain()
        if self.error is not None:
            raise self.error
        return self
