"""Finished pictures side by side in one figure."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.plots.overlay import DPI, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def render_png(figure: "Figure") -> bytes:
    """Return a figure as the PNG file that `save_figure` would write, for use in several places after one drawing."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.1)
    return buffer.getvalue()


def draw_grid(pictures: Sequence[bytes], *, columns: int, title: str) -> "Figure":
    """Lay pictures out in rows, at their own size.

    Args:
        pictures: PNG files, at least one; filled row by row.
        columns: Number of pictures in a row.
        title: Title above the grid.
    """
    images = [_decode(picture) for picture in pictures]
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    height = max(image.shape[0] for image in images)
    width = max(image.shape[1] for image in images)
    canvas = np.full((len(rows) * height, len(rows[0]) * width, 3), 255, np.uint8)
    for row, images_of_row in enumerate(rows):
        for column, image in enumerate(images_of_row):
            # At the bottom of its place: titles differ in their number of lines more often than legends.
            bottom = (row + 1) * height
            left = column * width + (width - image.shape[1]) // 2
            canvas[bottom - image.shape[0] : bottom, left : left + image.shape[1]] = image
    figure = new_figure(canvas.shape[1] / DPI, canvas.shape[0] / DPI)
    # Axes of exactly the size of the canvas, so that no pixel is resampled.
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(canvas, aspect="auto", interpolation="none")
    axes.set_axis_off()
    axes.set_title(title, fontsize=10)
    return figure


def _decode(picture: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(picture)) as image:
        return np.asarray(image.convert("RGB"))
