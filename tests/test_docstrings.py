"""Docstrings of the packages are plain English: no entry begins with a fragment such as "Of the run."."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for package in ("metrics", "unet_mtl") for path in (ROOT / package).rglob("*.py"))
FRAGMENT = re.compile(r"(Of|As of|As in|By|Likewise|Whose|Whoever)\b")
ENTRY = re.compile(r"\*{0,2}\w+( \([^)]*\))?: (?P<text>.*)")


def docstrings(source: str) -> list[tuple[int, str]]:
    """Every docstring with its first line, also those below the attributes of a module or class."""
    found = []
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for index, part in enumerate(body if isinstance(body, list) else []):
            value = part.value if isinstance(part, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                before = body[index - 1] if index else None
                if before is None or isinstance(before, ast.Assign | ast.AnnAssign):
                    found.append((value.lineno, value.value))
    return found


def fragments(source: str) -> list[str]:
    """Lines that begin a paragraph, an entry of a section, or a `Returns:` section with a fragment."""
    problems = []
    for start, text in docstrings(source):
        lines = text.splitlines()
        for index, line in enumerate(lines):
            entry = ENTRY.fullmatch(line.strip())
            begins = index == 0 or lines[index - 1].strip() in ("", "Returns:", "Yields:")
            if FRAGMENT.match(entry["text"] if entry else line.strip() if begins else ""):
                problems.append(f"line {start + index}: {line.strip()}")
    return problems


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_entry_begins_with_a_fragment(path):
    assert fragments(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "docstring",
    [
        "Of the data that it was trained on.",
        "Does it.\n\n    Args:\n        epochs: Of the training.",
        "Does it.\n\n    Args:\n        epochs (int): As of `train`.",
        "Does it.\n\n    Args:\n        **options: Likewise.",
        "Does it.\n\n    Returns:\n        By case, the score.",
        "Does it.\n\n    Attributes:\n        case: Whose; '' for nobody's.",
    ],
)
def test_fragments_are_found(docstring):
    assert len(fragments(f'def f():\n    """{docstring}"""\n')) == 1
    assert len(fragments(f'class C:\n    """{docstring}"""\n')) == 1


@pytest.mark.parametrize(
    "docstring",
    [
        "Offers a choice.",
        "Does it.\n\n    Args:\n        epochs: The number of epochs. By default 50.",
        "Does it.\n\n    Returns:\n        The scores by case.\n        Of two equal ones the first.",
    ],
)
def test_sentences_pass(docstring):
    assert fragments(f'def f():\n    """{docstring}"""\n') == []


def test_docstrings_of_attributes_are_read():
    assert fragments('KINDS = {}\n"""By name, what there is."""\n') == ["line 2: By name, what there is."]
