"""Predicted numbers against true ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unet_mtl.plots.overlay import class_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """One number of all cases that have it: its name, unit, and true and predicted values with their intervals."""

    name: str
    unit: str
    truth: Numbers
    predicted: Numbers
    low: Numbers | None = None
    high: Numbers | None = None

    @property
    def suffix(self) -> str:
        """The unit in brackets."""
        return f" [{self.unit}]" if self.unit else ""


def draw_agreements(axes: "Axes", agreements: Sequence[Agreement]) -> None:
    """Draws one number into the axes, several as panels within them, each in its own unit."""
    if len(agreements) == 1:
        (only,) = agreements
        draw_agreement(axes, only)
        axes.set_xlabel(f"true{only.suffix}")
        axes.set_ylabel(f"predicted{only.suffix}")
        axes.legend(frameon=False, fontsize=8)
        return
    # Not `set_axis_off`, which would take the labels away too.
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(f"true{_lines(agreements)}", labelpad=4)
    axes.set_ylabel("predicted", labelpad=4)
    columns = 2 if len(agreements) <= 6 else 3
    rows = math.ceil(len(agreements) / columns)
    # What a panel's ticks and title take, as shares of all.
    left, top, bottom = 0.11, 0.05, 0.06
    for place, agreement in enumerate(agreements):
        row, column = divmod(place, columns)
        x, y = column / columns, 1 - (row + 1) / rows
        panel = axes.inset_axes((x + left, y + bottom, 1 / columns - left, 1 / rows - bottom - top))
        draw_agreement(panel, agreement)
        panel.set_title(f"{agreement.name}{agreement.suffix}, n={len(agreement.truth)}", fontsize=8, pad=3)
        panel.tick_params(labelsize=7)
        panel.locator_params(nbins=5)


def _lines(agreements: Sequence[Agreement]) -> str:
    intervals = "; bars: 95 % intervals" if any(one.low is not None for one in agreements) else ""
    return f" (line: perfect{intervals})"


def draw_agreement(axes: "Axes", agreement: Agreement) -> None:
    """Draws a point a case, its interval as a bar, and the line of perfect answers."""
    true, predicted = agreement.truth, agreement.predicted
    if not len(true):
        axes.text(0.5, 0.5, "no case", ha="center", va="center", transform=axes.transAxes)
        return
    low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
    colour = class_colour(2)
    axes.plot([low, high], [low, high], color="grey", linewidth=1, label="perfect")
    if agreement.low is not None and agreement.high is not None:
        ends = agreement.low, agreement.high
        axes.vlines(true, *ends, color=colour, alpha=0.35, linewidth=1.5, label="95 % interval")
    axes.scatter(true, predicted, s=14, alpha=0.7, color=colour, label=f"case (n={len(true)})")
