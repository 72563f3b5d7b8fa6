"""Counts in messages agree with their noun: "1 image", not "1 images"."""

import ast
import doctest
import re
from pathlib import Path

from unet_mtl import wording

ROOT = Path(wording.__file__).parent
COUNTED = re.compile(
    r" (?:(?:train|test|validation|synthetic|true|more|other|labelled) )?"
    r"(?:images|cases|patients|files|masks|pictures|rows|epochs|steps|batches|scores|groups)\b"
)
NAMES = {"name", "patient", "_span(frames)", "census.sample"}
"""Expressions that stand for a word, as in "train cases", or for numbers above 1."""


def plain_counts(path):
    """Yield the f-strings that write a number before a plural noun by themselves; "3 of 12 cases" is left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.JoinedStr):
            continue
        before = ""
        for part, after in zip(node.values, node.values[1:], strict=False):
            if isinstance(part, ast.Constant):
                before = part.value
            elif isinstance(after, ast.Constant) and COUNTED.match(after.value):
                number = ast.unparse(part.value)
                if number not in NAMES and not before.endswith((" of ", " of its ", " of the ")):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}: {{{number}}}{after.value[:30]}"


def test_counts_are_written_by_count_of():
    found = [place for path in sorted(ROOT.rglob("*.py")) for place in plain_counts(path)]
    assert not found, "use count_of of unet_mtl/wording.py"


def test_a_plain_count_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "a.py").write_text('f"{n} images predicted"\nf"{n} of {m} cases"\nf"{count_of(n, x)} more"\n')
    assert list(plain_counts(tmp_path / "a.py")) == ["a.py:1: {n} images predicted"]


def test_doctests():
    assert doctest.testmod(wording).failed == 0
