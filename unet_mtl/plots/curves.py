"""Curves of losses and scores over the epochs."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import pandas as pd

from unet_mtl.plots.balance import balance_columns
from unet_mtl.plots.overlay import class_colour, new_figure
from unet_mtl.wording import count_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NOT_DRAWN = ("epoch", "seconds", "learning_rate")


def plot_curves(
    history: pd.DataFrame,
    *,
    best_epoch: int,
    monitor: str,
    counts: Mapping[str, tuple[int, int]],
    title: str = "",
    tasks: Sequence[str] = (),
    unjudged: Sequence[str] = (),
) -> "Figure":
    """Plot each loss and score in a panel, for train and validation together, and mark the epoch that was kept.

    Args:
        history: One row for each epoch; `val_x` is the validation value of `x`; NaN where nothing could be measured.
        best_epoch: Epoch of the network that was kept.
        monitor: Column that selected the epoch.
        counts: Numbers of labelled (train, validation) cases by column; for "loss" the numbers of all cases.
        title: Title above the panels.
        tasks: Names of the tasks; `plot_balance` draws their weights and gradients.
        unjudged: Tasks without a label in validation. Their losses are missing from the validation loss.
    """
    not_here = {*_NOT_DRAWN, *chain.from_iterable(balance_columns(tasks).values())}
    names = [name for name in history.columns if name not in not_here and not name.startswith("val_")]
    names.sort(key=lambda name: (name != "loss", name))
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(3.4 * columns, 2.8 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        for column, index, label in ((name, 2, "train"), (f"val_{name}", 5, "validation")):
            if column in history:
                style = {"color": class_colour(index), "marker": ".", "markersize": 3}
                axes.plot(history["epoch"], history[column], label=label, **style)
        axes.axvline(best_epoch, color="grey", linewidth=1, linestyle=":", label=f"kept: epoch {best_epoch}")
        axes.set_title(name + (" (monitored)" if f"val_{name}" == monitor else ""), fontsize=9, pad=16)
        subtitle = describe_curve(history, name, counts[name]) if name in counts else ""
        if name == "loss" and unjudged:
            subtitle += f" (these without {', '.join(unjudged)})"
        axes.text(0.5, 1.02, subtitle, transform=axes.transAxes, ha="center", va="bottom", fontsize=7)
        axes.set_xlabel("epoch", fontsize=8)
        axes.locator_params(axis="x", integer=True)
    panels[0].legend(frameon=False, fontsize=8)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=10)
    return figure


def describe_curve(history: pd.DataFrame, name: str, counts: tuple[int, int]) -> str:
    """Return the numbers of cases behind the curves of one panel, and why a curve is absent.

    Args:
        history: One row for each epoch, in the form that `plot_curves` takes.
        name: Name of the column.
        counts: Numbers of its labelled (train, validation) cases.

    >>> describe_curve(pd.DataFrame({"dice": [0.5], "val_dice": [0.4]}), "dice", (23, 6))
    '23 train, 6 validation labelled'
    """
    n_train, n_val = counts
    if name == "loss":
        return f"{n_train} train, {count_of(n_val, 'validation case')}"
    if not n_val:
        return f"{n_train} train labelled, no labels in validation"
    undefined = f"val_{name}" in history and history[f"val_{name}"].isna().all()
    return f"{n_train} train, {n_val} validation labelled" + (" (undefined there)" if undefined else "")
