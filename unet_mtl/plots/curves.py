"""Losses and scores over the epochs."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import pandas as pd

from unet_mtl.plots.balance import balance_columns
from unet_mtl.plots.overlay import class_colour, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_CURVE = ("epoch", "seconds", "learning_rate")


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
    """One panel for each loss and score, train and validation together, the kept epoch marked.

    Args:
        history: One row an epoch; `val_x` stands beside `x`; NaN where nothing could be measured.
        best_epoch: Of the network that was kept.
        monitor: Column that chose it.
        counts: By column, the labelled cases of train and of validation that it is made of; of "loss" all cases.
        title: Above all.
        tasks: Names, of which `plot_balance` draws weights and gradients.
        unjudged: Tasks without a label in validation, whose losses its total lacks.
    """
    elsewhere = {*NO_CURVE, *chain.from_iterable(balance_columns(tasks).values())}
    names = [name for name in history.columns if name not in elsewhere and not name.startswith("val_")]
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
        words = describe_curve(history, name, counts[name]) if name in counts else ""
        if name == "loss" and unjudged:
            words += f" (these without {', '.join(unjudged)})"
        axes.text(0.5, 1.02, words, transform=axes.transAxes, ha="center", va="bottom", fontsize=7)
        axes.set_xlabel("epoch", fontsize=8)
        axes.locator_params(axis="x", integer=True)
    panels[0].legend(frameon=False, fontsize=8)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=10)
    return figure


def describe_curve(history: pd.DataFrame, name: str, counts: tuple[int, int]) -> str:
    """What the curves of one panel are made of, and why one is absent.

    Args:
        history: As in `plot_curves`.
        name: Of the column.
        counts: Its labelled cases of train and of validation.

    >>> describe_curve(pd.DataFrame({"dice": [0.5], "val_dice": [0.4]}), "dice", (23, 6))
    '23 train, 6 validation labelled'
    """
    n_train, n_val = counts
    if name == "loss":
        return f"{n_train} train, {n_val} validation cases"
    if not n_val:
        return f"{n_train} train labelled, no labels in validation"
    undefined = f"val_{name}" in history and history[f"val_{name}"].isna().all()
    return f"{n_train} train, {n_val} validation labelled" + (" (undefined there)" if undefined else "")
