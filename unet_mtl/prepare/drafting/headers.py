"""What the headers of images and masks say: the number of pictures, the pixel spacing, and the patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unet_mtl.data.frames import describe_frames
from unet_mtl.data.readers import find_format
from unet_mtl.data.readers.picture import Header
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.content import pick_evenly
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.wording import count_of

_SAMPLE = 200


@dataclass(frozen=True)
class Headers:
    """The headers of a sample of files.

    Attributes:
        headers: The headers that could be read.
        sample: Where the sample is smaller than all files, the end of a sentence that says so; else empty.
        store_spacing: Whether all files of the sample are, by their content, of formats with the pixel spacing.
    """

    headers: tuple[Header, ...]
    sample: str
    store_spacing: bool

    @property
    def have_spacing(self) -> bool:
        """Return whether the pixel spacing is in the headers, judged by the formats if no header can be read."""
        known = [header.spacing_mm is not None for header in self.headers]
        return self.store_spacing and (any(known) or not known)

    @property
    def patients(self) -> set[bytes]:
        """Return the digests of the patients that the headers name."""
        return {header.patient for header in self.headers if header.patient is not None}


def read_headers(paths: Sequence[Path]) -> Headers:
    """Read the headers of a sample of files; `unet-mtl check` gives the reason for those that cannot be read."""
    sample = pick_evenly(paths, _SAMPLE)
    formats, headers = [], []
    for path in sample:
        try:
            known, _ = find_format(path)
            formats.append(known)
            headers.append(known.reader.measure(path, None))
        except DataError:
            continue
    of_sample = (
        "" if len(sample) == len(paths) else f", of the {count_of(len(sample), 'file')} that were opened"
    )
    store_spacing = bool(formats) and all(known.stores_spacing for known in formats)
    return Headers(tuple(headers), of_sample, store_spacing)


def note_frames(what: str, found: Headers, notes: Notes) -> None:
    """Add files that hold several pictures to the notes.

    Args:
        what: What the files hold: "images" or "masks".
        found: The headers of the files.
        notes: Receives a note.
    """
    text = describe_frames((header.frames, header.index) for header in found.headers)
    if text:
        notes.doubt(
            f"{what.capitalize()}{found.sample}: {text}. `frame` in dataset.yaml selects another one: a number, or a "
            "column of the table."
        )
