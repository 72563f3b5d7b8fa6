"""Images and masks in files that hold several pictures."""

from collections.abc import Sequence
from pathlib import Path

from unet_mtl.data.frames import describe_frames
from unet_mtl.data.images import read_header
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.content import pick_evenly
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.wording import count_of

_SAMPLE = 200


def note_frames(what: str, paths: Sequence[Path], notes: Notes) -> None:
    """Add files that hold several pictures to the notes.

    Args:
        what: What the files hold: "images" or "masks".
        paths: The files, of which a sample is opened.
        notes: Receives a note.
    """
    sample = pick_evenly(paths, _SAMPLE)
    pictures = []
    for path in sample:
        try:
            header = read_header(path)
        except DataError:  # `unet-mtl check` gives the reason
            continue
        pictures.append((header.frames, header.index))
    found = describe_frames(pictures)
    if found:
        opened = (
            "" if len(sample) == len(paths) else f", of the {count_of(len(sample), 'file')} that were opened"
        )
        notes.doubt(
            f"{what.capitalize()}{opened}: {found}. `frame` in dataset.yaml selects another one: a number, or a column "
            "of the table."
        )
