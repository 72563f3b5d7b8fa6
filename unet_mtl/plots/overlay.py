"""An image with predicted and true contours."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import IGNORE, PALETTE
from unet_mtl.data.masks import region_of
from unet_mtl.files import writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def class_colour(index: int) -> tuple[float, float, float]:
    """RGB in 0..1 of a class; the same as in the mask files."""
    red, green, blue = PALETTE[1 + (index - 1) % (len(PALETTE) - 1)]
    return (red / 255, green / 255, blue / 255)


def new_figure(width: float, height: float, *, images: bool = False) -> "Figure":
    """A figure without a window or global state.

    Args:
        width: In inches.
        height: In inches.
        images: Whether its panels are images, whose fixed aspect the usual layout does not reckon with.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="compressed" if images else "constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: "Figure", path: Path, *, dpi: int = 130) -> None:
    """Writes a picture whole or not at all."""
    with writing(path) as temporary:
        figure.savefig(temporary, dpi=dpi, bbox_inches="tight", pad_inches=0.1)


def draw_image(axes: "Axes", image: NDArray[Any]) -> None:
    """Shows (height, width, 1 or 3), uint8 or 0..1, without ticks."""
    span = 255 if image.dtype == np.uint8 else 1
    axes.imshow(image.squeeze(-1) if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=span)
    # Not `set_axis_off`, which would take the title out of the layout's sight.
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def draw_contours(
    axes: "Axes", truth: NDArray[np.uint8] | None, mask: NDArray[np.uint8], classes: Sequence[str]
) -> None:
    """Draws predicted contours solid and true ones dashed, with a legend of what is there.

    Args:
        axes: With the image on it.
        truth: (height, width) class indices, 255 unlabelled; or (height, width, classes but the background) of 0, 1
            and 255, where classes overlap; None: not known.
        mask: The predicted one, likewise.
        classes: The background first.
    """
    for index in range(1, len(classes)):
        colour = class_colour(index)
        _draw_outline(axes, region_of(mask, index), colour, "-", f"{classes[index]}, predicted")
        if truth is not None:
            _draw_outline(axes, region_of(truth, index), colour, (0, (2, 2)), f"{classes[index]}, true")
    if truth is not None:
        _draw_outline(axes, region_of(truth, IGNORE), (0.6, 0.6, 0.6), ":", "not labelled")


def draw_outlines(axes: "Axes", mask: NDArray[np.uint8], classes: Sequence[str]) -> None:
    """Draws one mask alone in thin lines, with a legend of what is there.

    Args:
        axes: With the image on it.
        mask: As of `draw_contours`.
        classes: The background first.
    """
    for index in range(1, len(classes)):
        _draw_outline(axes, region_of(mask, index), class_colour(index), "-", classes[index], width=0.5)
    _draw_outline(axes, region_of(mask, IGNORE), (0.6, 0.6, 0.6), ":", "not labelled", width=0.5)


def _draw_outline(
    axes: "Axes", region: NDArray[np.bool_], colour: Any, style: Any, label: str, *, width: float = 1.3
) -> None:
    if not region.any():
        return
    # A margin of one pixel closes outlines at the border of the image.
    padded = np.pad(region, 1).astype(np.uint8)
    rows, columns = np.arange(-1, padded.shape[0] - 1), np.arange(-1, padded.shape[1] - 1)
    axes.contour(columns, rows, padded, levels=[0.5], colors=[colour], linestyles=[style], linewidths=width)
    axes.plot([], [], color=colour, linestyle=style, label=label)


def add_legend(axes: "Axes") -> None:
    """Below the picture, where it hides nothing; nothing if there is nothing to tell apart."""
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=2, frameon=False, fontsize=8)
