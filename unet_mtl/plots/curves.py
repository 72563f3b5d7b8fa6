"""Losses and scores over the epochs."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import pandas as pd

from unet_mtl.plots.balance import balance_columns
from unet_mtl.plots.overlay import class_colour, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_CURVE = ("epoch", "seconds", "learning_rate")


def plot_curves(
    history: pd.DataFrame, *, best_epoch: int, monitor: str, title: str = "", tasks: Sequence[str] = ()
) -> "Figure":
    """One panel for each loss and score, train and validation together, the kept epoch marked.

    Args:
        history: One row an epoch; `val_x` stands beside `x`.
        best_epoch: Of the network that was kept.
        monitor: Column that chose it.
        title: Above all.
        tasks: Names, of which `plot_balance` draws weights and gradients.
    """
    elsewhere = {*NO_CURVE, *chain.from_iterable(balance_columns(tasks).values())}
    names = [name for name in history.columns if name not in elsewhere and not name.startswith("val_")]
    names.sort(key=lambda name: (name != "loss", name))
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(3.4 * columns, 2.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        for column, index, label in ((name, 2, "train"), (f"val_{name}", 5, "validation")):
            if column in history:
                style = {"color": class_colour(index), "marker": ".", "markersize": 3}
                axes.plot(history["epoch"], history[column], label=label, **style)
        axes.axvline(best_epoch, color="grey", linewidth=1, linestyle=":", label=f"kept: epoch {best_epoch}")
        axes.set_title(name + (" (monitored)" if f"val_{name}" == monitor else ""), fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        axes.locator_params(axis="x", integer=True)
    panels[0].legend(frameon=False, fontsize=8)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=10)
    return figure
