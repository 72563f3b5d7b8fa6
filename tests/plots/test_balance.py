"""Every column of the history is drawn exactly once, in one of the two pictures."""

import numpy as np
import pandas as pd

from unet_mtl.plots.balance import plot_balance
from unet_mtl.plots.curves import plot_curves

TASKS = ["mask", "diagnosis", "diameter"]
HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "seconds": 1.0,
        "loss": [3.0, 2.0, -1.0],
        "val_loss": 2.0,
        "mask_loss": 1.0,
        "mask_weight": [1.0, 1.2, 1.4],
        "diagnosis_weight": 0.5,
        "diameter_weight": 0.1,
        "mask_gradient": [0.1, np.nan, 0.2],
        "diagnosis_gradient": [3.0, np.nan, np.nan],
        "diameter_gradient": [np.nan] * 3,
        "cosine_mask_diagnosis": [-0.5, np.nan, 0.5],
        "cosine_mask_diameter": [np.nan] * 3,
        "cosine_diagnosis_diameter": [np.nan] * 3,
    }
)


def lines_of(figure):
    return {
        axes.get_title(): {line.get_label(): list(line.get_ydata()) for line in axes.lines}
        for axes in figure.axes
        if axes.get_title()
    }


def test_weights_gradients_and_cosines_have_a_panel_each():
    panels = lines_of(plot_balance(HISTORY, TASKS))
    assert list(panels) == ["weight of the loss", "gradient on the shared layers", "cosine of gradients"]
    assert panels["weight of the loss"]["mask"] == [1.0, 1.2, 1.4]
    assert list(panels["weight of the loss"]) == TASKS
    # An epoch without a measured step is passed over, and not drawn as a gap that hides single points.
    assert panels["gradient on the shared layers"]["mask"] == [0.1, 0.2]
    assert panels["gradient on the shared layers"]["diameter"] == []
    assert panels["cosine of gradients"]["mask, diagnosis"] == [-0.5, 0.5]
    assert len([label for label in panels["cosine of gradients"] if ", " in label]) == 3


def test_without_measures_the_weights_stand_alone():
    history = HISTORY[[name for name in HISTORY if "gradient" not in name and "cosine" not in name]]
    assert list(lines_of(plot_balance(history, TASKS))) == ["weight of the loss"]


def test_curves_leave_them_to_the_other_picture():
    figure = plot_curves(HISTORY, best_epoch=2, monitor="val_mask_dice", counts={}, tasks=TASKS)
    assert set(lines_of(figure)) == {"loss", "mask_loss"}
