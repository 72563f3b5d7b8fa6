"""The titles, the colours and the truths of overlays."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unet_mtl import OverlappingSegmentation, Regression, Segmentation
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


@settings(max_examples=20, deadline=None)
@given(
    numbers=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    overlapping=st.lists(st.booleans(), min_size=4, max_size=4),
    drawn=st.data(),
)
def test_every_class_of_every_mask_task_has_its_own_colour_and_name(numbers, overlapping, drawn):
    """Classes of several tasks have the same names here, as "foreground" has in drafted data sets."""
    kinds = [OverlappingSegmentation if overlaps else Segmentation for overlaps in overlapping]
    tasks = [
        kind(name=f"mask_{i}", classes=("background", *(f"class {k}" for k in range(n))))
        for i, (kind, n) in enumerate(zip(kinds, numbers, strict=False))
    ]
    tasks.insert(drawn.draw(st.integers(0, len(tasks))), Regression(name="size"))

    def colours(present):
        axes = new_figure(4, 5).subplots()
        answers = {"size": tasks[[task.name for task in tasks].index("size")].decode(np.ones(1, np.float32))}
        for task in tasks:
            if task.name != "size":
                n = len(task.classes) - 1
                raw = np.zeros((4, 4, n + (task.kind == "segmentation" and n > 1)), np.float32)
                for k in range(n):
                    raw[k, :, k + raw.shape[-1] - n] = present
                answers[task.name] = task.decode(raw)
        draw_overlay(
            axes, tasks, CaseResult(Case("a"), image=np.zeros((4, 4, 3), np.uint8), answers=answers), "a"
        )
        return {line.get_label(): line.get_color() for line in axes.get_lines()}

    found = colours(1.0)
    several = len(numbers) > 1
    assert set(found) == {
        f"mask_{i}: class {k}, predicted" if several else f"class {k}, predicted"
        for i, n in enumerate(numbers)
        for k in range(n)
    }
    assert len(set(found.values())) == len(found)
    assert not colours(0.0)
