"""The picture that is read from each file of several, from a column of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from unet_mtl.data.case_files import read_frame
from unet_mtl.data.description import Description
from unet_mtl.data.observations import Observation, texts
from unet_mtl.data.rows import CASE
from unet_mtl.errors import DataError

_USUAL = "frame"
"""The name of the column if the data of the training have none."""


@dataclass(frozen=True)
class Frames:
    """The index of the picture of each image.

    Attributes:
        rows: The index by case, from a table; or the error in the row of the case.
        otherwise: The index for images without one in the table; None for the usual picture.
    """

    rows: Mapping[str, int | DataError] = field(default_factory=dict)
    otherwise: int | None = None

    def find(self, name: str) -> int | DataError | None:
        """Return the index of the picture of an image, or the error in its row.

        Args:
            name: Name of the image without its suffix, with slashes between folders.
        """
        return self.rows.get(name, self.rows.get(PurePosixPath(name).name, self.otherwise))


def frame_column(description: Description) -> str:
    """Return the name of the column with the index of the picture of each case.

    Args:
        description: Description of the data that the run was trained on.
    """
    return description.frame if isinstance(description.frame, str) else _USUAL


def read_frames(
    rows: Mapping[str, Mapping[str, str]], description: Description, otherwise: int | None = None
) -> Frames:
    """Read the index of the picture of each case, if the table has a column for it.

    Args:
        rows: Cells by column, by case name, in the form that `read_case_rows` returns.
        description: Description of the data that the run was trained on.
        otherwise: The index for images without one in the table; None for the usual picture.
    """
    column = frame_column(description)
    found: dict[str, int | DataError] = {}
    for case, row in rows.items():
        observations: list[Observation] = []
        frame = read_frame({**row, CASE: case}, column, description, observations) if column in row else None
        if observations:
            found[case] = DataError(texts(observations))
        elif frame is not None:
            found[case] = frame
    return Frames(found, otherwise)
