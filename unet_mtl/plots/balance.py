"""Curves of the task weights and of the tasks' gradients on the shared layers, over the epochs."""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd

from unet_mtl.plots.overlay import class_colour, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WEIGHTS, GRADIENTS, COSINES = "weight of the loss", "gradient on the shared layers", "cosine of gradients"


def balance_columns(tasks: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns of the history that `plot_balance` draws, by panel.

    Args:
        tasks: Names of the tasks.
    """
    return {
        WEIGHTS: [f"{task}_weight" for task in tasks],
        GRADIENTS: [f"{task}_gradient" for task in tasks],
        COSINES: [f"cosine_{a}_{b}" for a, b in combinations(tasks, 2)],
    }


def plot_balance(history: pd.DataFrame, tasks: Sequence[str], *, title: str = "") -> "Figure":
    """Plot the weights and, if they were measured, norms and cosines of the gradients, in a panel each.

    Args:
        history: One row for each epoch; NaN where nothing was measured.
        tasks: Names of the tasks.
        title: Title above the panels.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    pairs = [f"{a}, {b}" for a, b in combinations(tasks, 2)]
    panels = {
        panel: [(name, label) for name, label in zip(names, labels, strict=True) if name in history]
        for (panel, names), labels in zip(balance_columns(tasks).items(), (tasks, tasks, pairs), strict=True)
    }
    panels = {panel: lines for panel, lines in panels.items() if lines}
    figure = new_figure(4.2 * len(panels), 3.6)
    for axes, (panel, lines) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for index, (name, label) in enumerate(lines):
            measured = history[history[name].notna()]
            # Pairs of tasks get other colours than single tasks.
            colour = class_colour(index + 1 + (len(tasks) if panel == COSINES else 0))
            style = {"color": colour, "marker": ".", "markersize": 4}
            axes.plot(measured["epoch"], measured[name], label=label, **style)
        if panel == COSINES:
            axes.axhline(0, color="grey", linewidth=1, linestyle=":")
            axes.set_ylim(-1.05, 1.05)
        elif all((history[name].dropna() > 0).all() for name, _ in lines):
            axes.set_yscale("log")
            # 0.2 is easier to read than 2 x 10^-1.
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(0.5, float(history["epoch"].max()) + 0.5)
        axes.set_title(panel, fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        axes.locator_params(axis="x", integer=True)
        # Inside a panel of constant weights, a legend entry would look like a curve.
        axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    figure.suptitle(title, fontsize=10)
    return figure
