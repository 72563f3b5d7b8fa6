"""Pixels for files of the corpus: made up, or encoded in a given format."""

import io
from typing import Any

import cv2
import numpy as np
from PIL import Image

from .good import SIZE


def speckle(seed: int) -> Any:
    """Return an image that resembles none of the good data set."""
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.normal(0, 1, SIZE), (0, 0), 5)
    fine = cv2.GaussianBlur(rng.normal(0, 1, SIZE), (0, 0), 1)
    return np.clip(80 + 40 * smooth / smooth.std() + 10 * fine / fine.std(), 0, 255).astype(np.uint8)


def encoded(pixels: Any, kind: str, **options: Any) -> bytes:
    """Return the bytes of a file in the format "PNG", "JPEG" or "TIFF"."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()
