"""Patterns of paths, `images/{case}.png`: filled in from a row of the table, or matched with the files there are."""

import re
from collections.abc import Mapping
from glob import escape
from pathlib import Path
from string import Formatter

ANY = "*"
"""In a pattern of masks: any letters, so that one case may have several files."""


def fields_of(pattern: str) -> list[str]:
    """The names in braces, each once.

    >>> fields_of("{diagnosis}/{case}_{case}.png")
    ['diagnosis', 'case']
    """
    return list(dict.fromkeys(name for _, name, _, _ in Formatter().parse(pattern) if name))


def match_pattern(pattern: str, text: str) -> dict[str, str] | None:
    """What stands in place of each name; None where the text does not fit.

    >>> match_pattern("{diagnosis}/{case}.png", "benign/a 1.png")
    {'diagnosis': 'benign', 'case': 'a 1'}
    """
    names = fields_of(pattern)
    seen: set[str] = set()
    expression = ""
    for words, name, _, _ in Formatter().parse(pattern):
        expression += ANY.join(re.escape(part) for part in words.split(ANY)).replace(ANY, "[^/]*")
        if name:
            group = f"f{names.index(name)}"
            expression += f"(?P={group})" if name in seen else f"(?P<{group}>[^/]+)"
            seen.add(name)
    found = re.fullmatch(expression, text)
    return {name: found[f"f{i}"] for i, name in enumerate(names)} if found else None


def glob_pattern(pattern: str) -> str:
    """The pattern for `Path.glob` that finds every file which may fit."""
    return _glob(pattern, dict.fromkeys(fields_of(pattern), ANY))


def find_files(root: Path, pattern: str, values: Mapping[str, str]) -> list[Path]:
    """The files that are there of a filled-in pattern, in the order of their names."""
    if ANY not in pattern:
        path = root / pattern.format_map(values)
        return [path] if path.is_file() else []
    filled = _glob(pattern, {name: escape(value) for name, value in values.items()})
    return sorted(path for path in root.glob(filled) if path.is_file())


def _glob(pattern: str, values: Mapping[str, str]) -> str:
    # brackets in the words of the pattern are letters, not wildcards
    parts = (
        ANY.join(map(escape, words.split(ANY))) + (values[name] if name else "")
        for words, name, _, _ in Formatter().parse(pattern)
    )
    return re.sub(r"\*+", ANY, "".join(parts))


def leaves(root: Path, path: Path) -> bool:
    """Whether a path, links followed, lies outside of the folder."""
    return not path.resolve().is_relative_to(root.resolve())
