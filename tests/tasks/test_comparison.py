"""`comparison_score` and `comparison_values` of each kind of task, computed by hand."""

import numpy as np
import pandas as pd
import pytest

from unet_mtl.tasks import make_task

GRADES = ("low", "middle", "high")


@pytest.mark.parametrize(
    ("config", "cases", "score", "values"),
    [
        (
            {"kind": "classification", "name": "a", "classes": GRADES},
            {"truth": ["low", "low", "high"], "predicted": ["low", "high", "middle"]},
            ("accuracy", True),
            [1, 0, 0],
        ),
        (
            {"kind": "ordinal", "name": "a", "classes": GRADES},
            {"truth": ["low", "low", "high"], "predicted": ["low", "high", "middle"]},
            ("mae", False),
            [0, 2, 1],
        ),
        (
            {
                "kind": "multilabel",
                "name": "a",
                "targets": ("x", "y"),
                "classes": (("no", "yes"), ("off", "on")),
            },
            {
                "x_truth": ["yes", "no", "no"],
                "x_predicted": ["yes", "yes", "yes"],
                "x_probability": [1.0, 1.0, 1.0],
                "y_truth": ["", "on", ""],
                "y_predicted": ["on", "on", "on"],
                "y_probability": [1.0, 1.0, 1.0],
            },
            ("accuracy", True),
            [1, 0.5, 0],
        ),
        (
            {"kind": "segmentation", "name": "a"},
            {"dice": [0.5, np.nan, 1.0], "zone_tp": [1, 0, 2]},
            ("dice", True),
            [0.5, np.nan, 1],
        ),
        (
            {"kind": "regression", "name": "a"},
            {"absolute_error": [2.5, 0.0]},
            ("absolute_error", False),
            [2.5, 0],
        ),
        (
            {"kind": "regression", "name": "a", "targets": ("x", "y")},
            {"standardised_error": [0.25, 1.0], "absolute_error_x": [9.0, 9.0]},
            ("standardised_error", False),
            [0.25, 1],
        ),
        (
            {"kind": "regression", "name": "a"},
            {"truth": [2.5, 0.0]},
            ("absolute_error", False),
            [np.nan, np.nan],
        ),
    ],
)
def test_by_hand(config, cases, score, values):
    task = make_task(config)
    assert task.comparison_score == score
    np.testing.assert_array_equal(task.comparison_values(pd.DataFrame(cases)), values)
