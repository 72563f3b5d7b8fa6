"""Replicas of the layouts of public data sets: `check` finds no error in the draft, and few lines have to be edited."""

import importlib.util
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from unet_mtl.data.readers import suffixes

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "layouts.py"


def _load():
    """Load the benchmark, which changes the import path; undo that."""
    import sys

    before = list(sys.path)
    spec = importlib.util.spec_from_file_location("layouts_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["layouts_benchmark"] = module
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


layouts = _load()

EDITS = {
    "DRIVE": 1,
    "PH2": 2,
    "BUSI": 1,
    "CVAT masks": 0,
    "case folders": 2,
    "sequences, some missing": 1,
    "class folders": 0,
    "a mask per object": 1,
    "multi-channel TIFF": 1,
    "a table alone": 0,
}
"""Lines to edit by hand: the names of classes, which no file tells, and tasks that only a person can choose."""

TOLD = {
    "DRIVE": [
        "the field of view",
        "a further annotation of the same structure as '1st_manual'",
        "no val cases",
    ],
    "PH2": ["lesion, mask are treated as separate masks", "Tasks for Asymmetry are comments"],
    "CVAT masks": ["The masks in SegmentationObject are not used"],
    "case folders": ["Tasks for grade, age are comments"],
    "sequences, some missing": ["Of 24 cases, channels are missing: flair in 2, t1 in 2, t2 in 2"],
    "a table alone": ["the table alone is described"],
}


@pytest.mark.parametrize("name", layouts.LAYOUTS)
def test_layout(name, tmp_path):
    layout = layouts.LAYOUTS[name]
    if name == "DRIVE" and ".gif" not in suffixes():  # the layout is the same with files that can be read
        mask = layout.right["masks"]["1st_manual"]
        path = {"path": mask["path"].replace(".gif", ".png")}
        right = layout.right | {"masks": {"1st_manual": mask | path}}
        layout = replace(layout, right=right, write=partial(layouts.write_drive, suffix=".png"))
    result = layouts.measure(layout, tmp_path / "set")
    assert list(result.errors) == []
    assert layouts.to_edit(result.edits) <= EDITS[name], "\n".join(result.edits)
    text = "\n".join(result.unsure)
    assert [words for words in TOLD.get(name, []) if words not in text] == []
    assert len((tmp_path / "set" / "dataset.yaml").read_text().splitlines()) <= 50
