"""Path patterns such as `images/{case}.png`, filled in from a row of a table or matched against existing files."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from string import Formatter

ANY = "*"
"""The wildcard in patterns of masks, which stands for any text, so that a case may have several files."""


def fields_of(pattern: str) -> list[str]:
    """Return the distinct names in braces, in the order of their first use.

    >>> fields_of("{diagnosis}/{case}_{case}.png")
    ['diagnosis', 'case']
    """
    return list(dict.fromkeys(name for _, name, _, _ in Formatter().parse(pattern) if name))


def match_pattern(pattern: str, text: str) -> dict[str, str] | None:
    """Return the text in place of each name, or None if the text does not fit the pattern.

    >>> match_pattern("{diagnosis}/{case}.png", "benign/a 1.png")
    {'diagnosis': 'benign', 'case': 'a 1'}
    """
    names = fields_of(pattern)
    matched: set[str] = set()
    expression = ""
    for literal, name, _, _ in Formatter().parse(pattern):
        expression += ANY.join(re.escape(part) for part in literal.split(ANY)).replace(ANY, "[^/]*")
        if name:
            group = f"f{names.index(name)}"
            expression += f"(?P={group})" if name in matched else f"(?P<{group}>[^/]+)"
            matched.add(name)
    match = re.fullmatch(expression, text)
    return {name: match[f"f{i}"] for i, name in enumerate(names)} if match else None


def glob_pattern(pattern: str) -> str:
    """Return a pattern for `Path.glob` that finds all files that may fit."""
    return _glob(pattern, dict.fromkeys(fields_of(pattern), ANY))


def find_files(root: Path, pattern: str, values: Mapping[str, str]) -> list[Path]:
    """Return the existing files of a pattern that is filled in with `values`, sorted by name."""
    if ANY not in pattern:
        path = root / pattern.format_map(values)
        return [path] if is_there(path) else []
    filled = fill_pattern(pattern, values)
    named = pattern.format_map(values)
    files = [path for path in glob_files(root, filled) if path.is_file()]
    return [path for path in files if not is_stray(path.relative_to(root).as_posix(), named)]


def glob_files(root: Path, pattern: str) -> list[Path]:
    """Return the existing paths that fit a pattern of `Path.glob`, sorted; none if a name in it is too long."""
    try:
        return sorted(root.glob(pattern))
    except (OSError, ValueError):
        return []


def fill_pattern(pattern: str, values: Mapping[str, str]) -> str:
    """Return the pattern of the files of one case, for `glob` and `fnmatch`."""
    return _glob(pattern, {name: escape(values[name]) for name in fields_of(pattern)})


def fits_filled(file: str, pattern: str, values: Mapping[str, str]) -> bool:
    """Return whether a path below the root fits a pattern that is filled in with `values`.

    >>> fits_filled("masks/img10.png", "masks/{case}*.png", {"case": "img1"})
    True
    """
    return fnmatchcase(file, fill_pattern(pattern, values))


def is_stray(file: str, pattern: str) -> bool:
    """Return whether a path below the root is a hidden or system file, although it fits the pattern.

    macOS writes a `._x.png` beside each `x.png` on other file systems, and Jupyter writes `.ipynb_checkpoints`.

    >>> is_stray("images/._a.png", "images/{case}.png"), is_stray(".data/a.png", ".data/{case}.png")
    (True, False)
    """
    parts = zip(file.split("/"), pattern.split("/"), strict=False)
    hidden = any(part.startswith(".") and not expected.startswith(".") for part, expected in parts)
    return hidden or is_system_file(file.rpartition("/")[2])


def is_system_file(name: str) -> bool:
    """Return whether a file was written by Windows to display its folder.

    >>> is_system_file("Thumbs.db"), is_system_file("a.png")
    (True, False)
    """
    return name.lower() in _STRAY


_STRAY = ("thumbs.db", "ehthumbs.db", "desktop.ini")


def _glob(pattern: str, values: Mapping[str, str]) -> str:
    # Brackets in the fixed text of the pattern are characters, not wildcards.
    parts = (
        ANY.join(map(escape, literal.split(ANY))) + (values[name] if name else "")
        for literal, name, _, _ in Formatter().parse(pattern)
    )
    return re.sub(r"\*+", ANY, "".join(parts))


def leaves(root: Path, path: Path) -> bool:
    """Return whether a path, with links resolved, is outside the folder; False if it cannot be resolved."""
    try:
        return not path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a cycle of links, or a null byte
        return False


def is_there(path: Path) -> bool:
    """Return whether a path is an existing file; False if its name is too long or has a null byte."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Return whether a path is an existing folder; False if its name is too long or has a null byte."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
