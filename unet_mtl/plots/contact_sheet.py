"""A contact sheet of augmented images: cases in rows, augmentations of each case in columns."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.plots.overlay import draw_image, draw_outlines, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Shot:
    """One picture of a sheet.

    Attributes:
        title: Title above the picture.
        image: Image (height, width, 1 or 3), uint8, or floating point in 0..1.
        masks: Masks by task name, in the form that `draw_outlines` takes; may be empty.
    """

    title: str
    image: NDArray[Any]
    masks: Mapping[str, NDArray[np.uint8]]


def draw_sheet(
    rows: Sequence[Sequence[Shot]], classes: Mapping[str, Sequence[str]], heading: str, steps: Sequence[str]
) -> "Figure":
    """Draw a contact sheet.

    Args:
        rows: Rows of equal length, each with the original first.
        classes: Names of the classes by task name, the background first.
        heading: Title above the pictures.
        steps: Lines below the pictures, one for each augmentation step; long lines are wrapped.
    """
    columns = len(rows[0])
    width = 2.1 * columns
    lines = [
        line for step in steps for line in textwrap.wrap(step, int(13.5 * width), subsequent_indent="      ")
    ]
    figure = new_figure(width, 2.35 * len(rows) + 0.16 * len(lines) + 0.7, images=True)
    panels = figure.subplots(len(rows), columns, squeeze=False)
    legend: dict[str, Any] = {}
    for row, shots in zip(panels, rows, strict=True):
        for axes, shot in zip(row, shots, strict=True):
            _draw_shot(axes, shot, classes)
            handles, labels = axes.get_legend_handles_labels()
            legend |= dict(zip(labels, handles, strict=True))
    figure.suptitle(heading, fontsize=11)
    if legend:
        figure.legend(
            legend.values(), legend.keys(), loc="outside upper right", ncols=4, frameon=False, fontsize=8
        )
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=8, family="monospace")
    return figure


def _draw_shot(axes: "Axes", shot: Shot, classes: Mapping[str, Sequence[str]]) -> None:
    draw_image(axes, shot.image)
    for name, mask in shot.masks.items():
        draw_outlines(axes, mask, classes[name])
    axes.set_title(shot.title, fontsize=7)
