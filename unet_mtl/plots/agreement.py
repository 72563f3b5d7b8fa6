"""Scatter plots of predicted against true numbers."""

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
    """True and predicted values of one number, for all cases with a label.

    Attributes:
        name: Name of the number.
        unit: Unit of the number; may be empty.
        truth: True values, (cases,).
        predicted: Predicted values, (cases,).
        low: Lower ends of the 95 % prediction intervals, (cases,); None if none are predicted.
        high: Upper ends of the intervals, (cases,); None if none are predicted.
    """

    name: str
    unit: str
    truth: Numbers
    predicted: Numbers
    low: Numbers | None = None
    high: Numbers | None = None

    @property
    def suffix(self) -> str:
        """The unit in brackets, after a space; empty without a unit."""
        return f" [{self.unit}]" if self.unit else ""


def draw_agreements(axes: "Axes", agreements: Sequence[Agreement]) -> None:
    """Draw one number into the axes, or several as panels within them, each in its own unit.

    Args:
        axes: Empty axes.
        agreements: The numbers, at least one.
    """
    if len(agreements) == 1:
        (only,) = agreements
        draw_agreement(axes, only)
        axes.set_xlabel(f"true{only.suffix}")
        axes.set_ylabel(f"predicted{only.suffix}")
        if len(only.truth):
            axes.legend(frameon=False, fontsize=8)
        return
    # `set_axis_off` would remove the labels too.
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(f"true{_lines(agreements)}", labelpad=4)
    axes.set_ylabel("predicted", labelpad=4)
    columns = 2 if len(agreements) <= 6 else 3
    rows = math.ceil(len(agreements) / columns)
    # Space for the ticks and the title of a panel, as shares of the axes.
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
    intervals = "; bars: 95 % intervals" if any(item.low is not None for item in agreements) else ""
    return f" (line: perfect{intervals})"


def draw_agreement(axes: "Axes", agreement: Agreement) -> None:
    """Draw a point for each case, its interval as a bar, and the line of perfect predictions.

    Args:
        axes: Axes to draw on.
        agreement: The number; without cases the axes show "no case".
    """
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
