"""The titles of overlays."""

import numpy as np

from unet_mtl import Regression
from unet_mtl.inference.case_result import Case, CaseResult
from unet_mtl.inference.overlays import draw_overlay
from unet_mtl.plots.overlay import new_figure


def test_many_numbers_take_more_lines_than_one():
    columns = [f"number_{i}" for i in range(6)]
    task = Regression(name="sizes", targets=columns)
    axes = new_figure(4, 5).subplots()
    answers = {"sizes": task.decode(np.arange(6, dtype=np.float32))}
    result = CaseResult(
        Case("case_1"),
        image=np.zeros((8, 8, 3), np.uint8),
        answers=answers,
        truths={"sizes": {"number_2": 4.0}},
    )
    draw_overlay(axes, [task], result, "case_1")
    first, *rest = axes.get_title().split("\n")
    assert first == "case_1"
    assert len(rest) > 1
    assert max(map(len, rest)) < 65
    words = ", ".join(f"{name} {i}" for i, name in enumerate(columns))
    assert " ".join(rest) == f"sizes: {words}, true: number_2 4"
