"""docs/metrics.md keeps up with the package."""

import re
from pathlib import Path

import pytest

import metrics

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
NAMES = sorted(
    name for name in metrics.__all__ if callable(getattr(metrics, name)) or name == "STRUCTURE_SCORES"
)


@pytest.mark.parametrize("name", [*NAMES, *metrics.streaming.__all__])
def test_the_page_names_everything_public(name):
    assert re.search(rf"`[^`]*\b{name}\b[^`]*`", PAGE)


def test_the_page_names_nothing_else():
    known = {*metrics.__all__, *metrics.streaming.__all__, *vars(metrics.overlap)}
    first_cells = re.findall(r"^\| (`[^|]+?) \|", PAGE, re.MULTILINE)
    named = {name for cell in first_cells for name in re.findall(r"`(?:\w+\.)?(\w+)", cell)}
    assert len(named) > 60
    assert named <= known
