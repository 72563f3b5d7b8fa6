"""Small pictures that a page holds inline, with the outlines of masks drawn into them."""

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.data.images import IGNORE, resize_image
from unet_mtl.data.masks import count_pixels, region_of
from unet_mtl.data.thumbnails import grey_of

SIDE = 160
"""Longest side of a picture, in pixels."""

UNLABELLED = (150, 150, 150)
"""Colour of unlabelled pixels."""

_FILL = 0.15  # share of the class's colour inside an outline, which tells the inside from the outside

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


@dataclass(frozen=True)
class Picture:
    """One picture of a page, or the reason why there is none.

    Attributes:
        uri: The picture as a data URI, or empty.
        description: What the picture shows, or why there is none.
        caption: Text below the picture, or empty.
    """

    uri: str
    description: str
    caption: str = ""


def encode_picture(pixels: NDArray[np.uint8]) -> str:
    """Return RGB pixels of shape `(height, width, 3)` as a data URI of a JPEG file."""
    stream = io.BytesIO()
    # chroma subsampling would blur the thin coloured lines on grey that these pictures exist for
    Image.fromarray(pixels).save(stream, "JPEG", quality=80, subsampling=0, optimize=True)
    return f"data:image/jpeg;base64,{b64encode(stream.getvalue()).decode('ascii')}"


def draw_outlines(
    image: NDArray[np.uint8], masks: Sequence[tuple[NDArray[np.uint8], Mapping[int, Colour]]]
) -> NDArray[np.uint8]:
    """Shrink an image to `SIDE` and draw the outline of each class of its masks.

    Args:
        image: Pixels of shape `(height, width, 1 or 3)`.
        masks: Pairs of a mask of class indices, in the form that `read_case_mask` returns and of the size of the
            image, and the colour of each class index. Indices without a colour are drawn as unlabelled.

    Returns:
        RGB pixels of shape `(height, width, 3)`, at most `SIDE` pixels wide and high.
    """
    small = shrink(image)
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


def to_8_bits(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert an image for display.

    Args:
        image: Pixels of shape `(height, width, channels)`; more than three channels are reduced to grey.

    Returns:
        Pixels of shape `(height, width, 1 or 3)`. The contrast of images of more than 8 bits, which may use a small
        part of their range, is stretched.
    """
    if image.shape[-1] not in (1, 3):
        image = grey_of(image)[..., None]
        image = np.rint(image).astype(np.uint8) if image.max(initial=0) > 1 else image
    return image if image.dtype == np.uint8 else stretch_contrast(image, 0.5, 99.5)


def stretch_contrast(image: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Map the values between two percentiles of an image linearly to 0..255, and clip the others."""
    black, white = np.percentile(image, [low, high])
    if white <= black:
        span = 1 if image.dtype == np.uint8 else 255
        return np.asarray(np.clip(image * span, 0, 255), np.uint8)
    return np.asarray(np.clip((image.astype(np.float32) - black) * (255 / (white - black)), 0, 255), np.uint8)


def shrink(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as RGB, reduced to `SIDE` where it is larger."""
    if image.shape[-1] not in (1, 3):
        image = np.rint(grey_of(image)).astype(np.uint8)[..., None]
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    small = resize_image(image, (max(1, round(height * scale)), max(1, round(width * scale))))
    return np.ascontiguousarray(np.repeat(small, 3, axis=-1) if small.shape[-1] == 1 else small)
