"""Cases as small pictures inside a page, the outlines of their masks drawn in; as many bytes as the page may have."""

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.data.images import IGNORE, PALETTE, read_image, resize_image
from unet_mtl.data.masks import count_pixels, read_case_mask, region_of
from unet_mtl.data.patterns import leaves
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.thumbnails import grey_of
from unet_mtl.errors import DataError

SIDE = 160
"""Longest side of a picture, in pixels."""

MOST_BYTES = 3_500_000
"""Of all pictures of a page together, as they are written into it."""

UNLABELLED = (150, 150, 150)
"""Colour of what nobody labelled."""

_FILL = 0.15  # of the class's colour, so that inside and outside of an outline can be told

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Picture:
    """What a page shows of one file or case.

    Attributes:
        uri: The picture itself; empty where there is none.
        words: What it shows, or why there is nothing to see.
    """

    uri: str
    words: str


class Album:
    """Pictures of the cases of a data set, made when asked for.

    Args:
        dataset: Their files are read again, one at a time.
        most_bytes: When that much was handed out, cases get words in place of pictures.
    """

    def __init__(self, dataset: Dataset, most_bytes: int = MOST_BYTES) -> None:
        self._dataset = dataset
        self._records = {record.case: record for record in dataset}
        self._left = most_bytes
        self.colours = class_colours(dataset)

    def record(self, case: str) -> Record | None:
        """What is known of a case."""
        return self._records.get(case)

    def of_case(self, case: str, *, stored: bool = False) -> list[Picture]:
        """Its image with its masks; on request also a mask that cannot be drawn into it, as it is stored."""
        record = self._records.get(case)
        if record is None:
            return [Picture("", "not in the table")]
        if record.image is None:
            return [Picture("", "the data set has no images")]
        if not record.image.is_file():
            return [Picture("", "there is no image file")]
        image = self._read(record.image)
        if isinstance(image, Picture):
            return [image]
        masks, refused = [], []
        for target, description in self._dataset.description.masks.items():
            try:
                mask = None if self._outside(record, target) else read_case_mask(record, target, description)
            except DataError:
                refused.append(target)
                continue
            if mask is not None:
                masks.append((mask, self.colours[target]))
        pictures = [
            self._keep(draw_outlines(_shown(image), masks), "image with its mask" if masks else "image")
        ]
        return pictures + [
            self.of_file(record.masks[target][0].path, mask=True) for target in refused if stored
        ]

    def of_file(self, path: Path, *, mask: bool = False) -> Picture:
        """A file that belongs to no case, or a mask as it is stored, its numbers spread from black to white."""
        image = self._read(path)
        if isinstance(image, Picture):
            return image
        words = "mask as stored" if mask else "file"
        return self._keep(_small(_spread(image, 0, 100) if mask else _shown(image)), words)

    def _outside(self, record: Record, target: str) -> bool:
        return any(self._is_outside(file.path) for file in record.masks.get(target, ()))

    def _is_outside(self, path: Path) -> bool:
        description = self._dataset.description
        return not description.links and leaves(description.root, path)

    def _read(self, path: Path) -> NDArray[Any] | Picture:
        # the page may be sent to others: nothing from outside of the data set gets into it
        if self._is_outside(path):
            return Picture("", "outside of the data set, not shown")
        if self._left <= 0:
            return Picture("", "not shown: the page has enough pictures")
        try:
            return read_image(path)
        except DataError as error:
            if error.kind != "image-range" and not path.is_file():
                return Picture("", "there is no such file")
        try:
            return read_image(path, intensity="percentile")
        except DataError:
            return Picture("", "cannot be read")

    def _keep(self, pixels: NDArray[np.uint8], words: str) -> Picture:
        uri = _as_uri(pixels)
        self._left -= len(uri)
        return Picture(uri, words)


def class_colours(dataset: Dataset) -> dict[str, dict[int, Colour]]:
    """A colour for each class of each mask; those of the first mask are the colours of written masks."""
    given, place = {}, 0
    for target, description in dataset.description.masks.items():
        indices = range(1, len(description.classes))
        given[target] = {index: PALETTE[1 + (place + index - 1) % (len(PALETTE) - 1)] for index in indices}
        place += len(indices)
    return given


def draw_outlines(
    image: NDArray[np.uint8], masks: Sequence[tuple[NDArray[np.uint8], Mapping[int, Colour]]]
) -> NDArray[np.uint8]:
    """The image at `SIDE`, as RGB, with the outline of each class.

    Args:
        image: `(height, width, 1 or 3)`.
        masks: Of the size of the image, as `read_case_mask` gives them, each with the colours of its classes.
    """
    small = _small(image)
    scale = np.array([small.shape[1] / image.shape[1], small.shape[0] / image.shape[0]])
    for mask, colours in masks:
        for index in [index for index in count_pixels(mask) if index]:
            colour = UNLABELLED if index == IGNORE else colours.get(index, UNLABELLED)
            region = np.ascontiguousarray(region_of(mask, index), np.uint8)
            outlines, _ = cv2.findContours(region, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
            # corners in 1/16 pixel, at the centres of the pixels of the large image
            corners = [np.rint(((line + 0.5) * scale - 0.5) * 16).astype(np.int32) for line in outlines]
            inside = cv2.resize(region * 255, small.shape[1::-1], interpolation=cv2.INTER_AREA)[..., None]
            tint = _FILL * (inside / 255.0)
            small = np.rint(small * (1 - tint) + np.array(colour) * tint).astype(np.uint8)
            cv2.polylines(
                small, corners, isClosed=True, color=colour, thickness=1, lineType=cv2.LINE_AA, shift=4
            )
    return small


def _shown(image: NDArray[Any]) -> NDArray[np.uint8]:
    """What a person can see: 8 bits; the contrast of deeper images, which may all be dark, is spread."""
    if image.shape[-1] not in (1, 3):
        image = grey_of(image)[..., None]
        image = np.rint(image).astype(np.uint8) if image.max(initial=0) > 1 else image
    return image if image.dtype == np.uint8 else _spread(image, 0.5, 99.5)


def _spread(image: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    black, white = np.percentile(image, [low, high])
    if white <= black:
        span = 1 if image.dtype == np.uint8 else 255
        return np.asarray(np.clip(image * span, 0, 255), np.uint8)
    return np.asarray(np.clip((image.astype(np.float32) - black) * (255 / (white - black)), 0, 255), np.uint8)


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.shape[-1] not in (1, 3):
        image = np.rint(grey_of(image)).astype(np.uint8)[..., None]
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    small = resize_image(image, (max(1, round(height * scale)), max(1, round(width * scale))))
    return np.ascontiguousarray(np.repeat(small, 3, axis=-1) if small.shape[-1] == 1 else small)


def _as_uri(pixels: NDArray[np.uint8]) -> str:
    written = io.BytesIO()
    # full colour resolution: thin coloured lines on grey are what these pictures are for
    Image.fromarray(pixels).save(written, "JPEG", quality=80, subsampling=0, optimize=True)
    return f"data:image/jpeg;base64,{b64encode(written.getvalue()).decode('ascii')}"
