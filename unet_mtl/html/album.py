"""The cases of a data set as small inline pictures, within the number of bytes that a page may have."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import picture_colour, read_image
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.patterns import leaves
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError
from unet_mtl.html.pictures import (
    Colour,
    Picture,
    draw_outlines,
    encode_picture,
    shrink,
    stretch_contrast,
    to_8_bits,
)

MOST_BYTES = 3_500_000
"""Size of all pictures of a page together, as they are written into it."""


class Album:
    """Pictures of the cases of a data set, made on request.

    Args:
        dataset: The data set; its files are read again, one at a time.
        most_bytes: The size after which cases get a text in place of a picture.

    Attributes:
        colours: The colour of each class index, by target.
    """

    def __init__(self, dataset: Dataset, most_bytes: int = MOST_BYTES) -> None:
        self._dataset = dataset
        self._records = {record.case: record for record in dataset}
        self._left = most_bytes
        self.colours = class_colours(dataset)

    def record(self, case: str) -> Record | None:
        """Return the record of a case, or None if the data set has none."""
        return self._records.get(case)

    def of_case(self, case: str, *, stored: bool = False) -> list[Picture]:
        """Return the image of a case with the outlines of its masks.

        Args:
            case: The name of the case.
            stored: Whether masks that cannot be drawn into the image follow as separate pictures, as they are stored.
        """
        record = self._records.get(case)
        if record is None:
            return [Picture("", "not in the table")]
        if record.image is None:
            return [Picture("", "the data set has no images")]
        if not record.image.is_file():
            return [Picture("", "the image file is missing")]
        image = self._read(record.image)
        if isinstance(image, Picture):
            return [image]
        masks, unreadable = [], []
        for target, description in self._dataset.description.masks.items():
            try:
                mask = (
                    None
                    if self._has_mask_outside(record, target)
                    else read_case_mask(record, target, description)
                )
            except DataError:
                unreadable.append(target)
                continue
            if mask is not None:
                masks.append((mask, self.colours[target]))
        shows = "image with its mask" if masks else "image"
        pictures = [self._encode(draw_outlines(to_8_bits(image), masks), shows)]
        return pictures + [
            self.of_file(record.masks[target][0].path, mask=True) for target in unreadable if stored
        ]

    def of_file(self, path: Path, *, mask: bool = False) -> Picture:
        """Return the picture of a single file.

        Args:
            path: An image file, or a mask file.
            mask: Whether the file is a mask; its values are then stretched from black to white.
        """
        image = self._read(path)
        if isinstance(image, Picture):
            return image
        if mask:
            return self._encode(shrink(stretch_contrast(image, 0, 100)), "mask as stored", "mask as stored")
        return self._encode(shrink(to_8_bits(image)), "file")

    def _has_mask_outside(self, record: Record, target: str) -> bool:
        return any(self._is_outside(file.path) for file in record.masks.get(target, ()))

    def _is_outside(self, path: Path) -> bool:
        description = self._dataset.description
        return not description.links and leaves(description.root, path)

    def _read(self, path: Path) -> NDArray[Any] | Picture:
        # the page may be sent to others, so it must not hold anything from outside the data set
        if self._is_outside(path):
            return Picture("", "outside the data set, not shown")
        if self._left <= 0:
            return Picture("", "not shown: the page has reached its limit of pictures")
        try:
            return read_image(path)
        except DataError as error:
            if error.kind != "image-range" and not path.is_file():
                return Picture("", "the file is missing")
        try:
            return read_image(path, intensity="percentile")
        except DataError:
            return Picture("", "cannot be read")

    def _encode(self, pixels: NDArray[np.uint8], description: str, caption: str = "") -> Picture:
        uri = encode_picture(pixels)
        self._left -= len(uri)
        return Picture(uri, description, caption)


def class_colours(dataset: Dataset) -> dict[str, dict[int, Colour]]:
    """Return the colour of each class index but the background, by target.

    The colours of the first target are those of the palette in written masks; further targets continue the palette.
    """
    colours, place = {}, 0
    for target, description in dataset.description.masks.items():
        indices = range(1, len(description.classes))
        colours[target] = {index: picture_colour(place + index) for index in indices}
        place += len(indices)
    return colours
