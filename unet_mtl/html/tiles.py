"""What a page shows of one case, and of several cases side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from unet_mtl.html.pictures import Picture


@dataclass(frozen=True)
class Tile:
    """One case, or one file that belongs to no case.

    Attributes:
        name: Name of the case or file.
        tag: A short text beside the name, such as the part of the split, or empty.
        note: Text below the name, or empty.
        pictures: The pictures, usually a single one.
    """

    name: str
    tag: str
    note: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class TileGroup:
    """Cases that are shown together.

    Attributes:
        heading: What the cases have in common, or empty.
        tiles: The first tiles.
        more: Number of cases that are not shown.
    """

    heading: str
    tiles: Sequence[Tile]
    more: int
