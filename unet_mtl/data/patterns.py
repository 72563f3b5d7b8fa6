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
        return [path] if is_there(path) else []
    filled = _glob(pattern, {name: escape(value) for name, value in values.items()})
    named = pattern.format_map(values)
    found = sorted(path for path in root.glob(filled) if path.is_file())
    return [path for path in found if not is_stray(path.relative_to(root).as_posix(), named)]


def is_stray(file: str, pattern: str) -> bool:
    """Whether a path below the root is there for a file manager, not for people, though it fits the pattern.

    macOS puts a `._x.png` beside each `x.png` on foreign disks; notebooks have `.ipynb_checkpoints`.

    >>> is_stray("images/._a.png", "images/{case}.png"), is_stray(".data/a.png", ".data/{case}.png")
    (True, False)
    """
    parts = zip(file.split("/"), pattern.split("/"), strict=False)
    hidden = any(part.startswith(".") and not expected.startswith(".") for part, expected in parts)
    return hidden or file.rpartition("/")[2].lower() in _STRAY


_STRAY = ("thumbs.db", "ehthumbs.db", "desktop.ini")


def _glob(pattern: str, values: Mapping[str, str]) -> str:
    # brackets in the words of the pattern are letters, not wildcards
    parts = (
        ANY.join(map(escape, words.split(ANY))) + (values[name] if name else "")
        for words, name, _, _ in Formatter().parse(pattern)
    )
    return re.sub(r"\*+", ANY, "".join(parts))


def leaves(root: Path, path: Path) -> bool:
    """Whether a path, links followed, lies outside of the folder; what leads nowhere does not."""
    try:
        return not path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a link in a circle, a zero byte
        return False


def is_there(path: Path) -> bool:
    """Whether a path is that of a file; no file has a name that is too long, or with a zero byte in it."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
