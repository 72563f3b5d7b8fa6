"""Images with predicted and true contours, and the figures that hold them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import IGNORE, picture_colour, resize_image
from unet_mtl.data.masks import region_of
from unet_mtl.files import writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 130
"""Resolution of written pictures in pixels per inch."""

MAX_SIDE = 1600
"""Pixels of the longer side that images and outlines are reduced to for drawing; written pictures have fewer."""


def class_colour(index: int) -> tuple[float, float, float]:
    """Return the colour of a class, RGB in 0..1; that of mask files for the first classes."""
    red, green, blue = picture_colour(index)
    return (red / 255, green / 255, blue / 255)


def new_figure(width: float, height: float, *, images: bool = False) -> "Figure":
    """Return a figure without a window or global state.

    Args:
        width: Width in inches.
        height: Height in inches.
        images: Whether the panels are images. The usual layout does not allow for their fixed aspect ratio.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="compressed" if images else "constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: "Figure", path: Path, *, dpi: int = DPI) -> None:
    """Write a figure as a picture, completely or not at all.

    Args:
        figure: The figure.
        path: File to write; its suffix selects the format.
        dpi: Resolution in pixels per inch.

    Raises:
        WriteError: The system refused to write the file.
    """
    with writing(path) as temporary:
        figure.savefig(temporary, dpi=dpi, bbox_inches="tight", pad_inches=0.1)


def draw_image(axes: "Axes", image: NDArray[Any]) -> None:
    """Show an image without ticks.

    Args:
        axes: Axes to draw on.
        image: Image (height, width, 1 or 3), uint8, or floating point in 0..1.
    """
    span = 255 if image.dtype == np.uint8 else 1
    height, width = image.shape[:2]
    scale = min(1.0, MAX_SIDE / max(height, width))
    shown = resize_image(image, (max(1, round(scale * height)), max(1, round(scale * width)))).clip(0, span)
    # The extent keeps the coordinates of pixels of the original image.
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    pixels = shown.squeeze(-1) if shown.shape[-1] == 1 else shown
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=span, extent=extent)
    # The layout would ignore the title after `set_axis_off`.
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def draw_contours(
    axes: "Axes",
    truth: NDArray[np.uint8] | None,
    mask: NDArray[np.uint8],
    classes: Sequence[str],
    first_colour: int = 1,
) -> None:
    """Draw predicted contours solid and true ones dashed, with a legend entry for each contour.

    Args:
        axes: Axes with the image.
        truth: True mask, (height, width) class indices with 255 for unlabelled pixels; or (height, width, classes
            except the background) of 0, 1 and 255 if classes overlap. None if it is unknown.
        mask: Predicted mask, in the same form.
        classes: Names of the classes, the background first.
        first_colour: Index of the colour of the first class after the background, for `class_colour`.
    """
    for index in range(1, len(classes)):
        colour = class_colour(first_colour + index - 1)
        _draw_outline(axes, region_of(mask, index), colour, "-", f"{classes[index]}, predicted")
        if truth is not None:
            _draw_outline(axes, region_of(truth, index), colour, (0, (2, 2)), f"{classes[index]}, true")
    if truth is not None:
        _draw_outline(axes, region_of(truth, IGNORE), (0.6, 0.6, 0.6), ":", "not labelled")


def draw_outlines(axes: "Axes", mask: NDArray[np.uint8], classes: Sequence[str]) -> None:
    """Draw the contours of one mask in thin lines, with a legend entry for each contour.

    Args:
        axes: Axes with the image.
        mask: Mask in the form that `draw_contours` takes.
        classes: Names of the classes, the background first.
    """
    for index in range(1, len(classes)):
        _draw_outline(axes, region_of(mask, index), class_colour(index), "-", classes[index], width=0.5)
    _draw_outline(axes, region_of(mask, IGNORE), (0.6, 0.6, 0.6), ":", "not labelled", width=0.5)


def _draw_outline(
    axes: "Axes", region: NDArray[np.bool_], colour: Any, style: Any, label: str, *, width: float = 1.3
) -> None:
    rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    if not rows.size:
        return
    # matplotlib takes about 100 bytes per pixel, so it gets the part of the image that has the region.
    pooled, step = _pool(region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    # A margin of one pixel closes outlines at the border of the image.
    padded = np.pad(pooled, 1).astype(np.uint8)
    y, x = (
        first + (np.arange(-1, side - 1) + 0.5) * step - 0.5
        for first, side in zip((rows[0], columns[0]), padded.shape, strict=True)
    )
    axes.contour(x, y, padded, levels=[0.5], colors=[colour], linestyles=[style], linewidths=width)
    axes.plot([], [], color=colour, linestyle=style, label=label)


def _pool(region: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int]:
    """Reduce a region to `MAX_SIDE`, without losing small parts of it.

    Returns:
        Squares of pixels, each of which has a pixel of the region or none; and the side of the squares.
    """
    step = math.ceil(max(region.shape) / MAX_SIDE)
    if step == 1:
        return region, 1
    rows = np.logical_or.reduceat(region, np.arange(0, region.shape[0], step), axis=0)
    return np.logical_or.reduceat(rows, np.arange(0, region.shape[1], step), axis=1), step


def add_legend(axes: "Axes") -> None:
    """Add a legend below the image, where it hides nothing; no legend if there are no entries."""
    by_label = {handle.get_label(): handle for handle in axes.get_legend_handles_labels()[0]}
    if by_label:
        axes.legend(
            handles=list(by_label.values()),
            loc="upper center",
            bbox_to_anchor=(0.5, -0.01),
            ncols=2,
            frameon=False,
            fontsize=8,
        )
