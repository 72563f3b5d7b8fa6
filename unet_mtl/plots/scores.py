"""Pictures of the scores of a whole set: confusion matrix, findings, Dice by class."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unet_mtl.plots.overlay import class_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_confusion(axes: "Axes", matrix: NDArray[np.int64], classes: Sequence[str]) -> None:
    """Draw a confusion matrix, with cells coloured by their share of the row.

    Args:
        axes: Axes to draw on.
        matrix: Counts (true class, predicted class).
        classes: Names of the classes.
    """
    rows = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, rows, out=np.zeros(matrix.shape), where=rows > 0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(classes)), classes, rotation=30, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted (colour: share of the row)")
    axes.set_ylabel("true")


def draw_findings(axes: "Axes", matrices: Mapping[str, NDArray[np.int64]]) -> None:
    """Draw sensitivity and specificity of each finding as a pair of bars, with the numbers of cases.

    Args:
        axes: Axes to draw on.
        matrices: Counts [[true negatives, false positives], [false negatives, true positives]] by finding.
    """
    sides = (
        ("sensitivity (cases with the finding)", 1, -0.2),
        ("specificity (cases without it)", 0, 0.2),
    )
    for (label, side, offset), colour in zip(sides, (class_colour(2), "lightgrey"), strict=True):
        correct = np.array([matrix[side, side] for matrix in matrices.values()])
        n = np.array([matrix[side].sum() for matrix in matrices.values()])
        shares = np.divide(correct, n, out=np.zeros(len(n)), where=n > 0)
        places = np.arange(len(n)) + offset
        axes.barh(places, shares, height=0.38, color=colour, label=label)
        for place, hits, cases in zip(places, correct, n, strict=True):
            axes.text(0.02, place, f"{hits}/{cases}" if cases else "no case", va="center", fontsize=8)
    axes.set_yticks(range(len(matrices)), list(matrices))
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.08))


def draw_dice(axes: "Axes", values: Mapping[str, NDArray[np.float64]]) -> None:
    """Draw a box plot and the single cases for each class.

    Args:
        axes: Axes to draw on.
        values: Dice of each case by class, NaN where both masks are empty; those cases are counted in the label.
    """
    rng = np.random.default_rng(0)
    classes = [part for part in values if part != "foreground"]
    colours = [class_colour(classes.index(part) + 1) if part in classes else "grey" for part in values]
    labels = []
    for position, (part, dice) in enumerate(values.items()):
        defined = dice[~np.isnan(dice)]
        labels.append(
            f"{part}\nn={len(defined)}"
            + (f", {len(dice) - len(defined)} undefined" * (len(defined) < len(dice)))
        )
        if len(defined):
            axes.boxplot(defined, positions=[position], widths=0.5, showfliers=False)
        jitter = position + rng.uniform(-0.12, 0.12, len(defined))
        axes.scatter(jitter, defined, s=12, alpha=0.6, color=colours[position])
    axes.set_xticks(range(len(labels)), labels, fontsize=8)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("Dice by case")
