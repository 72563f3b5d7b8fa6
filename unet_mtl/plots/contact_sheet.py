"""A contact sheet: cases in rows, what augmentation makes of each in columns."""

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
        title: Above it.
        image: (height, width, 1 or 3), uint8 or 0..1.
        masks: By task name, as `draw_outlines` has them.
    """

    title: str
    image: NDArray[Any]
    masks: Mapping[str, NDArray[np.uint8]]


def draw_sheet(
    rows: Sequence[Sequence[Shot]], classes: Mapping[str, Sequence[str]], heading: str, steps: Sequence[str]
) -> "Figure":
    """Draws the sheet.

    Args:
        rows: Of one length, the original first.
        classes: By task name, the background first.
        heading: Above all.
        steps: A line each, below all; long ones are wrapped.
    """
    columns = len(rows[0])
    width = 2.1 * columns
    lines = [
        line for step in steps for line in textwrap.wrap(step, int(13.5 * width), subsequent_indent="      ")
    ]
    figure = new_figure(width, 2.35 * len(rows) + 0.16 * len(lines) + 0.7, images=True)
    panels = figure.subplots(len(rows), columns, squeeze=False)
    known: dict[str, Any] = {}
    for row, shots in zip(panels, rows, strict=True):
        for axes, shot in zip(row, shots, strict=True):
            _draw_shot(axes, shot, classes)
            handles, labels = axes.get_legend_handles_labels()
            known |= dict(zip(labels, handles, strict=True))
    figure.suptitle(heading, fontsize=11)
    if known:
        figure.legend(
            known.values(), known.keys(), loc="outside upper right", ncols=4, frameon=False, fontsize=8
        )
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=8, family="monospace")
    return figure


def _draw_shot(axes: "Axes", shot: Shot, classes: Mapping[str, Sequence[str]]) -> None:
    draw_image(axes, shot.image)
    for name, mask in shot.masks.items():
        draw_outlines(axes, mask, classes[name])
    axes.set_title(shot.title, fontsize=7)
